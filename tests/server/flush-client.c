// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A client of the flush mailbox for tests: on the mapped file of a fabric, by
 * the product's own client side. Obeys lines on stdin, each with one line of
 * answer.
 *
 * usage: fam-flush FILE [SOCKET.host]
 *	SOCKET.host: attach there, have an ID, and ring the server
 *
 *	claim			slot N | not served | no slot
 *	post OFFSET LENGTH	posted N
 *	forge OFFSET LENGTH	posted N	with a wrong seal
 *	wait MS			done N | failed E | fault E | lost | silence
 *	kick			kicked		tail and bit again, no ring
 *	release			free
 *	commits N LENGTH	commits N median US p99 US	one by one
 *	groups N K		commits N*K median US p99 US	K, then one wait
 *	synced N LENGTH		commits N ...	pwrite and fdatasync instead
 *	compare N LENGTH	mailbox ..., synced ...		in turns
 *	scribble N		scribbled	N random words into the mailbox
 *	peek OFFSET		word N		8 bytes of the file
 *	poke OFFSET WORD	poked
 *	put32 OFFSET WORD	poked		4 bytes
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fam-mailbox.h>

#include "ivshmem.h"
#include "test-peer.h"
#include "util/clock.h"

#define SPIN_NS	  400000ull
#define KICK_NS	  1000000ull
#define GIVE_UP_S 20
#define DATA	  FAM_DATA_OFFSET

static int file, bell = -1;
static uint32_t own_id;
static uint8_t *memory;
static uint64_t size;
static struct fam_mailbox *box;
static uint64_t token, epoch, posted, done;
static int slot = -1;

static uint64_t random_word(void)
{
	uint64_t n;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		abort();
	return n;
}

/* Attaches as a program of the host does, and keeps the server's bell. */
static int attach(const char *path)
{
	struct ivshmem_client client = {.dialect = IVSHMEM_HOST};
	struct ivshmem_receipt r = {.event = IVSHMEM_EVENT_SELF};
	int sock = test_peer_connect(path), fd, ret;
	uint64_t until = clock_ms() + GIVE_UP_S * 1000;
	int64_t value;

	while (sock >= 0 && r.event != IVSHMEM_EVENT_READY) {
		ret = test_peer_receive(sock, IVSHMEM_HOST, &value, &fd);
		if (ret < 0 || clock_ms() > until)
			return -1;
		if (ret == 0) {
			usleep(1000);
			continue;
		}
		if (ivshmem_receive(&client, value, fd >= 0, &r) < 0)
			return -1;
		if (r.event == IVSHMEM_EVENT_DOORBELL &&
		    r.id == IVSHMEM_SERVER_ID && r.vector == 0)
			bell = fd;
	}
	own_id = client.id;
	return sock < 0 ? -1 : 0;
}

static int map_fabric(const char *path)
{
	struct stat st;

	file = open(path, O_RDWR);
	if (file < 0 || fstat(file, &st) < 0)
		return -1;
	size = (uint64_t)st.st_size;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	box = (struct fam_mailbox *)(memory + FAM_MAILBOX_OFFSET);
	return memory == MAP_FAILED ? -1 : 0;
}

static void ring(void)
{
	uint64_t one = 1;

	if (bell >= 0 && write(bell, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void claim(void)
{
	epoch = atomic_load(&box->epoch);
	posted = done = 0;
	if (!fam_mailbox_is_served(box)) {
		puts("not served");
		return;
	}
	token = random_word() | UINT64_C(1) << 33;
	slot = fam_mailbox_claim(box, token);
	if (slot < 0) {
		puts("no slot");
		return;
	}
	atomic_store(&box->slot[slot].pid, (uint32_t)getpid());
	atomic_store(&box->slot[slot].peer, own_id);
	printf("slot %d\n", slot);
}

static void post(uint64_t offset, uint64_t length, bool forged)
{
	struct fam_range range = {offset, length};

	/* one off: sealed for another request than the one it is */
	if (forged)
		atomic_store(&box->slot[slot].ring[posted % 32].check, 1);
	if (!forged)
		fam_mailbox_post(box, (unsigned int)slot, token, posted,
				 &range);
	else
		fam_mailbox_kick(box, (unsigned int)slot, token, posted + 1);
	posted++;
	ring();
}

static enum fam_mailbox_view look(void)
{
	return fam_mailbox_look(box, (unsigned int)slot, token, epoch, posted,
				&done);
}

/* As a node does: yields for a while, then sleeps, and knocks again. */
static enum fam_mailbox_view wait_for(uint64_t ns)
{
	uint64_t began = clock_ns(), kicked = began, now = began;
	enum fam_mailbox_view view;
	useconds_t us = 20;

	while ((view = look()) == FAM_MAILBOX_WAIT && now - began < ns) {
		if (now - began < SPIN_NS) {
			sched_yield();
		} else {
			usleep(us);
			us = us < 500 ? us * 2 : 1000;
		}
		now = clock_ns();
		if (now - kicked > KICK_NS) {
			fam_mailbox_kick(box, (unsigned int)slot, token,
					 posted);
			ring();
			kicked = now;
		}
	}
	return view;
}

static void say_view(enum fam_mailbox_view view)
{
	switch (view) {
	case FAM_MAILBOX_WAIT:
		puts("silence");
		break;
	case FAM_MAILBOX_DONE:
		printf("done %" PRIu64 "\n", done);
		break;
	case FAM_MAILBOX_FAILED:
		printf("failed %d\n", atomic_load(&box->failed));
		break;
	case FAM_MAILBOX_FAULT:
		printf("fault %" PRIu64 "\n",
		       atomic_load(&box->slot[slot].fault) - token);
		break;
	case FAM_MAILBOX_LOST:
		puts("lost");
		break;
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t random_page(uint64_t length)
{
	return DATA + random_word() % ((size - DATA - length) / 4096) * 4096;
}

/* One commit of @k ranges; false: it said why not */
static bool commit(unsigned int k, uint64_t length)
{
	enum fam_mailbox_view view;

	for (unsigned int i = 0; i < k; i++) {
		uint64_t at = random_page(length);

		memset(memory + at, (int)random_word(), length);
		post(at, length, false);
	}
	view = wait_for(GIVE_UP_S * UINT64_C(1000000000));
	if (view != FAM_MAILBOX_DONE)
		say_view(view);
	return view == FAM_MAILBOX_DONE;
}

static bool commit_synced(unsigned int k, uint64_t length)
{
	static char data[65536];

	(void)k;
	memset(data, (int)random_word(), length);
	return pwrite(file, data, length, (off_t)random_page(length)) ==
		       (ssize_t)length &&
	       fdatasync(file) == 0;
}

typedef bool (*commit_fn)(unsigned int k, uint64_t length);

static void say_times(const char *what, uint64_t *us, unsigned int n)
{
	qsort(us, n, sizeof(*us), compare);
	printf("%s median %" PRIu64 " p99 %" PRIu64, what, us[n / 2],
	       us[n * 99 / 100]);
}

static void measure(commit_fn one, unsigned int n, unsigned int k,
		    uint64_t length)
{
	uint64_t *us = calloc(n, sizeof(*us));

	if (!us || !n || !k || k > FAM_MAILBOX_RING || length > 65536)
		exit(2);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t began = clock_ns();

		if (!one(k, length))
			exit(1);
		us[i] = (clock_ns() - began) / 1000;
	}
	printf("commits %u", n * k);
	say_times("", us, n);
	putchar('\n');
	free(us);
}

/* Turn by turn, so that both meet the same disk. */
static void compare_ways(unsigned int n, uint64_t length)
{
	static const commit_fn way[2] = {commit, commit_synced};
	uint64_t *us[2] = {calloc(n, sizeof(**us)), calloc(n, sizeof(**us))};

	if (!us[0] || !us[1] || !n || length > 65536)
		exit(2);
	for (unsigned int i = 0; i < 2 * n; i++) {
		uint64_t began = clock_ns();

		if (!way[i % 2](1, length))
			exit(1);
		us[i % 2][i / 2] = (clock_ns() - began) / 1000;
	}
	say_times("mailbox", us[0], n);
	say_times(", synced", us[1], n);
	putchar('\n');
	free(us[0]);
	free(us[1]);
}

/* Random words, small ones and near misses of what is there. */
static void scribble(unsigned int n)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)box;

	while (n--) {
		uint64_t r = random_word();
		_Atomic uint64_t *w =
			&words[(r >> 32) % (FAM_MAILBOX_BYTES / 8)];

		switch (r % 4) {
		case 0:
			atomic_store(w, random_word());
			break;
		case 1:
			atomic_store(w, r % 64);
			break;
		case 2:
			atomic_fetch_add(w, r % 64);
			break;
		default:
			atomic_fetch_or(w, UINT64_C(1) << (r >> 8) % 64);
		}
	}
	puts("scribbled");
}

static void obey(const char *line)
{
	uint64_t a, b;
	unsigned int n;

	if (strcmp(line, "claim\n") == 0)
		claim();
	else if (sscanf(line, "peek %" SCNu64, &a) == 1 && a < size - 8)
		printf("word %" PRIu64 "\n", *(uint64_t *)(memory + a));
	else if (sscanf(line, "poke %" SCNu64 " %" SCNu64, &a, &b) == 2 &&
		 a < size - 8)
		*(volatile uint64_t *)(memory + a) = b, puts("poked");
	else if (sscanf(line, "put32 %" SCNu64 " %" SCNd64, &a,
			(int64_t *)&b) == 2 &&
		 a < size - 8)
		*(volatile uint32_t *)(memory + a) = (uint32_t)b, puts("poked");
	else if (sscanf(line, "scribble %u", &n) == 1)
		scribble(n);
	else if (sscanf(line, "synced %u %" SCNu64, &n, &b) == 2)
		measure(commit_synced, n, 1, b);
	else if (slot < 0)
		puts("no slot");
	else if (sscanf(line, "post %" SCNu64 " %" SCNu64, &a, &b) == 2)
		post(a, b, false), printf("posted %" PRIu64 "\n", posted);
	else if (sscanf(line, "forge %" SCNu64 " %" SCNu64, &a, &b) == 2)
		post(a, b, true), printf("posted %" PRIu64 "\n", posted);
	else if (sscanf(line, "wait %" SCNu64, &a) == 1)
		say_view(wait_for(a * 1000000));
	else if (strcmp(line, "kick\n") == 0)
		fam_mailbox_kick(box, (unsigned int)slot, token, posted),
			puts("kicked");
	else if (strcmp(line, "release\n") == 0)
		atomic_compare_exchange_strong(&box->slot[slot].owner, &token,
					       0),
			puts("free");
	else if (sscanf(line, "commits %u %" SCNu64, &n, &b) == 2)
		measure(commit, n, 1, b);
	else if (sscanf(line, "compare %u %" SCNu64, &n, &b) == 2)
		compare_ways(n, b);
	else if (sscanf(line, "groups %u %" SCNu64, &n, &b) == 2)
		measure(commit, n, (unsigned int)b, 64);
	else
		printf("what? %s", line);
}

int main(int argc, char **argv)
{
	char line[256];

	if (argc < 2)
		return 2;
	setlinebuf(stdout);
	if (map_fabric(argv[1]) < 0) {
		perror(argv[1]);
		return 1;
	}
	if (argc > 2 && attach(argv[2]) < 0) {
		fprintf(stderr, "fam-flush: cannot attach\n");
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
