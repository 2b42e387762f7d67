/* SPDX-License-Identifier: MIT */
/*
 * From the CPU's interrupt frame to trap_dispatch(struct trap_frame *), x86_64. Each of the 256 stubs makes the frame
 * uniform (an error code, 0 where the CPU pushes none) and pushes its vector. The frame is struct trap_frame of
 * <asm/machine_64.h>; its 192 bytes keep the stack aligned to 16. With page-table isolation the CPU comes in by other
 * stubs (trap_entry_pti_64.S), and goes on here only from ring 0 on a stack of the kernel.
 *
 * QEMU lets a program enter virtual-8086 mode, even under a 64-bit kernel. CS may be any number there, so VM is tested
 * too.
 */
#include "trap_frame_64.h"

	.text

	.balign	16
	.globl	trap_stubs
trap_stubs:
	stubs	trap_common, trap_own_stack

	.type	trap_common, @function
	.globl	trap_common
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
	save_segments
	jne	3f
2:	movq	%rsp, %rdi
	call	trap_dispatch
	.globl	trap_dispatched
trap_dispatched:			/* backtrace.c knows the frame by this return address (trap_frame_above) */
	movq	%rsp, %rdi
	jmp	trap_return

3:	empty_segments
	jmp	2b
	.size	trap_common, . - trap_common

	/*
	 * void trap_return(struct trap_frame *): switch to the stack on which the frame lies, load the registers from
	 * it, IRET. Interrupts off.
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

6:	load_segments
	jmp	5b
	.size	trap_return, . - trap_return

	/*
	 * NMI, double fault and machine check: CS does not tell whose GS base is loaded, since they may strike before
	 * the SWAPGS of the way in, or behind that of the way out. The kernel's base is stored above the frame, on the
	 * vector's own stack (gdt_64.c). It is loaded, and afterwards the former base is restored. The segments of a
	 * program stay loaded meanwhile.
	 */
	.type	trap_own_stack, @function
trap_own_stack:
	save_registers
	load_gs_base FRAME_SIZE(%rsp)
	movq	%rsp, %rdi
	call	trap_dispatch
	.globl	trap_dispatched_own_stack
trap_dispatched_own_stack:
	put_back_gs_base
	restore_registers
	addq	$32, %rsp
	iretq
	.size	trap_own_stack, . - trap_own_stack

	.section .note.GNU-stack, "", @progbits
