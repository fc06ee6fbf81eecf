# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# Guests on a bare QEMU, without libvirt: quicker to start, and killed with the
# test. What they are made of comes from `famctl create-node`, so a test runs
# what users run. To be sourced by a .bats file, which calls vm_teardown in its
# teardown().

# shellcheck source=tests/lib/proc.bash
source "${BASH_SOURCE[0]%/*}/proc.bash"
# shellcheck source=tests/lib/line.bash
source "${BASH_SOURCE[0]%/*}/line.bash"

FAM_BUILD=${FAM_BUILD:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build}
PATH=$FAM_BUILD/bin:$PATH
# One bundle for all tests; setup_suite makes it elsewhere.
VM_BUNDLE=${VM_BUNDLE:-$FAM_BUILD/tests/bundle}
VM_BOOT_TIMEOUT=${VM_BOOT_TIMEOUT:-60}

declare -gA vm_pid=() vm_in=() vm_out=()

# vm_dir: where this test keeps the files of its guests.
vm_dir() {
	printf '%s\n' "$BATS_TEST_TMPDIR"
}

# The string value of an XPath expression in an XML file.
xml_value() { # FILE XPATH
	xmllint --xpath "string($2)" "$1"
}

# A step of XPath that does not mind the name space.
xml_any() { # NAME
	printf "//*[local-name()='%s']" "$1"
}

# Appends to the array vm_args what the XML of a node says about its QEMU.
vm_args_from_xml() { # FILE
	local xml=$1 memory cpu bits count i room slots
	memory=$(xml_value "$xml" "$(xml_any memory)")
	cpu=$(xml_value "$xml" "$(xml_any cpu)$(xml_any model)")
	bits=$(xml_value "$xml" "$(xml_any maxphysaddr)/@bits")
	room=$(xml_value "$xml" "$(xml_any maxMemory)")
	slots=$(xml_value "$xml" "$(xml_any maxMemory)/@slots")
	vm_args+=(
		-machine "$(xml_value "$xml" "$(xml_any type)/@machine"),accel=tcg"
		-m "$((memory / 1024))${room:+,slots=$slots,maxmem=${room}K}"
		-smp "$(xml_value "$xml" "$(xml_any vcpu)/@current"),maxcpus=$(xml_value "$xml" "$(xml_any vcpu)")"
		-kernel "$(xml_value "$xml" "$(xml_any kernel)")"
		-initrd "$(xml_value "$xml" "$(xml_any initrd)")"
		-append "$(xml_value "$xml" "$(xml_any cmdline)")"
	)
	[[ -z $cpu ]] || vm_args+=(-cpu "$cpu${bits:+,phys-bits=$bits}")
	count=$(xmllint --xpath "count($(xml_any arg))" "$xml")
	for ((i = 1; i <= count; i++)); do
		vm_args+=("$(xml_value "$xml" "($(xml_any arg))[$i]/@value")")
	done
}

# Starts QEMU with vm_args; sets the entries of vm_pid, vm_in, vm_out. It dies
# with this shell (pdeathsig), whatever ends it.
vm_launch() { # NAME
	local name=$1 base in out
	base=$(vm_dir)/$name
	rm -f "$base.in" "$base.out"
	mkfifo "$base.in" "$base.out"
	# Opening both ways never waits for the other side.
	exec {in}<>"$base.in" {out}<>"$base.out"
	setpriv --pdeathsig KILL "${vm_args[@]}" \
		</dev/null >"$base.qemu.log" 2>&1 3>&- 4>&- &
	vm_pid[$name]=$! vm_in[$name]=$in vm_out[$name]=$out
}

# Appends to the array words what attaches a guest to a server, as famctl would.
vm_doorbell() { # FABRIC:SOCKET[:VECTORS]
	local where=$1 vectors=1
	if [[ $where =~ :[0-9]+$ ]]; then
		vectors=${where##*:} where=${where%:*}
	fi
	fabrics+=(--fabric "${where%:*}" --transport doorbell)
	words+=(-device "pcie-root-port,id=famd,bus=pcie.0,addr=0x18,chassis=230,slot=230,pref64-reserve=32G"
		-chardev "socket,id=famdc,path=${where##*:}"
		-device "ivshmem-doorbell,chardev=famdc,vectors=$vectors,bus=famd")
}

# vm_modules NAME...: modules of the guests' kernel that a bundle does not have.
# Sets modules, options for make-bundle, and load, what a guest is to run.
vm_modules() {
	local root file
	local -a files=()
	modules=() load=true
	root=$(sed -n 's|^input [^/]*\(/.*\)/kernel/drivers/.*|\1|p' "$VM_BUNDLE/inputs" | head -n 1)
	[[ -n $root ]] || die "the bundle has no modules" || return
	mapfile -t files < <(awk -F '[: ]+' -v "names=$*" '
		BEGIN { split(names, n, " "); for (i in n) wanted[n[i]] }
		{ name = $1; sub(".*/", "", name); sub("[.]ko.*", "", name) }
		name in wanted { for (i = NF; i > 0; i--) if ($i != "") print $i }
		' "$root/modules.dep")
	for file in "${files[@]}"; do
		grep -q "$file\$" "$VM_BUNDLE/inputs" && continue
		modules+=(--add "$root/$file:/lib/${file##*/}")
		load+=" && insmod /lib/${file##*/}"
	done
}

# vm_bundles PROGRAM...: for setup_file: what guests boot, with these test programs:
# $bundle, and $kmod_bundle, with the kernel module where it was built.
vm_bundles() {
	local -a add=()
	local program
	for program in "$@"; do
		add+=(--add "$FAM_BUILD/tests/$program")
	done
	export bundle=$BATS_FILE_TMPDIR/bundle
	famctl make-bundle --dir "$bundle" "${add[@]}" >/dev/null
	export kmod_bundle=$bundle
	if [[ -e $FAM_BUILD/kmod/fam_ivshmem.ko ]]; then
		kmod_bundle=$BATS_FILE_TMPDIR/kmod-bundle
		famctl make-bundle --dir "$kmod_bundle" "${add[@]}" \
			--add "$FAM_BUILD/kmod/fam_ivshmem.ko:/lib/fam_ivshmem.ko" >/dev/null
	fi
}

# vm_start [OPTION...] NAME: boots a guest and waits until it takes commands.
#	-f FABRIC	attach it; may be repeated
#	-d FABRIC:SOCKET[:VECTORS]  attach it through the tm-server there, with
#			doorbells (1)
#	-o OPTION	one more for famctl create-node, as --flush=window; may be repeated
#	-m MIB		its own memory (256)
#	-b DIR		bundle (the suite's)
#	-a TEXT		more kernel parameters
#	-q WORD		one more word for QEMU, after all others; may be repeated
# The bundle's kernel module stays unloaded: what is to be tried with it adds it to
# a bundle of its own (kmod/kmod.bash).
# Not inside `run`: the guest ends with the shell that started it.
vm_start() {
	local OPTIND=1 opt name base memory=256 bundle=$VM_BUNDLE append="" rc
	local -a fabrics=() words=() vm_args=() node_options=()
	while getopts f:d:o:m:b:a:q: opt; do
		case $opt in
		f) fabrics+=(--fabric "$OPTARG") ;;
		d) vm_doorbell "$OPTARG" ;;
		o) node_options+=("$OPTARG") ;;
		m) memory=$OPTARG ;;
		b) bundle=$OPTARG ;;
		a) append=" $OPTARG" ;;
		q) words+=("$OPTARG") ;;
		*) return 2 ;;
		esac
	done
	name=${!OPTIND}
	base=$(vm_dir)/$name
	famctl create-node "$name" "${fabrics[@]}" --memory "${memory}M" --virt-type qemu \
		--bundle-dir "$bundle" "${node_options[@]}" >"$base.xml" \
		--append "fam.exec=ttyS1 panic_on_warn=1 oops=panic modprobe.blacklist=fam_ivshmem$append" ||
		return
	vm_args=("$(xml_value "$base.xml" "$(xml_any emulator)")" -name "$name"
		-nodefaults -no-reboot -display none)
	vm_args_from_xml "$base.xml"
	vm_args+=(-serial "file:$base.console" -chardev "pipe,id=line,path=$base"
		-serial chardev:line "${words[@]}")
	vm_launch "$name"
	rc=0
	line_ready "${vm_in[$name]}" "${vm_out[$name]}" "$VM_BOOT_TIMEOUT" \
		proc_alive "${vm_pid[$name]}" || rc=$?
	((rc == 0)) && return
	printf 'guest %s did not boot (%d)\n' "$name" "$rc" >&2
	vm_show "$name"
	return "$rc"
}

# vm_exec [-t SECONDS] NAME COMMAND: runs a shell command in a guest; prints its
# output, returns its status, or LINE_TIMEOUT or LINE_DEAD.
vm_exec() {
	local timeout=30 rc=0
	if [[ $1 == -t ]]; then
		timeout=$2
		shift 2
	fi
	line_run "${vm_in[$1]}" "${vm_out[$1]}" "$timeout" "$2" \
		proc_alive "${vm_pid[$1]}" || rc=$?
	if ((rc == LINE_TIMEOUT || rc == LINE_DEAD)); then
		printf 'guest %s gave no answer (%d): %s\n' "$1" "$rc" "$2" >&2
		vm_show "$1"
	fi
	return "$rc"
}

# vm_stop NAME: has the guest switch itself off, and makes sure that it did.
vm_stop() {
	local console
	console=$(vm_dir)/$1.console
	printf 'run stop 8\npoweroff' >&"${vm_in[$1]}"
	if ! wait_until 30 proc_gone "${vm_pid[$1]}" ||
		! grep -q 'reboot: Power down' "$console"; then
		printf 'guest %s did not switch itself off\n' "$1" >&2
		vm_show "$1"
		return 1
	fi
	vm_forget "$1"
}

# vm_kill NAME: ends QEMU as a crash would.
vm_kill() {
	kill -KILL "${vm_pid[$1]}" 2>/dev/null || true
	wait_until 10 proc_gone "${vm_pid[$1]}" || return
	vm_forget "$1"
}

vm_forget() { # NAME
	local in=${vm_in[$1]} out=${vm_out[$1]}
	wait "${vm_pid[$1]}" 2>/dev/null || true
	exec {in}>&- {out}>&-
	unset "vm_pid[$1]" "vm_in[$1]" "vm_out[$1]"
}

# vm_run [OPTION of vm_start...] [-t SECONDS] [--] COMMAND: boots a guest, runs
# one command in it, prints the output, switches it off, returns the status.
vm_run() {
	local OPTIND=1 opt timeout=30 rc=0 stop=0
	local -a options=()
	while getopts f:d:o:m:b:a:q:t: opt; do
		case $opt in
		t) timeout=$OPTARG ;;
		'?') return 2 ;;
		*) options+=("-$opt" "$OPTARG") ;;
		esac
	done
	shift $((OPTIND - 1))
	vm_start "${options[@]}" run || return
	vm_exec -t "$timeout" run "$1" || rc=$?
	if ((rc == LINE_TIMEOUT || rc == LINE_DEAD)); then
		vm_kill run
	else
		vm_stop run || stop=$?
	fi
	((stop == 0)) || return "$stop"
	return "$rc"
}

# Shows why a guest failed: what QEMU said and the end of its console.
vm_show() { # NAME
	local base
	base=$(vm_dir)/$1
	[[ ! -s $base.qemu.log ]] || sed "s/^/[$1 qemu] /" "$base.qemu.log" >&2
	[[ ! -s $base.console ]] || { grep -E "Kernel panic|WARNING:|BUG:" "$base.console"
		tail -n 20 "$base.console"; } | tr -d "\r" |
		sed "s/^/[$1 console] /" >&2
}

# Keeps what the guests of a failed test left behind, outside of what bats removes.
vm_keep() {
	local keep
	keep=$FAM_BUILD/tests/log/$(basename "$BATS_TEST_FILENAME" .bats)-$BATS_TEST_NUMBER
	rm -rf "$keep"
	mkdir -p "$keep"
	find "$(vm_dir)" -maxdepth 1 -type f \( -name "*.console" -o -name "*.qemu.log" \
		-o -name "*.xml" \) -exec cp -t "$keep" {} +
	printf "kept: %s\n" "$keep" >&2
}

# Ends all guests of the test, shows them if it failed, and looks for leaks.
vm_teardown() {
	local name left
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || vm_keep
	for name in "${!vm_pid[@]}"; do
		[[ -n ${BATS_TEST_COMPLETED:-} ]] || vm_show "$name"
		vm_kill "$name" || true
	done
	left=$(proc_with "$(vm_dir)")
	[[ -z $left ]] || die "processes were left: $left"
}
