#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=120
load ../lib/fabric.bash

# Nobody listens there, whatever runs on this machine.
readonly NOWHERE='qemu+unix:///system?socket=/nonexistent/libvirt-sock'
dir='' # set by fabric_setup
readonly TREE=$BATS_TEST_DIRNAME/../..

setup() {
	fabric_setup
	make_fabric f
	: >"$dir/kernel"
	: >"$dir/initrd"
}

teardown() {
	fabric_teardown
}

# What most of these tests need to say; no libvirt is asked.
create_node() {
	famctl create-node --fabric "$dir/f.fam" --virt-type qemu "$@"
}

with_kernel() {
	create_node --kernel "$dir/kernel" "$@"
}

# What a refused create-node says and leaves: nothing.
refused() { # STATUS MESSAGE HINT COMMAND...
	local status_wanted=$1 message=$2 hint=$3 before
	shift 3
	before=$(snapshot "$dir")
	fam_run "-$status_wanted" "$@"
	assert_stderr "famctl: "
	assert_stderr "$message"
	[[ -z $hint ]] || assert_stderr "hint: $hint"
	assert_output -x "" "no node, no XML"
	assert_unchanged "$dir" "$before"
}

script() { # FILE LINE...
	printf '%s\n' '#!/bin/sh' "${@:2}" >"$dir/$1"
	chmod 755 "$dir/$1"
}

valid() { # FILE...
	local file
	for file; do
		virt-xml-validate "$file" domain >&2 || return
	done
}

value() { # XPATH: of the last output
	xmllint --xpath "string($1)" - <<<"$output"
}

@test "create-node prints a document that libvirt's schema accepts" {
	FABRIC_URI=$NOWHERE fam_run with_kernel n1
	assert_stderr -x "" "all is well"
	valid - <<<"$output"
	assert "its name" test "$(value /domain/name)" = n1
	assert "its memory" test "$(value /domain/memory)" = $((512 * 1024))
	assert "two processors are possible, or atomics fail under emulation" \
		test "$(value /domain/vcpu)" = 2
	assert "one is present" test "$(value /domain/vcpu/@current)" = 1
	assert "the fabric of the metadata" \
		test "$(value "//*[local-name()='fabric']/@path")" = "$dir/f.fam"
}

@test "the stored documents and the templates validate" {
	local -a files=("$TREE"/tests/data/node-*.xml)
	assert "they are there" test "${#files[@]}" -gt 15
	valid "$TREE/libvirt-templates/node.xml" "${files[@]}"
	virt-xml-validate "$TREE/libvirt-templates/network.xml" network
}

@test "the transport follows the version of QEMU" {
	local case version want
	export XDG_RUNTIME_DIR=$dir # of a plain user's server
	for case in '2.4:ivshmem,chardev=famc0,id=fam0,size=16M,' \
		'2.5:ivshmem,x-memdev=famm0' '2.6:ivshmem-plain,memdev=famm0' \
		'2.12:pref64-reserve=4G' '7.2:ivshmem-plain' '10.0:ivshmem-plain'; do
		version=${case%%:*} want=${case#*:}
		fam_run with_kernel n1 --qemu-version "$version" --emulator /opt/qemu
		assert_output "$want" "QEMU $version has it"
		assert_output "<emulator>/opt/qemu</emulator>"
		valid - <<<"$output"
	done
	fam_run with_kernel n1 --qemu-version 3.0 --transport legacy --machine pc
	assert_output '/fam/f.sock"'
	assert_output "bus=pci.0"
}

@test "whether KVM is used is found by trying" {
	local type note='KVM is of no use on this host'
	fam_run famctl create-node n1 --fabric "$dir/f.fam" --kernel "$dir/kernel"
	type=$(value /domain/@type)
	assert "$type is one of the two" test "$type" = qemu -o "$type" = kvm
	if [[ $type == kvm ]]; then
		assert "there is KVM" test -w /dev/kvm
		assert_output 'mode="host-passthrough"'
	elif [[ -w /dev/kvm ]]; then
		assert_stderr "$note"
	else
		assert_stderr -x ""
	fi
	fam_run famctl create-node n1 --fabric "$dir/f.fam" --kernel "$dir/kernel" \
		--qemu-version 7.2 --emulator /opt/qemu
	assert "it cannot be tried" test "$(value /domain/@type)" = qemu
	assert_stderr "emulator '/opt/qemu' is not here to try KVM with"
	fam_run famctl create-node n1 --fabric "$dir/f.fam" --kernel "$dir/kernel" --virt-type kvm
	assert "it is believed" test "$(value /domain/@type)" = kvm
	assert "one processor will do then" test "$(value /domain/vcpu)" = 1
	valid - <<<"$output"
}

@test "a name that is no name is refused" {
	local name rule="use 1 to 63 letters"
	for name in '' a/b ../x 'a b' .x -- "n'1" 'n<1' $'n\n1' ä; do
		refused 2 "cannot be a node's name" "$rule" with_kernel -- "$name"
	done
	refused 2 "is 200 bytes long, at most 63" "$rule" \
		with_kernel "$(printf 'x%.0s' {1..200})"
	refused 2 "no node is named" "famctl create-node NAME" with_kernel
	refused 2 "more than one name" "" with_kernel n1 n2
}

@test "a missing kernel, initrd or disk is refused" {
	refused 3 "kernel '$dir/none': No such file" "" create_node n1 --kernel "$dir/none"
	refused 2 "kernel '$dir' is not a file" "" create_node n1 --kernel "$dir"
	refused 3 "initrd '$dir/none': No such file" "" with_kernel n1 --initrd "$dir/none"
	refused 3 "disk '$dir/none': No such file" "" with_kernel n1 --disk "$dir/none"
	refused 2 "--initrd needs --kernel" "" create_node n1 --initrd "$dir/initrd"
	refused 2 "--append needs --kernel" "" create_node n1 --disk "$dir/f.fam" --append x
	refused 2 "--kernel does not go with --bundle" "" with_kernel n1 --bundle
}

@test "an emulator that is none, or lacks ivshmem, is refused" {
	refused 3 "emulator '/none' does not exist" "install QEMU" \
		with_kernel n1 --emulator /none
	refused 3 "emulator 'qemu-none' is not in PATH" "install QEMU" \
		with_kernel n1 --emulator qemu-none
	refused 1 "Permission denied" "" with_kernel n1 --emulator "$dir/f.fam"
	script other 'echo "other program 1.0"'
	refused 1 "'$dir/other' does not answer like QEMU" "tell its version" \
		with_kernel n1 --emulator "$dir/other"
	# shellcheck disable=SC2016 # for the script to expand
	script lacking '[ "$1" = --version ] && echo "QEMU emulator version 7.2.0"' \
		'echo "name \"virtio-blk-pci\", bus PCI"'
	refused 3 "emulator '$dir/lacking' has no ivshmem device" "name another one" \
		with_kernel n1 --emulator "$dir/lacking"
}

@test "a template that is no domain is refused" {
	printf 'no XML\n' >"$dir/text.xml"
	printf '<domain><name></domain>\n' >"$dir/broken.xml"
	printf '<!DOCTYPE domain [<!ENTITY e "x">]><domain>&e;</domain>' >"$dir/entity.xml"
	: >"$dir/empty.xml"
	truncate -s 2M "$dir/big.xml"
	refused 3 "template '$dir/none': No such file" "" with_kernel n1 --template "$dir/none"
	refused 2 "'$dir/text.xml' is not XML: line 1:" "" with_kernel n1 --template "$dir/text.xml"
	refused 2 "'$dir/broken.xml' is not XML: line 2:" "" \
		with_kernel n1 --template "$dir/broken.xml"
	refused 2 "'$dir/empty.xml' is not XML: it is empty" "" \
		with_kernel n1 --template "$dir/empty.xml"
	refused 2 "has a DOCTYPE" "" with_kernel n1 --template "$dir/entity.xml"
	refused 1 "File too large" "" with_kernel n1 --template "$dir/big.xml"
	refused 2 "is not a libvirt domain: its root is <network>" "" \
		with_kernel n1 --template "$TREE/libvirt-templates/network.xml"
}

@test "a fabric that is missing, damaged or doubled is refused" {
	local -a more=()
	refused 3 "cannot create node 'n1': " "" with_kernel n1 --fabric "$dir/none.fam"
	refused 2 "fabric '$dir/f.fam' is given twice" "" with_kernel n1 --fabric "$dir/f.fam"
	while ((${#more[@]} < 16)); do
		more+=(--fabric "$dir/f.fam")
	done
	refused 2 "more than 8 fabrics" "" with_kernel n1 "${more[@]}"
	ln "$dir/f.fam" "$dir/hard.fam"
	refused 2 "'$dir/f.fam' and '$dir/hard.fam' are the same file" "" \
		with_kernel n1 --fabric "$dir/hard.fam"
	truncate -s 8M "$dir/f.fam"
	refused 1 "cannot create node 'n1': " "" with_kernel n1
	truncate -s 48M "$dir/f.fam"
	refused 1 "the file has 50331648 bytes, but its superblock tells 16777216" "" with_kernel n1
}

@test "a fabric of a size that kills QEMU is refused" {
	truncate -s 48M "$dir/raw.fam"
	refused 1 "not a fabric: " "" \
		famctl create-node n1 --virt-type qemu --kernel "$dir/kernel" --fabric "$dir/raw.fam"
}

@test "words that make no sense are refused" {
	refused 2 "machine 'microvm' is neither" "use q35, pc" with_kernel n1 --machine microvm
	refused 2 "is neither a q35 nor a pc" "use q35, pc" with_kernel n1 --machine $'pc-q35-\x01'
	refused 2 "is neither a q35 nor a pc" "use q35, pc" with_kernel n1 --machine 'pc-q35-7.2,usb=on'
	refused 2 "there is no 'xen'" "use kvm, qemu or auto" \
		famctl create-node n1 --fabric "$dir/f.fam" --virt-type xen
	refused 2 "--apparmor: there is no 'on'" "use auto, confined or off" with_kernel n1 --apparmor on
	refused 2 "there is no 'usb'" "use auto, plain" with_kernel n1 --transport usb
	refused 2 "QEMU 7.2 cannot attach a fabric by transport 'legacy'" "use --transport auto" \
		with_kernel n1 --qemu-version 7.2 --transport legacy
	refused 2 "'seven' is not a QEMU version" "write it as" with_kernel n1 --qemu-version seven
	refused 2 "--memory: 0 bytes" "write it as" with_kernel n1 --memory 0
	refused 2 "--memory: 1000000 bytes" "write it as" with_kernel n1 --memory 1000000
	refused 2 "'16X' is not a size" "" with_kernel n1 --memory 16X
	refused 2 "--vcpus: use 1 to 255" "" with_kernel n1 --vcpus 0
	refused 2 "--vcpus: use 1 to 255" "" with_kernel n1 --vcpus 256
	refused 2 "--count: use 1 to 1000" "" with_kernel --count 0 --output "$dir"
	refused 2 "--count: use 1 to 1000" "" with_kernel --count 1001 --output "$dir"
	refused 2 "--count needs a place" "add --output" with_kernel --count 2
	refused 2 "--output does not go with" "" with_kernel n1 --output "$dir" --define
	refused 2 "has a control character" "" with_kernel n1 --append $'a\tb'
}

@test "an empty value is refused, except a kernel's parameters" {
	local option
	for option in --fabric --kernel --initrd --disk --bundle-dir --network --machine \
		--virt-type --emulator --qemu-version --transport --apparmor --flush --template \
		--output; do
		refused 2 "$option is empty" "" famctl create-node n1 "$option" ''
	done
	refused 2 "--output is empty" "" with_kernel --count 2 --output ''
	fam_run with_kernel n1 --append ''
	valid - <<<"$output"
}

@test "libvirt out of reach has its own exit status" {
	# shellcheck disable=SC2034 # read by famctl()
	local FABRIC_URI=$NOWHERE
	refused 5 "libvirt cannot be reached at '$NOWHERE'" "start it: systemctl start libvirtd" \
		with_kernel n1 --define
	refused 5 "libvirt cannot be reached" "" with_kernel --count 2 --start
	fam_run -5 with_kernel n1 --define --json
	assert_json '.error.exit_status == 5'
	assert_json '.error.message | contains("cannot be reached")'
}

@test "a dry run needs no libvirt and prints what would be defined" {
	# shellcheck disable=SC2034 # read by famctl()
	local FABRIC_URI=$NOWHERE
	fam_run with_kernel n1 --define --dry-run
	valid - <<<"$output"
	fam_run with_kernel --count 2 --output "$dir/none" --dry-run
	assert_output "<name>node01</name>"
	assert_output "<name>node02</name>"
}

@test "a name that libvirt knows already is refused" {
	refused 4 "cannot create node 'test': a domain of this name exists" "choose another name" \
		with_kernel test --define
}

@test "a node is defined, and the XML is not printed then" {
	fam_run with_kernel n1 --define
	assert_output -x ""
	assert_stderr -x "famctl: node 'n1' defined"
	fam_run with_kernel --count 2 --define --json
	assert_json 'map(.name) == ["node01", "node02"] and all(.defined and (.started | not))'
}

@test "several nodes are written into a directory" {
	mkdir "$dir/out"
	fam_run with_kernel --count 3 --output "$dir/out" box
	assert_output -x ""
	assert_stderr "node 'box02' written to '$dir/out/box02.xml'"
	assert "three files" test "$(cd "$dir/out" && echo *)" = "box01.xml box02.xml box03.xml"
	valid "$dir"/out/*.xml
	fam_run with_kernel --count 100 --output "$dir/out"
	assert "names sort" test -e "$dir/out/node001.xml" -a -e "$dir/out/node100.xml"
}

@test "existing files are kept, and then none is written" {
	mkdir "$dir/out"
	printf 'mine\n' >"$dir/out/node02.xml"
	fam_run -4 with_kernel --count 3 --output "$dir/out"
	assert_stderr "cannot create node 'node02': '$dir/out/node02.xml': File exists"
	assert "it is the only file" test "$(ls "$dir/out")" = node02.xml
	assert "its content" test "$(<"$dir/out/node02.xml")" = mine
	refused 3 "'$dir/none/n1.xml': No such file" "" with_kernel n1 --output "$dir/none"
}

limited() { # COMMAND...: no file may grow beyond 1 KiB
	ulimit -f 1
	"$@"
}

@test "a file that cannot be written whole is removed" {
	mkdir "$dir/out"
	# The traces of the command go to files as well, and are shorter than that.
	fam_run -1 limited with_kernel --count 2 --output "$dir/out"
	assert_stderr "cannot create node 'node01': '$dir/out/node01.xml': File too large"
	assert "nothing is left" test -z "$(ls "$dir/out")"
}

@test "output that cannot be written is a failure" {
	to_full() { with_kernel n1 >/dev/full; }
	fam_run -1 to_full
	assert_stderr "cannot write the output: No space left on device"
}

@test "what cannot be told is not made" {
	mkdir "$dir/out"
	untold() { with_kernel "$@" --json >/dev/full; }
	fam_run -1 untold --count 2 --output "$dir/out"
	assert_stderr "cannot write the output: No space left on device"
	refute_stderr "written to"
	assert "nothing is left" test -z "$(ls "$dir/out")"
	fam_run -1 untold n1 --flush none --start
	refute_stderr "defined" "the document is told first"
}

@test "the document arrives whole, however slowly it is read" {
	mkdir "$dir/out"
	slowly() {
		with_kernel --count 50 --output "$dir/out" --json |
			while read -r -N 1000 part || [[ -n $part ]]; do printf '%s' "$part"; done
	}
	fam_run slowly
	assert_json 'length == 50 and all(.xml | endswith("</domain>\n"))'
}

@test "a bundle is made after all else that may fail" {
	local bundle=$dir/b
	refused 3 "'$dir/none/q.xml': No such file" "" \
		create_node q --bundle-dir "$bundle" --output "$dir/none"
	refused 4 "a domain of this name exists" "choose another name" \
		create_node test --bundle-dir "$bundle" --define
	refused 2 "--vectors: by transport 'plain'" "add --transport" \
		create_node q --bundle-dir "$bundle" --vectors 2
}

@test "a node whose bundle cannot be made is not left behind" {
	mkdir "$dir/out"
	in_small_files() {
		ulimit -f 1024
		"$@"
	}
	fam_run -1 in_small_files create_node q --bundle-dir "$dir/b" --output "$dir/out"
	assert_stderr "cannot create node 'q': cannot use bundle '$dir/b': "
	assert "nothing is left" test -z "$(ls "$dir/out")" -a ! -e "$dir/b"
}

@test "a fabric of another user is refused" {
	requires_root "to become another user"
	local home
	home=$(user_home)
	make_fabric secret 16M --mode 600
	# The build tree may lie where no other user can go.
	install -D -t "$home/bin" "$FAM_BUILD/bin/famctl"
	install -D -m 644 -t "$home/share/fam" "$FAM_BUILD/share/fam/node.xml"
	fam_run -1 as_user "$home" "$home/bin/famctl" create-node n1 \
		--virt-type qemu --kernel "$dir/kernel" --fabric "$dir/secret.fam"
	user_end "$home"
	assert_stderr "cannot create node 'n1': "
	assert_stderr "Permission denied"
	assert_output -x ""
}

@test "JSON holds the same XML" {
	fam_run with_kernel n1
	local xml=$output
	fam_run with_kernel n1 --json
	assert_json 'length == 1 and .[0].name == "n1" and .[0].file == null'
	assert_json '.[0].defined == false and .[0].started == false'
	assert "the XML" test "$(jq -r '.[0].xml' <<<"$output")" = "$xml"
}

@test "odd characters in paths and parameters arrive as they are" {
	local odd="$dir/a,b 'c' \"d\" & <e>" append="quiet a=\"b\" c='d' & <e> ]]>"
	mkdir "$odd"
	famctl create-fabric 16M odd --dir "$odd" >/dev/null
	fam_run famctl create-node n1 --virt-type qemu --fabric "$odd/odd.fam" \
		--kernel "$dir/kernel" --append "$append"
	valid - <<<"$output"
	assert "the path" test "$(value "//*[local-name()='fabric']/@path")" = "$odd/odd.fam"
	assert "the command line" test "$(value //cmdline)" = "$append"
	assert "QEMU's reading of the path" test \
		"$(value "(//*[local-name()='arg'])[2]/@value" | sed 's/.*mem-path=//; s/,,/,/g')" \
		= "$odd/odd.fam"
}

@test "disks are virtio, and qcow2 is told from raw by its content" {
	printf 'QFI\xfb' >"$dir/a.img"
	truncate -s 1M "$dir/a.img" "$dir/b.qcow2"
	: >"$dir/empty"
	fam_run create_node n1 --disk "$dir/a.img" --disk "$dir/b.qcow2" --disk "$dir/empty"
	valid - <<<"$output"
	assert "the first" test "$(value "//disk[target/@dev='vda']/driver/@type")" = qcow2
	assert "the second" test "$(value "//disk[target/@dev='vdb']/driver/@type")" = raw
	assert "the third" test "$(value "//disk[target/@dev='vdc']/driver/@type")" = raw
	assert "it is booted" test "$(value /domain/os/boot/@dev)" = hd
}

@test "a template's values win over defaults, options over the template" {
	sed 's|>512<|>768<|; s|</devices>|<interface type="user"/></devices>|' \
		"$TREE/libvirt-templates/node.xml" >"$dir/own.xml"
	fam_run with_kernel n1 --template "$dir/own.xml"
	assert_output '<memory unit="MiB">768</memory>'
	assert_output '<interface type="user"/>'
	fam_run with_kernel n1 --template "$dir/own.xml" --memory 1G --vcpus 3 --network none
	assert_output '<memory unit="KiB">1048576</memory>'
	assert_output '<vcpu placement="static">3</vcpu>'
	refute_output '<interface'
	valid - <<<"$output"
}

@test "where libvirt has no AppArmor nothing is said of it" {
	local way
	for way in auto confined off; do
		fam_run with_kernel n1 --connect qemu:///session --apparmor "$way"
		assert_stderr -x ""
		refute_output seclabel
	done
}
