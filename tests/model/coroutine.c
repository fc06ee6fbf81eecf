// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, the FAM emulator authors
/*
 * Threads that run only when they are told to, on stacks of their own, with
 * __thread variables of their own. A thread that is killed just never runs again.
 */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#ifdef __SANITIZE_ADDRESS__
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES (512 * 1024)
#else
#define STACK_BYTES (64 * 1024)
#endif

static struct coroutine {
	uint8_t stack[STACK_BYTES] __attribute__((aligned(64)));
	void *saved; /* its stack pointer, or its context */
	void (*entry)(unsigned int n);
} coroutine[MODEL_THREADS + 1];

#define LOCALS_MAX 256

/* Of the program, not of the libraries. */
static struct {
	bool known;
	void *own; /* where they are */
	size_t bytes;
	uint8_t of[MODEL_THREADS + 1][LOCALS_MAX];
} locals;

static void *scheduler; /* the same of who resumes */

#ifdef WITH_ASAN
static const void *scheduler_stack;
static size_t scheduler_bytes;
#endif

static void begin(unsigned int n)
{
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(NULL, &scheduler_stack,
					&scheduler_bytes);
#endif
	coroutine[n].entry(n);
	abort(); /* it yields for ever when it has ended */
}

static unsigned int beginning;

static void begin_it(void)
{
	begin(beginning);
}

#if defined(__x86_64__)

/* What a function must leave as it was, and the stack pointer. */
void coroutine_switch(void **save, void *load);
__asm__(".text\n"
	".globl coroutine_switch\n"
	".type coroutine_switch, @function\n"
	"coroutine_switch:\n"
	"	push %rbp; push %rbx; push %r12\n"
	"	push %r13; push %r14; push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15; pop %r14; pop %r13\n"
	"	pop %r12; pop %rbx; pop %rbp\n"
	"	ret\n"
	".size coroutine_switch, .-coroutine_switch\n");

static void prepare(struct coroutine *c)
{
	uintptr_t *top = (uintptr_t *)(c->stack + STACK_BYTES);
	unsigned int i;

	*--top = 0; /* begin_it() finds the stack as behind a call */
	*--top = (uintptr_t)begin_it;
	for (i = 0; i < 6; i++)
		*--top = 0;
	c->saved = top;
}

#else
#include <ucontext.h>

static ucontext_t context[MODEL_THREADS + 2];

static void coroutine_switch(void **save, void *load)
{
	swapcontext(*save, load);
}

static void prepare(struct coroutine *c)
{
	ucontext_t *own = &context[c - coroutine];

	scheduler = &context[MODEL_THREADS + 1];
	getcontext(own);
	own->uc_stack.ss_sp = c->stack;
	own->uc_stack.ss_size = STACK_BYTES;
	makecontext(own, begin_it, 0);
	c->saved = own;
}
#endif

static int find_locals(struct dl_phdr_info *object, size_t size, void *arg)
{
	int i;

	(void)size;
	(void)arg;
	for (i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_TLS) {
			locals.own = object->dlpi_tls_data;
			locals.bytes = object->dlpi_phdr[i].p_memsz;
		}
	return 1; /* the program itself comes first */
}

static void clear_locals(unsigned int n)
{
	if (!locals.known)
		dl_iterate_phdr(find_locals, NULL);
	locals.known = true;
	if (locals.bytes > LOCALS_MAX)
		abort();
	memset(locals.of[n], 0, locals.bytes);
}

void coroutine_start(unsigned int n, void (*entry)(unsigned int n))
{
#ifdef WITH_ASAN
	__asan_unpoison_memory_region(coroutine[n].stack, STACK_BYTES);
#endif
	clear_locals(n);
	coroutine[n].entry = entry;
	prepare(&coroutine[n]);
}

void coroutine_resume(unsigned int n)
{
#ifdef WITH_ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, coroutine[n].stack, STACK_BYTES);
#endif
	beginning = n;
	if (locals.bytes)
		memcpy(locals.own, locals.of[n], locals.bytes);
	coroutine_switch(&scheduler, coroutine[n].saved);
	if (locals.bytes)
		memcpy(locals.of[n], locals.own, locals.bytes);
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

void coroutine_yield(unsigned int n)
{
#ifdef WITH_ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, scheduler_stack, scheduler_bytes);
#endif
	coroutine_switch(&coroutine[n].saved, scheduler);
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(fake, &scheduler_stack,
					&scheduler_bytes);
#endif
}
