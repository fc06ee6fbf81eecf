/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAMCTL_APPARMOR_H
#define FAMCTL_APPARMOR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * AppArmor's rules for files, read as far as a question needs it. Nothing here
 * touches a file or the kernel.
 */

/**
 * apparmor_match() - does AppArmor's @pattern match @path?
 *
 * Knows * ** ? [] [^] {,} and \; a pattern with a variable matches nothing.
 */
bool apparmor_match(const char *pattern, const char *path);

/**
 * apparmor_allows() - do the rules in @text let somebody read and write @path?
 * @path: as the kernel sees it, without symbolic links
 *
 * Understands less than AppArmor, never more: rules with "owner", variables or
 * conditions allow nothing here.
 */
bool apparmor_allows(const char *text, const char *path);

/** apparmor_allows_reading() - do they let somebody read it, at least? */
bool apparmor_allows_reading(const char *text, const char *path);

/**
 * apparmor_rule() - write the rule which allows reading and writing one path
 * @path: taken literally; or, if @glob, a pattern of ours
 *
 * Return: length; -ENAMETOOLONG; -EINVAL no rule can express this path
 */
int apparmor_rule(const char *path, bool glob, char *out, size_t len);

/** apparmor_rule_reading() - the rule which allows reading @path alone */
int apparmor_rule_reading(const char *path, char *out, size_t len);

/**
 * apparmor_includes() - does the policy @text include @file below
 * /etc/apparmor.d?
 */
bool apparmor_includes(const char *text, const char *file);

/** apparmor_loaded() - is a profile in the kernel's list @text of "NAME (MODE)"?
 */
bool apparmor_loaded(const char *text, const char *name);

#endif
