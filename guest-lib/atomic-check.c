// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "atomic-check.h"
#include "internal.h"

#define CPUS_POSSIBLE "/sys/devices/system/cpu/possible"
#define TCG_SIGNATURE "TCGTCGTCGTCG"

/*
 * TCG that is careful stops all CPUs for an atomic access across a cache line,
 * because no instruction of its host would do: 30 times slower than an aligned
 * one (measured). TCG that is not uses a load and a store for both: 1.1 times.
 */
#define SLOWDOWN_MIN 6

bool fam_cpus_are_emulated(const struct fam_cpus *cpus)
{
	return cpus->is_guest && strcmp(cpus->hypervisor, TCG_SIGNATURE) == 0;
}

static int say(char why[FAM_ATOMIC_WHY], const char *text, int result)
{
	snprintf(why, FAM_ATOMIC_WHY, "%s", text);
	return result;
}

static int judge_emulated(const struct fam_cpus *cpus, char why[FAM_ATOMIC_WHY])
{
	if (cpus->slowdown >= SLOWDOWN_MIN)
		return say(why, "emulated CPUs that take care of each other",
			   0);
	if (cpus->possible == 1)
		return say(why,
			   "an emulated CPU which is the only possible one: "
			   "give the node a second (maxcpus=2)",
			   -EXDEV);
	return say(why,
		   "emulated CPUs that share one thread: give the emulator "
		   "thread=multi and two possible CPUs",
		   -EXDEV);
}

int fam_cpus_judge(const struct fam_cpus *cpus, char why[FAM_ATOMIC_WHY])
{
	int r = 0;

	if (cpus->local)
		say(why, "all on this machine", 0);
	else if (!cpus->known)
		r = say(why, "this kind of CPU does not tell", -ENODATA);
	else if (fam_cpus_are_emulated(cpus))
		r = judge_emulated(cpus, why);
	else if (cpus->is_guest && !cpus->hypervisor[0])
		r = say(why, "the hypervisor does not say what it is",
			-ENODATA);
	else
		say(why, "by the hardware", 0);
	if (r == 0 && !cpus->has_128)
		return say(
			why,
			"the CPU has no atomics of 128 bits, only of 32 and 64",
			-ENOSYS);
	return r;
}

int fam_cpus_count(const char *list)
{
	int count = 0;

	do {
		int first, last, used = 0;

		if (sscanf(list, "%d-%d%n", &first, &last, &used) < 2 ||
		    !used) {
			if (sscanf(list, "%d%n", &first, &used) != 1)
				return 0;
			last = first;
		}
		if (first < 0 || last < first)
			return 0;
		count += last - first + 1;
		list += used;
	} while (*list++ == ',');
	return list[-1] == '\0' || list[-1] == '\n' ? count : 0;
}

#ifdef __x86_64__
#define CPUID_HYPERVISOR 0x40000000
#define BIT_HYPERVISOR	 (1u << 31) /* of leaf 1, ECX */

#define BATCH	1000 /* accesses timed at once: far more than the clock's step */
#define BATCHES 8    /* the fastest one counts: the rest was interrupted */

static int possible_cpus(void)
{
	char text[256];
	_cleanup_close_ int fd =
		fam_fd_lift(open(CPUS_POSSIBLE, O_RDONLY | O_CLOEXEC));
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return fam_cpus_count(text);
}

/* By the instruction itself: a compiler may not make a misaligned access. */
static uint64_t time_batch(void *word)
{
	uint64_t start = (uint64_t)fam_now_ns();

	for (int i = 0; i < BATCH; i++) {
		uint64_t one = 1;

		__asm__ volatile("lock xaddq %0, (%1)"
				 : "+r"(one)
				 : "r"(word)
				 : "cc", "memory");
	}
	return (uint64_t)fam_now_ns() - start;
}

static uint64_t time_best(void *word)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < BATCHES; i++) {
		uint64_t t = time_batch(word);

		best = t < best ? t : best;
	}
	return best ? best : 1;
}

static double measure_slowdown(void)
{
	_Alignas(64) unsigned char lines[128] = {0};
	uint64_t aligned = time_best(lines);

	return (double)time_best(lines + 64 - 4) / (double)aligned;
}

static void read_signature(char out[FAM_HYPERVISOR_TEXT])
{
	unsigned int max = 0, part[3] = {0};

	__cpuid(CPUID_HYPERVISOR, max, part[0], part[1], part[2]);
	/* Without such leaves, a CPU answers as to its highest one. */
	if (max < CPUID_HYPERVISOR || max > CPUID_HYPERVISOR + 0xffff)
		return;
	memcpy(out, part, sizeof(part));
	out[sizeof(part)] = '\0';
}

static void look_at_cpus(struct fam_cpus *out)
{
	unsigned int a, b, c = 0, d;

	out->known = true;
	__get_cpuid(1, &a, &b, &c, &d);
	out->has_128 = c & bit_CMPXCHG16B;
	out->is_guest = c & BIT_HYPERVISOR;
	out->possible = possible_cpus();
	if (out->is_guest)
		read_signature(out->hypervisor);
	/* Hardware may punish such an access, by a signal even. */
	if (!out->local && fam_cpus_are_emulated(out))
		out->slowdown = measure_slowdown();
}
#else
/* aarch64 has instructions for 128 bits, and no leaf that names an emulator. */
static void look_at_cpus(struct fam_cpus *out)
{
#ifdef FAM_ATOMIC_128
	out->has_128 = true;
#endif
}
#endif

int fam_atomic_check(struct fam *fam, char why[FAM_ATOMIC_WHY])
{
	struct fam_cpus cpus = {.local = fam && !fam->source.device[0]};

	look_at_cpus(&cpus);
	return fam_cpus_judge(&cpus, why);
}
