/* SPDX-License-Identifier: MIT */
/* Where every program begins: the stack is empty, and all registers ought to be 0. What they are is handed on, ORed. */
	.text
	.globl	_start
_start:
	orl	%ebx, %eax
	orl	%ecx, %eax
	orl	%edx, %eax
	orl	%esi, %eax
	orl	%edi, %eax
	orl	%ebp, %eax
	pushl	%eax
	call	program
	ud2

	.section .note.GNU-stack, "", @progbits
