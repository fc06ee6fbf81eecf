// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * A guest without a system, for a host that is itself emulated: it finds the
 * fabric on the PCI bus, stores records, has the host make them durable through
 * the flush mailbox, and only then acknowledges them on its serial port:
 *
 *	ready SLOT		the mailbox gave it a slot (again)
 *	ack CELL SEQ		this record is durable
 *	fail WHY		it gave up
 *
 * Words on its command line: seed=N; ask=0, to acknowledge without asking (what
 * is lost then shows that losses are found); ring=0, not to ring the server.
 */
#include <stdbool.h>

#include <fam-mailbox.h>

#include "nested-record.h"

#define COM1	      0x3f8
#define LINE_STATUS   (COM1 + 5)
#define TRANSMIT_FREE 0x20

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_COMMAND 0x04
#define PCI_BAR0    0x10
#define PCI_BAR2    0x18
#define PCI_MEMORY  0x2
#define IVSHMEM	    UINT32_C(0x11101af4)
#define DOORBELL    (12 / 4) /* word of BAR0 */

#define GROUP_MAX 8
/* The time stamp counter of an emulated processor counts nanoseconds. */
#define MS	UINT64_C(1000000)
#define AGAIN	(10 * MS) /* tell the server again */
#define GIVE_UP (60000 * MS)

struct multiboot {
	uint32_t flags, memory[2], device;
	const char *command_line;
};

struct guest {
	volatile uint32_t *registers;
	uint8_t *memory;
	uint32_t data, pages; /* the data's offset and its length */
	struct fam_mailbox *box;
	uint32_t seed, random;
	bool ask, ring;
	/* The claim of a slot. */
	unsigned int slot;
	uint64_t token, epoch, posted;
	/* What is under way. */
	unsigned int count;
	struct fam_range range[GROUP_MAX];
	uint32_t cell[GROUP_MAX];
	uint32_t seq[NESTED_CELLS];
};

void guest_main(const struct multiboot *boot);
/* The compiler calls these of its own accord. */
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
	void *start = to;

	__asm__ volatile("rep movsb"
			 : "+D"(to), "+S"(from), "+c"(len)
			 :
			 : "memory");
	return start;
}

void *memset(void *to, int byte, size_t len)
{
	void *start = to;

	__asm__ volatile("rep stosb"
			 : "+D"(to), "+c"(len)
			 : "a"(byte)
			 : "memory");
	return start;
}

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
	return value;
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "d"(port));
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
	return value;
}

static uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

/* The serial port. */

static void put(const char *text)
{
	for (; *text; text++) {
		while (!(in8(LINE_STATUS) & TRANSMIT_FREE))
			;
		out8(COM1, (uint8_t)*text);
	}
}

static void put_number(uint32_t number)
{
	char digits[11], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + number % 10);
	while (number /= 10);
	put(p);
}

static void give_up(const char *why)
{
	put("fail ");
	put(why);
	put("\n");
	for (;;)
		__asm__ volatile("hlt");
}

/* The command line and the bus. */

/* The number behind "name=" or @otherwise. */
static uint32_t word(const char *line, const char *name, uint32_t otherwise)
{
	for (; *line; line++) {
		const char *a = line, *b = name;
		uint32_t value = 0;

		while (*b && *a == *b)
			a++, b++;
		if (*b)
			continue;
		for (; *a >= '0' && *a <= '9'; a++)
			value = value * 10 + (uint32_t)(*a - '0');
		return value;
	}
	return otherwise;
}

static uint32_t pci_select(unsigned int device, unsigned int field)
{
	out32(PCI_ADDRESS, 0x80000000u | device << 11 | field);
	return in32(PCI_DATA);
}

static uint8_t *bar(unsigned int device, unsigned int field)
{
	return (uint8_t *)(uintptr_t)(pci_select(device, field) & ~0xfu);
}

static void find_fabric(struct guest *guest)
{
	const struct fam_superblock *sb;
	unsigned int device = 0;

	while (device < 32 && pci_select(device, 0) != IVSHMEM)
		device++;
	if (device == 32)
		give_up("no ivshmem device");
	guest->registers = (void *)bar(device, PCI_BAR0);
	guest->memory = bar(device, PCI_BAR2);
	out32(PCI_DATA, pci_select(device, PCI_COMMAND) | PCI_MEMORY);
	sb = (const void *)guest->memory;
	guest->box = (void *)(guest->memory + sb->mailbox_offset);
	guest->data = (uint32_t)sb->data_offset;
	guest->pages = (uint32_t)sb->data_bytes / NESTED_PAGE;
	if (!sb->mailbox_offset || guest->pages < 2 * NESTED_CELLS)
		give_up("no fabric, or too small");
}

/* Asking the server. */

static uint32_t next_random(struct guest *guest)
{
	/* xorshift32: never 0. */
	guest->random ^= guest->random << 13;
	guest->random ^= guest->random >> 17;
	guest->random ^= guest->random << 5;
	return guest->random;
}

static void ring_server(const struct guest *guest)
{
	const struct fam_mailbox *box = guest->box;

	if (guest->ring && box->flags & FAM_MAILBOX_CAN_RING)
		guest->registers[DOORBELL] = box->peer << 16 | box->vector;
}

static void post(struct guest *guest, const struct fam_range *range)
{
	/* The store of the record comes before the request. */
	__asm__ volatile("sfence" : : : "memory");
	fam_mailbox_post(guest->box, guest->slot, guest->token, guest->posted,
			 range);
	guest->posted++;
	ring_server(guest);
}

static void await_server(struct guest *guest)
{
	uint64_t begun = now();

	while (!fam_mailbox_is_served(guest->box)) {
		if (now() - begun > GIVE_UP)
			give_up("nobody serves");
	}
	guest->epoch = guest->box->epoch;
}

/* Takes a slot and asks (again) for all that is under way. */
static void claim(struct guest *guest)
{
	int slot;

	await_server(guest);
	guest->token = (now() ^ next_random(guest)) | UINT64_C(1) << 62;
	slot = fam_mailbox_claim(guest->box, guest->token);
	if (slot < 0)
		give_up("no free slot");
	guest->slot = (unsigned int)slot;
	guest->posted = 0;
	for (unsigned int i = 0; i < guest->count; i++)
		post(guest, &guest->range[i]);
	put("ready ");
	put_number(guest->slot);
	put("\n");
}

/* Nothing new in the mailbox: tell the server again, or claim again. */
static void look_further(struct guest *guest, enum fam_mailbox_view view)
{
	switch (view) {
	case FAM_MAILBOX_FAILED:
		give_up("the server's sync failed");
		break;
	case FAM_MAILBOX_FAULT:
		give_up("the server refused a request");
		break;
	case FAM_MAILBOX_LOST:
		claim(guest);
		break;
	default:
		fam_mailbox_kick(guest->box, guest->slot, guest->token,
				 guest->posted);
		ring_server(guest);
	}
}

static void await_durable(struct guest *guest)
{
	uint64_t begun = now(), next = begun + AGAIN, done = 0;

	for (;;) {
		enum fam_mailbox_view view =
			fam_mailbox_look(guest->box, guest->slot, guest->token,
					 guest->epoch, guest->posted, &done);

		if (view == FAM_MAILBOX_DONE)
			return;
		if (now() - begun > GIVE_UP)
			give_up("no answer");
		if (view == FAM_MAILBOX_WAIT && now() < next) {
			__builtin_ia32_pause();
			continue;
		}
		look_further(guest, view);
		next = now() + AGAIN;
	}
}

/* Records. */

static void store(struct guest *guest, uint32_t cell)
{
	static struct nested_record record;
	struct fam_range *range = &guest->range[guest->count];
	uint32_t seq = ++guest->seq[cell];

	record.magic = NESTED_MAGIC;
	record.cell = cell;
	record.seq = seq;
	record.seed = guest->seed;
	record.bytes = 64 + next_random(guest) % (NESTED_PAGE - 64) / 4 * 4;
	for (uint32_t i = 0; i < record.bytes / 4 - 6; i++)
		record.body[i] = next_random(guest);
	record.sum = nested_sum(&record);

	range->offset = guest->data + nested_place(guest->pages, cell, seq);
	range->length = record.bytes;
	memcpy(guest->memory + range->offset, &record, record.bytes);
	guest->cell[guest->count++] = cell;
}

static void acknowledge(const struct guest *guest)
{
	for (unsigned int i = 0; i < guest->count; i++) {
		put("ack ");
		put_number(guest->cell[i]);
		put(" ");
		put_number(guest->seq[guest->cell[i]]);
		put("\n");
	}
}

/* One to GROUP_MAX records of neighbouring cells, one wait for all. */
static void commit_group(struct guest *guest)
{
	uint32_t first = next_random(guest), size = first >> 8;

	guest->count = 0;
	for (uint32_t i = 0; i <= size % GROUP_MAX; i++) {
		store(guest, (first + i) % NESTED_CELLS);
		if (guest->ask)
			post(guest, &guest->range[i]);
	}
	if (guest->ask)
		await_durable(guest);
	acknowledge(guest);
}

void guest_main(const struct multiboot *boot)
{
	static struct guest guest;

	guest.seed = word(boot->command_line, "seed=", 1);
	guest.ask = word(boot->command_line, "ask=", 1);
	guest.ring = word(boot->command_line, "ring=", 1);
	guest.random = guest.seed * UINT32_C(2654435761) | 1;
	find_fabric(&guest);
	if (guest.ask)
		claim(&guest);
	else
		put("ready 0\n");
	for (;;)
		commit_group(&guest);
}
