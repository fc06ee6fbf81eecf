// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle-inputs.h"
#include "rootfs.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define MAGIC	   "# famctl make-bundle made this directory, format 1\n"
#define INPUTS_MAX ((off_t)1 << 20)

/* Each name has a line of its own. */
static int check_name(const char *what, const char *name, struct err *err)
{
	char shown[256];
	size_t i;
	bool bad = false;

	for (i = 0; name[i]; i++) {
		bool control = iscntrl((unsigned char)name[i]);

		bad = bad || control;
		if (i < sizeof(shown) - 1)
			shown[i] = control ? '?' : name[i];
	}
	shown[i < sizeof(shown) ? i : sizeof(shown) - 1] = '\0';
	if (!bad)
		return 0;
	return err_set(err, -EINVAL, "%s'%s' contains a control character",
		       what, shown);
}

int bundle_inputs_check(const struct bundle_spec *spec, struct err *err)
{
	int ret = 0;

	if (spec->kernel)
		ret = check_name("--kernel: ", spec->kernel, err);
	if (ret == 0 && spec->modules)
		ret = check_name("--modules: ", spec->modules, err);
	for (size_t i = 0; ret == 0 && i < spec->add.count; i++)
		ret = check_name("--add: ", spec->add.item[i], err);
	return ret;
}

static int print_input(const char *path, void *arg, struct err *err)
{
	struct stat st;
	int ret = check_name("", path, err);

	if (ret < 0)
		return ret;
	if (stat(path, &st) < 0)
		return err_sys(err, errno, "cannot read '%s'", path);
	fprintf(arg, "input %lld %lld.%09ld %s\n", (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, path);
	return 0;
}

static int print_option(FILE *f, const char *word, const char *name,
			struct err *err)
{
	int ret = check_name("", name, err);

	if (ret == 0)
		fprintf(f, "%s %s\n", word, name);
	return ret;
}

static int print_add(FILE *f, const char *item, struct err *err)
{
	char source[PATH_MAX], dest[PATH_MAX];
	int ret = rootfs_split(item, source, dest, err);

	if (ret == 0)
		ret = check_name("", source, err);
	if (ret == 0)
		fprintf(f, "add %s:%s\n", source, dest);
	return ret;
}

static int print_spec(const struct bundle_spec *spec,
		      const struct kernel *kernel, FILE *f, struct err *err)
{
	int ret = 0;

	fputs(MAGIC, f);
	if (spec->kernel)
		ret = print_option(f, "kernel", kernel->image, err);
	if (ret == 0 && spec->modules)
		ret = print_option(
			f, "modules",
			kernel->modules[0] ? kernel->modules : "none", err);
	for (size_t i = 0; ret == 0 && i < spec->add.count; i++)
		ret = print_add(f, spec->add.item[i], err);
	return ret;
}

int bundle_inputs_print(const struct bundle_spec *spec,
			const struct kernel *kernel, struct cpio *root,
			struct bundle_inputs *out, struct err *err)
{
	size_t size;
	FILE *f = open_memstream(&out->text, &size);
	bool failed;
	int ret;

	if (!f)
		return err_sys(err, errno, "cannot list the inputs");
	ret = print_spec(spec, kernel, f, err);
	out->begun = (size_t)ftello(f);
	if (ret == 0)
		ret = print_input(kernel->image, f, err);
	if (ret == 0)
		ret = cpio_each_source(root, print_input, f, err);
	failed = ferror(f);
	if ((fclose(f) != 0 || failed) && ret == 0)
		ret = err_sys(err, ENOMEM, "cannot list the inputs");
	return ret;
}

int bundle_inputs_parse(char *text, struct bundle_spec *spec, struct err *err)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		const char **item;

		if (strncmp(line, "kernel ", 7) == 0)
			spec->kernel = line + 7;
		if (strncmp(line, "modules ", 8) == 0)
			spec->modules = line + 8;
		if (strncmp(line, "add ", 4) != 0)
			continue;
		item = reallocarray(spec->add.item, spec->add.count + 1,
				    sizeof(*item));
		if (!item)
			return err_sys(err, ENOMEM, "cannot read the inputs");
		spec->add.item = item;
		item[spec->add.count++] = line + 4;
	}
	return 0;
}

/* Could only this user have put it there, or changed it since? */
static bool is_ours(const struct stat *dir, const struct stat *file)
{
	mode_t others = S_IWGRP | S_IWOTH;

	return file->st_uid == geteuid() &&
	       (dir->st_uid == geteuid() || dir->st_uid == 0) &&
	       !(file->st_mode & others) && !(dir->st_mode & others);
}

/* NULL: it is not a list of inputs, or cannot be read. */
static char *read_text(int fd, const struct stat *st)
{
	_cleanup_free_ char *text = NULL;
	size_t len = (size_t)st->st_size;

	if (!S_ISREG(st->st_mode) || st->st_size > INPUTS_MAX)
		return NULL;
	text = calloc(1, len + 1);
	if (!text || fdio_pread(fd, text, len, 0) < 0 || strlen(text) != len ||
	    strncmp(text, MAGIC, strlen(MAGIC)) != 0)
		return NULL;
	return take(text);
}

int bundle_inputs_read(int dirfd, char **text, struct err *err)
{
	_cleanup_close_ int fd =
		openat(dirfd, BUNDLE_INPUTS,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat dir, file;

	*text = NULL;
	if (fd < 0 && errno == ENOENT)
		return BUNDLE_NOBODYS;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == EIO))
		return err_sys(err, errno, "cannot read '" BUNDLE_INPUTS "'");
	if (fd < 0)
		return BUNDLE_FOREIGN;
	if (fstat(fd, &file) < 0 || fstat(dirfd, &dir) < 0)
		return err_sys(err, errno,
			       "cannot look at '" BUNDLE_INPUTS "'");
	*text = read_text(fd, &file);
	if (!*text)
		return BUNDLE_FOREIGN;
	return is_ours(&dir, &file) ? BUNDLE_OURS : BUNDLE_SOMEONES;
}
