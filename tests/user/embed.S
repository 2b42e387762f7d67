/* SPDX-License-Identifier: MIT */
/* One program as a part of the kernel's image, and its entry in the table of programs. NAME, FILE: from boot/kernel.mk. */

	.section .rodata.programs, "a"
	.balign	16
1:	.incbin	FILE
2:
3:	.asciz	NAME

	.section .programs, "a"
	.balign	4
	.dc.a	3b, 1b, 2b

	.section .note.GNU-stack, "", @progbits
