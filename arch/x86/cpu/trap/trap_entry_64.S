/* SPDX-License-Identifier: MIT */
/*
 * From the CPU's interrupt frame to trap_dispatch(struct trap_frame *), x86_64. Each of the 256 stubs makes the frame
 * uniform (an error code, 0 where the CPU pushes none) and pushes its vector. The frame is struct trap_frame of
 * <asm/machine_64.h>; its 192 bytes keep the stack aligned to 16.
 *
 * The data segment registers have no effect on 64-bit code, but a program may use them. They are saved when it enters
 * the kernel, and loaded when it goes on; the kernel runs with all four empty. In nearly every program they are empty.
 *
 * QEMU lets a program enter virtual-8086 mode, even under a 64-bit kernel. CS may be any number there, so VM is tested
 * too.
 */
#include <asm/vectors.h>

#define FRAME_SIZE     192
#define FRAME_SEGMENTS 120 /* DS, ES, FS, GS: 16 bits each */
#define FRAME_CS       160
#define FRAME_VM       170 /* the third byte of the flags */
#define MSR_GS_BASE    0xc0000101

/* The same on a stack that holds no more than vector and error code. */
#define STUB_CS 24
#define STUB_VM 34
#define VM_BIT  0x02

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
	.if	vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK
	jmp	trap_own_stack
	.else
	jmp	trap_common
	.endif
	.set	vector, vector + 1
	.endr

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
	testb	$3, STUB_CS(%rsp)
	jnz	1f
	testb	$VM_BIT, STUB_VM(%rsp)
	jnz	1f
	save_registers
	jmp	2f
1:	swapgs				/* GS was the user's */
	save_registers
	xorl	%ebp, %ebp		/* a backtrace ends here: the next frame is the program's */
	movw	%ds, FRAME_SEGMENTS(%rsp)
	movw	%es, FRAME_SEGMENTS + 2(%rsp)
	movw	%fs, FRAME_SEGMENTS + 4(%rsp)
	movw	%gs, FRAME_SEGMENTS + 6(%rsp)
	cmpq	%rbp, FRAME_SEGMENTS(%rsp)
	jne	3f
2:	movq	%rsp, %rdi
	call	trap_dispatch
	.globl	trap_dispatched
trap_dispatched:			/* backtrace.c knows the frame by this return address (trap_frame_above) */
	movq	%rsp, %rdi
	jmp	trap_return

	/* Loading GS changes the base in use, so the user's base is put in use meanwhile. */
3:	movl	%ebp, %ds
	movl	%ebp, %es
	movl	%ebp, %fs
	swapgs
	movl	%ebp, %gs
	swapgs
	jmp	2b
	.size	trap_common, . - trap_common

	/*
	 * void trap_return(struct trap_frame *): load the registers in the frame, whose stack becomes the stack.
	 * Interrupts off.
	 */
	.globl	trap_return
	.type	trap_return, @function
trap_return:
	movq	%rdi, %rsp
	testb	$3, FRAME_CS(%rsp)
	jnz	4f
	restore_registers
	addq	$32, %rsp		/* segments, address, vector and error code */
	iretq

4:	swapgs				/* from here to IRETQ the kernel has no per-CPU data */
	cmpq	$0, FRAME_SEGMENTS(%rsp)
	jne	6f
5:	restore_registers
	addq	$32, %rsp
	iretq

	/* The program had these segments loaded, so they can be loaded. IRETQ empties those that ring 3 may not use. */
6:	movw	FRAME_SEGMENTS(%rsp), %ds
	movw	FRAME_SEGMENTS + 2(%rsp), %es
	movw	FRAME_SEGMENTS + 4(%rsp), %fs
	movw	FRAME_SEGMENTS + 6(%rsp), %gs
	jmp	5b
	.size	trap_return, . - trap_return

	/*
	 * NMI, double fault and machine check: CS does not tell whose GS base is loaded, since they may strike just
	 * before a SWAPGS. The kernel's base is stored above the frame, on the vector's own stack (gdt_64.c). It is
	 * loaded, and afterwards the former base is restored. The segments of a program stay loaded meanwhile.
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
	.globl	trap_dispatched_own_stack
trap_dispatched_own_stack:
	movl	$MSR_GS_BASE, %ecx
	movl	%r12d, %eax
	movl	%r13d, %edx
	wrmsr
	restore_registers
	addq	$32, %rsp
	iretq
	.size	trap_own_stack, . - trap_own_stack

	.section .note.GNU-stack, "", @progbits
