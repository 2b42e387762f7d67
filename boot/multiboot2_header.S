/* SPDX-License-Identifier: MIT */
/*
 * How a multiboot2 loader recognises the kernel, and what the kernel asks of it (Multiboot2 specification, 3.1).
 * All requests are optional: a machine without a graphics mode still boots.
 */
#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define ARCHITECTURE_I386	0

#define TAG_END		  0
#define TAG_CONSOLE_FLAGS 4
#define TAG_FRAMEBUFFER	  5
#define TAG_MODULE_ALIGN  6
#define OPTIONAL	  1
#define EGA_TEXT_WORKS	  2 /* so that `gfxpayload=text` gives VGA text */

	.section .multiboot2, "a"
	.balign	8
header:
	.long	MULTIBOOT2_HEADER_MAGIC
	.long	ARCHITECTURE_I386
	.long	header_end - header
	.long	-(MULTIBOOT2_HEADER_MAGIC + ARCHITECTURE_I386 + (header_end - header))

	.balign	8
	.short	TAG_CONSOLE_FLAGS, OPTIONAL
	.long	12
	.long	EGA_TEXT_WORKS

	.balign	8
	.short	TAG_FRAMEBUFFER, OPTIONAL
	.long	20
	.long	1024, 768, 32 /* width, height, bits a pixel: a wish */

	.balign	8
	.short	TAG_MODULE_ALIGN, OPTIONAL /* modules share no page with anything */
	.long	8

	.balign	8
	.short	TAG_END, 0
	.long	8
header_end:

	.section .note.GNU-stack, "", @progbits
