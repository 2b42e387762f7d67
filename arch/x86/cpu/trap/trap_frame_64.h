/* SPDX-License-Identifier: MIT */
/*
 * What both ways into the kernel share, x86_64 (trap_entry_64.S, trap_entry_pti_64.S): the frame, which is struct
 * trap_frame of <asm/machine_64.h>.
 *
 * The data segment registers have no effect on 64-bit code, but a program may use them. They are saved when it enters
 * the kernel, and loaded when it goes on; the kernel runs with all four empty. In nearly every program they are empty.
 */
#include "trap_stubs.h"

#define FRAME_SIZE     192
#define FRAME_AX       112
#define FRAME_SEGMENTS 120 /* DS, ES, FS, GS: 16 bits each */
#define FRAME_IP       152 /* IP, CS, flags, SP, SS: what IRETQ takes */
#define FRAME_CS       160
#define FRAME_VM       170 /* the third byte of the flags */
#define MSR_GS_BASE    0xc0000101

/* The same before registers are saved: only vector and error code lie below the CPU's frame. */
#define STUB_CS 24
#define STUB_VM 34
#define VM_BIT  0x02

	/* The two words between the vector and the general registers are filled in later. */
	.macro	save_registers
	cld
	pushq	$0			/* the address of a page fault */
	pushq	$0			/* the segments of a program */
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.endm

	.macro	restore_registers_but_rax
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	.endm

	.macro	restore_registers
	restore_registers_but_rax
	popq	%rax
	.endm

	/* Save a program's segments in its frame, on the stack. RBP is 0. Then "not equal" says: some are in use. */
	.macro	save_segments
	movw	%ds, FRAME_SEGMENTS(%rsp)
	movw	%es, FRAME_SEGMENTS + 2(%rsp)
	movw	%fs, FRAME_SEGMENTS + 4(%rsp)
	movw	%gs, FRAME_SEGMENTS + 6(%rsp)
	cmpq	%rbp, FRAME_SEGMENTS(%rsp)
	.endm

	/* Loading GS changes the base in use, so the user's base is put in use meanwhile. */
	.macro	empty_segments
	movl	%ebp, %ds
	movl	%ebp, %es
	movl	%ebp, %fs
	swapgs
	movl	%ebp, %gs
	swapgs
	.endm

	/* The program had these segments loaded, so they can be loaded. IRETQ empties those that ring 3 may not use. */
	.macro	load_segments
	movw	FRAME_SEGMENTS(%rsp), %ds
	movw	FRAME_SEGMENTS + 2(%rsp), %es
	movw	FRAME_SEGMENTS + 4(%rsp), %fs
	movw	FRAME_SEGMENTS + 6(%rsp), %gs
	.endm

	/*
	 * CS does not tell whose GS base is loaded. So the kernel's is loaded from `base`, and afterwards the former
	 * one is put back, which R12 and R13 keep meanwhile.
	 */
	.macro	load_gs_base base
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	movl	%eax, %r12d
	movl	%edx, %r13d
	movl	\base, %eax
	movl	4 + \base, %edx
	wrmsr
	.endm

	.macro	put_back_gs_base
	movl	$MSR_GS_BASE, %ecx
	movl	%r12d, %eax
	movl	%r13d, %edx
	wrmsr
	.endm
