/* SPDX-License-Identifier: MIT */
/* i386, with PAE and without: from the identity map to the kernel's own addresses, and into C. */
#include <boot/boot_asm.h>

	.section .text.boot, "ax"

	.globl	boot_high
boot_high:
	mov	$1f, %eax
	jmp	*%eax
1:	mov	$boot_stack + GUARDED_STACK_UNIT, %esp
	xor	%ebp, %ebp /* where backtraces end */
	call	kmain
2:	hlt
	jmp	2b

	.section .note.GNU-stack, "", @progbits
