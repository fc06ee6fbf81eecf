# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# libvirt for tests and the demo: its daemons, and commands inside of nodes. To
# be sourced.

# shellcheck source=tests/lib/proc.bash
source "${BASH_SOURCE[0]%/*}/proc.bash"
# shellcheck source=tests/lib/line.bash
source "${BASH_SOURCE[0]%/*}/line.bash"

declare -gA node_fd=()

libvirt_answers() {
	timeout 20 virsh -q -c qemu:///system uri >/dev/null 2>&1
}

# Can /dev/kvm be opened, and yet famctl finds that it runs nothing? The answer is
# kept in the build tree until the machine starts anew: the probe takes seconds.
kvm_is_of_no_use() { # STATE-DIRECTORY
	local boot kept answer=no
	[[ -r /dev/kvm && -w /dev/kvm ]] && type -P famctl >/dev/null || return 1
	boot=$(</proc/sys/kernel/random/boot_id) kept=${FAM_BUILD:-$1}/kvm-is-of-no-use
	if [[ ! -s $kept || $(<"$kept") != "$boot "* ]]; then
		famctl create-fabric 16M kvm-probe --path "$1/kvm-probe.fam" >/dev/null || return
		famctl --connect test:///default create-node kvm-probe \
			--fabric "$1/kvm-probe.fam" 2>/dev/null | grep -q '<domain.* type="qemu"' &&
			answer=yes
		rm -f "$1/kvm-probe.fam"
		printf '%s %s\n' "$boot" "$answer" >"$kept"
	fi
	[[ $(<"$kept") == *yes ]]
}

# Starts one daemon in the background unless its socket answers.
libvirt_daemon() { # NAME STATE-DIRECTORY
	local program
	local -a words=()
	program=$(PATH=$PATH:/usr/sbin type -P "$1") || die "$1 is not installed" || return
	# Where it sees a /dev/kvm that no QEMU can use, libvirt doubts what it knows of
	# QEMU and probes it anew before each operation.
	if [[ $1 == libvirtd ]] && kvm_is_of_no_use "$2"; then
		mkdir -p "$2/dev"
		words=(unshare --mount --propagation slave
			bash "${BASH_SOURCE[0]%/*}/without-kvm" "$2/dev")
	fi
	# Not `$1 -d`: that one could not be told from another's afterwards. Nothing
	# of the caller's stays open in it.
	setsid "${words[@]}" "$program" --pid-file "$2/$1.pid" </dev/null >"$2/$1.log" 2>&1 \
		3>&- 4>&- &
	disown
}

# libvirt_up STATE-DIRECTORY: makes qemu:///system answer. Daemons that run, or
# that a service manager starts on demand, are used as they are.
libvirt_up() {
	! libvirt_answers || return 0
	mkdir -p "$1"
	[[ -S /run/libvirt/virtlogd-sock ]] && pgrep -x virtlogd >/dev/null ||
		libvirt_daemon virtlogd "$1" || return
	libvirt_daemon libvirtd "$1" || return
	wait_until 30 libvirt_answers && return
	cat "$1"/*.log >&2
	die 'libvirtd does not answer'
}

# libvirt_down STATE-DIRECTORY: ends what libvirt_up started there, nothing else.
libvirt_down() {
	local name pid
	for name in libvirtd virtlogd; do
		[[ -s $1/$name.pid ]] || continue
		pid=$(<"$1/$name.pid")
		[[ $(ps -o comm= -p "$pid") == "$name" ]] && proc_end "$pid"
		rm -f "$1/$name.pid" "$1/$name.log"
	done
	[[ ! -d $1/dev ]] || rmdir "$1/dev"
}

# Names of the domains that begin with $prefix.
domains() {
	virsh -q -c qemu:///system list --all --name | grep "^${prefix:?}" | sort
}

# domains_end: for teardown: no node is spoken to, and no domain is left.
domains_end() {
	local name
	for name in "${!node_fd[@]}"; do
		node_close "$name"
	done
	for name in $(domains); do
		virsh -q -c qemu:///system destroy "$name" >/dev/null 2>&1 || true
		virsh -q -c qemu:///system undefine "$name" >&2
	done
}

# node_open NODE [SECONDS]: waits until the shell on a node's console answers and
# makes it take commands. NODE's console must not be in use.
node_open() {
	local fd pty rc=0
	[[ -z ${node_fd[$1]:-} ]] || return 0
	pty=$(virsh -q -c "${NODE_URI:-qemu:///system}" ttyconsole "$1") || return
	[[ -c $pty ]] || die "node $1 has no console" || return
	stty -F "$pty" raw -echo || return
	exec {fd}<>"$pty"
	node_fd[$1]=$fd
	line_ready "$fd" "$fd" "${2:-90}" true || rc=$?
	((rc == 0)) || die "node $1 does not answer on its console ($rc)"
}

# node_close NODE: gives the console back, with a shell on it.
node_close() {
	local fd=${node_fd[$1]:-}
	[[ -n $fd ]] || return 0
	# The node may be gone already.
	{ printf 'quit\n' >&"$fd"; } 2>/dev/null || true
	exec {fd}>&-
	unset "node_fd[$1]"
}

# node_exec [-t SECONDS] NODE COMMAND: runs a shell command in a running node;
# prints its output, returns its status, or LINE_TIMEOUT or LINE_DEAD.
node_exec() {
	local timeout=60 rc=0
	if [[ $1 == -t ]]; then
		timeout=$2
		shift 2
	fi
	node_open "$1" || return "$LINE_DEAD"
	line_run "${node_fd[$1]}" "${node_fd[$1]}" "$timeout" "$2" true || rc=$?
	((rc != LINE_TIMEOUT && rc != LINE_DEAD)) ||
		printf 'node %s gave no answer (%d): %s\n' "$1" "$rc" "$2" >&2
	return "$rc"
}
