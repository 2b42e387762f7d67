/* SPDX-License-Identifier: MIT */
/*
 * What both ways into the kernel share, i386 (trap_entry_32.S, trap_entry_pti_32.S): the frame, which is struct
 * trap_frame of <asm/machine_32.h>.
 */
#include "trap_stubs.h"

#define FRAME_SIZE 80
#define FRAME_CS 64
/* The third byte of the flags: QEMU lets a program enter virtual-8086 mode, where CS may be any number. */
#define FRAME_VM 70
#define VM_BIT	 0x02

	/* Save the rest of the frame, and load the kernel's segments. Changes EAX. */
	.macro	save_registers
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
	.endm

	.macro	restore_registers
	popal
	popl	%ds
	popl	%es
	popl	%fs
	popl	%gs
	addl	$12, %esp		/* address, vector and error code */
	.endm
