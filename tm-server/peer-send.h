/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */
#ifndef TM_SERVER_PEER_SEND_H
#define TM_SERVER_PEER_SEND_H

#include "ivshmem.h"
#include "slot.h"

/*
 * Many messages per system call. Each stays a message of its own: eight bytes
 * and at most one descriptor, because that is how every QEMU reads.
 */
struct peers_batch;

/* What all sending needs. */
struct peer_sender {
	struct peers_batch *batch;
	const struct slots *slots;
	int memory_fd;
};

int peer_batch_new(struct peers_batch **out);
void peer_batch_free(struct peers_batch *batch);

/**
 * peer_send() - send a peer what its stream holds, as far as it takes it
 * @news: also what comes after its set-up
 *
 * Return: 0 all is sent; -EAGAIN its socket is full, or it is others' turn;
 * another errno of sendmsg(2). The stream stands where the next message begins.
 */
int peer_send(const struct peer_sender *sender, int fd,
	      struct ivshmem_stream *stream, bool news);

#endif
