# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash

# shellcheck source=tests/lib/proc.bash
source "${BASH_SOURCE[0]%/*}/../lib/proc.bash"

# One bundle for the guests that write to recorded disks.
setup_suite() {
	export FAM_BUILD=${FAM_BUILD:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build}
	CRASH_BUNDLE=$(public_dir fam-crash)
	export CRASH_BUNDLE
	"$FAM_BUILD/bin/famctl" make-bundle --dir "$CRASH_BUNDLE" \
		--add "$FAM_BUILD/tests/fam-writer" >&2
}

teardown_suite() {
	rm -rf "${CRASH_BUNDLE:?}"
}
