// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fam-transfer.h"

/* What there is now, up to a whole piece; 0 at the end of the file. */
static ssize_t fill(int fd, uint8_t *buffer)
{
	ssize_t n;

	do {
		n = read(fd, buffer, TRANSFER_PIECE);
	} while (n < 0 && errno == EINTR && !peer_stopped());
	return n < 0 ? -errno : n;
}

static int send_piece(struct transfer *transfer, size_t bytes)
{
	const struct transfer_piece piece = {
		.bytes = (uint32_t)bytes,
		.check = transfer_check(transfer->id, (uint32_t)bytes),
	};
	int r = transfer_write(transfer, transfer->data, &piece, sizeof(piece));

	if (r == 0)
		r = transfer_write(transfer, transfer->data, transfer->buffer,
				   bytes);
	if (r < 0)
		return r;
	transfer->crc32c =
		fam_crc32c(transfer->crc32c, transfer->buffer, bytes);
	transfer->bytes += bytes;
	return 0;
}

/* A failure of the file is told in @file_error. */
static int send_all(struct transfer *transfer, int fd, int *file_error)
{
	struct transfer_hello hello = {.magic = TRANSFER_MAGIC};
	struct transfer_trailer trailer;
	ssize_t n;
	int r;

	if (getrandom(&hello.id, sizeof(hello.id), 0) != sizeof(hello.id))
		return -errno;
	transfer->id = hello.id;
	r = transfer_write(transfer, transfer->data, &hello, sizeof(hello));
	while (r == 0) {
		n = fill(fd, transfer->buffer);
		if (n < 0) {
			*file_error = (int)-n;
			return (int)n;
		}
		/* The last one is empty: the trailer follows. */
		r = send_piece(transfer, (size_t)n);
		if (n == 0)
			break;
	}
	if (r < 0)
		return r;
	trailer = (struct transfer_trailer){
		.bytes = transfer->bytes,
		.crc32c = transfer->crc32c,
		.check = transfer_check(transfer->id, transfer->crc32c),
	};
	return transfer_write(transfer, transfer->data, &trailer,
			      sizeof(trailer));
}

static int say_not_arrived(const struct transfer *transfer, uint32_t result)
{
	fprintf(stderr, "fam: the receiver of '%s' %s\n", transfer->name,
		result == TRANSFER_NO_ROOM
			? "could not write its file"
			: "got something else than was sent");
	return EXIT_OTHER_SIDE;
}

/* Nothing is taken by looking whether something could be written to it. */
static bool has_receiver(struct transfer *transfer)
{
	size_t room;
	void *at;

	return fam_stream_reserve(transfer->data, 0, &at, &room) != -EPIPE;
}

/* The death of a receiver before this one may still have to be told. */
static int read_reply(struct transfer *transfer, struct transfer_reply *reply)
{
	int r;

	do {
		r = transfer_read(transfer, transfer->reply, reply,
				  sizeof(*reply));
	} while (r == -ECONNRESET && has_receiver(transfer));
	return r;
}

/*
 * What the receiver says of it; also behind a write that failed, as it may have
 * said why it gave up. @error: of that write, or 0.
 */
static int take_reply(struct transfer *transfer, int error)
{
	struct transfer_reply reply;
	int r = read_reply(transfer, &reply);

	if (r < 0)
		return say_transfer_failure(transfer, error ? error : r);
	if (reply.id != transfer->id)
		return say_transfer_failure(transfer, error ? error : -EPROTO);
	if (reply.result != TRANSFER_ARRIVED)
		return say_not_arrived(transfer, reply.result);
	if (error || reply.bytes != transfer->bytes ||
	    reply.crc32c != transfer->crc32c)
		return say_not_arrived(transfer, TRANSFER_DAMAGED);
	printf("%" PRIu64 " bytes arrived, CRC-32C %08" PRIx32 "\n",
	       transfer->bytes, transfer->crc32c);
	return EXIT_DONE;
}

static int send_file(struct transfer *transfer, int fd)
{
	int file_error = 0, r = send_all(transfer, fd, &file_error);

	if (file_error == EINTR || r == -EINTR)
		return EXIT_FAILED;
	if (file_error)
		return say_system("cannot read what is to be sent", file_error);
	if (r < 0 && r != -EPIPE)
		return say_transfer_failure(transfer, r);
	return take_reply(transfer, r);
}

/* Before a receiver is there that would have to be told. */
static int open_file(const char *file, int *fd)
{
	struct stat st;

	if (file)
		*fd = open(file, O_RDONLY | O_CLOEXEC);
	if (*fd < 0) {
		fprintf(stderr, "fam: cannot open '%s': %s\n", file,
			strerror(errno));
		return EXIT_FAILED;
	}
	if (fstat(*fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		fprintf(stderr,
			"fam: '%s' is a directory\n"
			"hint: tar c DIRECTORY | fam send NAME\n",
			file ? file : "standard input");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int cmd_send(const struct options *options)
{
	struct transfer transfer;
	const char *file;
	int status, fd = STDIN_FILENO;

	status = transfer_words(options, &file);
	if (status)
		return status;
	status = open_file(file, &fd);
	if (status)
		return status;
	status = transfer_open(&transfer, options, FAM_STREAM_WRITE);
	if (status == EXIT_DONE)
		status = transfer_close(&transfer, send_file(&transfer, fd));
	if (file)
		(void)close(fd); /* was only read */
	return status;
}
