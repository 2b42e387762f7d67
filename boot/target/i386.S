/* SPDX-License-Identifier: MIT */
/*
 * i386 with 2 levels. Pages of 4 MiB may be missing, so the first tables map the first 16 MiB of physical memory by
 * pages, at 0 and at 3 GiB:
 *
 *	boot_root [0..3] [768..771] --> boot_pages: 4 tables of 1024 pages
 */
#include <boot/boot_asm.h>

	.section .text.boot, "ax"

/* Sets boot_levels. Returns the physical address of the first top table in eax. */
	.globl	boot_choose_tables
boot_choose_tables:
	movl	$2, PHYS(boot_levels)
	mov	$PHYS(boot_root), %eax
	ret

/* Paging on, with the top table at physical address eax. Every CPU; paging is off before. */
	.globl	boot_paging_on
boot_paging_on:
	mov	%eax, %cr3
	call	boot_has_cpuid
	jz	1f /* a CPU without CPUID has no CR4 */
	xor	%eax, %eax
	mov	%eax, %cr4
1:	xor	%eax, %eax
	call	boot_write_efer
	mov	$CR0_KERNEL, %eax
	mov	%eax, %cr0
	ret

	.section .data.boot_tables, "aw"
	.balign	4096
	.globl	boot_root
boot_root:
	.long	PHYS(boot_pages) + BOOT_TABLE
	.long	PHYS(boot_pages) + BOOT_TABLE + 0x1000
	.long	PHYS(boot_pages) + BOOT_TABLE + 0x2000
	.long	PHYS(boot_pages) + BOOT_TABLE + 0x3000
	.fill	764, 4, 0
	.long	PHYS(boot_pages) + BOOT_TABLE
	.long	PHYS(boot_pages) + BOOT_TABLE + 0x1000
	.long	PHYS(boot_pages) + BOOT_TABLE + 0x2000
	.long	PHYS(boot_pages) + BOOT_TABLE + 0x3000
	.fill	252, 4, 0
boot_pages:
	.set	frame, 0
	.rept	4096
	.long	frame + BOOT_PAGE
	.set	frame, frame + 0x1000
	.endr

	.section .note.GNU-stack, "", @progbits
