/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */

/*
 * The first instructions of the bare-metal guest. QEMU boots it by the multiboot
 * protocol: 32 bits, flat segments, no paging; EBX has the boot information.
 */

#define MAGIC	  0x1badb002
#define FLAGS	  0
#define CR0_EM	  0x4
#define CR0_MP	  0x2
#define CR4_SSE	  0x600		/* OSFXSR, OSXMMEXCPT: 64-bit loads use SSE */

	.text
	.balign	4
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)
	.globl	_start
	.type	_start, @function
_start:
	cli
	cld
	movl	$stack_end, %esp
	movl	%cr0, %eax
	andl	$~CR0_EM, %eax
	orl	$CR0_MP, %eax
	movl	%eax, %cr0
	movl	%cr4, %eax
	orl	$CR4_SSE, %eax
	movl	%eax, %cr4
	fninit
	subl	$12, %esp	/* the stack is aligned to 16 at the call */
	pushl	%ebx
	call	guest_main
1:	hlt
	jmp	1b
	.size	_start, . - _start

	.bss
	.balign	16
	.skip	16384
stack_end:
	.section .note.GNU-stack, "", @progbits
