#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# famctl make-bundle: what is in a bundle, when it is made again, what is refused.

export BATS_TEST_TIMEOUT=120

setup() {
	load ../lib/vm
	dir=$BATS_TEST_TMPDIR
	bundle=$dir/bundle
}

teardown() {
	vm_teardown
}

compile() { # NAME OPTION...
	local name=$1
	shift
	cc -o "$dir/$name" "$dir/$name.c" "$@"
}

contents() {
	cpio -t --quiet <"$bundle/initrd.img"
}

# Times of the bundle's files: they tell whether it was made anew.
made() {
	stat -c '%n %y %i' "$bundle"/vmlinuz "$bundle"/initrd.img
}

@test "a bundle is made in under three seconds, readable, the same each time" {
	started=${EPOCHREALTIME/./}
	run famctl make-bundle --dir "$bundle"
	expect 0 "$bundle/vmlinuz" "$bundle/initrd.img"
	((${EPOCHREALTIME/./} - started < 3000000))
	[[ $(stat -c %a "$bundle" "$bundle"/*) == $'755\n644\n644\n644' ]]
	first=$(sha256sum <"$bundle/initrd.img")
	famctl make-bundle --dir "$bundle"
	[[ $(sha256sum <"$bundle/initrd.img") == "$first" ]]
	[[ $(ls "$bundle") == $'initrd.img\ninputs\nvmlinuz' ]]
}

@test "JSON names both files" {
	run famctl make-bundle --dir "$bundle" --json
	expect 0
	[[ $(jq -r '.kernel, .initrd' <<<"$output") == "$bundle/vmlinuz"$'\n'"$bundle/initrd.img" ]]
}

@test "--dry-run writes nothing" {
	run famctl make-bundle --dir "$bundle" --dry-run
	expect 0 "$bundle/vmlinuz"
	[[ ! -e $bundle ]]
	run famctl make-bundle --dir "$bundle" --dry-run --add "$dir/nothing"
	expect 3 nothing
}

@test "an added program runs in the guest with its libraries, a file keeps its bytes" {
	printf 'int answer(void) { return 42; }\n' >"$dir/own.c"
	cc -shared -fPIC -o "$dir/libown.so" "$dir/own.c"
	printf 'int answer(void);\nint main(void) { return answer(); }\n' >"$dir/prog.c"
	compile prog "$dir/libown.so" -Wl,-rpath,"$dir"
	printf '#!/bin/sh\necho script "$@"\n' >"$dir/script"
	chmod +x "$dir/script"
	printf 'a\0b' >"$dir/data file"
	famctl make-bundle --dir "$bundle" --add "$dir/prog" --add "$dir/script:/opt/run.sh" \
		--add "$dir/data file"
	famctl create-fabric 16M f --path "$dir/f.fam"
	vm_start -f "$dir/f.fam" -b "$bundle" n1
	run vm_exec n1 'prog; echo $?; /opt/run.sh x y; od -An -c "/usr/bin/data file"'
	expect 0 42 'script x y' 'a  \0   b'
	vm_stop n1
}

@test "a static program is added as it is" {
	printf '#include <stdio.h>\nint main(void) { puts("static"); }\n' >"$dir/prog.c"
	compile prog -static
	famctl make-bundle --dir "$bundle" --add "$dir/prog"
	famctl create-fabric 16M f --path "$dir/f.fam"
	run vm_run -f "$dir/f.fam" -b "$bundle" prog
	expect 0 static
}

@test "what cannot be added is refused, and no bundle appears" {
	printf 'int answer(void) { return 42; }\n' >"$dir/own.c"
	cc -shared -fPIC -o "$dir/libown.so" "$dir/own.c"
	printf 'int answer(void);\nint main(void) { return answer(); }\n' >"$dir/prog.c"
	compile prog "$dir/libown.so" -Wl,-rpath,"$dir"
	rm "$dir/libown.so"
	run famctl make-bundle --dir "$bundle" --add "$dir/prog"
	expect 3 "needs the library '$dir/libown.so'" 'hint:'
	run famctl make-bundle --dir "$bundle" --add "$dir/missing"
	expect 3 "'$dir/missing'"
	run famctl make-bundle --dir "$bundle" --add "$dir"
	expect 2 'not a regular file'
	run famctl make-bundle --dir "$bundle" --add "$dir/own.c:/bin/busybox"
	expect 4 busybox
	run famctl make-bundle --dir "$bundle" --add "$dir/own.c:/a/../b"
	expect 2 'not a path'
	run famctl make-bundle --dir "$bundle" --add "$dir/own.c:/init"
	expect 4 /init
	run famctl make-bundle --dir "$bundle" extra
	expect 2 extra
	[[ ! -e $bundle ]]
}

@test "a kernel that is none, not there, or not to be read is refused" {
	printf 'no kernel' >"$dir/vmlinuz"
	run famctl make-bundle --dir "$bundle" --kernel "$dir/vmlinuz"
	expect 2 'not a Linux kernel'
	run famctl make-bundle --dir "$bundle" --kernel "$dir/missing"
	expect 3 "'$dir/missing'"
	run famctl make-bundle --dir "$bundle" --modules "$dir/missing"
	expect 3 "$dir/missing"
	[[ ! -e $bundle ]]
}

@test "a directory with files of others is left alone, but used" {
	mkdir "$bundle"
	printf mine >"$bundle/vmlinuz"
	run famctl make-bundle --dir "$bundle"
	expect 4 "'$bundle/vmlinuz' exists and is not from a bundle" 'hint:'
	[[ $(<"$bundle/vmlinuz") == mine && $(ls "$bundle") == vmlinuz ]]
	printf mine >"$bundle/initrd.img"
	famctl create-fabric 16M f --path "$dir/f.fam"
	run famctl create-node n1 --fabric "$dir/f.fam" --virt-type qemu --bundle-dir "$bundle"
	expect 0 "<kernel>$bundle/vmlinuz</kernel>"
	[[ $(<"$bundle/initrd.img") == mine ]]
}

@test "a bundle is made again with the same options when an input has changed" {
	printf '#!/bin/sh\necho one\n' >"$dir/script"
	famctl make-bundle --dir "$bundle" --add "$dir/script" --modules none
	famctl create-fabric 16M f --path "$dir/f.fam"
	create=(famctl create-node n1 --fabric "$dir/f.fam" --virt-type qemu --bundle-dir "$bundle")
	before=$(made)
	"${create[@]}"
	[[ $(made) == "$before" ]]
	printf '#!/bin/sh\necho three\n' >"$dir/script"
	"${create[@]}"
	[[ $(made) != "$before" ]]
	[[ $(contents) == *usr/bin/script* && $(contents) != *lib/modules* ]]
	before=$(made)
	# An input that has gone does not spoil a bundle which is complete.
	rm "$dir/script"
	"${create[@]}"
	[[ $(made) == "$before" ]]
	# A file of it that has gone is made again, though.
	printf '#!/bin/sh\necho three\n' >"$dir/script"
	rm "$bundle/initrd.img"
	"${create[@]}"
	[[ $(contents) == *usr/bin/script* ]]
}

@test "many at once make one whole bundle" {
	for i in 1 2 3 4 5 6; do
		famctl make-bundle --dir "$bundle" >"$dir/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in 1 2 3 4 5 6; do
		wait "${pids[i]}" || die "$(cat "$dir/out.$i")"
	done
	[[ $(ls "$bundle") == $'initrd.img\ninputs\nvmlinuz' ]]
	contents >/dev/null
}

@test "a full disk is reported; the bundle that was there stays as it was" {
	((EUID == 0)) || skip "needs root, to mount a small disk"
	mkdir "$dir/small"
	mount -t tmpfs -o size=40M none "$dir/small"
	run famctl make-bundle --dir "$dir/small/b"
	first=$status
	before=$(cd "$dir/small/b" && sha256sum -- *)
	dd if=/dev/urandom of="$dir/large" bs=1M count=20 status=none
	run famctl make-bundle --dir "$dir/small/b" --add "$dir/large"
	after=$(cd "$dir/small/b" && sha256sum -- *)
	[[ $output == *"No space left on device"* ]] || first="its cause is not told"
	run famctl make-bundle --dir "$dir/small/new/b" --add "$dir/large"
	left=$(ls -A "$dir/small")
	umount "$dir/small"
	expect 1 "No space left on device"
	[[ $first == 0 && $after == "$before" && $left == b ]]
}

@test "the kernel module that was built for its kernel is loaded, unless told not to" {
	load ../lib/installed
	local module=$FAM_BUILD/kmod/fam_ivshmem.ko release
	[[ -e $module ]] || skip "no kernel module in the build tree: it needs kernel headers"
	release=$(grep -aoP 'vermagic=\K[^ ]+' "$module")
	install_tree "$dir/tree"
	install -D -m 644 "$module" "$dir/tree/share/fam/kmod/$release/fam_ivshmem.ko"
	# Another famctl would make the bundle again, of what it finds itself.
	use_tree "$dir/tree"
	famctl make-bundle --dir "$bundle"
	famctl create-fabric 16M f --path "$dir/f.fam"
	vm_start -b "$bundle" -a modprobe.blacklist= -f "$dir/f.fam" with
	run vm_exec with 'fam -f f info --json'
	[[ $(jq -r .backend <<<"$output") == module && $(jq -r .path <<<"$output") == /dev/fam0 ]]
	vm_stop with
	vm_start -b "$bundle" -a modprobe.blacklist=other,fam-ivshmem -f "$dir/f.fam" without
	run vm_exec without 'fam -f f info --json'
	[[ $(jq -r .backend <<<"$output") != module ]]
	vm_stop without
}
