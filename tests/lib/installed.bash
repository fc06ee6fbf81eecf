# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The tree under test as a user gets it: installed, in a directory that every
# user may read. To be sourced.

# install_tree DIRECTORY: `make install` with that PREFIX.
install_tree() {
	local top=${BASH_SOURCE[0]%/*}/../..
	# Not a part of the make that may run this test.
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$top" BUILD="$FAM_BUILD" \
		PREFIX="$1" install >&2 || return
	# A kernel that install-deps put into the build tree only.
	[[ ! -d $FAM_BUILD/share/fam/kernel ]] ||
		cp -r "$FAM_BUILD/share/fam/kernel" "$1/share/fam"
}

# Exports what finds an installed tree, as /usr/local is found by itself.
use_tree() { # DIRECTORY
	export PATH=$1/bin:$PATH PKG_CONFIG_PATH=$1/lib/pkgconfig
}
