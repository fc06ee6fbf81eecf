/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026, the FAM emulator authors */

/*
 * The boot sector emulator_runs_kvm() boots. It enters long mode, runs a loop
 * long enough to tell a processor from an emulation of one, and ends the
 * emulator with exit status 33 through its isa-debug-exit device.
 *
 * It lies in our read-only data but runs at 0x7c00, so an address is always
 * written as a distance from the start of the image: no relocation is left.
 */

#define LOAD_ADDRESS 0x7c00
#define ADDR(symbol) (symbol - kvm_probe_image + LOAD_ADDRESS)

/* Page tables: one entry each maps the first 2 MiB onto itself. */
#define PML4	 0x1000
#define PDPT	 0x2000
#define PD	 0x3000
#define PRESENT	 0x003
#define HUGE	 0x083
#define COUNTER	 0x500		/* free memory above the BIOS data */

#define CR0_PE_PG 0x80000001
#define CR4_PAE	  0x20
#define MSR_EFER  0xc0000080
#define EFER_LME  0x100

#define CODE_SELECTOR 8
#define ROUNDS	      30000000
#define LOCK_MASK     0xff	/* a locked access every 256 rounds */
#define EXIT_PORT     0xf4
#define EXIT_VALUE    0x10	/* QEMU exits with 2 * value + 1 */

	.section .rodata
	.balign	16
	.globl	kvm_probe_image, kvm_probe_image_end
	.hidden	kvm_probe_image, kvm_probe_image_end
	.type	kvm_probe_image, @object
kvm_probe_image:
	.code16
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$LOAD_ADDRESS, %sp

	movw	$PML4, %di
	movw	$(3 * 4096 / 2), %cx
	rep stosw
	movw	$(PDPT | PRESENT), PML4
	movw	$(PD | PRESENT), PDPT
	movw	$HUGE, PD

	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	lgdtl	ADDR(gdt_pointer)
	movl	%cr0, %eax
	orl	$CR0_PE_PG, %eax
	movl	%eax, %cr0
	ljmpl	$CODE_SELECTOR, $ADDR(long_mode)

	.code64
long_mode:
	xorl	%eax, %eax
	movl	$ROUNDS, %ecx
1:	addq	%rcx, %rax
	testb	$LOCK_MASK, %cl
	jnz	2f
	lock incq COUNTER
2:	decl	%ecx
	jnz	1b

	movb	$EXIT_VALUE, %al
	outb	%al, $EXIT_PORT
3:	hlt
	jmp	3b

	.balign	8
gdt:
	.quad	0
	.quad	0x00209a0000000000	/* 64-bit code, present */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	ADDR(gdt)

	.org	kvm_probe_image + 510
	.word	0xaa55
kvm_probe_image_end:
	.size	kvm_probe_image, . - kvm_probe_image

	.section .note.GNU-stack, "", @progbits
