# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash

# shellcheck source=tests/lib/proc.bash
source "${BASH_SOURCE[0]%/*}/../lib/proc.bash"

# One bundle for the guests of all files, where libvirt's QEMU can read it.
setup_suite() {
	export FAM_BUILD=${FAM_BUILD:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build}
	VM_BUNDLE=$(public_dir fam-bundle)
	export VM_BUNDLE
	"$FAM_BUILD/bin/famctl" make-bundle --dir "$VM_BUNDLE" >&2
}

teardown_suite() {
	rm -rf "${VM_BUNDLE:?}"
}
