// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define PCI_DEVICES	 "/sys/bus/pci/devices"
#define PCI_VENDOR	 0x1af4
#define PCI_DEVICE	 0x1110
#define PCI_COMMAND	 4     /* offset of the command register */
#define PCI_DECODES	 0x2   /* in it: memory accesses are answered */
#define PCI_CONFIG	 256   /* bytes */
#define PCI_CAPABILITIES 0x34  /* offset of where the first one is */
#define PCI_MSIX	 0x11  /* capability */
#define PCI_MSIX_SIZE	 0x7ff /* vectors - 1 */
#define RESOURCE_MEM	 0x200 /* flag of a memory range in sysfs "resource" */
#define BAR_MSIX	 1
#define BAR_MEMORY	 2
#define BAR_COUNT	 6

struct bar {
	uint64_t start, size; /* size 0: not there, or without an address */
};

static int open_attribute(const char *address, const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", address, name);
	return fam_fd_lift(open(path, flags | O_CLOEXEC));
}

static int read_attribute(const char *address, const char *name, char *text,
			  size_t size)
{
	_cleanup_close_ int fd = open_attribute(address, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return (int)n;
}

/* A number such as "0x1af4\n"; -1 if the attribute is none. */
static long read_number(const char *address, const char *name)
{
	char text[32], *end;
	long value;

	if (read_attribute(address, name, text, sizeof(text)) <= 0)
		return -1;
	value = strtol(text, &end, 16);
	return end == text || (*end && *end != '\n') ? -1 : value;
}

static bool is_ivshmem(const char *address)
{
	return read_number(address, "vendor") == PCI_VENDOR &&
	       read_number(address, "device") == PCI_DEVICE;
}

/* Lines of "start end flags", one for each BAR. */
static int read_bars(const char *address, struct bar bars[BAR_COUNT])
{
	char text[4096], *line = text;
	int n = read_attribute(address, "resource", text, sizeof(text));

	if (n < 0)
		return n;
	for (int i = 0; i < BAR_COUNT; i++) {
		uint64_t start, end, flags;
		int used;

		if (sscanf(line, " 0x%" SCNx64 " 0x%" SCNx64 " 0x%" SCNx64 "%n",
			   &start, &end, &flags, &used) != 3)
			return -ENXIO;
		line += used;
		/* A range that was not placed keeps its length at address 0. */
		bars[i].start = start;
		bars[i].size = flags & RESOURCE_MEM && start && end > start
				       ? end - start + 1
				       : 0;
	}
	return 0;
}

static bool decodes_memory(const char *address)
{
	_cleanup_close_ int fd = open_attribute(address, "config", O_RDONLY);
	uint8_t command[2];

	/* Unreadable: the mapping itself will tell. */
	if (fd < 0 || pread(fd, command, sizeof(command), PCI_COMMAND) != 2)
		return true;
	return command[0] & PCI_DECODES;
}

/*
 * The list of capabilities is foreign only as far as the emulator is; it is
 * followed for no more steps than it can have.
 */
unsigned int fam_pci_vectors(const char *address)
{
	_cleanup_close_ int fd = open_attribute(address, "config", O_RDONLY);
	uint8_t config[PCI_CONFIG];
	unsigned int at;

	/* Others than root get the first 64 bytes, which have no capability. */
	if (fd < 0 || pread(fd, config, PCI_CONFIG, 0) != PCI_CONFIG)
		return 0;
	at = config[PCI_CAPABILITIES] & ~3u;
	for (int i = 0; i < PCI_CONFIG / 4 && at >= 64; i++) {
		if (config[at] == PCI_MSIX)
			return ((config[at + 2] | config[at + 3] << 8) &
				PCI_MSIX_SIZE) +
			       1u;
		at = config[at + 1] & ~3u;
	}
	return 0;
}

static enum fam_transport transport_of(const char *address,
				       const struct bar bars[BAR_COUNT])
{
	/* Revision 0 is the old device; 1 came with the split into two. */
	if (read_number(address, "revision") == 0)
		return FAM_TRANSPORT_LEGACY;
	return bars[BAR_MSIX].size ? FAM_TRANSPORT_DOORBELL
				   : FAM_TRANSPORT_PLAIN;
}

static int compare_addresses(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int filter_ivshmem(const struct dirent *entry)
{
	return strlen(entry->d_name) < FAM_DEVICE_TEXT &&
	       is_ivshmem(entry->d_name);
}

int fam_pci_enumerate(struct fam_pci_list *out)
{
	struct dirent **entries = NULL;
	int count = scandir(PCI_DEVICES, &entries, filter_ivshmem,
			    compare_addresses);

	/* A machine without a PCI bus has no such device. */
	if (count < 0 && errno != ENOENT)
		return -errno;
	out->count = 0;
	out->address =
		count > 0 ? calloc((size_t)count, FAM_DEVICE_TEXT) : NULL;
	for (int i = 0; i < count; i++) {
		if (out->address)
			strcpy(out->address[out->count++], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return count > 0 && !out->address ? -ENOMEM : 0;
}

int fam_pci_address(const char *text, char out[FAM_DEVICE_TEXT])
{
	unsigned int domain = 0, bus, slot, function;
	int used = 0;

	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &used) != 4) {
		domain = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function,
			   &used) != 3)
			return -EINVAL;
	}
	/* sscanf() skips blanks and takes signs and 0x; an address has none. */
	if (text[used] ||
	    strspn(text, "0123456789abcdefABCDEF:.") != (size_t)used)
		return -EINVAL;
	snprintf(out, FAM_DEVICE_TEXT, "%04x:%02x:%02x.%x", domain, bus, slot,
		 function);
	return 0;
}

static int try_map(const struct fam_source *source)
{
	void *p;
	int r = fam_source_map(source, 0, source->page_bytes, &p);

	if (r == 0)
		munmap(p, source->page_bytes);
	return r;
}

/* One more reason why the next way has to do. */
static int not_devmem(struct fam_source *source, const char *why)
{
	size_t len = strlen(source->reason);

	snprintf(source->reason + len, sizeof(source->reason) - len,
		 "; /dev/mem: %s", why);
	return -EPERM;
}

/*
 * /dev/mem gives a write-back mapping where the firmware's MTRRs allow one,
 * resource2 never does. Whether the kernel permits it shows at mmap() only.
 */
static int open_devmem(struct fam_source *source, const struct bar *bar)
{
	int r;

	if (!fam_cachetype_mtrr_is_wb(bar->start, bar->size))
		return not_devmem(source, "not write-back either");
	source->fd = fam_fd_lift(
		open("/dev/mem",
		     (source->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
	if (source->fd < 0)
		return not_devmem(source, strerrordesc_np(-source->fd));
	source->via = FAM_VIA_DEVMEM;
	source->base = bar->start;
	strcpy(source->path, "/dev/mem");
	r = try_map(source);
	if (r == 0)
		return 0;
	fam_source_close(source);
	return not_devmem(source, strerrordesc_np(-r));
}

static int open_resource(struct fam_source *source)
{
	source->fd = open_attribute(source->device, "resource2",
				    source->writable ? O_RDWR : O_RDONLY);
	if (source->fd < 0)
		return source->fd == -ENOENT ? -ENXIO : source->fd;
	source->via = FAM_VIA_RESOURCE;
	source->base = 0;
	snprintf(source->path, sizeof(source->path),
		 PCI_DEVICES "/%s/resource2", source->device);
	return 0;
}

static int open_without_driver(struct fam_source *source, const struct bar *bar)
{
	return open_devmem(source, bar) == 0 ? 0 : open_resource(source);
}

int fam_pci_open(const char *address, bool writable, struct fam_source *out)
{
	struct fam_source source = {
		.fd = -1,
		.writable = writable,
		.page_bytes = (size_t)sysconf(_SC_PAGESIZE),
	};
	struct bar bars[BAR_COUNT];
	int r;

	if (!is_ivshmem(address))
		return -ENOENT;
	r = read_bars(address, bars);
	if (r < 0)
		return r;
	if (!bars[BAR_MEMORY].size || !decodes_memory(address))
		return -ENXIO;
	strcpy(source.device, address);
	source.size = bars[BAR_MEMORY].size;
	source.transport = transport_of(address, bars);
	r = fam_module_open(&source);
	if (r == -ENOENT)
		r = open_without_driver(&source, &bars[BAR_MEMORY]);
	if (r == 0)
		*out = source;
	return r;
}

int fam_pci_recheck(const struct fam_source *source)
{
	struct bar bars[BAR_COUNT];

	/* After an unplug, /dev/mem would show whatever came to that place. */
	if (!is_ivshmem(source->device) || read_bars(source->device, bars) < 0)
		return -ENXIO;
	if (bars[BAR_MEMORY].size != source->size ||
	    (source->via == FAM_VIA_DEVMEM &&
	     bars[BAR_MEMORY].start != source->base))
		return -ENXIO;
	return 0;
}

/* Aligned words, whatever memcpy() may do: the memory may be uncached. */
static void copy_words(void *to, const volatile void *from, size_t len)
{
	const volatile uint64_t *source = from;
	uint64_t *target = to;

	for (size_t i = 0; i < len / sizeof(*target); i++)
		target[i] = source[i];
}

int fam_pci_superblock(const struct fam_source *source, uint64_t offset,
		       struct fam_superblock *out)
{
	void *page;
	int r = fam_source_map(source, offset, sizeof(*out), &page);

	if (r < 0)
		return r;
	copy_words(out, page, sizeof(*out));
	munmap(page, sizeof(*out));
	return 0;
}
