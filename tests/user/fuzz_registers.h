/* SPDX-License-Identifier: MIT */
/*
 * Entering something with registers, flags, selectors and a stack of our choice, and coming back if it lets us. Two
 * uses: a system call that must leave all registers alone but one, and instructions that may do what they like
 * (fuzz_code.h).
 */
#pragma once

#include "fuzz.h"

#include <asm/vectors.h>

#ifdef __x86_64__
#define NR_REGISTERS 15
#define CODE_SELECTOR (SEL_USER_CODE64 | 3)
#else
#define NR_REGISTERS 7
#define CODE_SELECTOR (SEL_USER_CODE32 | 3)
#endif
#define DATA_SELECTOR (SEL_USER_DATA | 3)

#define FLAGS_ALWAYS  0x202ul
/* VIF, VIP: an IRET to virtual-8086 mode may set them in QEMU, and nothing takes them away there */
#define FLAGS_STICKY  0x180000ul
#define FLAGS_HARMLESS 0x244cd5ul /* arithmetic, direction, nested task, alignment, identification */

/* The assembly below knows all of these by name. rax first, the stack pointer not among them. */
unsigned long fuzz_in[NR_REGISTERS], fuzz_out[NR_REGISTERS];
unsigned long fuzz_flags, fuzz_flags_out;
unsigned long fuzz_sp;	   /* 0: the stack that there is, with fuzz_back as return address on it */
unsigned long fuzz_target; /* where to */
unsigned short fuzz_selector[4], fuzz_selector_out[4]; /* gs, fs, es, ds */
unsigned long fuzz_saved;

void fuzz_enter(void);
void fuzz_back(void);	     /* what was entered may return to here */
void fuzz_system_call(void); /* a target: int 0x80, and all registers stored */

#ifdef __x86_64__
__asm__(".text\n"
	"fuzz_enter:\n"
	"	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
	"	pushq $fuzz_back\n"
	"	mov %rsp, fuzz_saved\n"
	"	mov fuzz_sp, %rax\n"
	"	test %rax, %rax\n"
	"	jnz 1f\n"
	"	mov %rsp, fuzz_sp\n"
	"1:	mov fuzz_selector, %gs; mov fuzz_selector+2, %fs; mov fuzz_selector+4, %es; mov fuzz_selector+6, %ds\n"
	"	pushq fuzz_flags; popfq\n"
	"	mov fuzz_in, %rax; mov fuzz_in+8, %rbx; mov fuzz_in+16, %rcx; mov fuzz_in+24, %rdx; mov fuzz_in+32, "
	"%rsi\n"
	"	mov fuzz_in+40, %rdi; mov fuzz_in+48, %rbp; mov fuzz_in+56, %r8; mov fuzz_in+64, %r9; mov fuzz_in+72, "
	"%r10\n"
	"	mov fuzz_in+80, %r11; mov fuzz_in+88, %r12; mov fuzz_in+96, %r13; mov fuzz_in+104, %r14; mov "
	"fuzz_in+112, %r15\n"
	"	mov fuzz_sp, %rsp\n"
	"	jmp *fuzz_target\n"
	"fuzz_back:\n"
	"	mov fuzz_saved, %rsp\n"
	"	movq $2, (%rsp); popfq\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
	"	ret\n"
	"fuzz_system_call:\n"
	"	int $0x80\n"
	"	mov %rax, fuzz_out; mov %rbx, fuzz_out+8; mov %rcx, fuzz_out+16; mov %rdx, fuzz_out+24; mov %rsi, "
	"fuzz_out+32\n"
	"	mov %rdi, fuzz_out+40; mov %rbp, fuzz_out+48; mov %r8, fuzz_out+56; mov %r9, fuzz_out+64; mov %r10, "
	"fuzz_out+72\n"
	"	mov %r11, fuzz_out+80; mov %r12, fuzz_out+88; mov %r13, fuzz_out+96; mov %r14, fuzz_out+104; mov %r15, "
	"fuzz_out+112\n"
	"	mov %gs, fuzz_selector_out; mov %fs, fuzz_selector_out+2; mov %es, fuzz_selector_out+4; mov %ds, "
	"fuzz_selector_out+6\n"
	"	mov fuzz_saved, %rsp\n"
	"	pushfq; popq fuzz_flags_out\n"
	"	jmp fuzz_back\n");
#else
__asm__(".text\n"
	"fuzz_enter:\n"
	"	push %ebp; push %ebx; push %esi; push %edi\n"
	"	push $fuzz_back\n"
	"	mov %esp, fuzz_saved\n"
	"	mov fuzz_sp, %eax\n"
	"	test %eax, %eax\n"
	"	jnz 1f\n"
	"	mov %esp, fuzz_sp\n"
	"1:	mov fuzz_selector, %gs; mov fuzz_selector+2, %fs; mov fuzz_selector+4, %es\n"
	"	pushl fuzz_flags; popfl\n"
	"	mov fuzz_in, %eax; mov fuzz_in+4, %ebx; mov fuzz_in+8, %ecx; mov fuzz_in+12, %edx; mov fuzz_in+16, "
	"%esi\n"
	"	mov fuzz_in+20, %edi; mov fuzz_in+24, %ebp\n"
	"	mov fuzz_sp, %esp\n"
	"	jmp *fuzz_target\n"
	"fuzz_back:\n"
	"	mov $" STRING(DATA_SELECTOR) ", %eax\n" /* whatever they are now */
					     "	mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
					     "	mov fuzz_saved, %esp\n"
					     "	movl $2, (%esp); popfl\n"
					     "	pop %edi; pop %esi; pop %ebx; pop %ebp\n"
					     "	ret\n"
					     "fuzz_system_call:\n"
					     "	int $0x80\n"
					     "	mov %eax, fuzz_out; mov %ebx, fuzz_out+4; mov %ecx, fuzz_out+8; mov "
					     "%edx, fuzz_out+12; mov %esi, fuzz_out+16\n"
					     "	mov %edi, fuzz_out+20; mov %ebp, fuzz_out+24\n"
					     "	mov %gs, fuzz_selector_out; mov %fs, fuzz_selector_out+2; mov %es, "
					     "fuzz_selector_out+4; mov %ds, fuzz_selector_out+6\n"
					     "	mov fuzz_saved, %esp\n"
					     "	pushfl; popl fuzz_flags_out\n"
					     "	jmp fuzz_back\n");
#endif

/* --- a system call that must change nothing but its result -------------------------------------------------------- */

#define REGISTER_CALLS 30

static const unsigned short quiet_selector[] = { 0, 1, 2, 3, DATA_SELECTOR };

/* 32-bit code needs its data segment; with 64 bits any selector will do. */
static void choose_selectors(void)
{
	for (unsigned int i = 0; i < 4; i++)
		fuzz_selector[i] = quiet_selector[below(sizeof(quiet_selector) / sizeof(quiet_selector[0]))];
	if (sizeof(long) == 4)
		fuzz_selector[3] = DATA_SELECTOR;
}

/* Calls that look at nothing, and calls that there are not. */
static unsigned long quiet_number(void)
{
	switch (below(4)) {
	case 0:
		return SYS_GETPID;
	case 1:
		return SYS_YIELD;
	case 2:
		return -1ul - random_u32() % 65536;
	default:
		return NR_SYSCALLS + below(4096);
	}
}

static void choose_registers(void)
{
	for (unsigned int i = 0; i < NR_REGISTERS; i++)
		fuzz_in[i] = nasty();
	fuzz_flags = (random_word() & FLAGS_HARMLESS) | FLAGS_ALWAYS;
	fuzz_sp = below(2) ? 0 : nasty();
	choose_selectors();
}

/* 0 to 3 say the same, nothing; on the way back to ring 3 the CPU may make a 0 of them. */
static unsigned int meaning(unsigned short selector)
{
	return selector < 4 ? 0 : selector;
}

static void expect_unchanged(void)
{
	for (unsigned int i = 1; i < NR_REGISTERS; i++)
		CHECK(fuzz_out[i] == fuzz_in[i]);
	for (unsigned int i = 0; i < 4; i++)
		CHECK(meaning(fuzz_selector_out[i]) == meaning(fuzz_selector[i]));
	CHECK(((fuzz_flags_out ^ fuzz_flags) & ~FLAGS_STICKY) == 0);
	CHECK(fuzz_out[0] == (fuzz_in[0] == SYS_GETPID  ? (unsigned long)getpid()
			      : fuzz_in[0] == SYS_YIELD ? 0
							: -(unsigned long)ENOSYS));
}

static int registers_stay(void)
{
	for (unsigned int left = 1 + below(REGISTER_CALLS); left; left--) {
		choose_registers();
		fuzz_in[0] = quiet_number();
		fuzz_target = (unsigned long)fuzz_system_call;
		fuzz_enter();
		expect_unchanged();
	}
	return 0;
}
