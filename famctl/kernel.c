// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "paths.h"
#include "util/cleanup.h"
#include "util/fdio.h"

#define DRIVER	  "fam_ivshmem.ko"
#define TABLE_MAX ((size_t)64 << 20) /* bytes of modules.dep */

/* What a guest needs: for virtio devices, flush windows, the power button. */
static const char *const modules[] = {
	"virtio_pci",  "virtio_net", "virtio_blk", "virtio_console",
	"virtio_pmem", "nd_pmem",    "evdev",	   "button",
};

/* Where modules are being put. */
struct loader {
	const struct kernel *kernel;
	struct cpio *root;
	FILE *list; /* their paths, in the order of loading */
};

/* The boot protocol's header holds the offset of the version's text. */
static int read_version(const char *image, char out[static 128],
			struct err *err)
{
	/* A pipe would keep us waiting. */
	_cleanup_close_ int fd = open(image, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char magic[4];
	uint8_t at[2];
	int ret = 0;

	if (fd < 0)
		return err_sys(err, errno, "cannot read kernel '%s'", image);
	if (fdio_pread(fd, magic, 4, 0x202) < 0 ||
	    memcmp(magic, "HdrS", 4) != 0 || fdio_pread(fd, at, 2, 0x20e) < 0)
		ret = -ENOEXEC;
	if (ret == 0)
		ret = fdio_pread(fd, out, 127, 0x200U + at[0] + 256U * at[1]);
	if (ret < 0)
		return err_set(err, -EINVAL,
			       "'%s' is not a Linux kernel for x86", image);
	out[127] = '\0';
	out[strcspn(out, " ")] = '\0';
	return 0;
}

/* Keeps the newest image in @dir that matches and may be read. */
static void scan_images(const char *dir, const char *pattern, char *best,
			bool *unreadable)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[PATH_MAX];

	while (d && (e = readdir(d))) {
		if (fnmatch(pattern, e->d_name, 0) != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >=
			    (int)sizeof(path))
			continue;
		if (access(path, R_OK) < 0)
			*unreadable = true;
		else if (!*best || strverscmp(path, best) > 0)
			strcpy(best, path);
	}
	if (d)
		closedir(d);
}

static int find_image(char best[PATH_MAX], struct err *err)
{
	bool unreadable = false;
	char dir[PATH_MAX];
	struct err none;

	*best = '\0';
	if (paths_data("kernel/boot", dir, &none) == 0)
		scan_images(dir, "vmlinuz-*", best, &unreadable);
	if (!*best)
		scan_images("/boot", "vmlinuz-*-cloud-amd64", best,
			    &unreadable);
	if (!*best)
		scan_images("/boot", "vmlinuz-*", best, &unreadable);
	if (*best)
		return 0;
	if (unreadable) {
		err_set(err, -EACCES, "the kernels in '/boot' may not be read");
		return err_hint(err, "make one readable (as root: chmod 644 "
				     "/boot/vmlinuz-VERSION), or give a copy "
				     "with --kernel");
	}
	err_set(err, -ENOENT, "no Linux kernel found in '/boot'");
	return err_hint(err, "as root: apt install linux-image-cloud-amd64, or "
			     "give an image with --kernel");
}

/* @image's modules: ../lib/modules/VERSION seen from it, else the system's. */
static int find_modules(struct kernel *kernel, struct err *err)
{
	const char *slash = strrchr(kernel->image, '/');
	char beside[PATH_MAX + 256];

	snprintf(beside, sizeof(beside), "%.*s/../lib/modules/%s",
		 (int)(slash - kernel->image), kernel->image, kernel->version);
	if (realpath(beside, kernel->modules))
		return 0;
	snprintf(kernel->modules, PATH_MAX, "/lib/modules/%s", kernel->version);
	if (access(kernel->modules, F_OK) == 0)
		return 0;
	err_set(err, -ENOENT, "the modules of kernel '%s' are not in '%s'",
		kernel->image, kernel->modules);
	return err_hint(err, "name their directory with --modules, or 'none'");
}

int kernel_find(const char *image, const char *directory, struct kernel *kernel,
		struct err *err)
{
	int ret = image ? paths_absolute(image, kernel->image, err)
			: find_image(kernel->image, err);

	if (ret == 0)
		ret = read_version(kernel->image, kernel->version, err);
	if (ret < 0)
		return ret;
	if (!directory)
		return find_modules(kernel, err);
	kernel->modules[0] = '\0';
	if (strcmp(directory, "none") == 0)
		return 0;
	return paths_absolute(directory, kernel->modules, err);
}

/* Is "kernel/drivers/virtio/virtio-pci.ko.xz" the module "virtio_pci"? */
static bool is_module(const char *path, size_t len, const char *name)
{
	size_t start = len, i;

	while (start > 0 && path[start - 1] != '/')
		start--;
	for (i = 0; name[i] && start + i < len; i++)
		if ((path[start + i] == '-' ? '_' : path[start + i]) != name[i])
			return false;
	return !name[i] && len - start - i >= 3 &&
	       strncmp(path + start + i, ".ko", 3) == 0;
}

/* The line of modules.dep about a module, or NULL. */
static const char *find_line(const char *table, const char *name)
{
	for (; *table; table += *table == '\n') {
		size_t path = strcspn(table, ":\n");

		if (is_module(table, path, name))
			return table;
		table += strcspn(table, "\n");
	}
	return NULL;
}

static int add_module(struct loader *loader, const char *path, size_t len,
		      struct err *err)
{
	const struct kernel *kernel = loader->kernel;
	char source[PATH_MAX], dest[PATH_MAX];

	if (snprintf(source, PATH_MAX, "%s/%.*s", kernel->modules, (int)len,
		     path) >= PATH_MAX ||
	    snprintf(dest, PATH_MAX, "/lib/modules/%s/%.*s", kernel->version,
		     (int)len, path) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "the path of a module in '%s' is too long",
			       kernel->modules);
	if (cpio_has(loader->root, dest))
		return 0;
	fprintf(loader->list, "%s\n", dest);
	return cpio_file(loader->root, dest, 0644, source, err);
}

/*
 * "a.ko: b.ko c.ko": what a needs, the first to be loaded last. So the words of
 * the line from its end are the order.
 */
static int add_line(struct loader *loader, const char *line, struct err *err)
{
	size_t end = strcspn(line, "\n");

	while (end > 0) {
		size_t start = end;
		int ret;

		while (start > 0 && line[start - 1] != ' ')
			start--;
		ret = add_module(loader, line + start,
				 end - start - (line[end - 1] == ':'), err);
		if (ret < 0)
			return ret;
		for (end = start; end > 0 && line[end - 1] == ' ';)
			end--;
	}
	return 0;
}

static int add_all(struct loader *loader, const char *table, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sizeof(modules) / sizeof(*modules);
	     i++) {
		const char *line = find_line(table, modules[i]);

		/* Else it is built into this kernel, or does not exist. */
		if (line)
			ret = add_line(loader, line, err);
	}
	return ret;
}

/* The driver of the fabric's device, if `make kmod` built it for this kernel. */
static int add_driver(struct loader *loader, struct err *err)
{
	const char *version = loader->kernel->version;
	char name[256], source[PATH_MAX], dest[PATH_MAX];
	struct err none;

	snprintf(name, sizeof(name), "kmod/%s/" DRIVER, version);
	if (paths_data(name, source, &none) < 0)
		return 0;
	snprintf(dest, sizeof(dest), "/lib/modules/%s/extra/" DRIVER, version);
	fprintf(loader->list, "%s\n", dest);
	return cpio_file(loader->root, dest, 0644, source, err);
}

int kernel_add_modules(const struct kernel *kernel, struct cpio *root,
		       struct err *err)
{
	struct loader loader = {.kernel = kernel, .root = root};
	_cleanup_free_ char *table = NULL, *text = NULL;
	char path[PATH_MAX + 16];
	size_t len, size;
	int ret;

	if (!kernel->modules[0])
		return 0;
	snprintf(path, sizeof(path), "%s/modules.dep", kernel->modules);
	ret = fdio_read_file(path, TABLE_MAX, &table, &len);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read '%s'", path);
	loader.list = open_memstream(&text, &size);
	if (!loader.list)
		return err_sys(err, errno, "cannot list the modules");
	ret = add_all(&loader, table, err);
	if (ret == 0)
		ret = add_driver(&loader, err);
	fclose(loader.list);
	if (ret < 0)
		return ret;
	return cpio_data(root, "/etc/fam/modules", text, size, err);
}
