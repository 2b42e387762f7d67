/* SPDX-License-Identifier: MIT */
/* Where every program begins: the stack is empty, and all registers ought to be 0. What they are is handed on, ORed. */
	.text
	.globl	_start
_start:
	orq	%rax, %rdi
	orq	%rbx, %rdi
	orq	%rcx, %rdi
	orq	%rdx, %rdi
	orq	%rsi, %rdi
	orq	%rbp, %rdi
	orq	%r8, %rdi
	orq	%r9, %rdi
	orq	%r10, %rdi
	orq	%r11, %rdi
	orq	%r12, %rdi
	orq	%r13, %rdi
	orq	%r14, %rdi
	orq	%r15, %rdi
	call	program
	ud2

	.section .note.GNU-stack, "", @progbits
