// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define POSITION_DIGITS 4 /* no machine has so many */

/* A search over all fabrics in reach for one label or UUID. */
struct search {
	const char *label;    /* either this */
	const uint8_t *uuid;  /* or this */
	unsigned int count;   /* fabrics found */
	char found[PATH_MAX]; /* the first one: a path or a PCI address */
	int problem; /* why a fabric that may be the one was not looked at */
};

static bool search_fits(const struct search *search,
			const struct fam_superblock *sb)
{
	if (search->uuid)
		return memcmp(sb->uuid, search->uuid, FAM_UUID_BYTES) == 0;
	return strcmp(sb->label, search->label) == 0;
}

/* 1 if the fabric is the one, 0 if not, or why it cannot be said. */
static int look_at(const struct search *search, const struct fam_source *source)
{
	struct fam_superblock sb[FAM_SUPERBLOCK_COPIES];
	unsigned int chosen = 0;
	int r = fam_source_superblocks(source, sb);

	if (r == 0)
		r = fam_superblock_choose(sb, &chosen, NULL);
	if (r == -EMEDIUMTYPE)
		return 0;
	return r < 0 ? r : search_fits(search, &sb[chosen]);
}

static int look_into(const struct search *search, const char *name, bool pci)
{
	struct fam_source source;
	int r = pci ? fam_pci_open(name, false, &source)
		    : fam_hostfile_open(name, false, &source);

	if (r < 0)
		return r;
	r = look_at(search, &source);
	fam_source_close(&source);
	return r;
}

static void search_add(struct search *search, const char *name)
{
	if (search->count++ == 0)
		snprintf(search->found, sizeof(search->found), "%s", name);
}

/*
 * A node has few devices, and one that cannot be read is likely the one meant:
 * saying why helps more than "no such fabric".
 */
static int search_pci(struct search *search)
{
	struct fam_pci_list list;
	int r = fam_pci_enumerate(&list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		r = look_into(search, list.address[i], true);
		if (r > 0)
			search_add(search, list.address[i]);
		else if (r < 0 && !search->problem)
			search->problem = r;
	}
	free(list.address);
	return 0;
}

static int search_file(const char *path, void *arg)
{
	struct search *search = arg;
	int r = look_into(search, path, false);

	if (r > 0)
		search_add(search, path);
	else if ((r == -EACCES || r == -EPERM) && !search->problem)
		search->problem = r;
	return 0;
}

static int count_file(const char *path, void *arg)
{
	search_add(arg, path);
	return 0;
}

static int find_only(bool writable, struct fam_source *out)
{
	struct search search = {0};
	struct fam_pci_list list;
	int r = fam_pci_enumerate(&list);

	if (r < 0)
		return r;
	if (list.count == 1)
		r = fam_pci_open(list.address[0], writable, out);
	free(list.address);
	if (list.count)
		return list.count > 1 ? -ENOTUNIQ : r;

	r = fam_hostfile_each(count_file, &search);
	if (r < 0)
		return r;
	if (search.count != 1)
		return search.count ? -ENOTUNIQ : -ENODEV;
	return fam_hostfile_open(search.found, writable, out);
}

static int find_uuid(const uint8_t uuid[FAM_UUID_BYTES], bool writable,
		     struct fam_source *out)
{
	struct search search = {.uuid = uuid};
	bool pci;
	int r = search_pci(&search);

	pci = search.count > 0;
	if (r == 0 && !pci)
		r = fam_hostfile_each(search_file, &search);
	if (r < 0)
		return r;
	if (search.count > 1)
		return -ENOTUNIQ;
	if (search.count == 0)
		return search.problem ? search.problem : -ENOENT;
	return pci ? fam_pci_open(search.found, writable, out)
		   : fam_hostfile_open(search.found, writable, out);
}

static int find_label(const char *label, bool writable, struct fam_source *out)
{
	struct search search = {.label = label};
	char path[PATH_MAX];
	int r = search_pci(&search);

	if (r < 0)
		return r;
	if (search.count > 1)
		return -ENOTUNIQ;
	if (search.count == 1)
		return fam_pci_open(search.found, writable, out);
	r = fam_hostfile_by_name(label, path);
	if (r == -ENOENT && search.problem)
		return search.problem;
	return r < 0 ? r : fam_hostfile_open(path, writable, out);
}

/* --- by position ---------------------------------------------------------- */

/* A walk along fam_list() to one of its names. */
struct count_down {
	unsigned long left;
	char name[PATH_MAX];
};

static int count_down(const char *name, void *arg)
{
	struct count_down *walk = arg;

	if (walk->left-- > 0)
		return 0;
	snprintf(walk->name, sizeof(walk->name), "%s", name);
	return 1;
}

/* "#" and a number without leading zeros; "#0" is the first one. */
static int position_parse(const char *name, unsigned long *out)
{
	size_t digits = strspn(name + 1, "0123456789");

	if (digits == 0 || digits > POSITION_DIGITS || name[1 + digits] ||
	    (digits > 1 && name[1] == '0'))
		return -EINVAL;
	*out = strtoul(name + 1, NULL, 10);
	return 0;
}

static int find_position(const char *name, bool writable,
			 struct fam_source *out)
{
	struct count_down walk;
	int r = position_parse(name, &walk.left);

	if (r == 0)
		r = fam_list(count_down, &walk);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return strchr(walk.name, '/')
		       ? fam_hostfile_open(walk.name, writable, out)
		       : fam_pci_open(walk.name, writable, out);
}

/* --- by path -------------------------------------------------------------- */

/* The address in the path of a sysfs directory; shells complete a '/' to it. */
static int sysfs_address(const char *path, char address[FAM_DEVICE_TEXT])
{
	size_t end = strlen(path), start;
	char last[FAM_DEVICE_TEXT];

	while (end && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/'; start--)
		;
	if (strncmp(path, "/sys/", 5) != 0 || end - start >= sizeof(last))
		return -EINVAL;
	memcpy(last, path + start, end - start);
	last[end - start] = '\0';
	return fam_pci_address(last, address);
}

static int find_path(const char *path, bool writable, struct fam_source *out)
{
	char address[FAM_DEVICE_TEXT];

	if (sysfs_address(path, address) == 0 ||
	    fam_module_address(path, address) == 0)
		return fam_pci_open(address, writable, out);
	return fam_hostfile_open(path, writable, out);
}

int fam_find(const char *name, bool writable, struct fam_source *out)
{
	uint8_t uuid[FAM_UUID_BYTES];
	char address[FAM_DEVICE_TEXT];

	if (!name || !*name)
		return find_only(writable, out);
	if (strchr(name, '/'))
		return find_path(name, writable, out);
	if (*name == '#')
		return find_position(name, writable, out);
	if (fam_uuid_parse(name, uuid) == 0)
		return find_uuid(uuid, writable, out);
	if (fam_pci_address(name, address) == 0)
		return fam_pci_open(address, writable, out);
	if (fam_label_check(name) < 0)
		return -EINVAL;
	return find_label(name, writable, out);
}

int fam_list(int (*visit)(const char *name, void *arg), void *arg)
{
	struct fam_pci_list list;
	int r = fam_pci_enumerate(&list);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count && r == 0; i++)
		r = visit(list.address[i], arg);
	free(list.address);
	return r ? r : fam_hostfile_each(visit, arg);
}
