/* SPDX-License-Identifier: MIT */
/*
 * Instructions at random, entered with nasty registers, flags, selectors and stacks: those that programs have no
 * business with, each interrupt, frames for IRET and far returns, and plain noise. Code cannot be written where data is
 * not executed, so the noise is made by the assembler; where it can be, fresh bytes are tried as well.
 */
#pragma once

#include "fuzz_registers.h"

#define SLOT 16

/* For instructions that take memory: a far pointer, a descriptor table's address, a frame. */
unsigned long fuzz_memory[32] __attribute__((aligned(64)));

extern const unsigned char fuzz_code[], fuzz_system[], fuzz_noise[], fuzz_code_end[];

/* One instruction a slot, and back. Numbers that GNU as does not take in every mode stand as bytes. */
__asm__(".macro slot code:vararg\n.balign 16, 0x90\n\\code\nret\n.endm\n"
	".section .text.fuzz_code, \"ax\"\n"
	".balign 16\n"
	"fuzz_code:\n"
	".set n, 0\n.rept 256\nslot .byte 0xcd, n\n.set n, n + 1\n.endr\n.balign 16\n"
	"fuzz_system:\n"
	"slot hlt\nslot cli\nslot sti\nslot .byte 0xf1\nslot .byte 0xce\nslot int3\nslot clts\nslot invd\nslot wbinvd\n"
	"slot rdmsr\nslot wrmsr\nslot rdpmc\nslot rdtsc\nslot rdtscp\nslot cpuid\nslot xgetbv\nslot xsetbv\nslot emms\n"
	"slot sysenter\nslot .byte 0x0f, 0x35\nslot syscall\nslot .byte 0x0f, 0x07\nslot .byte 0x48, 0x0f, 0x07\n"
	"slot ud2\nslot .byte 0x0f, 0xff\nslot .byte 0x0f, 0xb9, 0xc0\nslot .byte 0x0f, 0xaa\nslot .byte 0x0f, 0x01, "
	"0xc1\n"
	"slot .byte 0x0f, 0x01, 0xc2\nslot .byte 0x0f, 0x01, 0xca\nslot .byte 0x0f, 0x01, 0xcb\nslot .byte 0x0f, 0x01, "
	"0xf8\n"
	"slot .byte 0x0f, 0x01, 0xc8\nslot .byte 0x0f, 0x01, 0xc9\nslot .byte 0x0f, 0x01, 0xee\nslot .byte 0x0f, 0x01, "
	"0xef\n"
	"slot .byte 0x0f, 0x01, 0xd8\nslot .byte 0x0f, 0x01, 0xdf\n"
	"slot iretl\nslot iretw\nslot .byte 0x48, 0xcf\nslot lretl\nslot lretw\nslot .byte 0x48, 0xcb\nslot .byte "
	"0xca, 8, 0\nslot ret $4096\n"
	"slot in $0x60, %al\nslot in %dx, %eax\nslot out %al, $0xf4\nslot out %eax, %dx\nslot rep insb\nslot rep "
	"outsb\n"
	"slot lgdt fuzz_memory\nslot lidt fuzz_memory\nslot sgdt fuzz_memory\nslot sidt fuzz_memory\nslot lldt "
	"%ax\nslot ltr %ax\n"
	"slot sldt fuzz_memory\nslot str fuzz_memory\nslot smsw %eax\nslot lmsw %ax\nslot invlpg fuzz_memory\n"
	"slot verr %ax\nslot verw %cx\nslot lar %ax, %ebx\nslot lsl %cx, %edx\nslot lfs fuzz_memory, %eax\n"
	"slot lgs fuzz_memory, %eax\nslot lss fuzz_memory, %eax\n"
	"slot mov %eax, %ds\nslot mov %ecx, %es\nslot mov %edx, %fs\nslot mov %ebx, %gs\nslot mov %eax, %ss\nslot "
	".byte 0x8e, 0xc8\n"
	"slot .byte 0x0f, 0xa1\nslot .byte 0x0f, 0xa9\nslot popf\nslot pushf\nslot leave\nslot enter $65535, $31\n"
	".set n, 0\n.rept 16\n"
	"slot .byte 0x0f, 0x20, 0xc0 + n * 8 % 64\nslot .byte 0x0f, 0x22, 0xc0 + n * 8 % 64\n"
	"slot .byte 0x0f, 0x21, 0xc0 + n * 8 % 64\nslot .byte 0x0f, 0x23, 0xc0 + n * 8 % 64\n"
	"slot .byte 0xd8 + n % 8, n * 37 % 256\nslot .byte 0x0f, 0x01, n * 16 + 5\nslot .byte 0x0f, 0xae, n * 16 + 8\n"
	"slot .byte 0x0f, 0xc7, n * 16 + 14\n.set n, n + 1\n.endr\n"
	"slot fxsave fuzz_memory\nslot fxrstor fuzz_memory\nslot movaps %xmm0, %xmm1\nslot ldmxcsr fuzz_memory\nslot "
	"rdrand %eax\n"
	"slot clflush fuzz_memory\nslot lock cmpxchg8b fuzz_memory\nslot .byte 0xf0, 0x0f, 0xc7, 0xc8\nslot .byte "
	"0xf0, 0x90\n"
	"slot rep movsb\nslot rep stosl\nslot repne scasb\nslot rep lodsl\nslot xlat\nslot div %ecx\nslot idiv %bl\n"
	"slot .byte 0xd4, 0\nslot .byte 0x62, 0x03\nslot .byte 0x63, 0x03\nslot .byte 0xc4, 0x03\nslot .byte 0xc5, "
	"0x03\n"
	"slot .byte 0x27\nslot .byte 0x60\nslot .byte 0x61\nslot .byte 0x06\nslot .byte 0x07\nslot .byte 0x1f\nslot "
	".byte 0x17\n"
	"slot .byte 0x9a, 0, 0, 0, 0, 8, 0\nslot .byte 0xea, 0, 0, 0, 0, 8, 0\nslot .byte 0x82, 0xc0, 0\n"
	"slot .byte 0xff, 0x1c, 0x25; .long fuzz_memory\nslot .byte 0xff, 0x2c, 0x25; .long fuzz_memory\n"
	"slot .byte 0xff, 0x1d; .long fuzz_memory\nslot .byte 0xff, 0x2d; .long fuzz_memory\n"
	"slot call .\nslot jmp .\nslot loop .\nslot .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, "
	"0x66, 0x66, 0x66, 0x66, 0x66\n"
	".balign 16\n"
	"fuzz_noise:\n"
	".set x, 12345\n.rept 2048\n.set x, (x * 1103515245 + 12345) & 0x7fffffff\n.word x >> 11 & 0xffff\n.endr\n"
	"fuzz_code_end:\n"
	".text\n");

#define CODE_ENTRIES 12

static unsigned char fresh[64]; /* data that may be code, where the CPU cannot tell */

static unsigned short any_selector(void)
{
	switch (below(4)) {
	case 0:
		return (unsigned short)below(4);
	case 1:
		return (unsigned short)random_u32();
	default:
		return (unsigned short)(8 * below(2 * NR_GDT_ENTRIES) + below(8));
	}
}

/* A selector that works, mostly. */
static unsigned long likely(unsigned short selector)
{
	return below(3) ? selector : any_selector();
}

/* What a stack, a far pointer or a descriptor table may look like: first for IRET, in words of either size. */
static void choose_memory(void)
{
	unsigned long frame[5] = {
		below(3) ? (unsigned long)fuzz_back : nasty(),
		likely(CODE_SELECTOR),
		FLAGS_ALWAYS | (below(2) ? 0 : random_word() & 0x3fffff),
		below(2) ? fuzz_saved : nasty(),
		likely(DATA_SELECTOR),
	};
	unsigned int *half = (unsigned int *)fuzz_memory, narrow = below(2);

	for (unsigned int i = 0; i < sizeof(fuzz_memory) / sizeof(fuzz_memory[0]); i++)
		fuzz_memory[i] = nasty();
	for (unsigned int i = 0; i < 5; i++)
		if (narrow)
			half[i] = (unsigned int)frame[i];
		else
			fuzz_memory[i] = frame[i];
}

/* A slot of those between two places. */
static unsigned long slot_of(const unsigned char *from, const unsigned char *to)
{
	return (unsigned long)from + SLOT * below((unsigned int)(to - from) / SLOT);
}

static unsigned long choose_target(void)
{
	unsigned int size = (unsigned int)(fuzz_code_end - fuzz_code);

	switch (below(12)) {
	case 0:
		for (unsigned int i = 0; i < sizeof(fresh); i++)
			fresh[i] = below(3) ? fuzz_code[below(size)] : (unsigned char)random_u32();
		return (unsigned long)fresh;
	case 1:
		return (unsigned long)choose_memory + below(2048); /* this program, in the middle of an instruction */
	case 2:
		return (unsigned long)fuzz_code + below(size);
	case 3:
		return (unsigned long)fuzz_noise + below((unsigned int)(fuzz_code_end - fuzz_noise));
	case 4:
	case 5:
		return slot_of(fuzz_code, fuzz_system); /* an interrupt */
	default:
		return slot_of(fuzz_system, fuzz_noise);
	}
}

/* A selector that cannot be loaded ends the child before it gets anywhere, so most are left as they are. */
static void choose_wild(void)
{
	choose_registers();
	if (below(2))
		fuzz_sp = below(4) ? (unsigned long)fuzz_memory : nasty();
	if (!below(4))
		fuzz_selector[below(4)] = any_selector();
	if (!below(8))
		fuzz_flags = random_word();
	choose_memory();
	fuzz_target = choose_target();
}

static int wild_code(void)
{
	for (unsigned int left = 1 + below(CODE_ENTRIES); left; left--) {
		choose_wild();
		fuzz_enter();
	}
	return 0;
}
