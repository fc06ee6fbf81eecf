#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=120
load ../lib/assert.bash

top=$BATS_TEST_DIRNAME/../..

# make, not as a part of the make that may run this test.
remake() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$top" BUILD="$FAM_BUILD" "$@"
}

setup() {
	dir=$(public_dir fam-install)
}

teardown() {
	rm -rf "${dir:?}"
}

@test "install puts the tree below DESTDIR and uninstall removes just that" {
	fam_run remake install DESTDIR="$dir" PREFIX=/usr
	for file in bin/famctl bin/fam libexec/fam/fam-init include/fam/fam.h lib/libfam.a \
		lib/libfam.so lib/pkgconfig/libfam.pc share/fam/node.xml \
		share/man/man1/famctl-create-node.1 share/man/man7/fam.7 \
		share/bash-completion/completions/famctl \
		share/bash-completion/completions/fam \
		bin/tm-server share/man/man8/tm-server.8 lib/systemd/system/tm-server@.service \
		lib/udev/rules.d/60-fam.rules src/fam-0.1.0/dkms.conf src/fam-0.1.0/main.c; do
		assert "usr/$file is installed" test -e "$dir/usr/$file"
	done
	assert "the unit names the installed program" grep -q '^ExecStart=/usr/bin/tm-server ' \
		"$dir/usr/lib/systemd/system/tm-server@.service"
	echo mine >"$dir/usr/bin/other"
	fam_run remake uninstall DESTDIR="$dir" PREFIX=/usr
	assert "only the other file is left" test \
		"$(find "$dir" -type f -o -type l)" == "$dir/usr/bin/other"
}

@test "an installed famctl finds its own files wherever it stands" {
	fam_run remake install PREFIX="$dir/somewhere"
	mv "$dir/somewhere" "$dir/elsewhere"
	fam_run "$dir/elsewhere/bin/famctl" create-fabric 16M f --dir "$dir"
	fam_run "$dir/elsewhere/bin/famctl" create-node n --fabric "$dir/f.fam" --virt-type qemu \
		--kernel "$dir/f.fam"
	assert_output '<name>n</name>'
}

@test "a program links with the installed library, shared and static" {
	fam_run remake install PREFIX="$dir"
	local -a flags
	export PKG_CONFIG_PATH=$dir/lib/pkgconfig
	for kind in shared static; do
		read -ra flags < <(pkg-config --cflags --libs libfam)
		[[ $kind == shared ]] ||
			flags=(-I"$dir/include" "$dir/lib/libfam.a" -lpmem)
		fam_run cc -o "$dir/counter" "$top/guest-lib/examples/counter.c" "${flags[@]}"
		"$FAM_BUILD/bin/famctl" create-fabric 16M "$kind" --dir "$dir"
		fam_run env LD_LIBRARY_PATH="$dir/lib" "$dir/counter" "$dir/$kind.fam"
	done
}

@test "the public headers compile as C and as C++" {
	for compiler in "cc -xc -std=c11" "clang -xc++ -std=c++17"; do
		# shellcheck disable=SC2086 # two words
		fam_run bash -c 'echo "#include <fam/fam.h>" | "$@"' - $compiler -Wall -Wextra -Werror \
			-I"$top/guest-lib/include" -fsyntax-only -
	done
}
