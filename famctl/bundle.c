// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bundle.h"
#include "cpio.h"
#include "fabric.h"
#include "kernel.h"
#include "paths.h"
#include "rootfs.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define INPUTS	   "inputs"
#define INPUTS_MAX ((size_t)1 << 20)
#define IMAGE_MAX  ((size_t)256 << 20)

/* A bundle on its way: what goes into it and what that was made of. */
struct build {
	const struct bundle_spec *spec;
	struct kernel kernel;
	struct cpio *root;
	char *inputs; /* text of the file INPUTS */
};

static void build_done(struct build *build)
{
	cleanup_cpio(&build->root);
	free(build->inputs);
}

/* What the bundle is made of, to see later whether it is up to date. */

static int print_input(const char *path, void *arg, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, errno, "cannot read '%s'", path);
	fprintf(arg, "input %lld %lld.%09ld %s\n", (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, path);
	return 0;
}

static int print_spec(struct build *build, FILE *f, struct err *err)
{
	const struct bundle_spec *spec = build->spec;
	char source[PATH_MAX], dest[PATH_MAX];
	int ret = 0;

	if (spec->kernel)
		fprintf(f, "kernel %s\n", build->kernel.image);
	if (spec->modules)
		fprintf(f, "modules %s\n",
			build->kernel.modules[0] ? build->kernel.modules
						 : "none");
	for (size_t i = 0; ret == 0 && i < spec->add.count; i++) {
		ret = rootfs_split(spec->add.item[i], source, dest, err);
		if (ret == 0)
			fprintf(f, "add %s:%s\n", source, dest);
	}
	return ret;
}

static int list_inputs(struct build *build, struct err *err)
{
	size_t size;
	FILE *f = open_memstream(&build->inputs, &size);
	int ret;

	if (!f)
		return err_sys(err, errno, "cannot list the inputs");
	ret = print_spec(build, f, err);
	if (ret == 0)
		ret = print_input(build->kernel.image, f, err);
	if (ret == 0)
		ret = cpio_each_source(build->root, print_input, f, err);
	fclose(f);
	return ret;
}

/* Finds all that goes into the bundle; reads next to nothing, writes nothing.
 */
static int collect(struct build *build, struct err *err)
{
	int ret = cpio_new(&build->root, err);

	if (ret == 0)
		ret = kernel_find(build->spec->kernel, build->spec->modules,
				  &build->kernel, err);
	/* The user's libraries come first: see rootfs_add_base(). */
	for (size_t i = 0; ret == 0 && i < build->spec->add.count; i++)
		ret = rootfs_add_item(build->root, build->spec->add.item[i],
				      err);
	if (ret == 0)
		ret = rootfs_add_base(build->root, err);
	if (ret == 0)
		ret = kernel_add_modules(&build->kernel, build->root, err);
	return ret == 0 ? list_inputs(build, err) : ret;
}

/* The directory. */

static int path_in(const char *dir, const char *file, char out[PATH_MAX],
		   struct err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "the path '%s/%s' is too long", dir, file);
	return 0;
}

static int find_dir(const char *dir, char out[PATH_MAX], struct err *err)
{
	char base[PATH_MAX];
	int ret;

	if (dir)
		return paths_absolute(dir, out, err);
	ret = fabric_dir(base, err);
	return ret == 0 ? path_in(base, "bundle", out, err) : ret;
}

static int find_files(const char *dir, struct bundle *out, struct err *err)
{
	int ret = path_in(dir, "vmlinuz", out->kernel, err);

	return ret == 0 ? path_in(dir, "initrd.img", out->initrd, err) : ret;
}

static bool is_complete(const struct bundle *bundle)
{
	return access(bundle->kernel, R_OK) == 0 &&
	       access(bundle->initrd, R_OK) == 0;
}

/* One at a time: the lock goes with the descriptor, so nothing is left. */
static int lock_dir(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "cannot use '%s'", dir);
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	err_sys(err, errno, "cannot lock '%s'", dir);
	close(fd);
	return err->code;
}

/* The files of a bundle while they are being replaced; the last one counts. */
#define FILES 3
typedef int write_fn(struct build *build, int fd, struct err *err);

static void temporary_name(const char *path, char out[PATH_MAX + 4])
{
	snprintf(out, PATH_MAX + 4, "%s.new", path);
}

/*
 * Writes a new file under a temporary name, always the same one, so that a
 * killed run leaves at most one of each. QEMU reads it as another user: 0644.
 */
static int write_new(const char *path, write_fn *write_it, struct build *build,
		     struct err *err)
{
	_cleanup_close_ int fd = -1;
	char temporary[PATH_MAX + 4];
	int ret;

	temporary_name(path, temporary);
	if (unlink(temporary) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot remove '%s'", temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, errno, "cannot create '%s'", temporary);
	ret = write_it(build, fd, err);
	if (ret < 0)
		return ret;
	/* Else a power cut could leave new names of empty files. */
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return err_sys(err, errno, "cannot write '%s'", temporary);
	return 0;
}

/* A running guest keeps what it has open. */
static int put_in_place(const char *path, struct err *err)
{
	char temporary[PATH_MAX + 4];

	temporary_name(path, temporary);
	if (rename(temporary, path) < 0)
		return err_sys(err, errno, "cannot replace '%s'", path);
	return 0;
}

/* All are written before the first is put in place. */
static int replace_all(const char *const path[FILES],
		       write_fn *const write_it[FILES], struct build *build,
		       struct err *err)
{
	char temporary[PATH_MAX + 4];
	int ret = 0;

	for (int i = 0; ret == 0 && i < FILES; i++)
		ret = write_new(path[i], write_it[i], build, err);
	for (int i = 0; ret == 0 && i < FILES; i++)
		ret = put_in_place(path[i], err);
	for (int i = 0; ret < 0 && i < FILES; i++) {
		temporary_name(path[i], temporary);
		unlink(temporary);
	}
	return ret;
}

static int write_kernel(struct build *build, int fd, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int ret = fdio_read_file(build->kernel.image, IMAGE_MAX, &data, &len);

	if (ret < 0)
		return err_sys(err, -ret, "cannot read '%s'",
			       build->kernel.image);
	ret = fdio_write(fd, data, len);
	return ret < 0 ? err_sys(err, -ret, "cannot write") : 0;
}

static int write_initrd(struct build *build, int fd, struct err *err)
{
	return cpio_write(build->root, fd, err);
}

static int write_inputs(struct build *build, int fd, struct err *err)
{
	int ret = fdio_write(fd, build->inputs, strlen(build->inputs));

	return ret < 0 ? err_sys(err, -ret, "cannot write") : 0;
}

/* Files of these names which we did not make are not ours to replace. */
static int refuse_foreign(const char *inputs, const struct bundle *bundle,
			  struct err *err)
{
	const char *there = access(bundle->kernel, F_OK) == 0 ? bundle->kernel
							      : bundle->initrd;

	if (access(inputs, F_OK) == 0 || access(there, F_OK) < 0)
		return 0;
	err_set(err, -EEXIST, "'%s' exists and is not from a bundle", there);
	return err_hint(err, "choose another directory with --dir");
}

/* The list of inputs comes last: without it the bundle is out of date. */
static int write_bundle(struct build *build, const char *dir,
			struct bundle *out, struct err *err)
{
	char inputs[PATH_MAX];
	const char *const path[FILES] = {out->kernel, out->initrd, inputs};
	write_fn *const write_it[FILES] = {write_kernel, write_initrd,
					   write_inputs};
	int ret = path_in(dir, INPUTS, inputs, err);

	if (ret == 0)
		ret = refuse_foreign(inputs, out, err);
	return ret == 0 ? replace_all(path, write_it, build, err) : ret;
}

static int make_locked(const char *dir, struct build *build, struct bundle *out,
		       struct err *err)
{
	_cleanup_close_ int lock = -1;
	int ret = paths_mkdir(dir, 0755, err);

	if (ret == 0)
		lock = ret = lock_dir(dir, err);
	return ret < 0 ? ret : write_bundle(build, dir, out, err);
}

int bundle_check(const struct bundle_spec *spec, struct bundle *out,
		 struct err *err)
{
	struct build build = {.spec = spec};
	char dir[PATH_MAX];
	int ret = find_dir(spec->dir, dir, err);

	if (ret == 0)
		ret = find_files(dir, out, err);
	if (ret == 0)
		ret = collect(&build, err);
	build_done(&build);
	return ret < 0 ? err_prefix(err, "cannot make a bundle") : 0;
}

int bundle_make(const struct bundle_spec *spec, struct bundle *out,
		struct err *err)
{
	struct build build = {.spec = spec};
	char dir[PATH_MAX];
	int ret = find_dir(spec->dir, dir, err);

	if (ret == 0)
		ret = find_files(dir, out, err);
	if (ret == 0)
		ret = collect(&build, err);
	if (ret == 0)
		ret = make_locked(dir, &build, out, err);
	build_done(&build);
	return ret < 0 ? err_prefix(err, "cannot make a bundle") : 0;
}

/*
 * Takes what the user had asked for out of the text of INPUTS, which is cut
 * into lines for that.
 */
static int parse_inputs(char *text, struct bundle_spec *spec, struct err *err)
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

/*
 * Looks all inputs up again and compares. A complete bundle is used as it is if
 * an input has gone or the directory may not be written to.
 */
static int refresh(const char *dir, const char *text, struct bundle *out,
		   struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct bundle_spec spec = {0};
	struct build build = {.spec = &spec};
	bool complete = is_complete(out);
	int ret;

	if (!copy)
		return err_sys(err, ENOMEM, "cannot read the inputs");
	ret = parse_inputs(copy, &spec, err);
	if (ret == 0)
		ret = collect(&build, err);
	if (ret == 0 && !(complete && (strcmp(build.inputs, text) == 0 ||
				       access(dir, W_OK) < 0)))
		ret = write_bundle(&build, dir, out, err);
	else if (complete)
		ret = 0;
	build_done(&build);
	free(spec.add.item);
	return ret;
}

/* Uses or refreshes what is in an existing directory; 1 if nothing is. */
static int need_in(const char *dir, struct bundle *out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char inputs[PATH_MAX];
	_cleanup_close_ int lock = lock_dir(dir, err);
	size_t len;
	int ret = lock < 0 ? lock : path_in(dir, INPUTS, inputs, err);

	if (ret < 0)
		return ret;
	ret = fdio_read_file(inputs, INPUTS_MAX, &text, &len);
	if (ret == -ENOENT)
		return !is_complete(out); /* else it is the user's own pair */
	if (ret < 0)
		return err_sys(err, -ret, "cannot read '%s'", inputs);
	return refresh(dir, text, out, err);
}

int bundle_need(const char *dir, struct bundle *out, struct err *err)
{
	const struct bundle_spec spec = {.dir = dir};
	char path[PATH_MAX] = "";
	int ret = find_dir(dir, path, err);

	if (ret == 0)
		ret = find_files(path, out, err);
	if (ret == 0)
		ret = access(path, F_OK) < 0 ? 1 : need_in(path, out, err);
	if (ret < 0)
		return err_prefix(err, "cannot use bundle '%s'", path);
	return ret ? bundle_make(&spec, out, err) : 0;
}
