// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/*
 * Which fabric the memory holds: guest-lib/FORMAT.md, "Superblock". Any node
 * writes there what it likes, so a copy is taken, and the copy is checked.
 */
#include <linux/ctype.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fam.h"

#define FAM_SUPERBLOCK_BYTES 4096
#define FAM_FORMAT_VERSION 1
#define FAM_CRC32C_POLYNOMIAL 0x82f63b78 /* reflected */

static const u64 fam_superblock_offset[] = { 0, SZ_1M };

struct fam_superblock {
	u8 magic[8];
	__le32 crc32c;
	__le16 version;
	__le16 copy;
	__le32 feature_compat;
	__le32 feature_ro_compat;
	__le32 feature_incompat;
	__le32 durability;
	u8 uuid[FAM_UUID_BYTES];
	__le64 size;
	__le64 generation;
	__le64 data_offset;
	__le64 data_bytes;
	__le64 created_ns;
	char label[FAM_LABEL_BYTES];
	u8 rest[FAM_SUPERBLOCK_BYTES - 152];
};

static_assert(sizeof(struct fam_superblock) == FAM_SUPERBLOCK_BYTES);
static_assert(offsetof(struct fam_superblock, rest) == 152);

/* Bit by bit: 50 us twice per look do not need a table, nor another module. */
static u32 fam_crc32c(u32 crc, const u8 *data, size_t len)
{
	unsigned int bit;

	while (len--) {
		crc ^= *data++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? FAM_CRC32C_POLYNOMIAL : 0);
	}
	return crc;
}

static bool fam_checksum_fits(const struct fam_superblock *sb)
{
	static const u8 zero[sizeof(sb->crc32c)];
	const u8 *data = (const u8 *)sb;
	size_t at = offsetof(struct fam_superblock, crc32c);
	size_t after = at + sizeof(sb->crc32c);
	u32 crc;

	crc = fam_crc32c(~0U, data, at);
	crc = fam_crc32c(crc, zero, sizeof(zero));
	crc = fam_crc32c(crc, data + after, sizeof(*sb) - after);
	return ~crc == le32_to_cpu(sb->crc32c);
}

/* Terminated, only what is safe anywhere, and zero behind its end. */
static bool fam_label_is_valid(const char *label)
{
	size_t len = strnlen(label, FAM_LABEL_BYTES);
	size_t i;

	if (len == FAM_LABEL_BYTES || !isascii(label[0]) || !isalnum(label[0]))
		return false;
	for (i = 1; i < len; i++)
		if (!isascii(label[i]) ||
		    (!isalnum(label[i]) && !strchr("._-", label[i])))
			return false;
	return !memchr_inv(label + len, 0, FAM_LABEL_BYTES - len);
}

static bool fam_data_is_valid(const struct fam_superblock *sb)
{
	u64 size = le64_to_cpu(sb->size);
	u64 offset = le64_to_cpu(sb->data_offset);
	u64 bytes = le64_to_cpu(sb->data_bytes);

	return offset >= SZ_2M && IS_ALIGNED(offset, SZ_2M) && offset < size &&
	       bytes && bytes <= size - offset;
}

static bool fam_superblock_is_valid(const struct fam_superblock *sb,
				    unsigned int copy, u64 room)
{
	static const u8 magic[] = { 0x89, 'F', 'A', 'M', '\r', '\n', 0x1a, '\n' };
	u64 size = le64_to_cpu(sb->size);

	if (memcmp(sb->magic, magic, sizeof(magic)) || !fam_checksum_fits(sb))
		return false;
	/* Below are fields that mean something else in another version. */
	if (le16_to_cpu(sb->version) != FAM_FORMAT_VERSION ||
	    sb->feature_incompat)
		return false;
	return le16_to_cpu(sb->copy) == copy && sb->generation &&
	       le32_to_cpu(sb->durability) <= 1 &&
	       sb->uuid[6] >> 4 == 4 && sb->uuid[8] >> 6 == 2 &&
	       is_power_of_2(size) && size <= room && fam_data_is_valid(sb) &&
	       fam_label_is_valid(sb->label);
}

static bool fam_read_copy(struct fam_dev *fam, unsigned int copy,
			  struct fam_superblock *out)
{
	u64 offset = fam_superblock_offset[copy];

	if (offset + sizeof(*out) > fam->mem.size || !fam_enter(fam))
		return false;
	memcpy(out, fam->mem.kaddr + offset, sizeof(*out));
	fam_exit(fam);
	return fam_superblock_is_valid(out, copy, fam->mem.size);
}

/* -ENODATA: there is no formatted fabric, or of a version unknown here. */
int fam_identify(struct fam_dev *fam, struct fam_identity *out)
{
	struct fam_superblock *sb;
	u64 best = 0;
	unsigned int i;

	sb = kmalloc(sizeof(*sb), GFP_KERNEL);
	if (!sb)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(fam_superblock_offset); i++) {
		if (!fam_read_copy(fam, i, sb) ||
		    le64_to_cpu(sb->generation) <= best)
			continue;
		best = le64_to_cpu(sb->generation);
		memcpy(out->label, sb->label, sizeof(out->label));
		memcpy(out->uuid, sb->uuid, sizeof(out->uuid));
	}
	kfree(sb);
	return best ? 0 : -ENODATA;
}
