/* SPDX-License-Identifier: MIT */
/* Switching stacks, and the call of probe_exec(), x86_64. */

	.text

	/*
	 * void switch_stack(void **save, void *next): what is pushed here is struct switch_frame. The caller saves all
	 * other registers. The scheduler saves the interrupt flag.
	 */
	.globl	switch_stack
	.type	switch_stack, @function
switch_stack:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size	switch_stack, . - switch_stack

	/* A new stack returns to here: entry in r12, its argument in r13. Frame pointer 0 ends backtraces. */
	.globl	thread_start
	.type	thread_start, @function
thread_start:
	xorl	%ebp, %ebp
	movq	%r13, %rdi
	call	*%r12
	ud2
	.size	thread_start, . - thread_start

	/* int probe_call(void *addr): 0, or what probe_fixup() put into rax after a fault. It finds addr in rbx. */
	.globl	probe_call, probe_call_return, probe_call_faulted
	.type	probe_call, @function
probe_call:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rbx
	subq	$8, %rsp
	movq	%rdi, %rbx
1:	call	*%rbx
probe_call_return:
	xorl	%eax, %eax
2:	addq	$8, %rsp
	popq	%rbx
	popq	%rbp
	ret
probe_call_faulted:			/* at the first byte of the callee: the return address is still there */
	addq	$8, %rsp
	jmp	2b
	.size	probe_call, . - probe_call

	/* Some CPUs refuse an address that is not canonical at the call itself, before anything is pushed. */
	.section .ex_table, "a"
	.balign	8
	.quad	1b, 2b

	.section .note.GNU-stack, "", @progbits
