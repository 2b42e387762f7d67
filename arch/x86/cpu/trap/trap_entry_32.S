/* SPDX-License-Identifier: MIT */
/*
 * From the CPU's interrupt frame to trap_dispatch(struct trap_frame *), i386. Each of the 256 stubs makes the frame
 * uniform (an error code, 0 where the CPU pushes none) and pushes its vector. The frame is struct trap_frame of
 * <asm/machine_32.h>. Double fault and machine check do not come here: their gates are tasks (gdt_32.c). With page-
 * table isolation the CPU comes in by other stubs (trap_entry_pti_32.S), and goes on here only from ring 0 on a stack
 * of the kernel.
 */
#include "trap_frame_32.h"

	.text

	.balign	16
	.globl	trap_stubs
trap_stubs:
	stubs	trap_common, trap_common

	.globl	trap_common
	.type	trap_common, @function
trap_common:
	save_registers
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
	.globl	trap_dispatched, trap_dispatched_own_stack
trap_dispatched:			/* backtrace.c knows the frame by this return address (trap_frame_above) */
trap_dispatched_own_stack:		/* differs only on x86_64 */
	popl	%eax
	.size	trap_common, . - trap_common

	/*
	 * void trap_return(struct trap_frame *): switch to the stack on which the frame lies, load the registers from
	 * it, IRET. Interrupts off.
	 */
	.globl	trap_return
	.type	trap_return, @function
trap_return:
	movl	%eax, %esp
	restore_registers
	iret
	.size	trap_return, . - trap_return

	.section .note.GNU-stack, "", @progbits
