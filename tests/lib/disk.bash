# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# A disk of the test's own, an ext4 on a loop device, to see what was written to
# it. To be sourced by a .bats file, whose teardown() calls disk_end. It lies in
# DISK_BASE, or where the test's other files are. Needs root.

# shellcheck source=tests/lib/assert.bash
source "${BASH_SOURCE[0]%/*}/assert.bash"

# Sets $disk, where it is mounted, and $disk_image, the file behind it.
disk_begin() { # MIB [OPTION of mkfs.ext4...]
	requires_root "a loop device"
	requires_command mkfs.ext4
	[[ -w /dev/loop-control ]] || skip "needs loop devices"
	local base=${DISK_BASE:-$BATS_TEST_TMPDIR}
	disk='' disk_image=$base/disk.img
	truncate -s "$1M" "$disk_image"
	mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "${@:2}" "$disk_image"
	mkdir -p "$base/disk"
	mount -o loop "$disk_image" "$base/disk"
	disk=$base/disk
	disk_loop=$(findmnt -n -o SOURCE "$disk")
	disk_loop=${disk_loop##*/}
}

disk_end() {
	[[ -n ${disk:-} ]] || return 0
	wait_until 10 umount -q "$disk" || die "'$disk' is still in use"
	rm -f "$disk_image"
	disk=''
}

# Was TEXT written out? The image holds only what reached the device, whatever
# there is in the page cache of the file system above.
disk_has() { # TEXT
	LC_ALL=C grep -qaF -- "$1" "$disk_image"
}

# How often the disk was told to write its own cache out.
disk_flushes() {
	awk '{ print $16 }' "/sys/block/$disk_loop/stat"
}
