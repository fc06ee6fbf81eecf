// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <fam-regions.h>

#include "fabric.h"
#include "util/size.h"

int fabric_check_name(const char *name, struct err *err)
{
	int ret = fam_label_check(name);

	if (ret == 0)
		return 0;
	if (!name[0])
		err_set(err, -EINVAL, "a fabric's name may not be empty");
	else if (ret == -ENAMETOOLONG)
		err_set(err, -EINVAL,
			"fabric name '%.20s...' is %zu bytes long, at most %d "
			"are allowed",
			name, strlen(name), FAM_LABEL_BYTES - 1);
	else
		err_set(err, -EINVAL, "'%s' cannot be a fabric's name", name);
	return err_hint(err,
			"use 1 to %d letters, digits, '.', '_' or '-', "
			"the first one a letter or digit",
			FAM_LABEL_BYTES - 1);
}

const char *fabric_size_text(uint64_t bytes, char *out)
{
	static const char unit[] = "KMGT";
	int i = -1;

	while (bytes && bytes % 1024 == 0 && i < 3) {
		bytes /= 1024;
		i++;
	}
	if (i < 0)
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64, bytes);
	else
		snprintf(out, SIZE_TEXT_MAX, "%" PRIu64 "%ciB", bytes, unit[i]);
	return out;
}

static int too_small(uint64_t size, bool raw, struct err *err)
{
	char is[SIZE_TEXT_MAX], min[SIZE_TEXT_MAX], raw_min[SIZE_TEXT_MAX];

	fabric_size_text(raw ? FAM_RAW_MIN : FAM_FORMATTED_MIN, min);
	if (size == 0)
		err_set(err, -EINVAL, "size 0 is no size");
	else
		err_set(err, -EINVAL, "size %s is below the minimum of %s",
			fabric_size_text(size, is), min);
	if (raw)
		return err_hint(err, "use %s or more", min);
	return err_hint(err, "use %s or more, or --raw and %s or more", min,
			fabric_size_text(FAM_RAW_MIN, raw_min));
}

int fabric_check_size(uint64_t size, bool raw, struct err *err)
{
	uint64_t min = raw ? FAM_RAW_MIN : FAM_FORMATTED_MIN, lower = min;
	char is[SIZE_TEXT_MAX], low[SIZE_TEXT_MAX], high[SIZE_TEXT_MAX];

	if (size < min)
		return too_small(size, raw, err);
	if (size > FAM_SIZE_MAX) {
		err_set(err, -EINVAL, "size %s is above the limit of %s",
			fabric_size_text(size, is),
			fabric_size_text(FAM_SIZE_MAX, high));
		return err_hint(err, "use %s or less", high);
	}
	if (size_is_power_of_two(size))
		return 0;
	while (lower * 2 < size)
		lower *= 2;
	err_set(err, -EINVAL, "size %s is not a power of two",
		fabric_size_text(size, is));
	return err_hint(err, "use %s or %s", fabric_size_text(lower, low),
			fabric_size_text(lower * 2, high));
}

int fabric_check_objects(uint64_t size, uint64_t regions, uint64_t objects,
			 struct err *err)
{
	uint64_t most = size - FAM_DATA_OFFSET - FAM_DATA_ALIGN - regions;
	char is[SIZE_TEXT_MAX], good[SIZE_TEXT_MAX];

	fabric_size_text(objects, is);
	if (objects > most) {
		err_set(err, -EINVAL, "%s for objects leaves no room for data",
			is);
		return err_hint(err, "use %s or less",
				fabric_size_text(most, good));
	}
	if (objects % FAM_OBJECTS_ALIGN == 0)
		return 0;
	err_set(err, -EINVAL, "%s for objects is not a multiple of %s", is,
		fabric_size_text(FAM_OBJECTS_ALIGN, good));
	return err_hint(err, "use %s",
			fabric_size_text(objects / FAM_OBJECTS_ALIGN *
							 FAM_OBJECTS_ALIGN +
						 FAM_OBJECTS_ALIGN,
					 good));
}

int fabric_check_regions(uint64_t size, uint64_t objects, uint64_t count,
			 uint64_t *bytes, struct err *err)
{
	uint64_t room = size - FAM_DATA_OFFSET - FAM_DATA_ALIGN - objects;
	uint64_t area = 0, most;

	room -= room % FAM_REGIONS_ALIGN;
	most = fam_regions_fit(room);
	if (count > most) {
		err_set(err, -EINVAL,
			count > FAM_REGIONS_MAX
				? "%" PRIu64
				  " regions are more than there can be"
				: "%" PRIu64 " regions leave no room for data",
			count);
		return err_hint(err, "use %" PRIu64 " or less", most);
	}
	while (fam_regions_fit(area) < count)
		area += FAM_REGIONS_ALIGN;
	*bytes = area;
	return 0;
}
