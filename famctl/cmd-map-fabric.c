// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "fabric-map.h"
#include "newfile.h"
#include "util/cleanup.h"
#include "util/fdio.h"

static const char *dir, *svg;
static uint64_t width;
static bool force;

static const struct opt options[] = {
	{"dir", 'd', OPT_STRING, "DIR", "look for FABRIC in DIR only", &dir},
	{"svg", 0, OPT_STRING, "FILE", "draw it into FILE; '-' is the output",
	 &svg},
	{"force", 0, OPT_FLAG, NULL, "replace FILE if it is a picture", &force},
	{"width", 'w', OPT_NUMBER, "COLUMNS",
	 "so wide (default: as the terminal, else 80)", &width},
	{0}};

/* --- into a file ------------------------------------------------------------------ */

struct place {
	int dirfd;
	char *dir; /* for messages */
	const char *base;
};

static void cleanup_place(struct place *p)
{
	cleanup_close(&p->dirfd);
	free(p->dir);
}
#define _cleanup_place_ __attribute__((cleanup(cleanup_place)))

static int open_place(const char *path, struct place *p, struct err *err)
{
	const char *slash = strrchr(path, '/');

	p->base = slash ? slash + 1 : path;
	p->dir = slash ? strndup(path, slash == path ? 1 : slash - path)
		       : strdup(".");
	if (!p->dir)
		return err_sys(err, ENOMEM, "cannot write '%s'", path);
	if (!*p->base)
		return err_set(err, -EINVAL, "--svg: '%s' names no file", path);
	p->dirfd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->dirfd < 0 ? err_sys(err, errno, "cannot open '%s'", p->dir)
			    : 0;
}

/* Nobody's data is lost by a name that was mistyped: not even with --force. */
static bool is_picture(const struct place *p)
{
	_cleanup_close_ int fd = openat(p->dirfd, p->base,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
						O_CLOEXEC | O_NOCTTY);
	struct stat st;
	char begin[5];

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       fdio_pread(fd, begin, sizeof(begin), 0) == 0 &&
	       memcmp(begin, "<svg ", sizeof(begin)) == 0;
}

static int check_place(const char *path, const struct place *p, bool *replace,
		       struct err *err)
{
	struct stat st;

	*replace = fstatat(p->dirfd, p->base, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*replace)
		return 0;
	if (!force) {
		err_set(err, -EEXIST, "'%s' exists", path);
		return err_hint(err, "--force replaces a picture");
	}
	if (is_picture(p))
		return 0;
	err_set(err, -EEXIST, "'%s' exists and is no picture", path);
	return err_hint(err, "choose another name");
}

static int write_whole(struct newfile *file, const char *text, struct err *err)
{
	mode_t mask = umask(0);
	int ret;

	umask(mask);
	ret = fdio_write(file->fd, text, strlen(text));
	if (ret == 0 && (fchmod(file->fd, 0666 & ~mask) || fsync(file->fd)))
		ret = -errno;
	return ret < 0 ? err_sys(err, -ret, "cannot write the picture") : 0;
}

/* The old picture, or the new one: never a piece of one. */
static int replace_file(const struct place *p, const char *temp,
			struct err *err)
{
	if (renameat(p->dirfd, temp, p->dirfd, p->base) == 0)
		return 0;
	err_sys(err, errno, "cannot replace '%s'", p->base);
	unlinkat(p->dirfd, temp, 0);
	return err->code;
}

static int write_picture(const char *path, const char *text, struct err *err)
{
	_cleanup_place_ struct place p = {.dirfd = -1};
	struct newfile file;
	uint64_t random;
	char temp[64];
	bool replace = false;
	int ret = open_place(path, &p, err);

	if (ret == 0)
		ret = check_place(path, &p, &replace, err);
	if (ret < 0)
		return ret;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(err, errno, "cannot get random bytes");
	snprintf(temp, sizeof(temp), ".famctl-map-%016" PRIx64, random);
	ret = newfile_open(&file, p.dirfd, p.dir, replace ? temp : p.base, err);
	if (ret < 0)
		return ret;
	ret = write_whole(&file, text, err);
	if (ret == 0)
		ret = newfile_publish(&file, err);
	newfile_close(&file, ret == 0);
	if (ret == 0 && replace)
		ret = replace_file(&p, temp, err);
	return ret;
}

static int draw_svg(const struct map *map, struct err *err)
{
	_cleanup_free_ char *text = map_svg(map);

	if (!text)
		return err_sys(err, ENOMEM, "cannot draw it");
	if (strcmp(svg, "-") != 0)
		return write_picture(svg, text, err);
	fputs(text, stdout);
	return 0;
}

/* --- on a terminal ------------------------------------------------------------------- */

static unsigned int columns(void)
{
	const char *said = getenv("COLUMNS");
	unsigned long n = said ? strtoul(said, NULL, 10) : 0;
	struct winsize size;

	if (width)
		return (unsigned int)width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		n = size.ws_col;
	else if (n == 0)
		n = 80;
	if (n < MAP_WIDTH_MIN)
		n = MAP_WIDTH_MIN;
	return n < MAP_WIDTH_MAX ? (unsigned int)n : MAP_WIDTH_MAX;
}

static void draw_text(const struct map *map)
{
	setlocale(LC_CTYPE, "");
	map_print(map, stdout, columns(),
		  strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
}

static int check_words(const struct globals *globals, int argc, struct err *err)
{
	if (argc != 1) {
		err_set(err, -EINVAL, "map-fabric takes one name");
		return err_hint(err, "famctl list-fabrics lists them");
	}
	if (svg && globals->json && strcmp(svg, "-") == 0)
		return err_set(err, -EINVAL,
			       "--svg - and --json: both are the output");
	if (force && !svg)
		return err_set(err, -EINVAL, "--force is for --svg FILE");
	if (svg && width)
		return err_set(err, -EINVAL, "--width is not for --svg");
	if (width && (width < MAP_WIDTH_MIN || width > MAP_WIDTH_MAX))
		return err_set(err, -EINVAL,
			       "--width: from %d to %d columns are possible",
			       MAP_WIDTH_MIN, MAP_WIDTH_MAX);
	return 0;
}

static int run(const struct globals *globals, int argc, char **argv,
	       struct err *err)
{
	_cleanup_map_ struct map *map = NULL;
	struct fabric fabric;
	int ret = check_words(globals, argc, err);

	if (ret == 0)
		ret = fabric_open(argv[0], dir, &fabric, err);
	if (ret < 0)
		return ret;
	ret = map_read(&fabric, &map, err);
	if (ret == 0 && svg && !globals->dry_run)
		ret = draw_svg(map, err);
	if (ret < 0)
		return err_prefix(err, "cannot draw fabric '%s'", argv[0]);
	if (globals->json)
		out_object(true, NULL, map_json(map));
	else if (!svg)
		draw_text(map);
	return 0;
}

const struct command cmd_map_fabric = {
	.name = "map-fabric",
	.args = "FABRIC",
	.summary = "draw what lies where in a fabric",
	.options = options,
	.run = run,
};
