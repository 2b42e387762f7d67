/* SPDX-License-Identifier: MIT */
/*
 * From the CPU's interrupt frame to trap_dispatch(struct trap_frame *), x86_64. Each of the 256 stubs makes the frame
 * uniform (an error code, 0 where the CPU pushes none) and pushes its vector. The frame is struct trap_frame of
 * <asm/machine_64.h>; its 176 bytes keep the stack aligned to 16.
 */
#include <asm/vectors.h>

#define FRAME_SIZE  176
#define FRAME_CS    144
#define MSR_GS_BASE 0xc0000101

	.text

	.balign	16
	.globl	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	NR_VECTORS
	.balign	16
	/* The CPU pushes an error code for 8, 10..14, 17, 21, 29 and 30 (SDM vol. 3, 6.13; APM vol. 2, 8.2). */
	.set	low, vector == 8 || (vector >= 10 && vector <= 14)
	.set	high, vector == 17 || vector == 21 || vector == 29 || vector == 30
	.if	!(low || high)
	pushq	$0
	.endif
	pushq	$vector
	.if	vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT
	jmp	trap_own_stack
	.else
	jmp	trap_common
	.endif
	.set	vector, vector + 1
	.endr

	.macro	save_registers
	cld
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

	/* Registers, then vector and error code. */
	.macro	restore_registers
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
	popq	%rax
	.endm

	.type	trap_common, @function
trap_common:
	testb	$3, 24(%rsp)		/* CS: GS is the user's if the CPU was in ring 3 */
	jz	1f
	swapgs
1:	save_registers
	testb	$3, FRAME_CS(%rsp)
	jz	2f
	xorl	%ebp, %ebp		/* a backtrace ends here: what follows is the program's */
2:	movq	%rsp, %rdi
	call	trap_dispatch
	movq	%rsp, %rdi
	.size	trap_common, . - trap_common

	/* void trap_return(struct trap_frame *): load the registers in the frame, whose stack becomes the stack. Interrupts off. */
	.globl	trap_return
	.type	trap_return, @function
trap_return:
	movq	%rdi, %rsp
	restore_registers
	testb	$3, 24(%rsp)
	jz	3f
	swapgs
3:	addq	$16, %rsp
	iretq
	.size	trap_return, . - trap_return

	/*
	 * NMI and double fault: CS does not tell whose GS base is loaded, since they may strike just before a SWAPGS.
	 * The kernel's stands above the frame on the stack that only they use (gdt_64.c); afterwards what was loaded
	 * is put back.
	 */
	.type	trap_own_stack, @function
trap_own_stack:
	save_registers
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	movl	%eax, %r12d
	movl	%edx, %r13d
	movl	FRAME_SIZE(%rsp), %eax
	movl	FRAME_SIZE + 4(%rsp), %edx
	wrmsr
	movq	%rsp, %rdi
	call	trap_dispatch
	movl	$MSR_GS_BASE, %ecx
	movl	%r12d, %eax
	movl	%r13d, %edx
	wrmsr
	restore_registers
	addq	$16, %rsp
	iretq
	.size	trap_own_stack, . - trap_own_stack

	.section .note.GNU-stack, "", @progbits
