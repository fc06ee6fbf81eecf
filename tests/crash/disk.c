// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A disk for tests: a file on a FUSE file system, for a loop device. It keeps
 * every write, every flush, and what others call out meanwhile, on a tape from
 * which fam-replay makes what a power cut at any moment may leave. And it fails,
 * or is slow, on demand.
 *
 * usage: fam-disk DIR MIB MOUNTPOINT	until it is unmounted or gets SIGTERM
 *	fam-disk tell DIR COMMAND...	prints the answer
 *
 *	record			begin a new tape
 *	fail writes|flushes|all [times N] [range FROM TO]	EIO; bytes of the disk
 *	delay MS		answer flushes so much later
 *	heal			no failures, no delay
 *	stats			counts since the start
 *	pulse			of each writer's area: see pulse.h
 *
 * Lines sent to the socket DIR/marks come on the tape, in order with what the
 * disk did: an acknowledgement stands behind the flush it rests on, and before
 * the next one, since lines are looked at before each request.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "disk.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

static struct disk disk;

/* One request at a time, so that there is one order. */
static int serve(struct fuse_session *session)
{
	struct fuse_buf buf = {0};
	struct pollfd p[DISK_TALKS + 3];
	int r = 0;

	while (!fuse_session_exited(session)) {
		nfds_t n = disk_polls(&disk, p);

		p[n] = (struct pollfd){.fd = fuse_session_fd(session),
				       .events = POLLIN};
		if (poll(p, n + 1, disk_patience(&disk)) < 0)
			continue;
		disk_hear(&disk, p);
		disk_release(&disk, false);
		if (!p[n].revents)
			continue;
		r = fuse_session_receive_buf(session, &buf);
		if (r > 0)
			fuse_session_process_buf(session, &buf);
		else if (r != -EAGAIN && r != -EINTR)
			break;
	}
	free(buf.mem);
	return r < 0 && r != -EAGAIN && r != -EINTR ? r : 0;
}

static int run(const char *mountpoint)
{
	char *words[] = {"fam-disk", "-o", "fsname=fam-disk", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	struct fuse_session *session =
		fuse_session_new(&args, &disk_ops, sizeof(disk_ops), &disk);
	int r;

	if (!session || fuse_set_signal_handlers(session) < 0)
		return -ENOMEM;
	if (fuse_session_mount(session, mountpoint) < 0)
		return -EIO; /* it has said why */
	fcntl(fuse_session_fd(session), F_SETFL, O_NONBLOCK);
	puts("ready");
	fflush(stdout);
	r = serve(session);
	/* Whoever waits for a flush must not wait for a dead process. */
	disk_release(&disk, true);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return r;
}

int main(int argc, char **argv)
{
	int r;

	if (argc > 3 && strcmp(argv[1], "tell") == 0)
		return disk_tell(argv[2], argc - 3, argv + 3);
	if (argc != 4)
		errx(2, "usage: fam-disk DIR MIB MOUNTPOINT");
	signal(SIGPIPE, SIG_IGN);
	/* It must not be made to wait for pages that it has to write itself. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	r = store_open(&disk.store, argv[1], strtoull(argv[2], NULL, 10) << 20);
	if (r == 0)
		r = disk_listen(&disk, argv[1]);
	if (r < 0)
		errx(1, "cannot make a disk in '%s': %s", argv[1],
		     strerror(-r));
	r = run(argv[3]);
	if (r < 0)
		errx(1, "cannot serve '%s': %s", argv[3], strerror(-r));
	return 0;
}
