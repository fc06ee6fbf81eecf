// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The windows of an attachment: what of the fabric is mapped, and where. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "internal.h"

void fam_windows_free(struct fam *fam)
{
	struct fam_window *window = fam->windows;

	while (window) {
		struct fam_window *next = window->next;

		if (window->pages)
			munmap(window->pages, window->page_bytes);
		free(window);
		window = next;
	}
}

/*
 * Each store is a release and each load in window_holds() an acquire: whoever
 * read one of the new values sees the odd version before it as well.
 */
static void window_set(struct fam_window *window, uintptr_t start,
		       size_t length, uint64_t offset)
{
	uint64_t version =
		atomic_load_explicit(&window->version, memory_order_relaxed);

	atomic_store_explicit(&window->version, version + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&window->start, start, memory_order_release);
	atomic_store_explicit(&window->length, length, memory_order_release);
	atomic_store_explicit(&window->offset, offset, memory_order_release);
	atomic_store_explicit(&window->version, version + 2,
			      memory_order_release);
}

/* An empty one, linked; NULL without memory. Under the lock. */
static struct fam_window *window_get(struct fam *fam)
{
	struct fam_window *window;

	for (window = fam->windows; window; window = window->next) {
		if (!window->pages)
			return window;
	}
	window = calloc(1, sizeof(*window));
	if (!window)
		return NULL;
	window->next = fam->windows;
	atomic_store_explicit(&fam->windows, window, memory_order_release);
	return window;
}

/* The pages are the window's from now on, or unmapped. */
static int window_add(struct fam *fam, const struct fam_pages *pages,
		      const struct fam_piece *piece, const void *owner)
{
	struct fam_window *window;

	pthread_mutex_lock(&fam->lock);
	window = window_get(fam);
	if (window) {
		window->pages = pages->base;
		window->page_bytes = pages->bytes;
		window->owner = owner;
		window_set(window, pages->start, (size_t)piece->length,
			   piece->offset);
	}
	pthread_mutex_unlock(&fam->lock);
	if (window)
		return 0;
	munmap(pages->base, pages->bytes);
	return -ENOMEM;
}

int fam_map_area(struct fam *fam, uint64_t offset, uint64_t length, void **out)
{
	const struct fam_piece piece = {.offset = offset, .length = length};
	struct fam_pages pages;
	int r = fam_source_recheck(&fam->source);

	if (r == 0)
		r = fam_source_map_pages(&fam->source, offset, length, &pages);
	if (r == 0)
		r = window_add(fam, &pages, &piece, NULL);
	if (r == 0)
		*out = (void *)pages.start;
	return r;
}

int fam_map_guarded(struct fam *fam, const void *owner,
		    const struct fam_piece *piece, void **out)
{
	struct fam_pages pages;
	int r = fam_source_recheck(&fam->source);

	if (r == 0)
		r = fam_source_map_guarded(&fam->source, piece, &pages);
	if (r == 0)
		r = window_add(fam, &pages, piece, owner);
	if (r == 0)
		*out = (void *)pages.start;
	return r;
}

int fam_map(struct fam *fam, uint64_t offset, uint64_t length, void **out)
{
	if (fam->source.fd < 0)
		return -ENODATA;
	if (offset >= fam->data_bytes || length > fam->data_bytes - offset)
		return -ERANGE;
	if (length == 0)
		length = fam->data_bytes - offset;
	return fam_map_area(fam, fam->data_offset + offset, length, out);
}

/*
 * Empty an owner's window that begins at @addr, 0: any of his.
 * @out: the pages it had
 */
static bool window_remove(struct fam *fam, const void *owner, uintptr_t addr,
			  struct fam_pages *out)
{
	struct fam_window *window;

	pthread_mutex_lock(&fam->lock);
	for (window = fam->windows; window; window = window->next) {
		if (window->pages && window->owner == owner &&
		    (!addr || window->start == addr))
			break;
	}
	if (window) {
		out->base = window->pages;
		out->bytes = window->page_bytes;
		window_set(window, 0, 0, 0);
		window->pages = NULL;
	}
	pthread_mutex_unlock(&fam->lock);
	return window;
}

int fam_unmap_guarded(struct fam *fam, const void *owner, void *addr)
{
	struct fam_pages pages;

	if (!addr)
		return 0;
	if (!window_remove(fam, owner, (uintptr_t)addr, &pages))
		return -EINVAL;
	munmap(pages.base, pages.bytes);
	return 0;
}

int fam_unmap(struct fam *fam, void *addr)
{
	return fam_unmap_guarded(fam, NULL, addr);
}

void fam_unmap_all(struct fam *fam, const void *owner)
{
	struct fam_pages pages;

	while (window_remove(fam, owner, 0, &pages))
		munmap(pages.base, pages.bytes);
}

bool fam_map_reaches(struct fam *fam, const void *owner, uint64_t offset)
{
	const struct fam_window *window;

	pthread_mutex_lock(&fam->lock);
	for (window = fam->windows; window; window = window->next) {
		if (window->pages && window->owner == owner &&
		    window->offset + window->length > offset)
			break;
	}
	pthread_mutex_unlock(&fam->lock);
	return window;
}

/*
 * A window that is being changed cannot be the one meant: nobody may use it
 * before fam_map() returned or after fam_unmap() was called. Hence it is passed
 * over and not waited for.
 */
static bool window_holds(const struct fam_window *window, uintptr_t addr,
			 size_t len, uint64_t *offset)
{
	uint64_t version =
		atomic_load_explicit(&window->version, memory_order_acquire);
	uintptr_t distance = addr - atomic_load_explicit(&window->start,
							 memory_order_acquire);
	size_t length =
		atomic_load_explicit(&window->length, memory_order_acquire);
	uint64_t start =
		atomic_load_explicit(&window->offset, memory_order_acquire);

	if (length == 0 || distance > length || len > length - distance)
		return false;
	if (version % 2 ||
	    atomic_load_explicit(&window->version, memory_order_relaxed) !=
		    version)
		return false;
	*offset = start + distance;
	return true;
}

int fam_map_find(struct fam *fam, const void *addr, size_t len,
		 uint64_t *offset)
{
	const struct fam_window *window =
		atomic_load_explicit(&fam->windows, memory_order_acquire);

	for (; window; window = window->next) {
		if (window_holds(window, (uintptr_t)addr, len, offset))
			return 0;
	}
	return -EFAULT;
}
