// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulator.h"
#include "kvm-probe.h"
#include "paths.h"
#include "run.h"
#include "util/cleanup.h"
#include "util/fdio.h"
#include "util/size.h"

#define DEFAULT_EMULATOR "qemu-system-x86_64"
#define NO_EMULATOR_HINT \
	"install QEMU for x86 (qemu-system-x86), or name it with --emulator"
#define ANSWER_MS 10000

/* SeaBIOS refuses to boot from a disk with less than about a cylinder. */
#define KVM_PROBE_DISK	 MiB
#define KVM_PROBE_MS	 3000
#define KVM_PROBE_STATUS 33 /* see EXIT_VALUE in kvm-probe.S */

static bool version_at_least(const struct emulator *e, int major, int minor)
{
	return e->major > major || (e->major == major && e->minor >= minor);
}

/* One number of a version and the dot before it; false if there is none. */
static bool read_number(const char **p, bool dot, int *out)
{
	const char *digits = *p;
	char *end;
	long n;

	if (dot && *digits++ != '.')
		return false;
	if (!isdigit((unsigned char)*digits))
		return false;
	n = strtol(digits, &end, 10);
	if (end - digits > 4)
		return false;
	*out = (int)n;
	*p = end;
	return true;
}

/* Sets the version of @e and returns what follows it, or NULL. */
static const char *read_version(const char *text, struct emulator *e)
{
	const char *p = text;

	e->micro = 0;
	if (!read_number(&p, false, &e->major) ||
	    !read_number(&p, true, &e->minor))
		return NULL;
	if (*p == '.' && !read_number(&p, true, &e->micro))
		return NULL;
	return p;
}

/* What the releases of QEMU have, for an emulator that cannot be asked. */
static void devices_by_version(struct emulator *e)
{
	e->has_plain = version_at_least(e, 2, 6);
	e->has_doorbell = e->has_plain;
	e->has_virtio_pmem = version_at_least(e, 4, 1);
	e->has_legacy = !version_at_least(e, 4, 0);
	e->has_pref64_reserve = version_at_least(e, 2, 11);
}

/* Looks @name up in PATH; false if no directory of it has such a program. */
static bool find_in_path(const char *name, char out[PATH_MAX])
{
	const char *dir = getenv("PATH");
	size_t len;

	for (; dir && *dir; dir += len + (dir[len] == ':')) {
		len = strcspn(dir, ":");
		if (snprintf(out, PATH_MAX, "%.*s/%s", (int)len, dir, name) <
			    PATH_MAX &&
		    out[0] == '/' && access(out, X_OK) == 0)
			return true;
	}
	return false;
}

/* libvirt wants an absolute path, so a bare name is looked up here. */
static int resolve(const char *path, bool must_exist, char out[PATH_MAX],
		   struct err *err)
{
	const char *name = path ? path : DEFAULT_EMULATOR;

	if (strchr(name, '/'))
		return paths_absolute(name, out, err);
	if (find_in_path(name, out))
		return 0;
	if (!must_exist &&
	    snprintf(out, PATH_MAX, "/usr/bin/%s", name) < PATH_MAX)
		return 0;
	err_set(err, -ENOENT, "emulator '%s' is not in PATH", name);
	return err_hint(err, NO_EMULATOR_HINT);
}

/* Runs the emulator with up to two arguments; its status is in the answer. */
static int run(const char *path, const char *arg1, const char *arg2,
	       struct run_result *answer, struct err *err)
{
	const char *const argv[] = {path, arg1, arg2, NULL};
	int ret = run_program(argv, ANSWER_MS, answer, err);

	if (ret == -ENOENT) {
		err_set(err, -ENOENT, "emulator '%s' does not exist", path);
		return err_hint(err, NO_EMULATOR_HINT);
	}
	if (ret < 0)
		return err_prefix(err, "emulator");
	if (answer->timed_out)
		return err_set(err, -EPROTO,
			       "emulator '%s' gave no answer to %s", path,
			       arg1);
	return 0;
}

/* The same, and expects success. */
static int ask(const char *path, const char *arg1, const char *arg2,
	       struct run_result *answer, struct err *err)
{
	int ret = run(path, arg1, arg2, answer, err);

	if (ret < 0)
		return ret;
	if (answer->status != 0)
		return err_set(err, -EPROTO,
			       "emulator '%s' failed on %s with status %d",
			       path, arg1, answer->status);
	return 0;
}

static int ask_version(struct emulator *e, struct run_result *answer,
		       struct err *err)
{
	const char *version;
	int ret = ask(e->path, "--version", NULL, answer, err);

	if (ret < 0)
		return ret;
	version = strstr(answer->output, "QEMU emulator version ");
	if (version)
		version += strlen("QEMU emulator version ");
	if (!version || !read_version(version, e)) {
		err_set(err, -EPROTO, "'%s' does not answer like QEMU",
			e->path);
		return err_hint(err, "tell its version with --qemu-version "
				     "X.Y");
	}
	return 0;
}

static int ask_devices(struct emulator *e, struct run_result *answer,
		       struct err *err)
{
	int ret = ask(e->path, "-device", "help", answer, err);

	if (ret < 0)
		return ret;
	e->has_plain = strstr(answer->output, "\"ivshmem-plain\"") != NULL;
	e->has_legacy = strstr(answer->output, "\"ivshmem\"") != NULL;
	e->has_doorbell =
		strstr(answer->output, "\"ivshmem-doorbell\"") != NULL;
	e->has_virtio_pmem =
		strstr(answer->output, "\"virtio-pmem-pci\"") != NULL;
	if (!e->has_plain && !e->has_legacy) {
		err_set(err, -ENODEV, "emulator '%s' has no ivshmem device",
			e->path);
		return err_hint(err, "name another one with --emulator PATH");
	}
	if (!strstr(answer->output, "\"pcie-root-port\""))
		return 0;
	ret = ask(e->path, "-device", "pcie-root-port,help", answer, err);
	if (ret == 0)
		e->has_pref64_reserve =
			strstr(answer->output, "pref64-reserve") != NULL;
	return ret;
}

static int by_version(const char *version, struct emulator *e, struct err *err)
{
	const char *end = read_version(version, e);

	if (!end || *end) {
		err_set(err, -EINVAL, "'%s' is not a QEMU version", version);
		return err_hint(err, "write it as 7.2 or 2.5.0");
	}
	devices_by_version(e);
	e->told = true;
	return 0;
}

int emulator_probe(const char *path, const char *version, struct emulator *out,
		   struct err *err)
{
	_cleanup_free_ struct run_result *answer = malloc(sizeof(*answer));
	int ret;

	*out = (struct emulator){0};
	if (!answer)
		return err_sys(err, ENOMEM, "emulator");
	ret = resolve(path, !version, out->path, err);
	if (ret < 0)
		return ret;
	if (version)
		return by_version(version, out, err);
	ret = ask_version(out, answer, err);
	if (ret < 0)
		return ret;
	return ask_devices(out, answer, err);
}

/* Old ones know no "help" there, which is an answer too. */
int emulator_maps_read_only(const struct emulator *emulator, struct err *err)
{
	_cleanup_free_ struct run_result *answer = NULL;
	int ret;

	if (emulator->told)
		return version_at_least(emulator, 6, 0);
	answer = malloc(sizeof(*answer));
	if (!answer)
		return err_sys(err, ENOMEM, "emulator");
	ret = run(emulator->path, "-object", "memory-backend-file,help", answer,
		  err);
	if (ret < 0)
		return ret;
	return answer->status == 0 &&
	       strstr(answer->output, "readonly=") != NULL;
}

enum transport emulator_transport(const struct emulator *emulator)
{
	if (emulator->has_plain)
		return TRANSPORT_PLAIN;
	if (emulator->major == 2 && emulator->minor == 5)
		return TRANSPORT_XMEMDEV;
	return TRANSPORT_LEGACY;
}

/* The probe as a disk without a name, or -1. */
static int probe_disk(void)
{
	_cleanup_close_ int fd = memfd_create("kvm-probe", MFD_CLOEXEC);
	size_t len = (size_t)(kvm_probe_image_end - kvm_probe_image);

	if (fd < 0 || fdio_write(fd, kvm_probe_image, len) < 0 ||
	    ftruncate(fd, KVM_PROBE_DISK) < 0)
		return -1;
	return take_fd(&fd);
}

bool emulator_runs_probe(const struct emulator *emulator, const char *accel,
			 const char *cpu)
{
	_cleanup_free_ struct run_result *result = malloc(sizeof(*result));
	_cleanup_close_ int fd = probe_disk();
	char drive[96];
	struct err err;
	const char *const argv[] = {emulator->path,
				    "-accel",
				    accel,
				    "-M",
				    "q35",
				    "-cpu",
				    cpu,
				    "-m",
				    "16",
				    "-nodefaults",
				    "-no-user-config",
				    "-display",
				    "none",
				    "-device",
				    "isa-debug-exit,iobase=0xf4,iosize=4",
				    "-drive",
				    drive,
				    "-device",
				    "ide-hd,drive=d",
				    NULL};

	if (fd < 0 || !result)
		return false;
	/* By our own process number: the file is not inherited. */
	snprintf(drive, sizeof(drive),
		 "if=none,id=d,format=raw,file=/proc/%d/fd/%d", getpid(), fd);
	return run_program(argv, KVM_PROBE_MS, result, &err) == 0 &&
	       !result->timed_out && result->status == KVM_PROBE_STATUS;
}

bool emulator_runs_kvm(const struct emulator *emulator)
{
	/* Spares three seconds where the answer is plain. */
	if (access("/dev/kvm", R_OK | W_OK) < 0)
		return false;
	return emulator_runs_probe(emulator, "kvm", "host");
}
