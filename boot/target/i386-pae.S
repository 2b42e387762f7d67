/* SPDX-License-Identifier: MIT */
/*
 * i386 with PAE: 3 levels. The first tables map the first GiB of physical memory at 0 and at 3 GiB:
 *
 *	boot_root [0] [3] --> boot_pmd: 512 leaves of 2 MiB
 */
#include <boot/boot_asm.h>

#define CPUID_PAE 0x40 /* leaf 1, edx */

/* A top entry of PAE has neither rights nor A: those bits are reserved. */
#define PDPT_TABLE 0x001

	.section .text.boot, "ax"

/* Sets boot_levels. Returns the physical address of the first top table in eax. */
	.globl	boot_choose_tables
boot_choose_tables:
	call	boot_has_cpuid
	jz	1f
	mov	$1, %eax
	cpuid
	test	$CPUID_PAE, %edx
	jz	1f
	movl	$3, PHYS(boot_levels)
	mov	$PHYS(boot_root), %eax
	ret
1:	mov	$PHYS(no_pae), %esi
	jmp	boot_fail

/* Paging on, with the top table at physical address eax. Every CPU; paging is off before. */
	.globl	boot_paging_on
boot_paging_on:
	mov	%eax, %cr3
	mov	$(CR4_PAE | CR4_PSE), %eax
	mov	%eax, %cr4
	xor	%eax, %eax
	call	boot_write_efer
	mov	$CR0_KERNEL, %eax
	mov	%eax, %cr0
	ret

	.section .rodata.boot, "a"
no_pae:
	.asciz	"Kvasir: this CPU has no PAE. Boot the i386 kernel."

	.section .data.boot_tables, "aw"
	.balign	4096
	.globl	boot_root
boot_root:
	.long	PHYS(boot_pmd) + PDPT_TABLE, 0
	.fill	2, 8, 0
	.long	PHYS(boot_pmd) + PDPT_TABLE, 0
	.fill	508, 8, 0
boot_pmd:
	.set	frame, 0
	.rept	512
	.quad	frame + BOOT_LARGE
	.set	frame, frame + 0x200000
	.endr

	.section .note.GNU-stack, "", @progbits
