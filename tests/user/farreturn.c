/* SPDX-License-Identifier: MIT */
/*
 * Far returns, far calls and IRET to the same ring: a program may do all of them. QEMU up to 7.2 reads and writes the
 * stack with the kernel's rights meanwhile, which SMAP refuses for ever. A child either gets through or is killed; it
 * never spins.
 */
#include "program.h"

#define LIVED 42

#ifdef __x86_64__
static int far_return(void)
{
	__asm__ volatile("mov %%cs, %%eax\n\tpush %%rax\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\tlretq\n1:"
			 :
			 :
			 : "rax", "memory");
	return LIVED;
}

static int interrupt_return(void)
{
	__asm__ volatile("mov %%rsp, %%rcx\n\tmov %%ss, %%eax\n\tpush %%rax\n\tpush %%rcx\n\tpushfq\n\tmov %%cs, "
			 "%%eax\n\tpush %%rax\n\t"
			 "lea 1f(%%rip), %%rax\n\tpush %%rax\n\tiretq\n1:"
			 :
			 :
			 : "rax", "rcx", "memory");
	return LIVED;
}

/* The stack pointer leads to the kernel's memory: what is there must not be read. */
static int far_return_from(unsigned long sp)
{
	__asm__ volatile("mov %0, %%rsp\n\tlretq" : : "r"(sp) : "memory");
	return 1;
}
#define KERNEL_SP 0xffffffff80100000ul
#else
static int far_return(void)
{
	__asm__ volatile("push %%cs\n\tpush $1f\n\tlret\n1:" : : : "memory");
	return LIVED;
}

static int interrupt_return(void)
{
	__asm__ volatile("pushf\n\tpush %%cs\n\tpush $1f\n\tiret\n1:" : : : "memory");
	return LIVED;
}

static int far_return_from(unsigned long sp)
{
	__asm__ volatile("mov %0, %%esp\n\tlret" : : "r"(sp) : "memory");
	return 1;
}
#define KERNEL_SP 0xc0100000ul
#endif

/* A far call pushes, here to a page that is the parent's too. The callee drops what was pushed. */
static int far_call(void)
{
	struct __attribute__((packed)) {
		unsigned int offset;
		unsigned short selector;
	} target;
	unsigned long word;

	__asm__ volatile("mov %%cs, %0" : "=r"(target.selector));
#ifdef __x86_64__
	__asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%eax, (%1)\n\tmov %%rsp, %0\n\tlcall *(%1)\n1:\tmov %0, %%rsp"
			 : "=&r"(word) : "r"(&target) : "rax", "memory");
#else
	__asm__ volatile("movl $1f, (%1)\n\tmov %%esp, %0\n\tlcall *(%1)\n1:\tmov %0, %%esp"
			 : "=&r"(word)
			 : "r"(&target)
			 : "memory");
#endif
	return LIVED;
}

static int from_kernel_memory(void) { return far_return_from(KERNEL_SP); }
static int from_nowhere(void) { return far_return_from(KERNEL_SP - (1ul << 20) + 8); }
static int from_nothing(void) { return far_return_from(PAGE); }

static void lives_or_is_killed(int (*fn)(void))
{
	int status = status_of(in_child(fn));

	CHECK(status == LIVED || status > EXIT_KILLED);
}

static int run(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		lives_or_is_killed(far_return);
		lives_or_is_killed(interrupt_return);
		lives_or_is_killed(far_call);
	}
	CHECK(status_of(in_child(from_kernel_memory)) > EXIT_KILLED);
	CHECK(status_of(in_child(from_nowhere)) > EXIT_KILLED);
	CHECK(status_of(in_child(from_nothing)) > EXIT_KILLED);
	return 0;
}
PROGRAM(run)
