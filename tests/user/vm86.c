/* SPDX-License-Identifier: MIT */
/*
 * IRET with the VM flag. A CPU ignores the flag in ring 3; QEMU enters virtual-8086 mode, in which every selector may
 * be loaded, interrupts go through the kernel's gates, and CS says nothing about the ring. A child tries each thing
 * that a program could do there. It is killed, and afterwards the registers of others are as they were.
 */
#include "program.h"

#define CODE	0x10000ul /* a page below 1 MiB, where that mode can reach */
#define SEGMENT (CODE >> 4)
#define FLAG_VM 0x20000u
#define FLAG_IF 0x200u
#define IOPL_3	0x3000u

static unsigned int iopl, data;

/* What IRET takes off the stack, below 4 GiB: EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS. */
static void enter(unsigned int cs, unsigned int ip)
{
	static unsigned int frame[9];

	frame[0] = ip;
	frame[1] = cs;
	frame[2] = 2 | FLAG_IF | FLAG_VM | iopl;
	frame[3] = 0x1000;
	for (unsigned int i = 4; i < 9; i++)
		frame[i] = data;
#ifdef __x86_64__
	__asm__ volatile("mov %0, %%rsp\n\tiretl" : : "r"(frame) : "memory");
#else
	__asm__ volatile("mov %0, %%esp\n\tiretl" : : "r"(frame) : "memory");
#endif
}

static const unsigned char *code;
static unsigned int code_length;

static int run_there(void)
{
	char *page = mmap((char *)CODE, PAGE);

	CHECK((unsigned long)page == CODE);
	for (unsigned int i = 0; i < code_length; i++)
		page[i] = (char)code[i];
	enter(SEGMENT, 0);
	return 0;
}

static int nothing_there(void)
{
	enter(0, 0x10);
	return 0;
}

/* A CPU that ignores the flag returns to ring 3 with a CS that is none, which is a fault too. */
static void attempt(int (*fn)(void))
{
	CHECK(status_of(in_child(fn)) > EXIT_KILLED);
}

static unsigned long selectors(void)
{
	unsigned short s[4];

	__asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
			 : "=m"(s[0]), "=m"(s[1]), "=m"(s[2]), "=m"(s[3]));
	return (unsigned long)(s[0] | s[1] << 8) ^ (unsigned long)(s[2] << 16 | s[3] << 24);
}

/* The bases of FS and GS, as far as a program can see them; an empty selector is a fault on 32-bit. */
static int bases_are_0(void)
{
#ifdef __x86_64__
	unsigned long by_fs, by_gs;

	__asm__ volatile("mov %%fs:(%2), %0\n\tmov %%gs:(%2), %1" : "=&r"(by_fs), "=&r"(by_gs) : "r"(&code));
	return by_fs == (unsigned long)code && by_gs == (unsigned long)code;
#else
	return 1;
#endif
}

static int run(void)
{
	static const unsigned char kernel_call[] = { 0xcd, 0x80 }, breakpoint[] = { 0xcc }, halt[] = { 0xf4 },
				   forever[] = { 0xeb, 0xfe }, no_instruction[] = { 0x0f, 0x0b }, far_away[] = { 0xcf },
				   into[] = { 0xce }, fork_call[] = { 0xb8, 2, 0, 0xcd, 0x80 };
	static const struct {
		const unsigned char *code;
		unsigned int length;
	} codes[] = {
		{ kernel_call, sizeof(kernel_call) },
		{ breakpoint, sizeof(breakpoint) },
		{ halt, sizeof(halt) },
		{ forever, sizeof(forever) },
		{ no_instruction, sizeof(no_instruction) },
		{ far_away, sizeof(far_away) },
		{ into, sizeof(into) },
		{ fork_call, sizeof(fork_call) },
	};
	static const unsigned int segments[] = { 0, 0x10, SEGMENT, 0x28, 0xfffb, 0xffff };
	unsigned long before = selectors();

	for (iopl = 0; iopl <= IOPL_3; iopl += IOPL_3)
		for (unsigned int s = 0; s < sizeof(segments) / sizeof(segments[0]); s++) {
			data = segments[s];
			attempt(nothing_there);
			for (unsigned int i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
				code = codes[i].code;
				code_length = codes[i].length;
				attempt(run_there);
				CHECK(selectors() == before && bases_are_0());
			}
		}
	return 0;
}
PROGRAM(run)
