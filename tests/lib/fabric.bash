# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Fabrics in a directory of the test's own. To be sourced by a .bats file, whose
# setup() calls fabric_setup and whose teardown() calls fabric_teardown.

# shellcheck source=tests/lib/assert.bash
source "${BASH_SOURCE[0]%/*}/assert.bash"

readonly FABRIC_TESTS=${BASH_SOURCE[0]%/*}

# A libvirt without nodes, inside the process: what is defined on this machine
# must not decide a test. `fabric_nodes` puts nodes into it.
FABRIC_URI=test:///default

# Sets $dir, an empty directory on a disk.
fabric_setup() {
	unset FAMCTL_COLOR XDG_DATA_HOME
	export LC_ALL=C.UTF-8 LIBVIRT_AUTOSTART=0
	mounted='' holder='' home=''
	dir=$(public_dir fam-fabric)
}

fabric_teardown() {
	[[ -z ${holder:-} ]] || let_go
	[[ -z ${home:-} ]] || ((EUID != 0)) || user_end "$home"
	[[ -z ${mounted:-} ]] || umount "$mounted"
	rm -rf "${dir:?}"
}

# famctl as the tests call it.
famctl() {
	"$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" "$@"
}

# famctl_at_home ARGUMENT...: as a plain user with an empty home, $home. The tree
# may lie where that user cannot go, so it runs a copy of the program.
famctl_at_home() {
	if ((EUID != 0)); then
		home=$BATS_TEST_TMPDIR/home
		HOME=$home XDG_DATA_HOME=$home/data famctl "$@"
		return
	fi
	[[ -n $home ]] || home=$(user_home)
	[[ -e $home/famctl ]] || install -m 755 "$FAM_BUILD/bin/famctl" "$home/famctl"
	as_user "$home" "$home/famctl" --connect "$FABRIC_URI" "$@"
}

# The same as a process of its own, which takes signals as in a terminal: a shell
# without job control starts background commands with SIGINT ignored. The caller
# closes descriptor 3: "famctl_started ARGUMENT... 3>&- &".
famctl_started() {
	exec env --default-signal=INT,TERM,HUP \
		"$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" "$@"
}

# famctl_at_terminal ANSWER ARGUMENT...: with a terminal for stdin, stdout and
# stderr, at which ANSWER is typed; prints what stands on the terminal.
famctl_at_terminal() {
	local answer=$1 line
	shift
	printf -v line '%q ' "$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" "$@"
	printf '%s' "$answer" | script --quiet --return --command "$line" /dev/null
}

# make_fabric NAME [SIZE [OPTION...]]: in $dir, without talk.
make_fabric() {
	local name=$1 size=${2:-16M}
	shift $(($# > 2 ? 2 : $#))
	famctl create-fabric "$size" "$name" --dir "$dir" "$@" >/dev/null
}

# damage FILE OFFSET: overwrites 64 bytes there.
damage() {
	printf 'damaged %.0s' {1..8} |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Where the two copies of the superblock lie.
# shellcheck disable=SC2034 # used by tests
readonly SUPERBLOCK_0=0 SUPERBLOCK_1=$((1 << 20))

# node_uses NODE FILE: from now on $FABRIC_URI has one node, which uses FILE.
node_uses() {
	cat >"$BATS_TEST_TMPDIR/nodes.xml" <<-END
		<node>
		  <domain type='test'>
		    <name>$1</name>
		    <memory unit='MiB'>64</memory>
		    <os><type>hvm</type></os>
		    <metadata>
		      <fam:node xmlns:fam='urn:fam-emulator:node:1'>
		        <fam:fabric name='f' uuid='' path='$2' size='16777216'
		          transport='plain' device='00:10.0'/>
		      </fam:node>
		    </metadata>
		  </domain>
		</node>
	END
	FABRIC_URI=test://$BATS_TEST_TMPDIR/nodes.xml
}

# From now on no libvirt can be reached, whatever runs on this machine.
without_libvirt() {
	FABRIC_URI='qemu+unix:///system?socket=/nonexistent/libvirt-sock'
}

# mount_on TYPE OPTIONS [DEVICE]: a file system of the test's own in $dir.
mount_on() {
	requires_root "to mount a file system"
	mount -t "$1" -o "$2" "${3:-none}" "$dir"
	mounted=$dir
}

# build_helper NAME [WORD...]: compiles tests/lib/NAME.c to $BATS_FILE_TMPDIR/NAME.
# To be called in setup_file.
build_helper() {
	local name=$1
	shift
	"${CC:-cc}" -D_GNU_SOURCE -O1 -Wall -I"$FABRIC_TESTS/../../guest-lib/include" \
		-o "$BATS_FILE_TMPDIR/$name" "$FABRIC_TESTS/$name.c" "$@"
}

# The same, linked with libfam and with the sanitizer that it was built with.
build_libfam_helper() { # NAME
	local -a sanitize=()
	[[ $FAM_BUILD != */address ]] || sanitize=('-fsanitize=address,undefined')
	[[ $FAM_BUILD != */thread ]] || sanitize=(-fsanitize=thread)
	build_helper "$1" "${sanitize[@]}" "$FAM_BUILD/lib/libfam.a" -lpmem -pthread
}

# A library which makes system calls fail as a poor file system or disk does.
faults_build() {
	build_helper faults -shared -fPIC
}

# famctl_with FAULT ARGUMENT...: famctl under it, e.g. fallocate=ENOSPC.
famctl_with() {
	local fault=$1
	shift
	FAULT=$fault LD_PRELOAD=$BATS_FILE_TMPDIR/faults ASAN_OPTIONS=verify_asan_link_order=0 \
		"$FAM_BUILD/bin/famctl" --connect "$FABRIC_URI" "$@"
}

# reseal FILE FIELD VALUE: changes a superblock as a newer program would.
reseal_build() {
	build_helper reseal "$FABRIC_TESTS"/../../guest-lib/{layout,crc32c}.c
}

reseal() {
	"$BATS_FILE_TMPDIR/reseal" "$@"
}

hold_build() {
	build_helper hold-file
}

# holding MODE FILE: starts a process that keeps FILE open (r, w) or mapped with
# its descriptor closed (m); sets $holder once it does. `let_go` ends it.
holding() {
	local ready=$BATS_TEST_TMPDIR/ready
	rm -f "$ready"
	"$BATS_FILE_TMPDIR/hold-file" "$1" "$2" "$ready" </dev/null 3>&- &
	holder=$!
	wait_until 10 test -e "$ready"
}

let_go() {
	proc_end "$holder"
	holder=''
}
