/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to the kernel's own address space. One way for every target:
 *
 *   boot_entry		paging off, 32-bit, the loader's descriptors; eax: its magic number, ebx: its tags
 *   boot_save_info	the tags are copied into the image, since their memory is reused later
 *   boot_choose_tables	(target/T.S) does the CPU have what the target needs? How many levels? -> boot_levels, CR3
 *   boot_paging_on	(target/T.S) CR4, CR3, EFER, CR0, each written whole. Other CPUs call this too
 *   boot_high		(high_32.S, high_64.S) leaves the identity map, calls kmain()
 *
 * Firmware may leave anything in the control registers: WP, NXE and OSFXSR under UEFI, caches off in some emulators.
 * So they are written whole, and never changed by OR.
 */
#include <boot/boot_asm.h>
#include <boot/info_max.h>

#define MULTIBOOT2_MAGIC 0x36d76289 /* in eax: the loader speaks multiboot2 */

#define CPUID_EXT_FEATURES 0x80000001
#define CPUID_EXT_NX	   0x00100000 /* edx */
#define CPUID_EXT_LM	   0x20000000 /* edx */
#define EFLAGS_ID	   0x00200000

	.section .text.boot, "ax"
	.code32

	.globl	boot_entry
boot_entry:
	cli
	cld
	mov	$PHYS(boot_stack) + GUARDED_STACK_UNIT, %esp
	lgdt	PHYS(boot_gdtr)
	ljmp	$SEL_BOOT_CODE32, $PHYS(1f)
1:	mov	$SEL_KERNEL_DATA, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%ecx, %ss
	mov	%ecx, %fs
	mov	%ecx, %gs
	call	boot_save_info
	call	boot_choose_tables
	call	boot_paging_on
	jmp	boot_high

/* Copy the tags, at most BOOT_INFO_MAX bytes. Without the magic number boot_mbi_size stays 0: the parser reports it. */
boot_save_info:
	cmp	$MULTIBOOT2_MAGIC, %eax
	jne	2f
	mov	(%ebx), %ecx /* total_size */
	cmp	$BOOT_INFO_MAX, %ecx
	jbe	1f
	mov	$BOOT_INFO_MAX, %ecx
1:	mov	%ecx, PHYS(boot_mbi_size)
	mov	%ebx, %esi
	mov	$PHYS(boot_mbi), %edi
	rep movsb
2:	ret

/* ZF clear: this CPU has CPUID. A 486 may not. Clobbers eax, ecx. */
	.globl	boot_has_cpuid
boot_has_cpuid:
	pushf
	mov	(%esp), %ecx
	xorl	$EFLAGS_ID, (%esp)
	popf
	pushf
	pop	%eax
	push	%ecx
	popf
	xor	%ecx, %eax
	test	$EFLAGS_ID, %eax
	ret

/* edx = CPUID's extended features, 0 on a CPU without any. Clobbers eax, ebx, ecx. */
	.globl	boot_ext_features
boot_ext_features:
	call	boot_has_cpuid
	jz	1f
	mov	$0x80000000, %eax
	cpuid
	cmp	$CPUID_EXT_FEATURES, %eax
	jb	1f
	mov	$CPUID_EXT_FEATURES, %eax
	cpuid
	ret
1:	xor	%edx, %edx
	ret

/* EFER = eax, plus NXE if the CPU has NX. Does nothing on a CPU with neither NX nor long mode. Keeps esi, edi. */
	.globl	boot_write_efer
boot_write_efer:
	push	%eax
	call	boot_ext_features
	pop	%eax
	test	$CPUID_EXT_NX, %edx
	jz	1f
	or	$EFER_NXE, %eax
1:	test	$(CPUID_EXT_NX | CPUID_EXT_LM), %edx
	jz	2f
	mov	$MSR_EFER, %ecx
	xor	%edx, %edx
	wrmsr
2:	ret

/*
 * The wrong kernel for this CPU: write the sentence at esi to the first serial port and to a VGA text screen, and stop.
 * GRUB's menu does not offer such a kernel, so this happens only if a user loads one by hand.
 */
	.globl	boot_fail
boot_fail:
	mov	$0xb8000, %edi
1:	lodsb
	test	%al, %al
	jz	3f
	mov	$0x0c, %ah /* light red */
	stosw
	mov	%al, %bl
	mov	$0x10000, %ecx /* a limit: a port that does not exist never becomes ready */
	mov	$0x3fd, %edx
2:	in	%dx, %al
	test	$0x20, %al
	loopz	2b
	mov	%bl, %al
	mov	$0x3f8, %edx
	out	%al, %dx
	jmp	1b
3:	hlt
	jmp	3b

	.section .rodata.boot, "a"
	.balign	8
	.globl	boot_gdt
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff /* 0x08: 64-bit code */
	.quad	0x00cf93000000ffff /* 0x10: data, 4 GiB from 0 */
	.quad	0x00cf9b000000ffff /* 0x18: 32-bit code, 4 GiB from 0 */
boot_gdtr:
	.short	. - boot_gdt - 1
	.long	PHYS(boot_gdt)

	.bss
	.balign	8
	.globl	boot_mbi, boot_mbi_size, boot_levels
boot_mbi:
	.skip	BOOT_INFO_MAX
boot_mbi_size:
	.skip	4
boot_levels:
	.skip	4

	.section .bss.stacks, "aw", @nobits
	.balign	4096
	.globl	boot_stack
boot_stack: /* a struct guarded_stack */
	.skip	GUARDED_STACK_UNIT

	.section .note.GNU-stack, "", @progbits
