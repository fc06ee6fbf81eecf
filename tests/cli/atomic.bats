#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
#
# fam/atomic.h with other compilers, languages and processors; what it does on
# this one is tested by tests/unit/test-atomic.c, between nodes by tests/vm.

export BATS_TEST_TIMEOUT=240
load ../lib/assert.bash

setup() {
	tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_TEST_TMPDIR" || return
	includes=(-I"$tree/guest-lib/include")
	warnings=(-Wall -Wextra -Wconversion -Wshadow -Wvla -pedantic -Werror)
	aarch64=(aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -O2 -static -pthread
		"${includes[@]}")
}

# Each operation of each width.
write_all() {
	cat >all.c <<-'END'
		#include <fam/atomic.h>
		uint32_t a; uint64_t b; struct fam_u128 c;
		int main(void)
		{
			uint64_t old = 0;
			struct fam_u128 one = fam_u128_make(1, 0);
			fam_atomic32_store(&a, 7, FAM_ORDER_RELEASE);
			fam_atomic32_fetch_smin(&a, -1, FAM_ORDER_RELAXED);
			fam_atomic64_fetch_umax(&b, 9, FAM_ORDER_ACQ_REL);
			if (fam_atomic64_cas(&b, &old, 1, FAM_ORDER_SEQ_CST))
				return 1;
			fam_atomic128_fetch_add(&c, one, FAM_ORDER_ACQUIRE);
			fam_atomic128_store(&c, one, FAM_ORDER_SEQ_CST);
			return !(fam_atomic32_load(&a, FAM_ORDER_ACQUIRE) == UINT32_MAX &&
				 fam_atomic128_load(&c, FAM_ORDER_RELAXED).lo == 1 && old == 9);
		}
	END
}

@test "the header serves C and C++ without warnings, and needs no other library" {
	local compiler optimise
	write_all
	for optimise in -O0 -O2; do
		for compiler in 'gcc -std=c99' 'clang -std=c11' 'g++ -std=c++11 -x c++' \
			'clang++ -std=c++11 -x c++'; do
			command -v "${compiler%% *}" >/dev/null || continue
			# shellcheck disable=SC2086 # words
			fam_run $compiler "$optimise" "${warnings[@]}" "${includes[@]}" -c all.c \
				-o all.o
			assert_stderr -x ''
			fam_run nm --undefined-only all.o
			assert_output -x '' "$compiler needs a library"
		done
	done
	fam_run clang all.o -o all
	fam_run ./all
}

@test "an order that does not fit the operation is an error of compilation" {
	local wrong
	for wrong in 'fam_atomic64_load(&b, FAM_ORDER_RELEASE)' \
		'fam_atomic32_load(&a, FAM_ORDER_ACQ_REL)' \
		'fam_atomic128_load(&c, FAM_ORDER_RELEASE)' \
		'fam_atomic64_store(&b, 1, FAM_ORDER_ACQUIRE)' \
		'fam_atomic32_store(&a, 1, FAM_ORDER_ACQ_REL)' \
		'fam_atomic128_store(&c, c, FAM_ORDER_ACQUIRE)'; do
		printf '#include <fam/atomic.h>\n%s\nvoid f(void)\n{\n\t%s;\n}\n' \
			'uint32_t a; uint64_t b; struct fam_u128 c;' "$wrong" >wrong.c
		fam_run -1 gcc -O1 "${includes[@]}" -c wrong.c
		assert_stderr 'this order does not fit the operation'
		fam_run -1 clang -O0 "${includes[@]}" -c wrong.c
		assert_stderr 'this order does not fit the operation'
	done
}

@test "128 bits: inside of functions that need all registers for themselves" {
	local compiler optimise
	cat >frame.c <<-'END'
		#include <alloca.h>
		#include <string.h>
		#include <fam/atomic.h>
		static void hide(void *p, void *q)
		{
			__asm__ volatile("" : : "r"(p), "r"(q) : "memory");
		}
		/* An aligned variable, and a stack of unknown length: clang uses rbx. */
		static int add(size_t n)
		{
			struct fam_u128 word[4] __attribute__((aligned(64)));
			struct fam_u128 one = fam_u128_make(1, 2), sum = fam_u128_make(0, 0);
			char *rest = alloca(n);
			memset(rest, 7, n);
			memset(word, 0, sizeof(word));
			hide(rest, word);
			for (int i = 0; i < 4; i++) {
				fam_atomic128_fetch_add(&word[i], one, FAM_ORDER_SEQ_CST);
				if (!fam_atomic128_cas(&word[i], &one, fam_u128_make(3, 4),
						       FAM_ORDER_SEQ_CST))
					return 1;
				fam_atomic128_fetch_add(&sum, word[i], FAM_ORDER_SEQ_CST);
			}
			hide(rest, word);
			for (size_t i = 0; i < n; i++)
				if (rest[i] != 7)
					return 2;
			return sum.lo != 12 || sum.hi != 16;
		}
		int main(int argc, char **argv)
		{
			(void)argv;
			return add((size_t)argc * 37);
		}
	END
	for compiler in gcc clang; do
		for optimise in -O0 -O2 -O3; do
			"$compiler" "$optimise" -fPIC "${includes[@]}" frame.c -o frame
			fam_run ./frame
		done
	done
}

@test "128 bits: a load of read-only memory and a misaligned word kill the process" {
	cat >kills.c <<-'END'
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <fam/atomic.h>
		int main(int argc, char **argv)
		{
			char *page = mmap(0, 4096, argc > 1 ? PROT_READ | PROT_WRITE : PROT_READ,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			struct fam_u128 *word = (void *)(page + (argc > 1 ? atoi(argv[1]) : 0));
			return (int)fam_atomic128_load(word, FAM_ORDER_SEQ_CST).lo;
		}
	END
	gcc -O1 "${includes[@]}" kills.c -o kills
	fam_run ./kills 0
	fam_run -139 ./kills
	fam_run -139 ./kills 8
}

@test "aarch64: each operation and order, threads and processes (emulated)" {
	local march
	requires_command aarch64-linux-gnu-gcc
	requires_command qemu-aarch64
	for march in armv8-a armv8.1-a; do
		"${aarch64[@]}" -march="$march" "$tree/tests/unit/test-atomic.c" -o test-atomic
		fam_run qemu-aarch64 ./test-atomic
		assert_output 'ok 12 - 128 bits: no load sees half of a store'
		refute_output 'not ok'
	done
}

@test "aarch64: whether atomics hold between nodes is said to be unknown" {
	requires_command aarch64-linux-gnu-gcc
	requires_command qemu-aarch64
	cat >ask.c <<-'END'
		#include <errno.h>
		#include <stdio.h>
		#include <fam/atomic.h>
		int main(void)
		{
			char why[FAM_ATOMIC_WHY];
			int r = fam_atomic_check(NULL, why);
			puts(why);
			return r != -ENODATA;
		}
	END
	"${aarch64[@]}" -I"$tree/guest-lib" "$tree/guest-lib/atomic-check.c" ask.c -o ask
	fam_run qemu-aarch64 ./ask
	assert_output -x 'this kind of CPU does not tell'
}
