// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store.h"
#include "tape.h"
#include "util/cleanup.h"
#include "util/fdio.h"

int store_open(struct store *store, const char *path, uint64_t size)
{
	*store = (struct store){.tape = -1, .size = size};
	store->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0)
		return -errno;
	store->image = openat(store->dir, TAPE_IMAGE,
			      O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (store->image < 0 || ftruncate(store->image, (off_t)size) < 0)
		return -errno;
	return 0;
}

int store_read(struct store *store, void *data, size_t len, uint64_t offset)
{
	return fdio_pread(store->image, data, len, offset);
}

static int tape_add(struct store *store, struct tape_entry *e, const void *data)
{
	struct iovec part[2] = {{e, sizeof(*e)}, {(void *)data, e->length}};
	size_t whole = sizeof(*e) + e->length;
	ssize_t n;

	if (store->tape < 0)
		return 0;
	e->magic = TAPE_MAGIC;
	n = writev(store->tape, part, e->length ? 2 : 1);
	if (n < 0)
		return -errno;
	return (size_t)n == whole ? 0 : -ENOSPC;
}

static bool fails(struct store *store, bool kind)
{
	struct store_faults *f = &store->faults;

	if (!kind || f->left == 0)
		return false;
	if (f->left != UINT64_MAX)
		f->left--;
	store->failed++;
	return true;
}

int store_write(struct store *store, const void *data, size_t len,
		uint64_t offset)
{
	struct store_faults *f = &store->faults;
	struct tape_entry e = {
		.type = TAPE_WRITE, .offset = offset, .length = len};
	int r;

	if (offset > store->size || len > store->size - offset)
		return -ENOSPC;
	if (offset < f->to && offset + len > f->from && fails(store, f->writes))
		return -EIO;
	r = tape_add(store, &e, data);
	if (r == 0)
		r = fdio_pwrite(store->image, data, len, offset);
	store->taped++;
	store->writes++;
	store->bytes += len;
	return r;
}

int store_flush(struct store *store, uint64_t covered)
{
	struct tape_entry e = {.type = TAPE_FLUSH, .upto = covered};

	if (fails(store, store->faults.flushes))
		return -EIO;
	store->flushes++;
	return tape_add(store, &e, NULL);
}

int store_mark(struct store *store, const char *text, size_t len)
{
	struct tape_entry e = {.type = TAPE_MARK, .length = len};

	store->marks++;
	return tape_add(store, &e, text);
}

/* Copies what is not a hole. */
static int copy_data(int from, int to)
{
	_cleanup_free_ char *piece = malloc(1 << 20);
	off_t start = 0, end;

	if (!piece)
		return -ENOMEM;
	while ((start = lseek(from, start, SEEK_DATA)) >= 0) {
		end = lseek(from, start, SEEK_HOLE);
		while (start < end) {
			size_t len =
				end - start < 1 << 20 ? end - start : 1 << 20;
			int r = fdio_pread(from, piece, len, (uint64_t)start);

			if (r == 0)
				r = fdio_pwrite(to, piece, len,
						(uint64_t)start);
			if (r < 0)
				return r;
			start += (off_t)len;
		}
	}
	return errno == ENXIO ? 0 : -errno;
}

int store_record(struct store *store)
{
	int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
	_cleanup_close_ int base = openat(store->dir, TAPE_BASE, flags, 0600);
	int r;

	if (base < 0 || ftruncate(base, (off_t)store->size) < 0)
		return -errno;
	r = copy_data(store->image, base);
	if (r < 0)
		return r;
	if (store->tape >= 0)
		close(store->tape);
	store->taped = 0;
	store->tape = openat(store->dir, TAPE_FILE, flags | O_APPEND, 0600);
	return store->tape < 0 ? -errno : 0;
}
