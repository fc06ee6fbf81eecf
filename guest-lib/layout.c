// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <fam/layout.h>

#define CRC_OFFSET offsetof(struct fam_superblock, crc32c)
#define CRC_END	   (CRC_OFFSET + sizeof(uint32_t))

/* The checksum of a superblock as if its checksum field were zero. */
static uint32_t superblock_crc(const struct fam_superblock *sb)
{
	static const uint8_t zero[sizeof(sb->crc32c)];
	const uint8_t *bytes = (const uint8_t *)sb;
	uint32_t crc;

	crc = fam_crc32c(0, bytes, CRC_OFFSET);
	crc = fam_crc32c(crc, zero, sizeof(zero));
	return fam_crc32c(crc, bytes + CRC_END, sizeof(*sb) - CRC_END);
}

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static bool size_is_valid(uint64_t size)
{
	return is_power_of_two(size) && size >= FAM_FORMATTED_MIN &&
	       size <= FAM_SIZE_MAX;
}

static bool durability_is_valid(uint32_t durability)
{
	return durability == FAM_DURABILITY_HOST ||
	       durability == FAM_DURABILITY_GUEST;
}

static bool is_alnum(char c)
{
	/* Not isalnum(3): the locale has no say in the format. */
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

int fam_label_check(const char *label)
{
	size_t len = strnlen(label, FAM_LABEL_BYTES);

	if (len == FAM_LABEL_BYTES)
		return -ENAMETOOLONG;
	if (!is_alnum(label[0]))
		return -EINVAL;
	for (size_t i = 1; i < len; i++) {
		if (!is_alnum(label[i]) && !strchr("._-", label[i]))
			return -EINVAL;
	}
	return 0;
}

/* A label as stored: terminated, valid, and zero behind its end. */
static bool stored_label_is_valid(const char label[FAM_LABEL_BYTES])
{
	const char *end = memchr(label, '\0', FAM_LABEL_BYTES);

	if (!end || fam_label_check(label) < 0)
		return false;
	for (; end < label + FAM_LABEL_BYTES; end++) {
		if (*end)
			return false;
	}
	return true;
}

/* The variant and version bits of a random UUID (RFC 4122, 4.4). */
static void uuid_mark(uint8_t uuid[FAM_UUID_BYTES])
{
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

static bool uuid_is_random(const uint8_t uuid[FAM_UUID_BYTES])
{
	return (uuid[6] & 0xf0) == 0x40 && (uuid[8] & 0xc0) == 0x80;
}

/* A sixteenth: little to go without, and plenty for locks and rings. */
static uint64_t objects_default(uint64_t size)
{
	uint64_t bytes = size / 16;

	return bytes < FAM_OBJECTS_DEFAULT_MAX ? bytes
					       : FAM_OBJECTS_DEFAULT_MAX;
}

/* Some 30,000 regions from 1 GiB on. */
static uint64_t regions_default(uint64_t size)
{
	uint64_t bytes = size / 32;

	if (bytes < FAM_REGIONS_ALIGN)
		return FAM_REGIONS_ALIGN;
	return bytes < FAM_REGIONS_DEFAULT_MAX ? bytes
					       : FAM_REGIONS_DEFAULT_MAX;
}

/* At the end: the data begins where it does without them. */
static int place(struct fam_superblock *sb, uint64_t regions, uint64_t objects)
{
	uint64_t room = sb->size - sb->data_offset - FAM_DATA_ALIGN;

	if (objects % FAM_OBJECTS_ALIGN || regions % FAM_REGIONS_ALIGN ||
	    objects > room || regions > room - objects)
		return -EINVAL;
	sb->objects_offset = objects ? sb->size - objects : 0;
	sb->objects_bytes = objects;
	sb->regions_offset = regions ? sb->size - objects - regions : 0;
	sb->regions_bytes = regions;
	sb->data_bytes = sb->size - sb->data_offset - objects - regions;
	return 0;
}

int fam_superblock_set_objects(struct fam_superblock *sb, uint64_t bytes)
{
	return place(sb, sb->regions_bytes, bytes);
}

int fam_superblock_set_regions(struct fam_superblock *sb, uint64_t bytes)
{
	return place(sb, bytes, sb->objects_bytes);
}

int fam_superblock_init(struct fam_superblock *sb, uint64_t size,
			const char *label, const uint8_t uuid[FAM_UUID_BYTES],
			uint64_t created_ns, enum fam_durability durability)
{
	if (!size_is_valid(size) || fam_label_check(label) < 0 ||
	    !durability_is_valid(durability))
		return -EINVAL;
	memset(sb, 0, sizeof(*sb));
	memcpy(sb->magic, FAM_SUPERBLOCK_MAGIC, sizeof(sb->magic));
	sb->version = FAM_FORMAT_VERSION;
	sb->durability = durability;
	memcpy(sb->uuid, uuid, sizeof(sb->uuid));
	uuid_mark(sb->uuid);
	sb->size = size;
	sb->generation = 1;
	sb->data_offset = FAM_DATA_OFFSET;
	sb->created_ns = created_ns;
	sb->feature_compat = FAM_COMPAT_MAILBOX | FAM_COMPAT_SESSIONS |
			     FAM_COMPAT_OBJECTS | FAM_COMPAT_REGIONS;
	sb->mailbox_offset = FAM_MAILBOX_OFFSET;
	sb->mailbox_bytes = FAM_MAILBOX_BYTES;
	sb->sessions_offset = FAM_SESSIONS_OFFSET;
	sb->sessions_bytes = FAM_SESSIONS_BYTES;
	sb->parking_offset = FAM_PARKING_OFFSET;
	sb->parking_bytes = FAM_PARKING_BYTES;
	(void)place(sb, regions_default(size),
		    objects_default(size)); /* fits */
	memcpy(sb->label, label, strlen(label));
	return 0;
}

void fam_superblock_seal(struct fam_superblock *sb, unsigned int copy)
{
	sb->copy = (uint16_t)copy;
	sb->crc32c = superblock_crc(sb);
}

uint64_t fam_superblock_offset(unsigned int copy)
{
	return copy * FAM_SUPERBLOCK_COPY_OFFSET;
}

static bool has_magic(const struct fam_superblock *sb)
{
	return memcmp(sb->magic, FAM_SUPERBLOCK_MAGIC, sizeof(sb->magic)) == 0;
}

/* Where the data lies: aligned, behind the metadata, inside the fabric. */
static bool data_is_valid(const struct fam_superblock *sb)
{
	return sb->data_offset >= FAM_DATA_OFFSET &&
	       sb->data_offset % FAM_DATA_ALIGN == 0 &&
	       sb->data_offset < sb->size && sb->data_bytes > 0 &&
	       sb->data_bytes <= sb->size - sb->data_offset;
}

/*
 * The place and the length are those of version 1 of the mailbox. Its own
 * header tells the version, but a wrong place would have it written over the
 * superblocks, or over data.
 */
static bool mailbox_is_valid(const struct fam_superblock *sb)
{
	if (!(sb->feature_compat & FAM_COMPAT_MAILBOX))
		return true;
	return sb->mailbox_offset == FAM_MAILBOX_OFFSET &&
	       sb->mailbox_bytes == FAM_MAILBOX_BYTES;
}

static bool sessions_are_valid(const struct fam_superblock *sb)
{
	if (!(sb->feature_compat & FAM_COMPAT_SESSIONS))
		return true;
	return sb->sessions_offset == FAM_SESSIONS_OFFSET &&
	       sb->sessions_bytes == FAM_SESSIONS_BYTES;
}

/* An area of its own behind the data, or none. */
static bool area_is_valid(const struct fam_superblock *sb, uint64_t offset,
			  uint64_t bytes, uint64_t align)
{
	uint64_t data_end = sb->data_offset + sb->data_bytes;

	if (bytes == 0)
		return offset == 0;
	return bytes % align == 0 && offset % align == 0 &&
	       offset >= data_end && offset < sb->size &&
	       bytes <= sb->size - offset;
}

static bool objects_are_valid(const struct fam_superblock *sb)
{
	if (!(sb->feature_compat & FAM_COMPAT_OBJECTS))
		return true;
	return sb->feature_compat & FAM_COMPAT_SESSIONS &&
	       sb->parking_offset == FAM_PARKING_OFFSET &&
	       sb->parking_bytes == FAM_PARKING_BYTES &&
	       area_is_valid(sb, sb->objects_offset, sb->objects_bytes,
			     FAM_OBJECTS_ALIGN);
}

/* Not one over the other. */
static bool areas_are_apart(const struct fam_superblock *sb)
{
	return sb->objects_bytes == 0 || sb->regions_bytes == 0 ||
	       sb->regions_offset + sb->regions_bytes <= sb->objects_offset ||
	       sb->objects_offset + sb->objects_bytes <= sb->regions_offset;
}

static bool regions_are_valid(const struct fam_superblock *sb)
{
	if (!(sb->feature_compat & FAM_COMPAT_REGIONS))
		return true;
	return sb->feature_compat & FAM_COMPAT_OBJECTS &&
	       area_is_valid(sb, sb->regions_offset, sb->regions_bytes,
			     FAM_REGIONS_ALIGN) &&
	       areas_are_apart(sb);
}

static bool fields_are_valid(const struct fam_superblock *sb, unsigned int copy)
{
	return sb->copy == copy && durability_is_valid(sb->durability) &&
	       uuid_is_random(sb->uuid) && size_is_valid(sb->size) &&
	       sb->generation > 0 && data_is_valid(sb) &&
	       mailbox_is_valid(sb) && sessions_are_valid(sb) &&
	       objects_are_valid(sb) && regions_are_valid(sb) &&
	       stored_label_is_valid(sb->label);
}

int fam_superblock_check(const struct fam_superblock *sb, unsigned int copy)
{
	if (!has_magic(sb))
		return -EMEDIUMTYPE;
	if (sb->crc32c != superblock_crc(sb))
		return -EBADMSG;
	/* A newer format may mean anything by the other fields. */
	if (sb->version > FAM_FORMAT_VERSION || sb->feature_incompat)
		return -EPROTONOSUPPORT;
	if (sb->version == 0 || !fields_are_valid(sb, copy))
		return -EBADMSG;
	return 0;
}

/* Why there is no copy to use, seen from both places. */
static int choose_failure(const struct fam_superblock sb[FAM_SUPERBLOCK_COPIES])
{
	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		if (has_magic(&sb[i]) || sb[i].crc32c == superblock_crc(&sb[i]))
			return -EBADMSG;
	}
	return -EMEDIUMTYPE;
}

int fam_superblock_choose(const struct fam_superblock sb[FAM_SUPERBLOCK_COPIES],
			  unsigned int *chosen, unsigned int *damaged)
{
	int checks[FAM_SUPERBLOCK_COPIES];
	unsigned int best, other;

	for (unsigned int i = 0; i < FAM_SUPERBLOCK_COPIES; i++) {
		checks[i] = fam_superblock_check(&sb[i], i);
		if (checks[i] == -EPROTONOSUPPORT)
			return checks[i];
	}
	if (checks[0] < 0 && checks[1] < 0)
		return choose_failure(sb);

	if (checks[0] < 0 || checks[1] < 0)
		best = checks[0] < 0;
	else
		best = sb[1].generation > sb[0].generation;
	other = !best;
	*chosen = best;
	if (damaged) {
		bool same = checks[other] == 0 &&
			    memcmp(sb[0].uuid, sb[1].uuid, FAM_UUID_BYTES) == 0;

		*damaged = same ? 0 : 1u << other;
	}
	return 0;
}

const char *fam_uuid_format(const uint8_t uuid[FAM_UUID_BYTES],
			    char out[FAM_UUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;

	for (int i = 0; i < FAM_UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[uuid[i] >> 4];
		*p++ = digits[uuid[i] & 15];
	}
	*p = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int fam_uuid_parse(const char *text, uint8_t uuid[FAM_UUID_BYTES])
{
	uint8_t parsed[FAM_UUID_BYTES];
	const char *p = text;

	for (int i = 0; i < FAM_UUID_BYTES; i++, p += 2) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return -EINVAL;
		high = hex_value(p[0]);
		low = high < 0 ? -1 : hex_value(p[1]);
		if (low < 0)
			return -EINVAL;
		parsed[i] = (uint8_t)(high << 4 | low);
	}
	if (*p)
		return -EINVAL;
	memcpy(uuid, parsed, sizeof(parsed));
	return 0;
}
