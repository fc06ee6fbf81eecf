// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/* The kernel module's device for an ivshmem device of this node: /dev/famN. */
#include <dirent.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "kmod/fam_ivshmem.h"

#define NAME_TEXT 32

/* "fam0": what the module calls the PCI device at @address; false: nothing. */
static bool find_name(const char *address, char name[NAME_TEXT])
{
	const struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/fam", address);
	dir = opendir(path);
	name[0] = '\0';
	while (dir && !name[0] && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "fam", 3) == 0 &&
		    strlen(entry->d_name) < NAME_TEXT)
			strcpy(name, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return name[0];
}

int fam_module_address(const char *path, char address[FAM_DEVICE_TEXT])
{
	char link[64], device[PATH_MAX];
	const char *name = strrchr(path, '/');

	if (strncmp(path, "/dev/fam", 8) != 0 || strlen(path) > NAME_TEXT)
		return -EINVAL;
	snprintf(link, sizeof(link), "/sys/class/fam%s/device", name);
	if (!realpath(link, device))
		return errno == ENOTDIR ? -ENOENT : -errno;
	return fam_pci_address(strrchr(device, '/') + 1, address);
}

static int no_device(struct fam_source *source)
{
	bool loaded = access("/sys/module/fam_ivshmem", F_OK) == 0;

	snprintf(source->reason, sizeof(source->reason),
		 "the kernel module fam_ivshmem %s",
		 loaded ? "does not drive this device" : "is not loaded");
	return -ENOENT;
}

/* What the device says must be what the kernel says of it. */
static int ask(struct fam_source *source)
{
	struct fam_ioc_info info;

	if (ioctl(source->fd, FAM_IOC_INFO, &info) < 0)
		return -errno;
	if (info.size != source->size)
		return -ENXIO;
	source->entry_bytes = info.page_bytes;
	return 0;
}

int fam_module_open(struct fam_source *source)
{
	char name[NAME_TEXT];
	int r;

	if (!find_name(source->device, name))
		return no_device(source);
	snprintf(source->path, sizeof(source->path), "/dev/%s", name);
	source->fd = fam_fd_lift(
		open(source->path,
		     (source->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
	if (source->fd < 0)
		return source->fd;
	source->via = FAM_VIA_MODULE;
	r = ask(source);
	if (r < 0)
		fam_source_close(source);
	return r;
}

int fam_module_recheck(const struct fam_source *source)
{
	struct fam_ioc_info info;

	if (ioctl(source->fd, FAM_IOC_INFO, &info) < 0)
		return errno == ENODEV ? -ENXIO : -errno;
	return info.size == source->size ? 0 : -ENXIO;
}

enum fam_cache fam_module_cache(const struct fam_source *source)
{
	struct fam_ioc_info info;

	if (ioctl(source->fd, FAM_IOC_INFO, &info) < 0)
		return FAM_CACHE_UNKNOWN;
	switch (info.cached) {
	case FAM_CACHED_WB:
		return FAM_CACHE_WB;
	case FAM_CACHED_WC:
		return FAM_CACHE_WC;
	case FAM_CACHED_UC:
		return FAM_CACHE_UC;
	default:
		return FAM_CACHE_UNKNOWN;
	}
}
