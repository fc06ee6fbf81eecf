// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cpio.h"
#include "filecopy.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define TRAILER "TRAILER!!!"

struct entry {
	char *path;   /* without leading '/' */
	char *source; /* a file's content: this file, or if NULL: */
	char *data;   /* the bytes of a file, the target of a link */
	size_t len;
	mode_t mode; /* with the S_IF bits */
	dev_t device;
};

struct cpio {
	struct entry *entry;
	size_t count, room;
	uint64_t written;
	bool sorted;
};

int cpio_new(struct cpio **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : err_sys(err, ENOMEM, "cannot make an archive");
}

void cpio_free(struct cpio *cpio)
{
	for (size_t i = 0; i < cpio->count; i++) {
		free(cpio->entry[i].path);
		free(cpio->entry[i].source);
		free(cpio->entry[i].data);
	}
	free(cpio->entry);
	free(cpio);
}

static const char *relative(const char *path)
{
	return path + strspn(path, "/");
}

static struct entry *find(const struct cpio *cpio, const char *path)
{
	for (size_t i = 0; i < cpio->count; i++)
		if (strcmp(cpio->entry[i].path, relative(path)) == 0)
			return &cpio->entry[i];
	return NULL;
}

bool cpio_has(const struct cpio *cpio, const char *path)
{
	return find(cpio, path);
}

const char *cpio_source(const struct cpio *cpio, const char *path)
{
	const struct entry *entry = find(cpio, path);

	return entry ? entry->source : NULL;
}

/* Non-empty parts, none of them "." or "..". */
static bool is_clean(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
		if (path[0] == '/' && path[1] == '\0')
			return false;
		path += path[0] == '/';
	}
	return true;
}

static int add_parents(struct cpio *cpio, const char *path, struct err *err)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		int ret;

		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path),
			 path);
		ret = cpio_dir(cpio, parent, 0755, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int make_room(struct cpio *cpio)
{
	size_t room = cpio->room ? 2 * cpio->room : 512;
	struct entry *entry;

	if (cpio->count < cpio->room)
		return 0;
	entry = reallocarray(cpio->entry, room, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	cpio->entry = entry;
	cpio->room = room;
	return 0;
}

static int prepare(struct cpio *cpio, const char *path, struct err *err)
{
	int ret;

	if (!*path || strlen(path) >= PATH_MAX || !is_clean(path))
		return err_set(err, -EINVAL, "'%s' is not a path in a guest",
			       path);
	if (find(cpio, path))
		return err_set(err, -EEXIST, "'/%s' is in the archive already",
			       path);
	ret = add_parents(cpio, path, err);
	if (ret == 0 && make_room(cpio) < 0)
		ret = err_sys(err, ENOMEM, "cannot add '/%s'", path);
	return ret;
}

/* Adds an entry without content, its parents first; NULL: see err. */
static struct entry *add(struct cpio *cpio, const char *path, mode_t mode,
			 struct err *err)
{
	struct entry *entry;

	path = relative(path);
	if (prepare(cpio, path, err) < 0)
		return NULL;
	entry = &cpio->entry[cpio->count];
	*entry = (struct entry){.path = strdup(path), .mode = mode};
	if (!entry->path) {
		err_sys(err, ENOMEM, "cannot add '/%s'", path);
		return NULL;
	}
	cpio->count++;
	cpio->sorted = false;
	return entry;
}

int cpio_dir(struct cpio *cpio, const char *path, mode_t mode, struct err *err)
{
	struct entry *entry = find(cpio, path);

	if (entry && S_ISDIR(entry->mode))
		return 0;
	return add(cpio, path, S_IFDIR | mode, err) ? 0 : err->code;
}

int cpio_file(struct cpio *cpio, const char *path, mode_t mode,
	      const char *source, struct err *err)
{
	struct entry *entry = add(cpio, path, S_IFREG | mode, err);

	if (!entry)
		return err->code;
	entry->source = strdup(source);
	return entry->source ? 0
			     : err_sys(err, ENOMEM, "cannot add '%s'", path);
}

static int add_bytes(struct cpio *cpio, const char *path, mode_t mode,
		     const void *data, size_t len, struct err *err)
{
	struct entry *entry = add(cpio, path, mode, err);

	if (!entry)
		return err->code;
	entry->data = malloc(len + 1);
	if (!entry->data)
		return err_sys(err, ENOMEM, "cannot add '%s'", path);
	memcpy(entry->data, data, len);
	entry->len = len;
	return 0;
}

int cpio_data(struct cpio *cpio, const char *path, const void *data, size_t len,
	      struct err *err)
{
	return add_bytes(cpio, path, S_IFREG | 0644, data, len, err);
}

int cpio_link(struct cpio *cpio, const char *path, const char *target,
	      struct err *err)
{
	return add_bytes(cpio, path, S_IFLNK | 0777, target, strlen(target),
			 err);
}

int cpio_node(struct cpio *cpio, const char *path, mode_t mode, dev_t device,
	      struct err *err)
{
	struct entry *entry = add(cpio, path, mode, err);

	if (!entry)
		return err->code;
	entry->device = device;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
		      ((const struct entry *)b)->path);
}

/* By path, so a directory comes before what is in it. */
static void sort(struct cpio *cpio)
{
	if (!cpio->sorted && cpio->count > 0)
		qsort(cpio->entry, cpio->count, sizeof(*cpio->entry), by_path);
	cpio->sorted = true;
}

int cpio_each_source(struct cpio *cpio,
		     int (*visit)(const char *source, void *arg,
				  struct err *err),
		     void *arg, struct err *err)
{
	sort(cpio);
	for (size_t i = 0; i < cpio->count; i++) {
		int ret = 0;

		if (cpio->entry[i].source)
			ret = visit(cpio->entry[i].source, arg, err);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int put(struct cpio *cpio, int fd, const void *data, size_t len)
{
	cpio->written += len;
	return fdio_write(fd, data, len);
}

/* Headers with their name, and contents, begin at multiples of four. */
static int pad(struct cpio *cpio, int fd)
{
	return put(cpio, fd, "\0\0\0", -cpio->written & 3);
}

static int put_header(struct cpio *cpio, int fd, const struct entry *entry,
		      uint64_t len, unsigned int number)
{
	size_t name = strlen(entry->path) + 1;
	char header[111];
	int ret;

	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 number, entry->mode, 0U, 0U, 1U, 0U, (unsigned int)len, 0U, 0U,
		 major(entry->device), minor(entry->device), (unsigned int)name,
		 0U);
	ret = put(cpio, fd, header, sizeof(header) - 1);
	if (ret == 0)
		ret = put(cpio, fd, entry->path, name);
	return ret == 0 ? pad(cpio, fd) : ret;
}

static int put_source(struct cpio *cpio, int fd, const struct entry *entry,
		      unsigned int number, struct err *err)
{
	uint64_t len = 0;
	_cleanup_close_ int from = filecopy_open(entry->source, &len, err);
	int ret;

	if (from < 0)
		return from;
	if (len > UINT32_MAX)
		return err_sys(err, EFBIG, "cannot add '%s'", entry->source);
	ret = put_header(cpio, fd, entry, len, number);
	if (ret < 0)
		return err_sys(err, -ret, "cannot write");
	ret = filecopy(from, fd, len, err);
	if (ret < 0)
		return err_prefix(err, "cannot add '%s'", entry->source);
	cpio->written += len;
	ret = pad(cpio, fd);
	return ret == 0 ? 0 : err_sys(err, -ret, "cannot write");
}

static int put_entry(struct cpio *cpio, int fd, const struct entry *entry,
		     unsigned int number, struct err *err)
{
	int ret;

	if (entry->source)
		return put_source(cpio, fd, entry, number, err);
	ret = put_header(cpio, fd, entry, entry->len, number);
	if (ret == 0 && entry->len)
		ret = put(cpio, fd, entry->data, entry->len);
	if (ret == 0)
		ret = pad(cpio, fd);
	return ret == 0 ? 0 : err_sys(err, -ret, "cannot write");
}

int cpio_write(struct cpio *cpio, int fd, struct err *err)
{
	static char trailer[] = TRAILER;
	int ret;

	sort(cpio);
	cpio->written = 0;
	for (size_t i = 0; i < cpio->count; i++) {
		ret = put_entry(cpio, fd, &cpio->entry[i], (unsigned int)i + 1,
				err);
		if (ret < 0)
			return ret;
	}
	return put_entry(cpio, fd, &(struct entry){.path = trailer}, 0, err);
}
