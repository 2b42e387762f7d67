/* SPDX-License-Identifier: MIT */
/* x86_64: from the identity map, in 64-bit mode, to the kernel's own addresses, and into C. */
#include <boot/boot_asm.h>
#include <kernel/config.h>

	.section .text.boot, "ax"
	.code32

	.globl	boot_high
boot_high:
	ljmp	$SEL_KERNEL_CODE, $PHYS(1f) /* from long mode's 32-bit code to its 64-bit code */

	.code64
1:	movabs	$2f, %rax
	jmp	*%rax
2:	mov	$boot_stack + GUARDED_STACK_UNIT, %rsp
	xor	%ebp, %ebp /* where backtraces end */
#if CONFIG_KASAN
	call	kasan_early_init
#endif
	call	kmain
3:	hlt
	jmp	3b

	.section .note.GNU-stack, "", @progbits
