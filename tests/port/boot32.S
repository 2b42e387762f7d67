/* SPDX-License-Identifier: MIT */
/*
 * The start with PAE, as boot64.S. The kernel's GiB, at 3 GiB, has one directory: the direct map, which has the image
 * in it; room for kva; the local APIC in the last 2 MiB.
 */
	.set IMAGE, 0xc0000000
	.set P, 1; .set W, 2; .set UNCACHED, 0x10; .set LARGE, 0x80; .set NX, 0x8000000000000000
#define PHYS(symbol) (symbol - IMAGE)

	.section .note.pvh, "a", @note
	.long 4, 4, 18
	.asciz "Xen"
	.long PHYS(entry)

	.text
entry:
	cld
	mov $PHYS(boot_top), %eax
	mov %eax, %cr3
	mov $0x6a0, %eax /* CR4: PAE, PGE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	mov $0x800, %eax /* EFER: NXE */
	xor %edx, %edx
	wrmsr
	mov $0x80010033, %eax /* CR0: PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	lgdt gdt_high
	ljmp $8, $1f
1:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov boot_stack_top, %esp
	xor %ebp, %ebp
	push %ebx
	call *boot_main
	ud2

	.code16
	.globl trampoline, trampoline_end
trampoline:
	cli
	mov %cs, %ax
	mov %ax, %ds
	lgdtl gdt_low - trampoline
	mov $0x33, %eax
	mov %eax, %cr0
	ljmpl $8, $PHYS(1f)
gdt_low:
	.word 23
	.long PHYS(gdt)
trampoline_end:
	.code32
1:	mov $0x10, %eax
	mov %eax, %ds
	jmp entry

	.globl switch_stacks
switch_stacks:
	mov 4(%esp), %eax
	mov 8(%esp), %edx
	push %ebx
	push %ebp
	push %esi
	push %edi
	mov %esp, (%eax)
	mov %edx, %esp
	pop %edi
	pop %esi
	pop %ebp
	pop %ebx
	ret

	.data
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff /* code, data */
gdt_high:
	.word 23
	.long gdt

	.balign 4096
	.globl boot_top, boot_directory
boot_directory:
	.macro large_pages count, flags
	.rept \count
	.quad at + \flags + LARGE + W + P
	.set at, at + 0x200000
	.endr
	.endm
	.set at, 0
	large_pages 4, 0 /* the image */
	large_pages 124, NX
	.fill 383, 8, 0
	.quad 0xfee00000 + NX + UNCACHED + LARGE + W + P
boot_top:
	.long PHYS(boot_directory) + P, 0
	.fill 2, 8, 0
	.long PHYS(boot_directory) + P, 0
