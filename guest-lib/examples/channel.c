// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Messages between programs anywhere on a fabric: each line of the input goes to
 * whoever listens.
 *
 * usage: channel listen NAME [FABRIC]
 *        channel say NAME [FABRIC] < FILE
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fam/fam.h>

static int listen_to(struct fam_channel *channel)
{
	const void *message;
	uint64_t bytes;
	int r;

	/* In place: what is printed is not copied before. */
	while ((r = fam_channel_peek(channel, -1, &message, &bytes)) == 0) {
		fwrite(message, 1, bytes, stdout);
		fflush(stdout);
		fam_channel_release(channel);
	}
	return r == -ESHUTDOWN ? 0 : r; /* all that spoke have closed */
}

static int say(struct fam_channel *channel)
{
	char line[1024];
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), stdin))
		r = fam_channel_send(channel, line, strlen(line), -1);
	return r;
}

int main(int argc, char **argv)
{
	const struct fam_channel_config config = {.bytes = 64 << 10};
	int says = argc > 1 && strcmp(argv[1], "say") == 0, r;
	struct fam_channel *channel;
	struct fam *fam;

	if (argc < 3 || (!says && strcmp(argv[1], "listen") != 0)) {
		fprintf(stderr, "usage: channel say|listen NAME [FABRIC]\n");
		return 2;
	}
	r = fam_open(&fam, argc > 3 ? argv[3] : NULL, 0);
	if (r < 0) {
		fprintf(stderr, "channel: %s\n", fam_strerror(r));
		return 1;
	}
	r = fam_channel_open(fam, argv[2], &config,
			     says ? FAM_CHANNEL_SEND : FAM_CHANNEL_RECEIVE,
			     &channel);
	if (r == 0) {
		r = says ? say(channel) : listen_to(channel);
		fam_channel_close(channel);
	}
	if (r < 0)
		fprintf(stderr, "channel: '%s': %s\n", argv[2],
			fam_strerror(r));
	fam_close(fam);
	return r < 0;
}
