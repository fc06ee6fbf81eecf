# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Guests with the kernel module. To be sourced by a .bats file, after ../lib/vm.

# A bundle with the module, which its fam-init loads, and what tries it. Sets
# $kmod_bundle, or leaves it empty: the test is then to be skipped.
kmod_bundle() {
	kmod_bundle=
	[[ -e $FAM_BUILD/kmod/fam_ivshmem.ko ]] || return 0
	kmod_bundle=$(public_dir fam-kmod-bundle)
	famctl make-bundle --dir "$kmod_bundle" \
		--add "$FAM_BUILD/kmod/fam_ivshmem.ko:/lib/fam_ivshmem.ko" \
		--add "$FAM_BUILD/tests/kmod/fam_walk.ko:/lib/fam_walk.ko" \
		--add "$FAM_BUILD/tests/fam-map-bench:/bin/fam-map-bench" \
		--add "$FAM_BUILD/tests/fam-kmod:/bin/fam-kmod" \
		--add "${BASH_SOURCE[0]%/*}/../../guest-lib/kmod/60-fam.rules:/etc/60-fam.rules" >&2
}

kmod_setup() {
	[[ -n $kmod_bundle ]] ||
		skip "no kernel module in the build tree: it needs kernel headers"
	dir=$(public_dir fam-kmod)
	server=
}

kmod_teardown() {
	[[ -z ${server:-} ]] || proc_end "$server"
	vm_teardown
	rm -rf "${dir:?}"
}

# A fabric in $dir; $fabric is its file.
kmod_fabric() { # NAME SIZE [OPTION...]
	fabric=$dir/$1.fam
	famctl create-fabric "$2" "$1" --path "$fabric" "${@:3}" >/dev/null
}

# kmod_serve VECTORS: the server of $fabric; sets $socket.
kmod_serve() {
	socket=$dir/server.sock
	"$FAM_BUILD/bin/tm-server" -f "$fabric" -p "$socket" -n "$1" \
		</dev/null 2>>"$dir/log" 3>&- &
	server=$!
	wait_until 10 test -S "$socket.ctl"
}

# kmod_vm [OPTION of vm_start...] NAME: a guest whose device of $fabric the test
# describes to QEMU itself: famctl leaves that of a doorbell node to libvirt.
kmod_vm() {
	vm_start -b "$kmod_bundle" -o "--fabric=$fabric" -o --transport=doorbell "$@"
}

# kmod_bell VECTORS [OPTION of vm_start...] NAME: a guest with a doorbell device
# of the server.
kmod_bell() {
	local vectors=$1
	shift
	vm_start -b "$kmod_bundle" -d "$fabric:$socket:$vectors" "$@"
}

# Words for QEMU: a monitor behind two pipes, for kmod_monitor.
kmod_with_monitor() { # NAME
	local base
	base=$(vm_dir)/$1.monitor
	mkfifo "$base.in" "$base.out"
	exec {monitor_in}<>"$base.in" {monitor_out}<>"$base.out"
	# shellcheck disable=SC2034 # for the caller
	words=(-q -chardev -q "pipe,id=monitor,path=$base" -q -mon -q "chardev=monitor,mode=control")
	printf '{"execute":"qmp_capabilities"}\n' >&"$monitor_in"
}

# kmod_monitor COMMAND [ARGUMENTS-IN-JSON]: one command of QMP; fails with it.
kmod_monitor() {
	local line deadline=$((SECONDS + 20))
	printf '{"execute":"%s","arguments":%s,"id":"%s"}\n' "$1" "${2:-{\}}" "$1" >&"$monitor_in"
	while ((SECONDS < deadline)); do
		IFS= read -r -t 1 -u "$monitor_out" line || continue
		[[ $line != *"\"id\": \"$1\""* ]] || break
	done
	[[ $line == *'"return"'* ]] || die "QEMU refused $1: $line"
}

# Guests' shell words: waits until a command succeeds, for a file or a device.
# shellcheck disable=SC2016 # the guest expands
readonly KMOD_SHELL='
until_ok() { n=0; until "$@" 2>/dev/null; do n=$((n + 1)); [ $n -lt 600 ] || return 1; usleep 50000; done; }
pci_of() { basename "$(readlink -f /sys/class/fam/$1/device)"; }
driver=/sys/bus/pci/drivers/fam_ivshmem
'

# In the guest, with the words above.
in_vm() { # [-t SECONDS] NAME COMMAND
	local -a options=()
	if [[ $1 == -t ]]; then
		options=(-t "$2")
		shift 2
	fi
	vm_exec "${options[@]}" "$1" "$KMOD_SHELL$2"
}
