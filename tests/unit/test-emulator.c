// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulator.h"
#include "kvm-probe.h"

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void knows_releases(void **state)
{
	static const struct {
		const char *version;
		bool plain, legacy, reserve, pmem;
		enum transport transport;
	} cases[] = {
		{"2.0", false, true, false, false, TRANSPORT_LEGACY},
		{"2.4.1", false, true, false, false, TRANSPORT_LEGACY},
		{"2.5", false, true, false, false, TRANSPORT_XMEMDEV},
		{"2.5.0", false, true, false, false, TRANSPORT_XMEMDEV},
		{"2.6", true, true, false, false, TRANSPORT_PLAIN},
		{"2.10.2", true, true, false, false, TRANSPORT_PLAIN},
		{"2.11", true, true, true, false, TRANSPORT_PLAIN},
		{"3.1", true, true, true, false, TRANSPORT_PLAIN},
		{"4.0", true, false, true, false, TRANSPORT_PLAIN},
		{"4.1", true, false, true, true, TRANSPORT_PLAIN},
		{"10.0.13", true, false, true, true, TRANSPORT_PLAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct emulator e;
		struct err err;

		assert_int_equal(
			emulator_probe("/no/such", cases[i].version, &e, &err),
			0);
		assert_string_equal(e.path, "/no/such");
		assert_int_equal(e.has_plain, cases[i].plain);
		assert_int_equal(e.has_legacy, cases[i].legacy);
		assert_int_equal(e.has_pref64_reserve, cases[i].reserve);
		assert_int_equal(e.has_virtio_pmem, cases[i].pmem);
		assert_int_equal(emulator_transport(&e), cases[i].transport);
	}
}

static void knows_who_can_map_read_only(void **state)
{
	static const char *const can[] = {"6.0", "6.2.0", "7.2", "10.0"};
	static const char *const cannot[] = {"2.0", "2.12", "4.2", "5.2.9"};
	struct emulator e;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(can) / sizeof(can[0]); i++) {
		assert_int_equal(emulator_probe("/no", can[i], &e, &err), 0);
		assert_int_equal(emulator_maps_read_only(&e, &err), 1);
	}
	for (size_t i = 0; i < sizeof(cannot) / sizeof(cannot[0]); i++) {
		assert_int_equal(emulator_probe("/no", cannot[i], &e, &err), 0);
		assert_int_equal(emulator_maps_read_only(&e, &err), 0);
	}
}

static void refuses_what_is_no_version(void **state)
{
	static const char *const cases[] = {
		"",	"7",	  "x",	 "7.",	 "7.2.", "7.2x",    " 7.2",
		"-7.2", "7.2.1.", "7,2", "v7.2", "7.-2", "99999.1", "7.2 "};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct emulator e;
		struct err err = {0};

		assert_int_equal(emulator_probe(NULL, cases[i], &e, &err),
				 -EINVAL);
		contains(err.text, "is not a QEMU version");
	}
}

/* A program which answers as @script says, as an emulator to be asked. */
static int probe_script(const char *script, struct emulator *e, struct err *err)
{
	char path[] = "/tmp/fam-emulator.XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh\n%s\n", script) > 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(close(fd), 0);
	ret = emulator_probe(path, NULL, e, err);
	assert_int_equal(unlink(path), 0);
	return ret;
}

#define SAYS_VERSION                  \
	"[ \"$1\" != --version ] || " \
	"echo 'QEMU emulator version 2.5.0 (x), Copyright (c) 2003'\n"

static void reads_the_answers(void **state)
{
	struct emulator e;
	struct err err;

	(void)state;
	assert_int_equal(probe_script(SAYS_VERSION "echo 'name \"ivshmem\", "
						   "bus PCI' >&2",
				      &e, &err),
			 0);
	assert_int_equal(e.major, 2);
	assert_int_equal(e.minor, 5);
	assert_int_equal(e.micro, 0);
	assert_true(e.has_legacy);
	assert_false(e.has_plain);
	assert_false(e.has_pref64_reserve);
	assert_int_equal(emulator_transport(&e), TRANSPORT_XMEMDEV);
}

/* What an emulator says to the question which options its backend has. */
static int ask_script(const char *answer, struct err *err)
{
	char path[] = "/tmp/fam-emulator.XXXXXX";
	struct emulator e = {.major = 7};
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_true(
		dprintf(fd,
			"#!/bin/sh\ntest \"$*\" = "
			"'-object memory-backend-file,help' || exit 9\n%s\n",
			answer) > 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(close(fd), 0);
	memcpy(e.path, path, sizeof(path));
	ret = emulator_maps_read_only(&e, err);
	assert_int_equal(unlink(path), 0);
	return ret;
}

static void believes_the_answer_and_not_the_version(void **state)
{
	struct err err = {0};
	struct emulator e = {.path = "/no/such"};

	(void)state;
	assert_int_equal(ask_script("echo '  readonly=<bool>'", &err), 1);
	assert_int_equal(ask_script("echo '  share=<bool>'", &err), 0);
	assert_int_equal(ask_script("echo 'readonly=<bool>'; exit 1", &err), 0);
	assert_int_equal(ask_script("exit 1", &err), 0);
	assert_int_equal(emulator_maps_read_only(&e, &err), -ENOENT);
	contains(err.text, "emulator '/no/such' does not exist");
}

static void refuses_what_is_no_emulator(void **state)
{
	struct err err = {0};
	struct emulator e;

	(void)state;
	assert_int_equal(probe_script(SAYS_VERSION, &e, &err), -ENODEV);
	contains(err.text, "has no ivshmem device");
	assert_int_equal(probe_script("echo hello", &e, &err), -EPROTO);
	contains(err.text, "does not answer like QEMU");
	assert_int_equal(
		probe_script("echo 'QEMU emulator version x'", &e, &err),
		-EPROTO);
	assert_int_equal(probe_script("exit 3", &e, &err), -EPROTO);
	contains(err.text, "failed on --version with status 3");
	assert_int_equal(emulator_probe("/no/such", NULL, &e, &err), -ENOENT);
	contains(err.text, "emulator '/no/such' does not exist");
	assert_int_equal(emulator_probe("no-such-emulator", NULL, &e, &err),
			 -ENOENT);
	contains(err.text, "is not in PATH");
	assert_int_equal(emulator_probe("/etc/passwd", NULL, &e, &err),
			 -EACCES);
}

static void asks_the_real_one(void **state)
{
	struct err err = {0};
	struct emulator e;

	(void)state;
	if (emulator_probe(NULL, NULL, &e, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(e.path[0] == '/');
	assert_true(e.major >= 2);
	assert_true(e.has_plain || e.has_legacy);
	if (e.major > 2 || e.minor > 10)
		assert_true(e.has_pref64_reserve);
	assert_int_equal(emulator_maps_read_only(&e, &err), e.major >= 6);
}

/* The boot sector does what it should, so that its failing says something. */
static void the_probe_works(void **state)
{
	const struct emulator none = {.path = "/bin/true"};
	struct err err = {0};
	struct emulator e;

	(void)state;
	assert_int_equal(kvm_probe_image_end - kvm_probe_image, 512);
	assert_int_equal(kvm_probe_image[510], 0x55);
	assert_int_equal(kvm_probe_image[511], 0xaa);
	assert_int_equal(emulator_probe(NULL, NULL, &e, &err), 0);
	assert_true(emulator_runs_probe(&e, "tcg", "qemu64"));
	assert_false(emulator_runs_probe(&e, "no-such-accelerator", "qemu64"));
	/* A processor that cannot enter long mode never reaches the end. */
	assert_false(emulator_runs_probe(&e, "tcg", "qemu32"));
	assert_false(emulator_runs_kvm(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_releases),
		cmocka_unit_test(knows_who_can_map_read_only),
		cmocka_unit_test(believes_the_answer_and_not_the_version),
		cmocka_unit_test(refuses_what_is_no_version),
		cmocka_unit_test(reads_the_answers),
		cmocka_unit_test(refuses_what_is_no_emulator),
		cmocka_unit_test(asks_the_real_one),
		cmocka_unit_test(the_probe_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
