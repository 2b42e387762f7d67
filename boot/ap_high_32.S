/* SPDX-License-Identifier: MIT */
/* i386, with PAE and without: a starting CPU goes from the identity map to the reference table, and into C. */
#include <boot/boot_asm.h>

	.section .text.boot, "ax"

	.globl	ap_high
ap_high:
	mov	$1f, %eax
	jmp	*%eax
1:	mov	ap_cr4, %eax /* without PSE a large leaf would be taken for a table */
	mov	%eax, %cr4
	mov	ap_cr3, %eax
	mov	%eax, %cr3
	mov	ap_stack_top(, %edi, 4), %esp /* by its ticket */
	xor	%ebp, %ebp /* where backtraces end */
	call	ap_start
2:	hlt
	jmp	2b

	.section .note.GNU-stack, "", @progbits
