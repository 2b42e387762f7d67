/* SPDX-License-Identifier: MIT */
/*
 * The way into the kernel and out of it with page-table isolation, x86_64.
 *
 * 1. Two pieces of text. The first (.text.entry) runs where the entry area maps it, under the user root and under the
 *    kernel's. It may touch only what the user root maps: itself, and the CPU's part of the area. It is not where it
 *    was linked to be, so it jumps out by addresses in words at its end. The second is ordinary text and runs under the
 *    kernel root alone.
 *
 *	ring 3 -> entry stack: stub, load CR3 | task's stack: trap_dispatch | entry stack: load CR3, IRET -> ring 3
 *	user root                             | kernel root                 | user root
 *
 * 2. From ring 3. The CPU starts on its entry stack, which the user root maps. There two registers are saved, and CR3
 *    is loaded with a word of the CPU's entry page. That page is found by the stack pointer, so neither GS nor memory
 *    of the kernel is needed. Then the frame moves to the task's stack. The entry stack is free again before interrupts
 *    are enabled.
 *
 * 3. To ring 3. IRET's part of the frame moves back to the entry stack, and with it RAX and the user root's CR3. The
 *    other registers are loaded from the task's stack, and only the last four instructions run in the area.
 *
 * 4. From ring 0. On a stack of the kernel the kernel root is loaded: nothing is to be done. That is so even in the
 *    first piece, where interrupts of ring 0 begin too. So the stack decides, not the text: on a stack of the area
 *    either root may be loaded. An exception there (IRET that the CPU refuses, a debug exception) and the vectors with
 *    stacks of their own keep the CR3 that they find, load the kernel's, run on the stack on which they are (all of
 *    them are whole stacks, mapped in the area), and give the CR3 back. A debug exception needs no stack of its own:
 *    there is no SYSCALL, so ring 0 never runs on a program's stack.
 *
 * 5. Nothing outside of the area is touched under the user root: not even a word of the stack of the task.
 */
#include <asm/entry_area.h>
#include "trap_frame_64.h"

#define TSS_RSP0 4 /* in struct tss */

	.section .text.entry, "ax"

	.balign	16
	.globl	entry_stubs
entry_stubs:
	stubs	entry_common, entry_own_stack

	.type	entry_common, @function
entry_common:
	testb	$3, STUB_CS(%rsp)
	jnz	1f
	testb	$VM_BIT, STUB_VM(%rsp)
	jnz	1f
	pushq	%rax
	leaq	entry_stubs(%rip), %rax
	negq	%rax
	addq	%rsp, %rax		/* the stack in use, as an offset into the area */
	cmpq	$ENTRY_SPAN, %rax
	popq	%rax
	jb	entry_own_stack
	jmp	*to_trap_common(%rip)

1:	pushq	%rax
	pushq	%rdi
	movq	%rsp, %rax
	andq	$-ENTRY_UNIT, %rax
	movq	ENTRY_KERNEL_CR3(%rax), %rax
	movq	%rax, %cr3
	jmp	*to_entry_from_user(%rip)
	.size	entry_common, . - entry_common

	/* R14: the CR3 to go back to. RBX: the CPU's entry page. */
	.type	entry_own_stack, @function
entry_own_stack:
	save_registers
	movq	%rsp, %rbx
	andq	$-ENTRY_UNIT, %rbx
	movq	%cr3, %r14
	orq	ENTRY_KEEP(%rbx), %r14
	movq	ENTRY_KERNEL_CR3(%rbx), %rax
	movq	%rax, %cr3
	jmp	*to_entry_any(%rip)

	.globl	entry_any_back
entry_any_back:
	movq	%r14, %cr3
	restore_registers
	addq	$32, %rsp		/* segments, address, vector and error code */
	iretq
	.size	entry_own_stack, . - entry_own_stack

	/* On the entry stack: CR3, RAX, and what IRETQ takes. */
	.globl	entry_leave
	.type	entry_leave, @function
entry_leave:
	popq	%rax
	movq	%rax, %cr3
	popq	%rax
	.globl	entry_iret
entry_iret:
	iretq
	.size	entry_leave, . - entry_leave

	.balign	8
to_trap_common:		.quad	trap_common
to_entry_from_user:	.quad	entry_from_user
to_entry_any:		.quad	entry_any

	.text

	/* On the entry stack: RDI, RAX, vector, error code, and what the CPU pushed. Kernel root, the user's GS. */
	.type	entry_from_user, @function
entry_from_user:
	swapgs
	movq	%rsp, %rdi
	movq	%gs:cpu_tables + TSS_RSP0, %rsp
	pushq	64(%rdi)		/* SS */
	pushq	56(%rdi)		/* RSP */
	pushq	48(%rdi)		/* flags */
	pushq	40(%rdi)		/* CS */
	pushq	32(%rdi)		/* RIP */
	pushq	24(%rdi)		/* error code */
	pushq	16(%rdi)		/* vector */
	movq	8(%rdi), %rax
	movq	(%rdi), %rdi
	save_registers
	xorl	%ebp, %ebp		/* a backtrace ends here: the next frame is the program's */
	save_segments
	jne	2f
1:	movq	%rsp, %rdi
	call	trap_dispatch
	.globl	trap_dispatched_pti
trap_dispatched_pti:
	movq	%rsp, %rdi
	jmp	entry_return

2:	empty_segments
	jmp	1b
	.size	entry_from_user, . - entry_from_user

	/* void entry_return(struct trap_frame *): as trap_return(), with isolation. */
	.globl	entry_return
	.type	entry_return, @function
entry_return:
	testb	$3, FRAME_CS(%rdi)
	jz	trap_return
	movq	%rdi, %rsp
	movq	%gs:cpu_roots + ROOTS_EXIT_STACK, %rdi
	movq	%gs:cpu_roots + ROOTS_USER_CR3, %rax
	movq	%rax, (%rdi)
	movq	%gs:cpu_roots + ROOTS_KEEP, %rax
	orq	%rax, %gs:cpu_roots + ROOTS_USER_CR3 /* if this exit flushes the PCID, the next one need not */
	movq	FRAME_AX(%rsp), %rax
	movq	%rax, 8(%rdi)
	.irp	offset, 0, 8, 16, 24, 32	/* what IRETQ takes */
	movq	FRAME_IP + \offset(%rsp), %rax
	movq	%rax, 16 + \offset(%rdi)
	.endr
	movq	%rdi, %rax
	swapgs				/* from here to IRETQ the kernel has no per-CPU data */
	cmpq	$0, FRAME_SEGMENTS(%rsp)
	jne	4f
3:	restore_registers_but_rax
	movq	%rax, %rsp
	jmp	*entry_leave_at

4:	load_segments
	jmp	3b
	.size	entry_return, . - entry_return

	/*
	 * Either root was loaded when the trap came; now it is the kernel's. On a stack of the area. The base of GS is
	 * changed and put back as in trap_own_stack; here it stands in the entry page.
	 */
	.type	entry_any, @function
entry_any:
	load_gs_base ENTRY_PERCPU_BASE(%rbx)
	movq	%rsp, %rdi
	call	trap_dispatch
	.globl	trap_dispatched_pti_own_stack
trap_dispatched_pti_own_stack:
	put_back_gs_base
	jmp	*entry_any_back_at
	.size	entry_any, . - entry_any

	/* Where the entry area has entry_leave and entry_any_back. entry_area.c writes these words. */
	.section .data..ro_after_init, "aw"
	.balign	8
	.globl	entry_leave_at, entry_any_back_at
entry_leave_at:		.quad	0
entry_any_back_at:	.quad	0

	.section .note.GNU-stack, "", @progbits
