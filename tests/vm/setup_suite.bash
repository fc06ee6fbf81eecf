# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash

# One bundle for the guests of all files.
setup_suite() {
	export FAM_BUILD=${FAM_BUILD:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build}
	export VM_BUNDLE=$FAM_BUILD/tests/bundle
	"$FAM_BUILD/bin/famctl" make-bundle --dir "$VM_BUNDLE" >&2
}

teardown_suite() {
	rm -rf "$VM_BUNDLE"
}
