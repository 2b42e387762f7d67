/* SPDX-License-Identifier: MIT */
/*
 * The way into the kernel and out of it with page-table isolation, i386 and PAE. The theory stands at the top of
 * trap_entry_pti_64.S; here is what differs.
 *
 * 1. The entry area lies at a constant address, so the first text knows where it runs, and jumps by absolute addresses.
 *
 * 2. Data segments may be the program's until they are loaded. What is read before that is read through SS.
 *
 * 3. The whole frame moves between entry stack and task's stack, both ways. The last instructions load all registers
 *    from the entry stack.
 *
 * 4. NMI has no stack of its own. From ring 3 it goes the way of all others. On the entry stack it finds either root
 *    and stays there, as any exception does. On a stack of the kernel the kernel root is loaded.
 *
 * 5. Double fault and machine check are tasks with the kernel root (gdt_32.c). The CPU saves the interrupted registers
 *    in the old TSS under the root that it finds, so the CPU's page is writable in the area.
 */
#include <asm/entry_area.h>
#include <asm/layout.h>
#include "trap_frame_32.h"

#define TSS_SP0 4 /* in struct tss */

/* Offsets from the stack pointer before registers are saved: only vector and error code lie below the CPU's frame. */
#define STUB_CS 12
#define STUB_VM 18

/* Where the area has a symbol of the first text. */
#define AT(symbol) (symbol - entry_stubs + ENTRY_START)

	.section .text.entry, "ax"

	.balign	16
	.globl	entry_stubs
entry_stubs:
	stubs	entry_common, entry_common

	.type	entry_common, @function
entry_common:
	testb	$3, STUB_CS(%esp)
	jnz	1f
	testb	$VM_BIT, STUB_VM(%esp)
	jnz	1f
	pushl	%eax
	movl	%esp, %eax
	subl	$ENTRY_START, %eax	/* the stack in use, as an offset into the area */
	cmpl	$ENTRY_SPAN, %eax
	popl	%eax
	jb	entry_inside
	pushl	$trap_common
	ret

1:	pushl	%eax
	movl	%esp, %eax
	andl	$-ENTRY_UNIT, %eax
	movl	%ss:ENTRY_KERNEL_CR3(%eax), %eax
	movl	%eax, %cr3
	popl	%eax
	pushl	$entry_from_user
	ret
	.size	entry_common, . - entry_common

	/* ESI: the CR3 to go back to. */
	.type	entry_inside, @function
entry_inside:
	save_registers
	movl	%esp, %ebx
	andl	$-ENTRY_UNIT, %ebx
	movl	%cr3, %esi
	movl	ENTRY_KERNEL_CR3(%ebx), %eax
	movl	%eax, %cr3
	movl	$entry_any, %eax
	jmp	*%eax

	.globl	entry_any_back
entry_any_back:
	movl	%esi, %cr3
	restore_registers
	iret
	.size	entry_inside, . - entry_inside

	/* On the entry stack: CR3, and a whole frame. */
	.globl	entry_leave
	.type	entry_leave, @function
entry_leave:
	popl	%eax
	movl	%eax, %cr3
	restore_registers
	.globl	entry_iret
entry_iret:
	iret
	.size	entry_leave, . - entry_leave

	.text

	/* On the entry stack: vector, error code, and what the CPU pushed. Kernel root, the program's segments. */
	.type	entry_from_user, @function
entry_from_user:
	save_registers
	movl	%esp, %esi
	movl	%fs:cpu_tables + TSS_SP0, %edi
	subl	$FRAME_SIZE, %edi
	movl	%edi, %eax
	movl	$FRAME_SIZE / 4, %ecx
	rep movsl
	movl	%eax, %esp
	xorl	%ebp, %ebp		/* a backtrace ends here: the next frame is the program's */
	andl	$-16, %esp		/* the compiler expects calls at a multiple of 16 */
	subl	$12, %esp
	pushl	%eax
	call	trap_dispatch
	.globl	trap_dispatched_pti
trap_dispatched_pti:
	popl	%eax
	.size	entry_from_user, . - entry_from_user

	/* void entry_return(struct trap_frame *): as trap_return(), with isolation. */
	.globl	entry_return
	.type	entry_return, @function
entry_return:
	testb	$3, FRAME_CS(%eax)
	jz	trap_return
	movl	%eax, %esi
	movl	%fs:cpu_roots + ROOTS_EXIT_STACK, %edi
	movl	%edi, %edx
	movl	%fs:cpu_roots + ROOTS_USER_CR3, %eax
	stosl
	movl	$FRAME_SIZE / 4, %ecx
	rep movsl
	movl	%edx, %esp
	movl	$AT(entry_leave), %eax
	jmp	*%eax
	.size	entry_return, . - entry_return

	/* Either root was loaded when the trap came; now it is the kernel's. Still on the entry stack. */
	.type	entry_any, @function
entry_any:
	movl	%esp, %ebx
	movl	%esp, %eax
	andl	$-16, %esp
	subl	$12, %esp
	pushl	%eax
	call	trap_dispatch
	.globl	trap_dispatched_pti_own_stack
trap_dispatched_pti_own_stack:
	movl	%ebx, %esp
	movl	$AT(entry_any_back), %eax
	jmp	*%eax
	.size	entry_any, . - entry_any

	/* entry_area.c writes these words in every mode; only trap_entry_pti_64.S reads them. */
	.section .data..ro_after_init, "aw"
	.balign	4
	.globl	entry_leave_at, entry_any_back_at
entry_leave_at:		.long	0
entry_any_back_at:	.long	0

	.section .note.GNU-stack, "", @progbits
