/* SPDX-License-Identifier: MIT */
/*
 * What both ways into the kernel share, i386 (trap_entry_32.S, trap_entry_pti_32.S): the stubs and the frame, which is
 * struct trap_frame of <asm/machine_32.h>.
 */
#include <asm/vectors.h>

#define FRAME_SIZE 80
#define FRAME_CS 64
/* The third byte of the flags: QEMU lets a program enter virtual-8086 mode, where CS may be any number. */
#define FRAME_VM 70
#define VM_BIT	 0x02

	/* A stub for each vector, 16 bytes apart. It makes the frame uniform and jumps to the label. */
	.macro	stubs common
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
	jmp	\common
	.set	vector, vector + 1
	.endr
	.endm

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
