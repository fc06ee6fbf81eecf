# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of put.bats; see crash.bash.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"

fam() {
	"$FAM_BUILD/bin/fam" -f "$where/f.fam" "$@"
}

# A disk with a fabric on it; $where is where fam finds that.
put_up() {
	disk_up
	regions=960 fabric f
	sync --file-system "$mnt"
	where=$mnt
	seq 300000 >"$dir/in"
	seq 7 >"$dir/old"
}

# The power is cut now: from here on, fam finds what the disk had. What is mounted
# goes with the test's name space.
cut() {
	cp --sparse=always "$dir/fuse/disk" "$dir/cut"
	mkdir -p "$dir/after"
	mount -o loop "$dir/cut" "$dir/after"
	# It is another start of the host.
	cp /proc/sys/kernel/random/uuid "$dir/boot"
	mount --bind "$dir/boot" /proc/sys/kernel/random/boot_id
	where=$dir/after
}

put_keeps() {
	put_up
	fam put "$dir/old" a/x
	fam put "$dir/in" a/x --replace
	fam put - b <"$dir/in"
	cut
	fam get a/x - | cmp - "$dir/in"
	fam get b - | cmp - "$dir/in"
	[[ $(fam ls -r | tr '\n' ' ') == 'a/x b ' ]] || die "other names: $(fam ls -r)"
}

put_loses() {
	put_up
	fam put "$dir/old" x
	fam put "$dir/in" x --replace --no-sync
	fam get x - | cmp - "$dir/in"
	cut
	! fam get x - | cmp -s - "$dir/in" || die "it is on the disk: this would not find a mistake"
}

changes_keep() {
	put_up
	local name
	for name in gone from big; do
		fam put "$dir/old" "$name" --no-sync
	done
	fam create zeros 100000
	fam rm gone
	fam mv from to
	fam resize big 1M
	fam chmod 644 big
	cut
	[[ $(fam ls -r | tr '\n' ' ') == 'big to zeros ' ]] || die "other names: $(fam ls -r)"
	fam stat big --json | jq -e '.[0] | .bytes == 1048576 and .mode == "0644"'
	fam get zeros - | cmp -n 100000 - /dev/zero
}

some_is_stored() {
	fam ls -r | grep -q '^[.]put/'
}

put_half() {
	put_up
	fam put "$dir/old" x
	mkfifo "$dir/fifo"
	exec {held}<>"$dir/fifo"
	fam put - x --replace <"$dir/fifo" &
	head -c 6000000 /dev/zero >&"$held"
	wait_until 20 some_is_stored || die "nothing is stored"
	# Whatever of it was on its way to the disk has come there.
	sync --file-system "$mnt"
	cut
	fam get x - | cmp - "$dir/old"
	# Nobody has told the table of sessions who is dead: a lease has to end.
	fam rm -r .put
	fam put "$dir/in" x --replace
	[[ $(fam ls -r) == x ]] || die "other names: $(fam ls -r)"
	fam get x - | cmp - "$dir/in"
	fam df --json | jq -e '.taken + .free == .bytes and .regions == 1'
}
