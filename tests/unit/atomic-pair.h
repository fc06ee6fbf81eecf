/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */

/* What test-atomic.c does with words of 128 bits. */
static bool is(struct fam_u128 word, uint64_t hi, uint64_t lo)
{
	return fam_u128_equal(word, fam_u128_make(lo, hi));
}

static void fetch_128(enum fam_order order)
{
	struct fam_u128 word = {10, 20}, add = {UINT64_MAX, 1};
	const struct fam_u128 bits = {0xf0, UINT64_MAX}, flip = {1, 1};

	CHECK(is(fam_atomic128_swap(&word, add, order), 20, 10));
	CHECK(is(word, 1, UINT64_MAX));
	/* The carry, and the loss of the highest one. */
	CHECK(is(fam_atomic128_fetch_add(&word, add, order), 1, UINT64_MAX));
	CHECK(is(word, 3, UINT64_MAX - 1));
	CHECK(is(fam_atomic128_fetch_and(&word, bits, order), 3,
		 UINT64_MAX - 1));
	CHECK(is(word, 3, 0xf0));
	CHECK(is(fam_atomic128_fetch_or(&word, flip, order), 3, 0xf0));
	CHECK(is(word, 3, 0xf1));
	CHECK(is(fam_atomic128_fetch_xor(&word, flip, order), 3, 0xf1));
	CHECK(is(word, 2, 0xf0));
	CHECK(is(fam_atomic128_fetch_add(&word, fam_u128_make(0, -(uint64_t)3),
					 order),
		 2, 0xf0));
	CHECK(is(word, UINT64_MAX, 0xf0));
}

static void choose_128(enum fam_order order)
{
	const struct fam_u128 low = {9, 1}, high = {0, UINT64_MAX};
	struct fam_u128 word = {8, 2};

	CHECK(is(fam_atomic128_fetch_umin(&word, high, order), 2, 8));
	CHECK(is(fam_atomic128_fetch_umin(&word, low, order), 2, 8));
	CHECK(is(fam_atomic128_fetch_umin(&word, fam_u128_make(8, 1), order), 1,
		 9));
	CHECK(is(fam_atomic128_fetch_umax(&word, low, order), 1, 8));
	CHECK(is(fam_atomic128_fetch_umax(&word, high, order), 1, 9));
	CHECK(is(fam_atomic128_fetch_umax(&word, low, order), UINT64_MAX, 0));
	CHECK(is(word, UINT64_MAX, 0));
}

/* Both halves count. */
static void cas_128(enum fam_order order)
{
	struct fam_u128 word = {1, 2}, expected = {1, 3};
	const struct fam_u128 next = {5, 6};

	CHECK(!fam_atomic128_cas(&word, &expected, next, order));
	CHECK(is(expected, 2, 1) && is(word, 2, 1));
	expected.lo = 7;
	CHECK(!fam_atomic128_cas(&word, &expected, next, order));
	CHECK(is(expected, 2, 1) && is(word, 2, 1));
	CHECK(fam_atomic128_cas(&word, &expected, next, order));
	CHECK(is(expected, 2, 1) && is(word, 6, 5));
}

static void semantics_128(void)
{
	struct fam_u128 word = {0, 0};

	CHECK(is(fam_atomic128_load(&word, FAM_ORDER_RELAXED), 0, 0));
	fam_atomic128_store(&word, fam_u128_make(3, 4), FAM_ORDER_RELAXED);
	CHECK(is(fam_atomic128_load(&word, FAM_ORDER_ACQUIRE), 4, 3));
	fam_atomic128_store(&word, fam_u128_make(5, 6), FAM_ORDER_RELEASE);
	CHECK(is(fam_atomic128_load(&word, FAM_ORDER_SEQ_CST), 6, 5));
	fam_atomic128_store(&word, fam_u128_make(0, 6), FAM_ORDER_SEQ_CST);
	CHECK(is(fam_atomic128_load(&word, FAM_ORDER_SEQ_CST), 6, 0));
	for (volatile int order = FAM_ORDER_RELAXED; order <= FAM_ORDER_SEQ_CST;
	     order++) {
		fetch_128((enum fam_order)order);
		choose_128((enum fam_order)order);
		cas_128((enum fam_order)order);
	}
}

struct shared_128 {
	struct fam_u128 added, swapped, lost, cas, or, umin, umax;
};

static struct fam_u128 number_128(unsigned int id, unsigned int i)
{
	uint64_t n = (i * PARTIES + id + 1) * (uint64_t)0x9e3779b97f4a7c15;

	return fam_u128_make(n, n ^ 0x5555);
}

static void join_128(void *arg, unsigned int id)
{
	struct shared_128 *s = arg;
	struct fam_u128 lost = {0, 0}, bit = {0, (uint64_t)1 << id};
	struct fam_u128 others = {UINT64_MAX, ~bit.hi};

	meet(s);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct fam_u128 number = number_128(id, i), old;

		fam_atomic128_fetch_add(&s->added, number, FAM_ORDER_RELAXED);
		lost = fam_u128_add(lost,
				    fam_atomic128_swap(&s->swapped, number,
						       FAM_ORDER_RELAXED));
		old = fam_atomic128_load(&s->cas, FAM_ORDER_RELAXED);
		while (!fam_atomic128_cas(&s->cas, &old,
					  fam_u128_make(old.lo + 1, old.hi + 3),
					  FAM_ORDER_RELAXED))
			;
		CHECK(old.hi == 3 * old.lo);
		old = fam_atomic128_fetch_xor(&s->or, bit, FAM_ORDER_RELAXED);
		CHECK(!(old.hi & bit.hi));
		old = fam_atomic128_fetch_and(&s->or, others,
					      FAM_ORDER_RELAXED);
		CHECK(old.hi & bit.hi);
		fam_atomic128_fetch_umin(&s->umin, number, FAM_ORDER_RELAXED);
		fam_atomic128_fetch_umax(&s->umax, number, FAM_ORDER_RELAXED);
	}
	fam_atomic128_fetch_or(&s->or, bit, FAM_ORDER_RELAXED);
	fam_atomic128_fetch_add(&s->lost, lost, FAM_ORDER_RELAXED);
}

static void together_128(void (*run)(party_fn *, void *))
{
	struct shared_128 *s = shared_page();
	struct fam_u128 sum = {0, 0}, umin = {UINT64_MAX, UINT64_MAX};
	struct fam_u128 umax = {0, 0};

	s->umin = umin;
	run(join_128, s);
	for (unsigned int n = 0; n < PARTIES * ROUNDS; n++) {
		struct fam_u128 number = number_128(n % PARTIES, n / PARTIES);

		sum = fam_u128_add(sum, number);
		umin = fam_u128_less(number, umin) ? number : umin;
		umax = fam_u128_less(umax, number) ? number : umax;
	}
	CHECK(fam_u128_equal(s->added, sum));
	CHECK(fam_u128_equal(fam_u128_add(s->lost, s->swapped), sum));
	CHECK(is(s->cas, 3ull * PARTIES * ROUNDS, 1ull * PARTIES * ROUNDS));
	CHECK(is(s->or, (1 << PARTIES) - 1, 0));
	CHECK(fam_u128_equal(s->umin, umin) && fam_u128_equal(s->umax, umax));
	shared_free(s);
}

static void threads_128(void)
{
	together_128(run_threads);
}

static void processes_128(void)
{
	together_128(run_processes);
}

/* Half of the parties store words whose halves belong together. */
static void store_or_load(void *arg, unsigned int id)
{
	struct fam_u128 *word = arg, got;

	meet(word);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		if (id & 1) {
			fam_atomic128_store(word, fam_u128_make(i, ~i),
					    FAM_ORDER_RELEASE);
			continue;
		}
		got = fam_atomic128_load(word, FAM_ORDER_ACQUIRE);
		CHECK(got.hi == ~got.lo);
	}
}

static void no_tearing_128(void)
{
	struct fam_u128 *word = shared_page();

	word->hi = UINT64_MAX;
	run_processes(store_or_load, word);
	shared_free(word);
}

/*
 * A stack of numbered items. Without the tag beside the top, an item that was
 * taken and put back between another one's load and swap would break it.
 */
#define ITEMS 8u

struct stack {
	struct fam_u128 top; /* lo: an item, 0 none; hi: the tag */
	uint32_t next[ITEMS + 1];
	uint32_t held[ITEMS + 1]; /* by how many parties */
};

static void stack_push(struct stack *s, uint32_t item)
{
	struct fam_u128 old = fam_atomic128_load(&s->top, FAM_ORDER_RELAXED);

	do
		fam_atomic32_store(&s->next[item], (uint32_t)old.lo,
				   FAM_ORDER_RELAXED);
	while (!fam_atomic128_cas(&s->top, &old,
				  fam_u128_make(item, old.hi + 1),
				  FAM_ORDER_RELEASE));
}

static uint32_t stack_pop(struct stack *s)
{
	struct fam_u128 old = fam_atomic128_load(&s->top, FAM_ORDER_ACQUIRE);
	uint32_t next;

	do {
		if (old.lo == 0)
			return 0;
		next = fam_atomic32_load(&s->next[old.lo], FAM_ORDER_RELAXED);
	} while (!fam_atomic128_cas(&s->top, &old,
				    fam_u128_make(next, old.hi + 1),
				    FAM_ORDER_ACQ_REL));
	return (uint32_t)old.lo;
}

static void pop_and_push(void *arg, unsigned int id)
{
	struct stack *s = arg;

	(void)id;
	meet(s);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint32_t item = stack_pop(s);

		if (!item)
			continue;
		CHECK(fam_atomic32_fetch_add(&s->held[item], 1,
					     FAM_ORDER_RELAXED) == 0);
		CHECK(fam_atomic32_fetch_add(&s->held[item], -1u,
					     FAM_ORDER_RELAXED) == 1);
		stack_push(s, item);
	}
}

static void stack_128(void)
{
	struct stack *s = shared_page();
	unsigned int seen = 0, count = 0;
	uint32_t item;

	for (item = 1; item <= ITEMS; item++)
		stack_push(s, item);
	run_processes(pop_and_push, s);
	run_threads(pop_and_push, s);
	for (count = 0; count <= ITEMS && (item = stack_pop(s)); count++)
		seen |= 1u << item;
	CHECK(count == ITEMS && seen == (2u << ITEMS) - 2);
	shared_free(s);
}
