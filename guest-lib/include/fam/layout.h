/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef FAM_LAYOUT_H
#define FAM_LAYOUT_H

/*
 * The format inside a formatted fabric; ../../FORMAT.md is its description.
 *
 * Everything is little-endian and fixed-width; positions are byte offsets from
 * the start of the fabric, never pointers. Any node may scribble over it at any
 * time: copy a structure out of the fabric, check the copy, use the copy.
 */

#include <stddef.h>
#include <stdint.h>

/* What a durable store outlives; stored in fam_superblock.durability. */
enum fam_durability {
	FAM_DURABILITY_HOST = 0,  /* a power cut of the host: the default */
	FAM_DURABILITY_GUEST = 1, /* crash of the node and its emulator only */
};

#define FAM_SUPERBLOCK_MAGIC	   "\211FAM\r\n\032\n"
#define FAM_SUPERBLOCK_BYTES	   4096
#define FAM_SUPERBLOCK_COPIES	   2
#define FAM_SUPERBLOCK_COPY_OFFSET (UINT64_C(1) << 20)
#define FAM_FORMAT_VERSION	   1

/*
 * Feature bits of fam_superblock.feature_compat. A pmem device over the same
 * file takes what stands in bytes 4096 to 8191 for its own description, so
 * nothing of ours does.
 */
#define FAM_COMPAT_MAILBOX  0x1u /* there is a flush mailbox: FORMAT.md */
#define FAM_COMPAT_SESSIONS 0x2u /* there is a table of sessions */
#define FAM_COMPAT_OBJECTS  0x4u /* there are a parking and named objects */
#define FAM_COMPAT_REGIONS  0x8u /* there are named regions */

#define FAM_MAILBOX_OFFSET (UINT64_C(64) << 10)
#define FAM_MAILBOX_BYTES  (UINT64_C(960) << 10)

#define FAM_SESSIONS_OFFSET (UINT64_C(1088) << 10)
#define FAM_SESSIONS_BYTES  (UINT64_C(576) << 10)

#define FAM_PARKING_OFFSET (UINT64_C(1664) << 10)
#define FAM_PARKING_BYTES  (UINT64_C(260) << 10)

/* Named objects lie behind the data, at the end of the fabric. */
#define FAM_OBJECTS_ALIGN	(UINT64_C(1) << 20)
#define FAM_OBJECTS_DEFAULT_MAX (UINT64_C(256) << 20)

/* The directory of regions lies behind the data, before the objects. */
#define FAM_REGIONS_ALIGN	(UINT64_C(1) << 20)
#define FAM_REGIONS_DEFAULT_MAX (UINT64_C(32) << 20)

#define FAM_DATA_ALIGN	  (UINT64_C(2) << 20)
#define FAM_DATA_OFFSET	  (UINT64_C(2) << 20)
#define FAM_RAW_MIN	  (UINT64_C(1) << 20)
#define FAM_FORMATTED_MIN (UINT64_C(16) << 20)
#define FAM_SIZE_MAX	  (UINT64_C(16) << 40)
#define FAM_UUID_BYTES	  16
#define FAM_UUID_TEXT	  37 /* 8-4-4-4-12 hexadecimal digits and a NUL */
#define FAM_LABEL_BYTES	  64 /* at most 63 bytes and a NUL */

/*
 * Two copies: at 0 and at FAM_SUPERBLOCK_COPY_OFFSET. The valid copy with the
 * higher generation counts. An update writes the second copy, makes it durable,
 * then writes the first, so a power cut leaves at least one whole.
 */
struct fam_superblock {
	uint8_t magic[8]; /* FAM_SUPERBLOCK_MAGIC */
	uint32_t crc32c;  /* of all 4096 bytes, this field being 0 */
	uint16_t version; /* FAM_FORMAT_VERSION; a higher one is refused */
	uint16_t copy;	  /* 0 or 1: which of the two this is */
	uint32_t feature_compat;      /* unknown bits may be ignored */
	uint32_t feature_ro_compat;   /* unknown bits: open read-only only */
	uint32_t feature_incompat;    /* unknown bits: do not open */
	uint32_t durability;	      /* enum fam_durability */
	uint8_t uuid[FAM_UUID_BYTES]; /* random, as RFC 4122 version 4 */
	uint64_t size;	      /* bytes of the whole fabric, a power of two */
	uint64_t generation;  /* 1 at creation, +1 with each update */
	uint64_t data_offset; /* multiple of FAM_DATA_ALIGN */
	uint64_t data_bytes;  /* data_offset + data_bytes <= size */
	uint64_t created_ns;  /* nanoseconds since 1970-01-01 UTC */
	char label[FAM_LABEL_BYTES]; /* the fabric's name, NUL-padded */
	/* With FAM_COMPAT_MAILBOX, else both zero: */
	uint64_t mailbox_offset; /* bytes, a multiple of 4096 */
	uint64_t mailbox_bytes;
	/* With FAM_COMPAT_SESSIONS, else both zero: */
	uint64_t sessions_offset; /* bytes, a multiple of 4096 */
	uint64_t sessions_bytes;
	/* With FAM_COMPAT_OBJECTS, which needs sessions, else all zero: */
	uint64_t parking_offset; /* bytes, a multiple of 4096 */
	uint64_t parking_bytes;
	/* Multiples of FAM_OBJECTS_ALIGN, behind the data; both zero: none. */
	uint64_t objects_offset;
	uint64_t objects_bytes;
	/*
	 * With FAM_COMPAT_REGIONS, which needs objects, else both zero: multiples
	 * of FAM_REGIONS_ALIGN, behind the data.
	 */
	uint64_t regions_offset;
	uint64_t regions_bytes;
	uint8_t reserved[3864]; /* zero */
};

#ifndef __cplusplus /* the library itself is C */
_Static_assert(offsetof(struct fam_superblock, magic) == 0, "format");
_Static_assert(offsetof(struct fam_superblock, crc32c) == 8, "format");
_Static_assert(offsetof(struct fam_superblock, version) == 12, "format");
_Static_assert(offsetof(struct fam_superblock, copy) == 14, "format");
_Static_assert(offsetof(struct fam_superblock, feature_compat) == 16, "format");
_Static_assert(offsetof(struct fam_superblock, feature_ro_compat) == 20,
	       "format");
_Static_assert(offsetof(struct fam_superblock, feature_incompat) == 24,
	       "format");
_Static_assert(offsetof(struct fam_superblock, durability) == 28, "format");
_Static_assert(offsetof(struct fam_superblock, uuid) == 32, "format");
_Static_assert(offsetof(struct fam_superblock, size) == 48, "format");
_Static_assert(offsetof(struct fam_superblock, generation) == 56, "format");
_Static_assert(offsetof(struct fam_superblock, data_offset) == 64, "format");
_Static_assert(offsetof(struct fam_superblock, data_bytes) == 72, "format");
_Static_assert(offsetof(struct fam_superblock, created_ns) == 80, "format");
_Static_assert(offsetof(struct fam_superblock, label) == 88, "format");
_Static_assert(offsetof(struct fam_superblock, mailbox_offset) == 152,
	       "format");
_Static_assert(offsetof(struct fam_superblock, mailbox_bytes) == 160, "format");
_Static_assert(offsetof(struct fam_superblock, sessions_offset) == 168,
	       "format");
_Static_assert(offsetof(struct fam_superblock, sessions_bytes) == 176,
	       "format");
_Static_assert(offsetof(struct fam_superblock, parking_offset) == 184,
	       "format");
_Static_assert(offsetof(struct fam_superblock, parking_bytes) == 192, "format");
_Static_assert(offsetof(struct fam_superblock, objects_offset) == 200,
	       "format");
_Static_assert(offsetof(struct fam_superblock, objects_bytes) == 208, "format");
_Static_assert(offsetof(struct fam_superblock, regions_offset) == 216,
	       "format");
_Static_assert(offsetof(struct fam_superblock, regions_bytes) == 224, "format");
_Static_assert(offsetof(struct fam_superblock, reserved) == 232, "format");
_Static_assert(sizeof(struct fam_superblock) == FAM_SUPERBLOCK_BYTES, "format");
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the fabric format is little-endian and no swapping is written yet"
#endif

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/**
 * fam_crc32c() - CRC-32C (Castagnoli) of a buffer
 * @crc: 0, or the result for what came before
 * @data: may be NULL only if @len is 0
 *
 * Reflected, polynomial 0x1edc6f41, initial value and final XOR 0xffffffff
 * (RFC 3720 appendix B.4); "123456789" gives 0xe3069283.
 */
uint32_t fam_crc32c(uint32_t crc, const void *data, size_t len);

/**
 * fam_superblock_init() - fill a superblock for a new fabric, not yet sealed
 * @size: bytes, a power of two, FAM_FORMATTED_MIN to FAM_SIZE_MAX
 * @label: fam_label_check() must accept it
 * @uuid: FAM_UUID_BYTES random bytes; version and variant bits are set here
 * @created_ns: nanoseconds since 1970-01-01 UTC
 *
 * Return: 0; -EINVAL if @size, @label or @durability is out of range
 */
int fam_superblock_init(struct fam_superblock *sb, uint64_t size,
			const char *label, const uint8_t uuid[FAM_UUID_BYTES],
			uint64_t created_ns, enum fam_durability durability);

/**
 * fam_superblock_set_objects() - how much of a new fabric is for named objects
 * @sb: from fam_superblock_init(), which leaves a sixteenth for them, at most
 *	FAM_OBJECTS_DEFAULT_MAX
 * @bytes: a multiple of FAM_OBJECTS_ALIGN; at least FAM_DATA_ALIGN must be left
 *	for data. 0: the fabric can have none
 *
 * Return: 0; -EINVAL, @sb untouched
 */
int fam_superblock_set_objects(struct fam_superblock *sb, uint64_t bytes);

/**
 * fam_superblock_set_regions() - how much of a new fabric is for the directory of
 * regions
 * @sb: from fam_superblock_init(), which leaves a 32nd for it, at most
 *	FAM_REGIONS_DEFAULT_MAX and at least FAM_REGIONS_ALIGN
 * @bytes: as for fam_superblock_set_objects(); a region needs 1072. 0: the fabric
 *	can have none
 *
 * Return: 0; -EINVAL, @sb untouched
 */
int fam_superblock_set_regions(struct fam_superblock *sb, uint64_t bytes);

/** fam_superblock_seal() - set the copy number (0 or 1) and the checksum */
void fam_superblock_seal(struct fam_superblock *sb, unsigned int copy);

/** fam_superblock_offset() - where copy 0 or 1 lies in the fabric, bytes */
uint64_t fam_superblock_offset(unsigned int copy);

/**
 * fam_superblock_check() - is this copy whole and within this program's reach?
 * @sb: a private copy, not a pointer into the fabric
 * @copy: the place it was read from, 0 or 1
 *
 * Return: 0; -EMEDIUMTYPE no magic: not a formatted fabric, or its start was
 * overwritten; -EBADMSG the checksum or a field is wrong; -EPROTONOSUPPORT
 * whole, but of a newer format or with an unknown incompatible feature
 */
int fam_superblock_check(const struct fam_superblock *sb, unsigned int copy);

/**
 * fam_superblock_choose() - pick the copy that counts
 * @sb: private copies of both places; all zero for one that cannot be read
 * @chosen: index of the copy to use; untouched on failure
 * @damaged: if not NULL, bit 0 and 1 tell which copies do not hold what they
 *	should: invalid, or of another fabric; an older generation is no damage
 *
 * Return: 0; -EPROTONOSUPPORT if either whole copy is of a newer format;
 * -EBADMSG if neither is valid but one carries the magic or a checksum that
 * fits; -EMEDIUMTYPE if neither carries the magic
 */
int fam_superblock_choose(const struct fam_superblock sb[FAM_SUPERBLOCK_COPIES],
			  unsigned int *chosen, unsigned int *damaged);

/**
 * fam_label_check() - may this be a fabric's name?
 *
 * 1 to 63 bytes of A-Z a-z 0-9 . _ - beginning with a letter or digit: safe as
 * a file name, in XML and in a shell.
 * Return: 0; -EINVAL; -ENAMETOOLONG
 */
int fam_label_check(const char *label);

/** fam_uuid_format() - lower-case text of a UUID */
const char *fam_uuid_format(const uint8_t uuid[FAM_UUID_BYTES],
			    char out[FAM_UUID_TEXT]);

/** fam_uuid_parse() - Return: 0; -EINVAL, @uuid untouched */
int fam_uuid_parse(const char *text, uint8_t uuid[FAM_UUID_BYTES]);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
