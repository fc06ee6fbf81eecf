// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Requests of the control protocol against a server with a few peers; and the
 * two texts the server reads, its state file and the state of a take-over.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "must.h"
#include "resume.h"
#include "state.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct server server;
static struct ctl ctl = {.server = &server};
static struct peers peers;

static void set_up(void)
{
	static struct peer peer[2];
	struct identity who = {.name = "fuzz"};
	struct slot *slot;

	server.config.vectors = 3;
	server.peers = &peers;
	for (int d = 0; d < IVSHMEM_DIALECTS; d++)
		server.listener[d].fd = -1;
	must(slots_new(&server.slots, 3, 1) == 0);
	must(slots_open_server(server.slots, &slot) == 0);
	for (int i = 0; i < 40; i++) {
		must(slots_attach(server.slots, &who, &peer[i % 2], &slot) ==
		     0);
		ivshmem_start(&peer[i % 2].stream, &server.slots->world,
			      IVSHMEM_MODERN, slot->id, NULL);
		peer[i % 2].slot = slot;
	}
	slots_detach(server.slots, slot);
}

static void request(const uint8_t *data, size_t len)
{
	uint64_t reply[TM_CTL_REPLY_MAX / 8 + 1];
	const struct tm_ctl_head *head = (const struct tm_ctl_head *)reply;
	enum tm_ctl_op op;
	size_t n = ctl_answer(&ctl, data, len, reply, &op);

	must(n >= sizeof(*head) && n <= TM_CTL_REPLY_MAX);
	must(n == sizeof(*head) + (size_t)head->count * head->record_bytes);
	must(head->magic == TM_CTL_MAGIC && head->error <= 0);
	must(memchr(head->text, '\0', sizeof(head->text)) != NULL);
	must(op == 0 || (len == 32 && head->error == 0));
}

/* A good head in front lets the rest be reached. */
static char *text_of(const char *head, const uint8_t *data, size_t len,
		     size_t *out_len)
{
	size_t head_len = strlen(head);
	char *text = malloc(head_len + len + 1);

	must(text != NULL);
	memcpy(text, head, head_len);
	memcpy(text + head_len, data, len);
	*out_len = head_len + len;
	text[*out_len] = '\0';
	return text;
}

static void state_file(const uint8_t *data, size_t len, int whole)
{
	struct state_mark mark;
	struct slots *slots;
	char *text =
		text_of(whole ? "" : "fam-ids 1\nboot b\n", data, len, &len);

	must(slots_new(&slots, 1, 1) == 0);
	if (state_parse(text, len, "b", slots, &mark) == 0)
		must(slots->next >= 1 && slots->next <= IVSHMEM_IDS);
	slots_free(slots);
	free(text);
}

static void take_over(const uint8_t *data, size_t len, int whole)
{
	static const char head[] =
		"fam-resume 1\nserver 2 0 1 4 64 3 10 1 2 17\n"
		"region 7 8 16777216 1 - /f\nlock 9\nslot 0 0 0 0 0 - 20 21 \n";
	char *text = text_of(whole ? "" : head, data, len, &len);
	struct resume r;

	if (resume_parse(text, len, &r) == 0) {
		must(r.slots > 0 && r.vectors > 0);
		for (size_t i = 0; i < r.peers; i++)
			must(r.peer[i].stream.index <= r.slots);
	}
	resume_free(&r);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!server.slots)
		set_up();
	if (len < 1)
		return 0;
	switch (data[0] % 5) {
	case 0:
		request(data + 1, len - 1);
		break;
	case 1:
	case 2:
		state_file(data + 1, len - 1, data[0] % 5 == 1);
		break;
	default:
		take_over(data + 1, len - 1, data[0] % 5 == 3);
		break;
	}
	return 0;
}
