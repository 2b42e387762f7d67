/* SPDX-License-Identifier: MIT */
/*
 * How a CPU other than the boot CPU comes into the kernel (arch/x86/cpu/smp.c sends for it). The start-up message makes
 * it run in real mode at a page below 1 MiB, where a copy of ap_trampoline lies; from there:
 *
 *   ap_trampoline	protected mode, and to the image's physical address
 *   ap_protected	takes the invitation, or halts for ever; boot_paging_on, as the boot CPU did
 *   ap_high		(ap_high_32.S, ap_high_64.S) the kernel's addresses, the reference table, its own stack, C
 */
#include <boot/boot_asm.h>
#include <asm/ap_start.h>

	.section .rodata.boot, "a"
	.globl	ap_trampoline, ap_trampoline_end
	.code16
ap_trampoline:
	cli
	cld
	lgdtl	%cs:(1f - ap_trampoline)
	mov	$(CR0_ET | CR0_PE), %eax
	mov	%eax, %cr0
	ljmpl	$SEL_BOOT_CODE32, $PHYS(ap_protected)
1:	.short	4 * 8 - 1
	.long	PHYS(boot_gdt)
ap_trampoline_end:

	.section .text.boot, "ax"
	.code32
ap_protected:
	mov	$SEL_KERNEL_DATA, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%ecx, %ss
	mov	%ecx, %fs
	mov	%ecx, %gs
	mov	$AP_INVITED, %eax
	mov	$AP_ENTERED, %ecx
	lock cmpxchg %ecx, PHYS(ap_state)
	jne	1f
	mov	$PHYS(ap_first_stack_top), %esp
	mov	PHYS(ap_boot_root), %eax
	call	boot_paging_on
	jmp	ap_high
1:	cli
	hlt
	jmp	1b

	.bss
	.balign	16
	.skip	64 /* for the few calls of boot_paging_on */
ap_first_stack_top:

	.section .note.GNU-stack, "", @progbits
