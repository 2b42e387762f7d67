/* SPDX-License-Identifier: MIT */
/* x86_64: a starting CPU goes from the identity map to the reference table, and into C. */
#include <boot/boot_asm.h>

	.section .text.boot, "ax"
	.code32

	.globl	ap_high
ap_high:
	ljmp	$SEL_KERNEL_CODE, $PHYS(1f) /* from long mode's 32-bit code to its 64-bit code */

	.code64
1:	movabs	$2f, %rax
	jmp	*%rax
2:	mov	ap_cr4, %rax
	mov	%rax, %cr4
	mov	ap_cr3, %rax
	mov	%rax, %cr3
	mov	%edi, %edi /* the ticket: clears the upper half of rdi */
	mov	ap_stack_top(, %rdi, 8), %rsp
	xor	%ebp, %ebp /* where backtraces end */
	call	ap_start
3:	hlt
	jmp	3b

	.section .note.GNU-stack, "", @progbits
