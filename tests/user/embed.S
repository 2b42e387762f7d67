/* SPDX-License-Identifier: MIT */
/*
 * Programs as a part of the kernel's image, and the table of them. boot/kernel.mk writes one line a program behind
 * this.
 */

	.macro PROGRAM name, file
	.section .rodata.programs, "a"
	.balign	16
1:	.incbin	"\file"
2:
3:	.asciz	"\name"

	.section .programs, "a"
	.balign	4
	.dc.a	3b, 1b, 2b
	.endm

	.section .note.GNU-stack, "", @progbits
