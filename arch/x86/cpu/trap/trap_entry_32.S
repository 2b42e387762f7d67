/* SPDX-License-Identifier: MIT */
/*
 * From the CPU's interrupt frame to trap_dispatch(struct trap_frame *), i386. Each of the 256 stubs makes the frame
 * uniform (an error code, 0 where the CPU pushes none) and pushes its vector. The frame is struct trap_frame of
 * <asm/machine_32.h>. Double fault and machine check do not come here: their gates are tasks (gdt_32.c).
 */
#include <asm/vectors.h>

#define FRAME_CS 64
/* The third byte of the flags: QEMU lets a program enter virtual-8086 mode, where CS may be any number. */
#define FRAME_VM 70
#define VM_BIT	 0x02

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
	pushl	$0
	.endif
	pushl	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.type	trap_common, @function
trap_common:
	cld
	pushl	$0			/* the address of a page fault */
	pushl	%gs
	pushl	%fs
	pushl	%es
	pushl	%ds
	pushal
	movl	$SEL_KERNEL_DATA, %eax	/* the segments may be the user's */
	movl	%eax, %ds
	movl	%eax, %es
	movl	$SEL_PERCPU, %eax
	movl	%eax, %fs
	testb	$3, FRAME_CS(%esp)
	jnz	1f
	testb	$VM_BIT, FRAME_VM(%esp)
	jz	2f
1:	xorl	%ebp, %ebp		/* a backtrace ends here: the next frame is the program's */
2:	movl	%esp, %eax
	andl	$-16, %esp		/* the compiler expects calls at a multiple of 16 */
	subl	$12, %esp
	pushl	%eax
	call	trap_dispatch
	.globl	trap_dispatched, trap_dispatched_own_stack, trap_dispatched_pti, trap_dispatched_pti_own_stack
trap_dispatched:			/* backtrace.c knows the frame by this return address (trap_frame_above) */
trap_dispatched_own_stack:		/* differs only on x86_64, as do the next two */
trap_dispatched_pti:
trap_dispatched_pti_own_stack:
	popl	%eax
	.size	trap_common, . - trap_common

	/*
	 * void trap_return(struct trap_frame *): load the registers in the frame, whose stack becomes the stack.
	 * Interrupts off.
	 */
	.globl	trap_return, entry_return
	.type	trap_return, @function
trap_return:
entry_return:
	movl	%eax, %esp
	popal
	popl	%ds
	popl	%es
	popl	%fs
	popl	%gs
	addl	$12, %esp		/* address, vector and error code */
	iret
	.size	trap_return, . - trap_return

	.section .note.GNU-stack, "", @progbits
