// SPDX-License-Identifier: GPL-2.0-only
// Copyright (c) 2026, the FAM emulator authors
/* /sys/class/fam/famN: what can be asked without opening the device. */
#include <linux/sysfs.h>

#include "fam.h"

static struct fam_dev *to_fam(struct device *dev)
{
	return container_of(dev, struct fam_dev, dev);
}

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_fam(dev)->mem.size);
}
static DEVICE_ATTR_RO(size);

static ssize_t page_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", fam_memory_page_bytes(to_fam(dev)));
}
static DEVICE_ATTR_RO(page_bytes);

static ssize_t vectors_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%u\n", to_fam(dev)->vectors);
}
static DEVICE_ATTR_RO(vectors);

static ssize_t cached_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	static const char *const text[] = {
		[FAM_CACHED_UNKNOWN] = "unknown",
		[FAM_CACHED_WB] = "wb",
		[FAM_CACHED_WC] = "wc",
		[FAM_CACHED_UC] = "uc",
	};

	return sysfs_emit(buf, "%s\n", text[to_fam(dev)->mem.cached]);
}
static DEVICE_ATTR_RO(cached);

static ssize_t revision_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%u\n", to_fam(dev)->pdev->revision);
}
static DEVICE_ATTR_RO(revision);

static ssize_t peer_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct fam_dev *fam = to_fam(dev);
	u32 peer;

	if (!fam_enter(fam))
		return -ENODEV;
	peer = fam_position(fam);
	fam_exit(fam);
	return sysfs_emit(buf, "%u\n", peer);
}
static DEVICE_ATTR_RO(peer);

static ssize_t formatted_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct fam_identity identity;
	int err = fam_identify(to_fam(dev), &identity);

	if (err == -ENOMEM)
		return err;
	return sysfs_emit(buf, "%d\n", !err);
}
static DEVICE_ATTR_RO(formatted);

static ssize_t label_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct fam_identity identity;
	int err = fam_identify(to_fam(dev), &identity);

	if (err == -ENOMEM)
		return err;
	return sysfs_emit(buf, "%s\n", err ? "" : identity.label);
}
static DEVICE_ATTR_RO(label);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct fam_identity identity;
	int err = fam_identify(to_fam(dev), &identity);

	if (err == -ENOMEM)
		return err;
	if (err)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%pUb\n", identity.uuid);
}
static DEVICE_ATTR_RO(uuid);

static struct attribute *fam_attrs[] = {
	&dev_attr_size.attr,	  &dev_attr_page_bytes.attr,
	&dev_attr_vectors.attr,	  &dev_attr_cached.attr,
	&dev_attr_revision.attr,  &dev_attr_peer.attr,
	&dev_attr_formatted.attr, &dev_attr_label.attr,
	&dev_attr_uuid.attr,	  NULL,
};

static const struct attribute_group fam_group = {
	.attrs = fam_attrs,
};

const struct attribute_group *fam_groups[] = { &fam_group, NULL };
