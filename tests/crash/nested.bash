# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# A host whose power can be cut: a Linux under emulation, with its file system on
# a disk behind a volatile write cache, the real tm-server on that, and in an
# emulation inside of it a guest without a system (nested-guest.c). What the guest
# acknowledges leaves the host by a serial port. A cut takes host and cache away
# at once; then e2fsck and debugfs get the fabric off the disk. No root is needed.
#
# $nested is the directory of nested_prepare. To be sourced by a .bats file.

# shellcheck source=tests/lib/vm.bash
source "${BASH_SOURCE[0]%/*}/../lib/vm.bash"

PATH=$PATH:/usr/sbin:/sbin
nested_tools=$FAM_BUILD/tests
nested_nbdkit=0
# What nested_cut and nested_replay return when records are lost, and when they
# could not find out.
# shellcheck disable=SC2034 # used by tests
NESTED_LOST=1 NESTED_BROKEN=9

# Prints what is missing on this machine, if anything.
nested_missing() {
	local command
	for command in qemu-system-x86_64 nbdkit mke2fs e2fsck debugfs; do
		type -P "$command" >/dev/null && continue
		printf 'needs the command %s\n' "$command"
		return
	done
	if [[ ! -x $nested_tools/nested-guest ]]; then
		printf 'needs x86-64\n'
	elif [[ ! -e $nested_tools/nested-disk.so ]]; then
		printf 'was built without nbdkit-plugin-dev\n'
	fi
}

# nested_prepare DIR: what all cuts have in common: a disk with two fabrics made by
# famctl, and the state of a host which has booted and mounted it. Each cut goes on
# from there, with a copy of the disk: so a boot is paid for once only.
nested_prepare() {
	nested=$1
	local disk=$nested/disk.img
	truncate -s 64M "$disk"
	mkfifo "$nested/monitor.in" "$nested/monitor.out"
	mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$disk" &&
		nested_bundle "$nested/bundle" &&
		nested_launch host /dev/null "file=$disk" -chardev "pipe,id=monitor,path=$nested/monitor" \
			-mon chardev=monitor || return
	line_ready "${vm_in[host]}" "${vm_out[host]}" "$VM_BOOT_TIMEOUT" proc_alive "${vm_pid[host]}" || {
		vm_show host
		return 1
	}
	# The file system's own commits, every 5 seconds by default, flush the disk, too:
	# what is durable shall be so by the server's doing.
	vm_exec host 'mount /dev/vda /mnt && famctl create-fabric 16M p --path /mnt/prepared.fam --prepare &&
		famctl create-fabric 16M u --path /mnt/unprepared.fam && umount /mnt &&
		mount -o commit=3600 /dev/vda /mnt && stty -F /dev/ttyS2 raw -echo' >&2 &&
		nested_save
}

# Writes the host's state to a file and ends it.
nested_save() {
	local file=$nested/state
	printf 'migrate "exec:cat >%s.new && mv %s.new %s"\nquit\n' "$file" "$file" "$file" \
		>"$nested/monitor.in"
	wait_until 60 proc_gone "${vm_pid[host]}"
	vm_forget host
	[[ -s $file ]] || die 'the state of the host was not saved'
}

# What the host has beside busybox: the programs under test, QEMU and its parts.
nested_bundle() { # DIR
	local part
	local -a add=()
	for part in "$(type -P qemu-system-x86_64)" "$FAM_BUILD"/bin/{famctl,tm-server} \
		"$nested_tools"/{nested-guest,tm-server-lying,tm-server-unflushed}; do
		add+=(--add "$part")
	done
	for part in /usr/lib/*/qemu/accel-tcg-x86_64.so /usr/share/seabios/bios-256k.bin \
		/usr/share/qemu/{bios-256k,multiboot,multiboot_dma,kvmvapic}.bin; do
		[[ ! -e $part ]] || add+=(--add "$part:$part")
	done
	famctl make-bundle --dir "$1" "${add[@]}" >&2
}

# Starts a host; ACKS gets what its guest says, WORDs are more of QEMU's.
nested_launch() { # NAME ACKS DRIVE WORD...
	local base
	base=$(vm_dir)/$1
	# The machine must be the same one when a state is loaded.
	vm_args=(qemu-system-x86_64 -name "$1" -nodefaults -no-reboot -display none
		-machine 'q35,accel=tcg' -cpu qemu64 -m 512 -smp 2
		-kernel "$nested/bundle/vmlinuz" -initrd "$nested/bundle/initrd.img"
		-append 'console=ttyS0 quiet panic=-1 oops=panic tsc=reliable no_timer_check mitigations=off fam.exec=ttyS1'
		-serial "file:$base.console" -chardev "pipe,id=line,path=$base"
		-serial chardev:line -serial "file:$2"
		-drive "$3,format=raw,if=virtio,cache=writeback" "${@:4}")
	vm_launch "$1"
}

# Has the loop in the host answered a line that it does not know? What comes before
# the state is loaded is lost. A host that has died is found by the next command.
nested_answers() {
	local line
	proc_alive "${vm_pid[host]}" || return 0
	printf '\nhello\n' >&"${vm_in[host]}"
	while IFS= read -r -t 0.1 -u "${vm_out[host]}" line; do
		[[ $line != "fam-init: ready "* ]] || return 0
	done
	return 1
}

# The disk of the host, named by nbdkit's WORDs.
nested_disk_start() { # SOCKET WORD...
	local socket=$1
	shift
	rm -f "$socket"
	# What it holds is in a file without a name, there.
	TMPDIR=$(vm_dir) setpriv --pdeathsig KILL nbdkit --foreground --unix "$socket" "$@" \
		</dev/null >"$socket.log" 2>&1 3>&- 4>&- &
	nested_nbdkit=$!
	wait_until 10 test -S "$socket" && return
	cat "$socket.log" >&2
	return 1
}

# First the disk stands still, so that nothing more gets through to it; then the
# host goes; then the disk, which must not write out what it holds.
nested_power_off() {
	kill -STOP "$nested_nbdkit"
	vm_kill host
	kill -KILL "$nested_nbdkit"
	wait "$nested_nbdkit" 2>/dev/null || true
	nested_nbdkit=0
}

# How many records were acknowledged since the guest had its slot, for the N-th time.
nested_acks() { # FILE N
	awk -v n="$2" '/^ready / { n-- } n <= 0 && /^ack / { acks++ } END { print acks + 0 }' "$1"
}

nested_has_acks() { # FILE N COUNT
	(($(nested_acks "$1" "$2") >= $3))
}

# Are there so many, or will there never be?
nested_decided() { # FILE N COUNT
	nested_has_acks "$@" || grep -q '^fail ' "$1"
}

nested_await() { # FILE N COUNT
	wait_until "${NESTED_TIMEOUT:-60}" nested_decided "$@" && nested_has_acks "$@" && return
	printf 'only %d records were acknowledged, not %d\n' "$(nested_acks "$1" "$2")" "$3"
	tail -n 3 "$1"
	vm_exec host 'cat /run/server.* /run/guest.log'
	return 1
} >&2

nested_teardown() {
	((nested_nbdkit == 0)) || kill -KILL "$nested_nbdkit"
	vm_teardown
}

# A server in the host; each has a log of its own, which tells when it serves.
nested_server_start() { # PROGRAM FABRIC
	# shellcheck disable=SC2016 # the host's shell expands them
	vm_exec host "program=$1 fabric=$2"'
		log=$(mktemp /run/server.XXXXXX)
		$program -f $fabric -p /run/f.sock >$log 2>&1 &
		echo $! >/run/server.pid
		try=0
		until grep -q serves $log; do
			[ $((try += 1)) -lt 1000 ] || exit 1
			usleep 10000
		done' >&2
}

nested_server_kill() {
	# shellcheck disable=SC2016
	vm_exec host 'pid=$(cat /run/server.pid)
		kill -9 $pid
		while [ -d /proc/$pid ]; do usleep 1000; done' >&2
}

# The guest in the host. Its QEMU writes what it says straight to the third port.
nested_guest_start() { # doorbell|plain FABRIC WORDS
	local device='-chardev socket,id=f,path=/run/f.sock -device ivshmem-doorbell,chardev=f,vectors=1'
	[[ $1 == doorbell ]] ||
		device="-object memory-backend-file,id=f,mem-path=$2,share=on,size=16M -device ivshmem-plain,memdev=f"
	vm_exec host "qemu-system-x86_64 -machine pc,accel=tcg -smp 1,maxcpus=2 -m 16 -nodefaults -display none \
		-no-reboot $device -kernel /usr/bin/nested-guest -append '$3' -serial file:/dev/ttyS2 \
		</dev/null >/run/guest.log 2>&1 &" >&2
}

# What a disk has after a cut: prints what nested-verify says, returns its status.
nested_verify() { # IMAGE FABRIC ACKS SEED
	local fabric=$1.fam log=$1.log rc=0
	e2fsck -p "$1" >"$log" 2>&1 || rc=$?
	if ((rc > 1)) || ! debugfs -R "dump /$2.fam $fabric" "$1" >>"$log" 2>&1; then
		cat "$log" >&2
		return "$NESTED_BROKEN"
	fi
	rc=0
	"$nested_tools/nested-verify" "$fabric" "$3" "$4" || rc=$?
	rm -f "$fabric" "$log"
	return "$rc"
}

# nested_run [OPTION...] BASE PORT FABRIC SEED: a host goes on from the saved state,
# with the disk at BASE.sock, and its guest commits until the moment that SEED
# chooses. What it says goes to PORT and must come to BASE.acks.
#	-n COUNT	at least so many acknowledgements (50)
#	-t plain	without a doorbell
#	-s PROGRAM	another server
#	-g WORDS	for the guest
#	-k		the server is killed and another one started on the way
nested_run() {
	local OPTIND=1 opt count=50 transport=doorbell server=tm-server guest='' restart=0
	while getopts n:t:s:g:k opt; do
		case $opt in
		n) count=$OPTARG ;;
		t) transport=$OPTARG ;;
		s) server=$OPTARG ;;
		g) guest=$OPTARG ;;
		k) restart=1 ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	local base=$1 port=$2 fabric=/mnt/$3.fam seed=$4
	RANDOM=$seed
	nested_launch host "$port" "file=nbd:unix:$base.sock" -incoming "exec:cat $nested/state" &&
		wait_until 60 nested_answers &&
		nested_server_start "$server" "$fabric" &&
		nested_guest_start "$transport" "$fabric" "seed=$seed $guest" &&
		nested_await "$base.acks" 1 $((count + RANDOM % 300)) || return
	((restart)) || return 0
	nested_server_kill &&
		nested_server_start "$server" "$fabric" &&
		nested_await "$base.acks" 2 $((count + RANDOM % 300))
}

# nested_cut [OPTION of nested_run...] prepared|unprepared SEED: cuts the power of
# a host and looks what is left: prints it, returns 0 or NESTED_LOST, and in that
# case leaves SEED.img and SEED.acks in the test's directory.
nested_cut() {
	local base rc=0 seed=${*: -1} fabric=${*: -2:1}
	base=$(vm_dir)/$seed
	cp --sparse=always "$nested/disk.img" "$base.img"
	nested_disk_start "$base.sock" --filter=cache file "$base.img" cache=writeback &&
		nested_run "${@:1:$#-2}" "$base" "$base.acks" "$fabric" "$seed" || return "$NESTED_BROKEN"
	nested_power_off
	printf 'seed %s, %s: ' "$seed" "${*:1:$#-1}"
	nested_verify "$base.img" "$fabric" "$base.acks" "$seed" || rc=$?
	((rc)) || rm -f "$base".*
	return "$rc"
}

# nested_record [OPTION of nested_run...] prepared|unprepared SEED: the same with a
# disk that records all it is told, for nested_replay.
nested_record() {
	local base seed=${*: -1} fabric=${*: -2:1}
	base=$(vm_dir)/record
	rm -f "$base".*
	cp --sparse=always "$nested/disk.img" "$base.img"
	mkfifo "$base.port"
	nested_disk_start "$base.sock" "$nested_tools/nested-disk.so" "image=$base.img" \
		"tape=$base.tape" "marks=$base.port" "acks=$base.acks" &&
		nested_run "${@:1:$#-2}" "$base" "$base.port" "$fabric" "$seed" || return "$NESTED_BROKEN"
	nested_power_off
	rm -f "$base.img"
}

# nested_replay none|all|some CUT prepared|unprepared SEED: one cut of the recorded
# run of SEED at the moment that CUT, a number, chooses: as nested_cut.
nested_replay() {
	local base rc=0
	base=$(vm_dir)/cut.$1.$2
	# A new file each time, so that nobody has anything of an earlier one cached.
	cp --sparse=always "$nested/disk.img" "$base.img"
	printf 'seed %s, %s, cut %s, %s: ' "$4" "$3" "$2" "$1"
	"$nested_tools/nested-replay" "$(vm_dir)/record.tape" "$base.img" "$base.acks" "$2" "$1" ||
		return "$NESTED_BROKEN"
	nested_verify "$base.img" "$3" "$base.acks" "$4" || rc=$?
	rm -f "$base".*
	return "$rc"
}

# Keeps files of a run that lost something, where bats does not remove them.
nested_keep() { # SEED FILE...
	local keep=$FAM_BUILD/tests/log/nested-seed-$1
	mkdir -p "$keep" && cp --sparse=always "${@:2}" "$keep/" && printf 'kept: %s\n' "$keep"
}
