/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */

/*
 * What test-atomic.c does with words of W bits, 32 or 64; included once for each.
 * Orders are tried as constants and as variables, which the header treats apart.
 */
#define PASTE3_(a, b, c) a##b##c
#define PASTE3(a, b, c)	 PASTE3_(a, b, c)
#define OP(name)	 PASTE3(fam_atomic, W, _##name)
#define WORD		 PASTE3(uint, W, _t)
#define SIGNED		 PASTE3(int, W, _t)
#define NAME(name)	 PASTE3(name, _, W)

#define MAX ((WORD)-1)
#define MIN ((WORD)1 << (W - 1)) /* as a signed number */

static void NAME(fetch)(enum fam_order order)
{
	WORD word = 10;

	CHECK(OP(swap)(&word, 12, order) == 10 && word == 12);
	CHECK(OP(fetch_add)(&word, 30, order) == 12 && word == 42);
	CHECK(OP(fetch_add)(&word, (WORD)-43, order) == 42 && word == MAX);
	CHECK(OP(fetch_and)(&word, 0xf0f0, order) == MAX && word == 0xf0f0);
	CHECK(OP(fetch_or)(&word, MIN, order) == 0xf0f0);
	CHECK(OP(fetch_xor)(&word, MAX, order) == (MIN | 0xf0f0));
	CHECK(word == (MAX ^ (MIN | 0xf0f0)));
}

static void NAME(choose)(enum fam_order order)
{
	WORD word = 5;

	CHECK(OP(fetch_umin)(&word, 7, order) == 5 && word == 5);
	CHECK(OP(fetch_umin)(&word, 3, order) == 5 && word == 3);
	CHECK(OP(fetch_umax)(&word, 2, order) == 3 && word == 3);
	CHECK(OP(fetch_umax)(&word, MIN, order) == 3 && word == MIN);
	CHECK(OP(fetch_smax)(&word, -1, order) == (SIGNED)MIN && word == MAX);
	CHECK(OP(fetch_smin)(&word, 1, order) == -1 && word == MAX);
	CHECK(OP(fetch_smin)(&word, -2, order) == -1 && word == MAX - 1);
	CHECK(OP(fetch_smax)(&word, 0, order) == -2 && word == 0);
	CHECK(OP(fetch_umin)(&word, MAX, order) == 0 && word == 0);
}

static void NAME(cas)(enum fam_order order)
{
	WORD word = MIN, expected = 3;

	CHECK(!OP(cas)(&word, &expected, 4, order));
	CHECK(expected == MIN && word == MIN);
	CHECK(OP(cas)(&word, &expected, 4, order));
	CHECK(expected == MIN && word == 4);
}

static void NAME(semantics)(void)
{
	static const enum fam_order loads[] = {
		FAM_ORDER_RELAXED, FAM_ORDER_ACQUIRE, FAM_ORDER_SEQ_CST};
	static const enum fam_order stores[] = {
		FAM_ORDER_RELAXED, FAM_ORDER_RELEASE, FAM_ORDER_SEQ_CST};
	WORD word = 0;

	for (volatile size_t i = 0; i < 3; i++) {
		OP(store)(&word, MAX - (WORD)i, stores[i]);
		CHECK(OP(load)(&word, loads[i]) == MAX - (WORD)i);
	}
#define CONSTANT(order)      \
	NAME(fetch)(order);  \
	NAME(choose)(order); \
	NAME(cas)(order)
	CONSTANT(FAM_ORDER_RELAXED);
	CONSTANT(FAM_ORDER_ACQUIRE);
	CONSTANT(FAM_ORDER_RELEASE);
	CONSTANT(FAM_ORDER_ACQ_REL);
	CONSTANT(FAM_ORDER_SEQ_CST);
	for (volatile int order = FAM_ORDER_RELAXED; order <= FAM_ORDER_SEQ_CST;
	     order++) {
		CONSTANT((enum fam_order)order);
	}
#undef CONSTANT
	OP(store)(&word, 1, FAM_ORDER_RELAXED);
	OP(store)(&word, 2, FAM_ORDER_RELEASE);
	OP(store)(&word, 3, FAM_ORDER_SEQ_CST);
	CHECK(OP(load)(&word, FAM_ORDER_RELAXED) == 3);
	CHECK(OP(load)(&word, FAM_ORDER_ACQUIRE) == 3);
	CHECK(OP(load)(&word, FAM_ORDER_SEQ_CST) == 3);
}

/* An order that is wrong, but not seen by the compiler, is the strongest one. */
static void NAME(unfit_orders)(void)
{
	volatile enum fam_order release = FAM_ORDER_RELEASE,
				acquire = FAM_ORDER_ACQUIRE;
	volatile int none = 77;
	WORD word = 8;

	CHECK(OP(load)(&word, release) == 8);
	OP(store)(&word, 9, acquire);
	CHECK(OP(load)(&word, (enum fam_order)none) == 9);
	OP(store)(&word, 10, (enum fam_order)none);
	CHECK(OP(fetch_add)(&word, 1, (enum fam_order)none) == 10);
	CHECK(word == 11);
}

struct NAME(shared) {
	WORD added, swapped, and, or, xor, umin, umax, smin, smax, cas;
	WORD lost; /* the sum of what was swapped out */
};

/* A number of party @id that no other one has, over the whole width. */
static WORD NAME(number)(unsigned int id, unsigned int i)
{
	return (WORD)((i * PARTIES + id + 1) * (uint64_t)0x9e3779b97f4a7c15);
}

static void NAME(join)(void *arg, unsigned int id)
{
	struct NAME(shared) *s = arg;
	WORD lost = 0, bit = (WORD)1 << id;

	meet(s);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		WORD number = NAME(number)(id, i), old;

		OP(fetch_add)(&s->added, number, FAM_ORDER_RELAXED);
		lost += OP(swap)(&s->swapped, number, FAM_ORDER_RELAXED);
		old = OP(load)(&s->cas, FAM_ORDER_RELAXED);
		while (!OP(cas)(&s->cas, &old, old + number, FAM_ORDER_RELAXED))
			;
		CHECK(!(OP(fetch_or)(&s->or, bit, FAM_ORDER_RELAXED) & bit));
		CHECK(OP(fetch_and)(&s->or, ~bit, FAM_ORDER_RELAXED) & bit);
		old = OP(fetch_xor)(&s->xor, bit, FAM_ORDER_RELAXED);
		CHECK((old & bit) == (i & 1 ? bit : 0));
		OP(fetch_umin)(&s->umin, number, FAM_ORDER_RELAXED);
		OP(fetch_umax)(&s->umax, number, FAM_ORDER_RELAXED);
		OP(fetch_smin)(&s->smin, (SIGNED)number, FAM_ORDER_RELAXED);
		OP(fetch_smax)(&s->smax, (SIGNED)number, FAM_ORDER_RELAXED);
	}
	OP(fetch_add)(&s->lost, lost, FAM_ORDER_RELAXED);
}

static void NAME(together)(void (*run)(party_fn *, void *))
{
	struct NAME(shared) *s = shared_page();
	struct NAME(shared) want = {.umin = MAX, .smin = MAX >> 1, .smax = MIN};

	s->umin = MAX, s->smin = MAX >> 1, s->smax = MIN;
	run(NAME(join), s);
	for (unsigned int n = 0; n < PARTIES * ROUNDS; n++) {
		WORD number = NAME(number)(n % PARTIES, n / PARTIES);

		want.added += number;
		want.umin = number < want.umin ? number : want.umin;
		want.umax = number > want.umax ? number : want.umax;
		if ((SIGNED)number < (SIGNED)want.smin)
			want.smin = number;
		if ((SIGNED)number > (SIGNED)want.smax)
			want.smax = number;
	}
	CHECK(s->added == want.added && s->cas == want.added);
	CHECK((WORD)(s->lost + s->swapped) == want.added);
	CHECK(s->or == 0 && s->xor == 0);
	CHECK(s->umin == want.umin && s->umax == want.umax);
	CHECK(s->smin == want.smin && s->smax == want.smax);
	shared_free(s);
}

static void NAME(threads)(void)
{
	NAME(together)(run_threads);
}

static void NAME(processes)(void)
{
	NAME(together)(run_processes);
}

#undef PASTE3_
#undef PASTE3
#undef OP
#undef WORD
#undef SIGNED
#undef NAME
#undef MAX
#undef MIN
#undef W
