/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_UTIL_LOG_H
#define FAM_UTIL_LOG_H

/*
 * One line per event on standard error, "tm-server: text"; the supervisor
 * stores it. errno is as before after every call.
 */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/**
 * log_init() - name the program and choose what is said
 * @program: not copied, must live on
 */
void log_init(const char *program, enum log_level level);

/** log_line() - one line, if @level is said at all */
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** log_line_errno() - the same with ": " and the text of @errnum at its end */
void log_line_errno(enum log_level level, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#define log_error_errno(e, ...) log_line_errno(LOG_LEVEL_ERROR, e, __VA_ARGS__)
#define log_warn_errno(e, ...)	log_line_errno(LOG_LEVEL_WARN, e, __VA_ARGS__)

#endif
