// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bundle-dir.h"
#include "bundle-inputs.h"
#include "bundle.h"
#include "cpio.h"
#include "fabric.h"
#include "filecopy.h"
#include "hold.h"
#include "kernel.h"
#include "paths.h"
#include "rootfs.h"
#include "util/cleanup.h"
#include "util/fdio.h"

/* A bundle on its way: what goes into it and what that was made of. */
struct build {
	struct bundle_spec spec;
	char *parsed; /* what spec points into, if that is not the caller's */
	struct kernel kernel;
	struct cpio *root;
	struct bundle_inputs inputs;
};

static void build_done(struct build *build)
{
	cleanup_cpio(&build->root);
	free(build->inputs.text);
	if (build->parsed)
		free(build->spec.add.item);
	free(build->parsed);
	*build = (struct build){0};
}

/* Finds all that goes into the bundle; reads next to nothing, writes nothing.
 */
static int collect(struct build *build, struct err *err)
{
	const struct bundle_spec *spec = &build->spec;
	int ret = cpio_new(&build->root, err);

	if (ret == 0)
		ret = kernel_find(spec->kernel, spec->modules, &build->kernel,
				  err);
	/* The user's libraries come first: see rootfs_add_base(). */
	for (size_t i = 0; ret == 0 && i < spec->add.count; i++)
		ret = rootfs_add_item(build->root, spec->add.item[i], err);
	if (ret == 0)
		ret = rootfs_add_base(build->root, err);
	if (ret == 0)
		ret = kernel_add_modules(&build->kernel, build->root, err);
	if (ret < 0)
		return ret;
	return bundle_inputs_print(spec, &build->kernel, build->root,
				   &build->inputs, err);
}

/* Where it is. */

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

	if (dir && !*dir)
		return err_set(err, -EINVAL,
			       "the name of its directory is "
			       "empty");
	if (dir)
		return paths_absolute(dir, out, err);
	ret = fabric_dir(base, err);
	return ret == 0 ? path_in(base, "bundle", out, err) : ret;
}

static int find_files(const char *dir, char path[PATH_MAX], struct bundle *out,
		      struct err *err)
{
	int ret = find_dir(dir, path, err);

	if (ret == 0)
		ret = path_in(path, "vmlinuz", out->kernel, err);
	return ret == 0 ? path_in(path, "initrd.img", out->initrd, err) : ret;
}

static bool is_complete(const struct bundle *bundle)
{
	return access(bundle->kernel, R_OK) == 0 &&
	       access(bundle->initrd, R_OK) == 0;
}

/* Its files. */

static int write_begun(void *arg, int fd, struct err *err)
{
	const struct build *build = arg;
	int ret = fdio_write(fd, build->inputs.text, build->inputs.begun);

	return ret < 0 ? err_sys(err, -ret, "cannot write") : 0;
}

static int write_kernel(void *arg, int fd, struct err *err)
{
	const struct build *build = arg;
	uint64_t len;
	_cleanup_close_ int from =
		filecopy_open(build->kernel.image, &len, err);

	return from < 0 ? from : filecopy(from, fd, len, err);
}

static int write_initrd(void *arg, int fd, struct err *err)
{
	const struct build *build = arg;

	return cpio_write(build->root, fd, err);
}

static int write_inputs(void *arg, int fd, struct err *err)
{
	const struct build *build = arg;
	int ret =
		fdio_write(fd, build->inputs.text, strlen(build->inputs.text));

	return ret < 0 ? err_sys(err, -ret, "cannot write") : 0;
}

/*
 * The list comes first and last. The first one has the options only, so that
 * whatever ends us in between, the bundle is ours and out of date.
 */
static int write_bundle(const struct bundle_dir *dir, struct build *build,
			struct err *err)
{
	static const struct bundle_part parts[] = {
		{BUNDLE_INPUTS, write_begun},
		{"vmlinuz", write_kernel},
		{"initrd.img", write_initrd},
		{BUNDLE_INPUTS, write_inputs},
	};
	int ret = bundle_dir_refuse(dir, err);

	if (ret < 0)
		return ret;
	return bundle_dir_replace(dir, parts, sizeof(parts) / sizeof(*parts),
				  build, err);
}

static int make(const char *path, struct build *build, struct err *err)
{
	struct bundle_dir dir;
	struct hold hold;
	int ret;

	hold_begin(&hold);
	ret = bundle_dir_begin(&dir, path, err);
	if (ret == 0)
		ret = write_bundle(&dir, build, err);
	bundle_dir_end(&dir, ret == 0);
	hold_end(&hold);
	return ret;
}

/* Is there anything in the way? */
static int check_dir(const char *path, struct err *err)
{
	struct bundle_dir dir;
	int ret = bundle_dir_open(&dir, path, err);

	if (ret == 0 && dir.fd >= 0)
		ret = bundle_dir_refuse(&dir, err);
	bundle_dir_end(&dir, true);
	return ret;
}

static int prepare(const struct bundle_spec *spec, struct build *build,
		   char path[PATH_MAX], struct bundle *out, struct err *err)
{
	int ret = bundle_inputs_check(spec, err);

	build->spec = *spec;
	if (ret == 0)
		ret = find_files(spec->dir, path, out, err);
	if (ret == 0)
		ret = check_dir(path, err);
	return ret == 0 ? collect(build, err) : ret;
}

int bundle_check(const struct bundle_spec *spec, struct bundle *out,
		 struct err *err)
{
	struct build build = {0};
	char path[PATH_MAX];
	int ret = prepare(spec, &build, path, out, err);

	build_done(&build);
	return ret < 0 ? err_prefix(err, "cannot make a bundle") : 0;
}

int bundle_make(const struct bundle_spec *spec, struct bundle *out,
		struct err *err)
{
	struct build build = {0};
	char path[PATH_MAX];
	int ret = prepare(spec, &build, path, out, err);

	if (ret == 0)
		ret = make(path, &build, err);
	build_done(&build);
	return ret < 0 ? err_prefix(err, "cannot make a bundle") : 0;
}

/*
 * Looks all inputs up again and compares. A complete bundle is used as it is if
 * an input has gone or the directory may not be written to.
 */
static int look_at_ours(const struct bundle_dir *dir, const char *text,
			bool complete, struct build *build, struct err *err)
{
	int ret;

	build->parsed = strdup(text);
	if (!build->parsed)
		return err_sys(err, ENOMEM, "cannot read the inputs");
	ret = bundle_inputs_parse(build->parsed, &build->spec, err);
	if (ret == 0)
		ret = collect(build, err);
	if (!complete)
		return ret < 0 ? ret : 1;
	return ret == 0 && strcmp(build->inputs.text, text) != 0 &&
	       access(dir->path, W_OK) == 0;
}

/* 0 the bundle is to be used as it is; 1 it is to be made, as @build says. */
static int look(const struct bundle_dir *dir, const struct bundle *bundle,
		struct build *build, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	bool complete = is_complete(bundle);
	int owner = BUNDLE_NOBODYS, ret;

	if (dir->fd >= 0)
		owner = bundle_inputs_read(dir->fd, &text, err);
	if (owner < 0)
		return owner;
	if (owner == BUNDLE_OURS)
		return look_at_ours(dir, text, complete, build, err);
	if (complete) /* the user's own pair, or a bundle of another user */
		return 0;
	if (owner != BUNDLE_NOBODYS) {
		err_set(err, -EEXIST,
			"'%s' is not complete, and its list of inputs is not "
			"to be followed: it is not yours alone",
			dir->path);
		return err_hint(err, "famctl make-bundle --dir '%s'",
				dir->path);
	}
	ret = dir->fd >= 0 ? bundle_dir_refuse(dir, err) : 0;
	if (ret == 0)
		ret = collect(build, err);
	return ret < 0 ? ret : 1;
}

/* As look(), before anything is locked or made. */
static int look_first(const char *path, const struct bundle *bundle,
		      struct err *err)
{
	struct build build = {0};
	struct bundle_dir dir;
	int ret = bundle_dir_open(&dir, path, err);

	if (ret == 0)
		ret = look(&dir, bundle, &build, err);
	bundle_dir_end(&dir, true);
	build_done(&build);
	return ret;
}

/* Others may have made it while we waited for the lock, so look again. */
static int make_needed(const char *path, const struct bundle *bundle,
		       struct err *err)
{
	struct build build = {0};
	struct bundle_dir dir;
	struct hold hold;
	int ret;

	hold_begin(&hold);
	ret = bundle_dir_begin(&dir, path, err);
	if (ret == 0)
		ret = look(&dir, bundle, &build, err);
	if (ret > 0)
		ret = write_bundle(&dir, &build, err);
	bundle_dir_end(&dir, ret == 0);
	build_done(&build);
	hold_end(&hold);
	return ret;
}

static int need(const char *dir, bool only_look, struct bundle *out,
		struct err *err)
{
	char path[PATH_MAX] = "";
	int ret = find_files(dir, path, out, err);

	if (ret == 0)
		ret = look_first(path, out, err);
	if (ret > 0)
		ret = only_look ? 0 : make_needed(path, out, err);
	return ret < 0 ? err_prefix(err, "cannot use bundle '%s'", path) : 0;
}

int bundle_need(const char *dir, struct bundle *out, struct err *err)
{
	return need(dir, false, out, err);
}

int bundle_find(const char *dir, struct bundle *out, struct err *err)
{
	return need(dir, true, out, err);
}
