/* SPDX-License-Identifier: MIT */
/*
 * How a CPU other than the boot CPU enters the kernel (arch/x86/cpu/start/smp.c starts it). The start-up message makes
 * it run in real mode at a page below 1 MiB, where a copy of ap_trampoline lies. The steps from there:
 *
 *   ap_trampoline	protected mode, and to the image's physical address
 *   ap_protected	takes a ticket, or halts for ever; calls boot_paging_on, as the boot CPU did
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
	mov	PHYS(ap_next), %edi
1:	cmp	PHYS(ap_limit), %edi
	jae	3f
	mov	%edi, %eax
	lea	1(%edi), %ecx
	lock cmpxchg %ecx, PHYS(ap_next)
	je	2f
	mov	%eax, %edi
	jmp	1b
2:	mov	%edi, %esp /* the ticket stays in edi */
	shl	$6, %esp
	add	$PHYS(ap_first_stacks) + AP_FIRST_STACK_SIZE, %esp
	mov	PHYS(ap_boot_root), %eax
	call	boot_paging_on
	jmp	ap_high
3:	cli
	hlt
	jmp	3b

	.bss
	.balign	16
ap_first_stacks:
	.skip	AP_TICKETS * AP_FIRST_STACK_SIZE

	.section .note.GNU-stack, "", @progbits
