/* SPDX-License-Identifier: MIT */
/*
 * From QEMU's 32-bit entry to C in the upper half. Application processors come the same way, from the trampoline. The
 * first page tables stand here as data: the image at 0, until all processors have started, and in the top 2 GiB; the
 * first GiB at DIRECT; the local APIC in the last 2 MiB.
 */
	.set IMAGE, 0xffffffff80000000
	.set P, 1; .set W, 2; .set UNCACHED, 0x10; .set LARGE, 0x80; .set NX, 0x8000000000000000
#define PHYS(symbol) (symbol - IMAGE)

	/* "Xen", type 18: where a PVH loader enters, in protected mode without paging; EBX = struct start_info. */
	.section .note.pvh, "a", @note
	.long 4, 8, 18
	.asciz "Xen"
	.quad PHYS(entry)

	.text
	.code32
entry:
	cld
	mov $PHYS(boot_top), %eax
	mov %eax, %cr3
	mov $0x6a0, %eax /* CR4: PAE, PGE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	mov $0x900, %eax /* EFER: LME, NXE */
	xor %edx, %edx
	wrmsr
	mov $0x80010033, %eax /* CR0: PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	lgdt PHYS(gdt_low)
	ljmp $0x18, $PHYS(entry64)

	.code64
entry64:
	movabs $1f, %rax
	jmp *%rax
1:	lgdt gdt_high
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov boot_stack_top, %rsp
	mov %ebx, %edi
	xor %ebp, %ebp
	call *boot_main
	ud2

	/* Copied below 1 MiB. A processor starts here in real mode; CS is where it lies. */
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
	.word 31
	.long PHYS(gdt)
trampoline_end:
	.code32
1:	mov $0x10, %eax
	mov %eax, %ds
	jmp entry

	/* void switch_stacks(void **old, void *new): save what C wants to find again, and go on with another thread. */
	.code64
	.globl switch_stacks
switch_stacks:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.data
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff /* code32, data, code64 */
gdt_high:
	.word 31
	.quad gdt

	.macro large_pages count, flags
	.set at, 0
	.rept \count
	.quad at + \flags + LARGE + W + P
	.set at, at + 0x200000
	.endr
	.endm

	.balign 4096
	.globl boot_top
boot_top:
	.quad PHYS(level3_low) + W + P
	.fill 255, 8, 0
	.quad PHYS(level3_direct) + W + P
	.fill 254, 8, 0
	.quad PHYS(level3_high) + W + P
level3_low:
	.quad PHYS(level2_image) + W + P
	.fill 511, 8, 0
level3_direct:
	.quad PHYS(level2_direct) + W + P
	.fill 511, 8, 0
level3_high:
	.fill 510, 8, 0
	.quad PHYS(level2_image) + W + P
	.quad PHYS(level2_apic) + W + P
level2_direct:
	large_pages 512, NX
level2_image:
	large_pages 8, 0
	.fill 504, 8, 0
level2_apic:
	.fill 511, 8, 0
	.quad 0xfee00000 + NX + UNCACHED + LARGE + W + P
