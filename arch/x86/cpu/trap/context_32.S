/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks, and the call of probe_exec(), i386. Arguments come in EAX, EDX and ECX (boot/kernel.mk:
 * -mregparm=3).
 */

	.text

	/*
	 * void switch_stack(void **save, void *next): what is pushed here is struct switch_frame. The caller saves all
	 * other registers. The scheduler saves the interrupt flag.
	 */
	.globl	switch_stack
	.type	switch_stack, @function
switch_stack:
	pushl	%ebp
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	movl	%esp, (%eax)
	movl	%edx, %esp
	popl	%edi
	popl	%esi
	popl	%ebx
	popl	%ebp
	ret
	.size	switch_stack, . - switch_stack

	/* A new stack returns to here: entry in esi, its argument in edi. Frame pointer 0 ends backtraces. */
	.globl	thread_start
	.type	thread_start, @function
thread_start:
	xorl	%ebp, %ebp
	movl	%edi, %eax
	call	*%esi
	ud2
	.size	thread_start, . - thread_start

	/* int probe_call(void *addr): 0, or what probe_fixup() put into eax after a fault. It finds addr in ebx. */
	.globl	probe_call, probe_call_return, probe_call_faulted
	.type	probe_call, @function
probe_call:
	pushl	%ebp
	movl	%esp, %ebp
	pushl	%ebx
	subl	$4, %esp
	movl	%eax, %ebx
	call	*%ebx
probe_call_return:
	xorl	%eax, %eax
1:	addl	$4, %esp
	popl	%ebx
	popl	%ebp
	ret
probe_call_faulted:			/* at the first byte of the callee: the return address is still there */
	addl	$4, %esp
	jmp	1b
	.size	probe_call, . - probe_call

	.section .note.GNU-stack, "", @progbits
