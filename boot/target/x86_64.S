/* SPDX-License-Identifier: MIT */
/*
 * x86_64: 4 or 5 levels. CR4.LA57 cannot change in long mode, so this 32-bit code decides before paging is first
 * switched on: 5 levels if the CPU has them, unless the word no5lvl is on the command line.
 *
 * The first tables map the first GiB of physical memory three times, at 0, at the start of the direct map and at
 * IMAGE_BASE:
 *
 *	boot_root5 [0] [273] [511] --> boot_root
 *	boot_root  [0] [273] ---> boot_pud_low   [0] ----> boot_pmd: 512 leaves of 2 MiB
 *	boot_root  [511] -------> boot_pud_image [510] --> boot_pmd
 *
 * boot_root is the top table with 4 levels, and the only P4D table with 5. In both modes the direct map starts in top
 * entry 273. With 5 levels boot_root also maps the first GiB at some further addresses, which does no harm.
 */
#include <boot/boot_asm.h>

#define CPUID_EXT_LM 0x20000000 /* leaf 0x80000001, edx */
#define CPUID_LA57   0x00010000 /* leaf 7, ecx */

#define TAG_HEADER  8 /* bytes: type, size */
#define TAG_END	    0
#define TAG_CMDLINE 1

	.section .text.boot, "ax"
	.code32

/* Sets boot_levels. Returns the physical address of the first top table in eax. */
	.globl	boot_choose_tables
boot_choose_tables:
	call	boot_ext_features
	test	$CPUID_EXT_LM, %edx
	jz	3f
	movl	$4, PHYS(boot_levels)
	xor	%eax, %eax
	cpuid
	cmp	$7, %eax
	jb	2f
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$CPUID_LA57, %ecx
	jz	2f
	call	boot_no5lvl
	jc	2f
	movl	$5, PHYS(boot_levels)
	mov	$PHYS(boot_root5), %eax
	ret
2:	mov	$PHYS(boot_root), %eax
	ret
3:	mov	$PHYS(no_long_mode), %esi
	jmp	boot_fail

/* CF set: the command line has the word no5lvl. Walks the copied tags without leaving them. */
boot_no5lvl:
	mov	$PHYS(boot_mbi), %esi
	mov	%esi, %edi
	add	PHYS(boot_mbi_size), %edi /* end */
	add	$8, %esi /* the first tag follows total_size and a reserved word */
1:	mov	%edi, %ecx
	sub	%esi, %ecx /* bytes that are left */
	cmp	$TAG_HEADER, %ecx
	jl	9f
	mov	4(%esi), %edx /* the tag's size */
	cmp	$TAG_HEADER, %edx
	jb	9f
	cmp	%ecx, %edx
	ja	9f
	cmpl	$TAG_CMDLINE, (%esi)
	je	2f
	cmpl	$TAG_END, (%esi)
	je	9f
	lea	7(%esi, %edx), %esi /* tags start at multiples of 8 from the first; boot_mbi is aligned */
	and	$~7, %esi
	jmp	1b

2:	lea	(%esi, %edx), %edi
	add	$TAG_HEADER, %esi
	mov	$' ', %al /* the character before the next one */
3:	cmp	%edi, %esi
	jae	9f
	cmp	$' ', %al
	jne	4f
	cmpl	$0x6c356f6e, (%esi) /* "no5l" */
	jne	4f
	cmpw	$0x6c76, 4(%esi) /* "vl" */
	jne	4f
	testb	$~' ', 6(%esi) /* a blank, or the end */
	jz	8f
4:	lodsb
	test	%al, %al
	jnz	3b
9:	clc
	ret
8:	stc
	ret

/* Paging on, with the top table at physical address eax and boot_levels levels. Every CPU; paging is off before. */
	.globl	boot_paging_on
boot_paging_on:
	mov	%eax, %cr3
	mov	$CR4_PAE, %eax
	cmpl	$5, PHYS(boot_levels)
	jne	1f
	or	$CR4_LA57, %eax
1:	mov	%eax, %cr4
	mov	$EFER_LME, %eax
	call	boot_write_efer
	mov	$CR0_KERNEL, %eax
	mov	%eax, %cr0
	ret

	.section .rodata.boot, "a"
no_long_mode:
	.asciz	"Kvasir: this CPU has no 64-bit mode. Boot the i386-pae or the i386 kernel."

	.section .data.boot_tables, "aw"
	.balign	4096
	.globl	boot_root, boot_root5
boot_root5:
	.quad	PHYS(boot_root) + BOOT_TABLE
	.fill	272, 8, 0
	.quad	PHYS(boot_root) + BOOT_TABLE
	.fill	237, 8, 0
	.quad	PHYS(boot_root) + BOOT_TABLE
boot_root:
	.quad	PHYS(boot_pud_low) + BOOT_TABLE
	.fill	272, 8, 0
	.quad	PHYS(boot_pud_low) + BOOT_TABLE
	.fill	237, 8, 0
	.quad	PHYS(boot_pud_image) + BOOT_TABLE
boot_pud_low:
	.quad	PHYS(boot_pmd) + BOOT_TABLE
	.fill	511, 8, 0
boot_pud_image:
	.fill	510, 8, 0
	.quad	PHYS(boot_pmd) + BOOT_TABLE
	.quad	0
boot_pmd:
	.set	frame, 0
	.rept	512
	.quad	frame + BOOT_LARGE
	.set	frame, frame + 0x200000
	.endr

	.section .note.GNU-stack, "", @progbits
