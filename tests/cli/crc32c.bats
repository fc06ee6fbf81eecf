#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# Checksums where other instructions make them; tests/unit/test-crc32c.c does the
# same for the machine that runs it.

export BATS_TEST_TIMEOUT=120
load ../lib/assert.bash

setup() {
	tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || return
	cat >both.c <<-'END'
		#include <stdio.h>
		#include <fam/layout.h>
		#include "crc32c.h"
		int main(void)
		{
			unsigned char bytes[600];
			for (int i = 0; i < 600; i++)
				bytes[i] = (unsigned char)(i * i * 7 + i / 3);
			for (int at = 0; at < 8; at++)
				for (int len = 0; len < 590; len++)
					if (fam_crc32c(at, bytes + at, len) !=
					    crc32c_by_table(at, bytes + at, len))
						return 1;
			puts(crc32c_cpu_can() ? "by the CPU" : "by table");
			return fam_crc32c(0, "123456789", 9) != 0xe3069283;
		}
	END
}

build() { # COMPILER
	"$1" -std=gnu11 -O2 -static -Wall -Wextra -Werror -I"$tree/guest-lib/include" \
		-I"$tree/guest-lib" both.c "$tree/guest-lib/crc32c.c" -o both
}

@test "x86-64: a CPU with SSE4.2, and one without (emulated)" {
	[[ $(uname -m) == x86_64 ]] || skip "needs an x86-64 compiler"
	requires_command qemu-x86_64
	build "${CC:-cc}"
	fam_run qemu-x86_64 -cpu Nehalem ./both
	assert_output -x "by the CPU"
	fam_run qemu-x86_64 -cpu qemu64,-sse4.2 ./both
	assert_output -x "by table"
}

@test "aarch64: a CPU with CRC instructions (emulated)" {
	requires_command aarch64-linux-gnu-gcc
	requires_command qemu-aarch64
	build aarch64-linux-gnu-gcc
	fam_run qemu-aarch64 ./both
	assert_output -x "by the CPU"
}
