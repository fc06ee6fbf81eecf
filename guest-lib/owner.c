// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Who owns a slot of the mailbox, or of the table of sessions. A PID means
 * something only to the kernel, and in the PID name space, that gave it; when the
 * process began, only in one time name space. All together make the "node".
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "fam-persist.h"

static ssize_t read_text(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = fam_fd_lift(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* FNV-1a */
static uint64_t hash(uint64_t sum, const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t this_node(void)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	char boot[64] = "";
	struct stat st, clock;

	if (read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) <=
		    0 ||
	    stat("/proc/self/ns/pid", &st) < 0)
		return 0;
	sum = hash(sum, boot, strlen(boot));
	sum = hash(sum, &st.st_ino, sizeof(st.st_ino));
	/* When a process began is told by the clock of the one who asks. */
	if (stat("/proc/self/ns/time", &clock) == 0)
		sum = hash(sum, &clock.st_ino, sizeof(clock.st_ino));
	return sum;
}

/* Of /proc/PID/stat. */
struct process {
	char state;		    /* field 3 */
	unsigned long long threads; /* field 20 */
	unsigned long long started; /* field 22, clock ticks since boot */
};

static bool read_process(uint32_t pid, struct process *out)
{
	char path[32], text[1024], *field;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return false;
	/* Field 2 is a name in parentheses, which may hold anything. */
	field = strrchr(text, ')');
	return field && sscanf(field,
			       ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			       "%*s %*s %*s %*s %*s %*s %llu %*s %llu",
			       &out->state, &out->threads, &out->started) == 3;
}

/* In a new PID name space /proc may still be that of another one. */
static bool is_own_proc(uint32_t pid)
{
	char self[32] = "", expected[32];

	snprintf(expected, sizeof(expected), "%u", pid);
	return readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
	       strcmp(self, expected) == 0;
}

void fam_owner_self(struct fam_owner *out)
{
	struct process self = {0};

	out->pid = (uint32_t)getpid();
	out->started = read_process(out->pid, &self) ? self.started : 0;
	out->node = out->started && is_own_proc(out->pid) ? this_node() : 0;
}

/*
 * A booting guest may be short of randomness for long; the token has to be
 * another each time, not a secret.
 */
uint64_t fam_owner_token(void)
{
	static _Atomic uint64_t count;
	uint64_t token = 0, seed[4] = {0};

	if (getrandom(&token, sizeof(token), GRND_INSECURE) != sizeof(token) &&
	    getrandom(&token, sizeof(token), GRND_NONBLOCK) != sizeof(token)) {
		seed[0] = (uint64_t)fam_now_ns();
		seed[1] = (uint64_t)getpid();
		seed[2] = (uintptr_t)&token;
		seed[3] = atomic_fetch_add(&count, 1);
		token = hash(UINT64_C(0xcbf29ce484222325), seed, sizeof(seed));
	}
	return token | UINT64_C(1) << 63;
}

bool fam_owner_is_dead(uint32_t pid, uint64_t started)
{
	struct process process;

	if (pid == 0 || pid > INT_MAX)
		return false;
	if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		return true;
	if (!read_process(pid, &process))
		return false;
	/* A first thread that has ended before the others looks like a zombie. */
	return process.started != started ||
	       ((process.state == 'Z' || process.state == 'X') &&
		process.threads <= 1);
}

static void reap(struct fam_mailbox_slot *slot, const struct fam_owner *self)
{
	uint64_t owner = atomic_load(&slot->owner);

	if (owner == 0 || atomic_load(&slot->node) != self->node)
		return;
	/*
	 * A program that has just taken the slot may not have signed it yet:
	 * should it lose it by this, it takes another.
	 */
	if (fam_owner_is_dead(atomic_load(&slot->pid),
			      atomic_load(&slot->started)))
		atomic_compare_exchange_strong(&slot->owner, &owner, 0);
}

void fam_owner_reap(struct fam_mailbox *box, const struct fam_owner *self)
{
	if (self->node == 0)
		return;
	for (unsigned int i = 0; i < FAM_MAILBOX_SLOTS; i++)
		reap(&box->slot[i], self);
}
