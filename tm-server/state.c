// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/log.h"

#define STATE_HEAD "fam-ids 1"
#define STATE_MAX  (16 * 1024 * 1024)
#define BOOT_BYTES 64

static void read_boot(char out[BOOT_BYTES])
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	out[0] = '\0';
	if (fdio_read_file("/proc/sys/kernel/random/boot_id", BOOT_BYTES - 1,
			   &text, &len) < 0)
		return;
	memcpy(out, text, len + 1);
	out[strcspn(out, "\n")] = '\0';
}

/* "ID UID UUID NAME" */
static int parse_id(const char *line, struct slots *slots)
{
	struct identity owner = {0};
	uint8_t uuid[FAM_UUID_BYTES];
	unsigned int id;
	int at = 0;

	if (sscanf(line, "id %u %" SCNu32 " %36s %n", &id, &owner.uid,
		   owner.uuid, &at) != 3 ||
	    !at || id == IVSHMEM_SERVER_ID || id >= IVSHMEM_IDS ||
	    fam_uuid_parse(owner.uuid, uuid) < 0)
		return -EBADMSG;
	snprintf(owner.name, sizeof(owner.name), "%s", line + at);
	return slots_reserve(slots, (uint16_t)id, &owner);
}

static int parse_next(const char *line, struct slots *slots)
{
	uint32_t next;

	if (sscanf(line, "next %" SCNu32, &next) != 1 || next < 1 ||
	    next > IVSHMEM_IDS)
		return -EBADMSG;
	if (next > slots->next)
		slots->next = next;
	return 0;
}

static int parse_failed(const char *line, struct state_mark *mark)
{
	if (sscanf(line, "failed %d %" SCNd64 " %" SCNu64 " %" SCNd64,
		   &mark->failed, &mark->at, &mark->inode,
		   &mark->born_ns) != 4 ||
	    mark->failed >= 0 || mark->at < 0)
		return -EBADMSG;
	return 0;
}

int state_parse(char *text, size_t len, const char *boot, struct slots *slots,
		struct state_mark *mark)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	int ret = 0;

	*mark = (struct state_mark){0};
	if (strlen(text) > len || !line || strcmp(line, STATE_HEAD) != 0)
		return -EBADMSG;
	line = strtok_r(NULL, "\n", &save);
	if (!line || strncmp(line, "boot ", 5) != 0)
		return -EBADMSG;
	if (strcmp(line + 5, boot) != 0)
		return -ESTALE;
	while (ret == 0 && (line = strtok_r(NULL, "\n", &save))) {
		if (strcmp(line, "end") == 0)
			return 0;
		if (strncmp(line, "next ", 5) == 0)
			ret = parse_next(line, slots);
		else if (strncmp(line, "failed ", 7) == 0)
			ret = parse_failed(line, mark);
		else
			ret = parse_id(line, slots);
	}
	return ret == -ENOMEM ? ret : -EBADMSG;
}

/* In a directory others may write to, the file must be our own. */
static int read_own(const char *path, char **out, size_t *len, struct err *err)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, -EPERM, "cannot use '%s': it is not ours",
			       path);
	if (st.st_size > STATE_MAX)
		return err_sys(err, EFBIG, "cannot use '%s'", path);
	text = malloc((size_t)st.st_size + 1);
	ret = text ? fdio_pread(fd, text, (size_t)st.st_size, 0) : -ENOMEM;
	if (ret < 0)
		return err_sys(err, -ret, "cannot read '%s'", path);
	text[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	*out = take(text);
	return 0;
}

int state_load(const char *path, struct slots *slots, struct state_mark *mark,
	       struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char boot[BOOT_BYTES];
	size_t len = 0;
	int ret = read_own(path, &text, &len, err);

	*mark = (struct state_mark){0};
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	read_boot(boot);
	/* a crash of the host can leave it empty; its nodes died with it */
	ret = len ? state_parse(text, len, boot, slots, mark) : -ESTALE;
	if (ret == 0 || ret == -ESTALE)
		return 0;
	err_set(err, ret, "cannot use '%s': it is damaged", path);
	return err_hint(err, "remove it if no node of this fabric runs");
}

/* A name is the rest of its line: it must not begin another one. */
static void put_id(FILE *f, uint16_t id, const struct identity *owner)
{
	fprintf(f, "id %u %" PRIu32 " %s ", id, owner->uid, owner->uuid);
	for (const char *p = owner->name; *p; p++)
		fputc((unsigned char)*p < ' ' ? '?' : *p, f);
	fputc('\n', f);
}

static int put(FILE *f, const struct slots *slots, uint32_t next,
	       const struct state_mark *mark)
{
	char boot[BOOT_BYTES];

	read_boot(boot);
	fprintf(f, STATE_HEAD "\nboot %s\nnext %" PRIu32 "\n", boot, next);
	if (mark->failed)
		fprintf(f, "failed %d %" PRId64 " %" PRIu64 " %" PRId64 "\n",
			mark->failed, mark->at, mark->inode, mark->born_ns);
	for (size_t i = 0; i < slots->world.count; i++) {
		const struct slot *s = slots->by_id[slots->world.ids[i]];

		if (s->owner.uuid[0])
			put_id(f, s->id, &s->owner);
	}
	for (size_t i = 0; i < slots->reserved_count; i++)
		put_id(f, slots->reserved[i].id, &slots->reserved[i].owner);
	fputs("end\n", f);
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}

int state_save(const char *path, const struct slots *slots, uint32_t next,
	       const struct state_mark *mark)
{
	_cleanup_fclose_ FILE *f = NULL;
	char temp[4096];
	int fd, ret;

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	/* left behind by one that was killed: ours, as the lock is */
	if (unlink(temp) < 0 && errno != ENOENT)
		return -errno;
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	ret = put(f, slots, next, mark);
	if (ret == 0 && rename(temp, path) < 0)
		ret = -errno;
	if (ret < 0 && unlink(temp) < 0)
		log_warn_errno(errno, "cannot remove '%s'", temp);
	return ret;
}
