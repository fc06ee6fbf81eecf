// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "region-size.h"
#include "util/log.h"
#include "util/size.h"

/*
 * A write lease is granted only while nobody else has the file open or mapped,
 * and then holds off whoever comes: nobody loses pages under its feet.
 */
static int shrink(int fd, uint64_t size, struct err *err)
{
	int ret = 0;

	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return err_set(
			err, -EBUSY,
			"somebody has it open: it cannot be made smaller");
	if (ftruncate(fd, (off_t)size) < 0)
		ret = err_sys(err, errno, "cannot make it smaller");
	(void)fcntl(fd, F_SETLEASE, F_UNLCK); /* closing it would do, too */
	return ret;
}

/* The file system sets aside @bytes from @from, or nothing has changed. */
int region_size_reserve(int fd, uint64_t from, uint64_t bytes, struct err *err)
{
	struct stat st;
	int errnum;

	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)bytes) == 0)
		return 0;
	errnum = errno;
	/* what it got so far beyond the end is freed by setting the same size
	 */
	if (fstat(fd, &st) == 0 && ftruncate(fd, st.st_size) < 0)
		log_warn_errno(errno, "cannot free what was reserved");
	if (errnum == EOPNOTSUPP) {
		err_set(err, -EOPNOTSUPP,
			"this file system cannot reserve space");
		return err_hint(err, "--sparse goes without");
	}
	return err_sys(err, errnum, "cannot reserve %" PRIu64 " MiB",
		       bytes / MiB);
}

static int grow(int fd, uint64_t from, const struct region_spec *spec,
		struct err *err)
{
	int ret = 0;

	if (!spec->sparse)
		ret = region_size_reserve(fd, from, spec->size - from, err);
	if (ret < 0)
		return ret;
	if (ftruncate(fd, (off_t)spec->size) < 0 || fsync(fd) < 0)
		return err_sys(err, errno, "cannot make it %" PRIu64 " MiB",
			       spec->size / MiB);
	log_info("'%s' is now %" PRIu64 " MiB", spec->file ?: spec->shm,
		 spec->size / MiB);
	return 0;
}

static int size_mismatch(uint64_t have, const struct region_spec *spec,
			 struct err *err)
{
	char has[SIZE_TEXT_MAX], wants[SIZE_TEXT_MAX];

	size_format(have, has);
	size_format(spec->size, wants);
	if (have < spec->size) {
		err_set(err, -ENODATA, "it is %s, not the %s asked for", has,
			wants);
		return err_hint(err, "-t makes it larger, and keeps what is in "
				     "it");
	}
	err_set(err, -EFBIG, "it is %s, not the %s asked for", has, wants);
	return err_hint(err, "serve it as it is by leaving out -m");
}

/* Brings the file to the size asked for, if it may. */
int region_size_fit(int fd, uint64_t have, const struct region_spec *spec,
		    bool formatted, struct err *err)
{
	if (!spec->size || have == spec->size)
		return 0;
	if (!spec->grow)
		return size_mismatch(have, spec, err);
	if (formatted)
		return err_set(err, -EBUSY,
			       "it is formatted: its size is fixed");
	if (have < spec->size)
		return grow(fd, have, spec, err);
	if (spec->force)
		return shrink(fd, spec->size, err);
	err_set(err, -EFBIG, "-t would cut off what is in it");
	return err_hint(err, "serve it as it is by leaving out -m and -t");
}

int region_size_check(uint64_t size, struct err *err)
{
	char text[SIZE_TEXT_MAX];

	size_format(size, text);
	if (size == 0) {
		err_set(err, -ENODATA, "it is empty");
		return err_hint(err, "-t with -m SIZE gives it a size");
	}
	if (!size_is_power_of_two(size))
		return err_set(err, -EMEDIUMTYPE,
			       "%" PRIu64 " bytes is not a power of two", size);
	if (size < FAM_RAW_MIN || size > FAM_SIZE_MAX)
		return err_set(err, -EMEDIUMTYPE,
			       "%s is not between 1 MiB and 16 TiB", text);
	return 0;
}

/* What -t would do is judged, not done. */
int region_size_would_fit(uint64_t have, const struct region_spec *spec,
			  bool formatted, struct err *err)
{
	if (!spec->size || have == spec->size)
		return region_size_check(have, err);
	if (!spec->grow)
		return size_mismatch(have, spec, err);
	if (formatted)
		return err_set(err, -EBUSY,
			       "it is formatted: its size is fixed");
	if (have > spec->size && !spec->force)
		return err_set(err, -EFBIG, "-t would cut off what is in it");
	return region_size_check(spec->size, err);
}
