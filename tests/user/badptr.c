/* SPDX-License-Identifier: MIT */
/*
 * What a program may not do: bad pointers to system calls give -EFAULT, the rest ends the process, and the kernel goes
 * on.
 */
#include "program.h"

/* Where the kernel's own code lies. */
#define KERNEL_ADDR ((char *)(sizeof(long) == 8 ? (-1ul << 31) + 0x100000 : 0xc0100000ul))

static char *bad;

/* Each system call that takes a pointer, with one that leads nowhere. */
static int all_fail(char *pointer)
{
	CHECK(write(1, pointer, 1) == -EFAULT);
	CHECK(kbuf_read(0, pointer, 8) == -EFAULT);
	CHECK(kbuf_write(0, pointer, 8) == -EFAULT);
	CHECK(exec(pointer) == -EFAULT);
	return 0;
}

static int nothing(void) { return 3; }

static int system_calls(void)
{
	char *map = mmap(NULL, 2 * PAGE);
	const char *read_only = "constant";

	CHECK(all_fail(NULL) == 0);
	CHECK(all_fail((char *)1) == 0);
	CHECK(all_fail(KERNEL_ADDR) == 0);
	CHECK(all_fail((char *)-1) == 0);
	if (sizeof(long) == 8)
		CHECK(all_fail((char *)(1ul << (sizeof(long) * 8 - 2))) == 0); /* not canonical */
	CHECK(munmap(map + PAGE, PAGE) == 0);
	map[PAGE - 1] = 'x';
	CHECK(kbuf_write(0, map + PAGE - 4, 8) == -EFAULT); /* good, then bad */
	CHECK(kbuf_write(0, map + PAGE - 4, 4) == 4);
	CHECK(exec(map + PAGE - 1) == -EFAULT); /* a string that does not end before its page does */
	CHECK(kbuf_read(0, (char *)read_only, 4) == -EFAULT);
	CHECK(in_child(nothing) > 0);
	CHECK(wait((int *)KERNEL_ADDR) == -EFAULT);
	CHECK(munmap(map, PAGE) == 0);
	return 0;
}

/* The kernel copies a page that is shared, or not there yet, as the program itself would. */
static int good_pointers(void)
{
	char *map = mmap(NULL, PAGE);
	static char shared[8] = "abcdefg";
	long pid;

	CHECK(kbuf_write(0, shared, 8) == 8);
	pid = fork();
	if (pid == 0) {
		CHECK(kbuf_read(0, shared, 8) == 8); /* a write to a page that two have */
		shared[0] = 'X';
		exit(0);
	}
	CHECK(status_of(pid) == 0 && shared[0] == 'a');
	CHECK(kbuf_read(0, map, 8) == 8 && map[7] == 0 && map[6] == 'g'); /* brought in */
	CHECK(munmap(map, PAGE) == 0);
	return 0;
}

static int read_bad(void) { return *(volatile char *)bad; }
static int write_bad(void) { *(volatile char *)bad = 1; return 0; }
static int call_bad(void) { ((void (*)(void))bad)(); return 77; }

static int killed_by(int (*fn)(void), char *addr, int reason)
{
	bad = addr;
	return status_of(in_child(fn)) == EXIT_KILLED + reason;
}

static int divide(void)
{
	volatile int many = 7, zero = 0;

	return many / zero;
}

static int undefined(void) { __asm__ volatile("ud2"); return 0; }
static int privileged(void) { __asm__ volatile("cli"); return 0; }
static int port(void) { __asm__ volatile("outb %%al, $0xf4" : : "a"(0)); return 0; }
static int breakpoint(void) { __asm__ volatile("int3"); return 0; }
static int other_gate(void) { __asm__ volatile("int $0x20"); return 0; }
static int floating(void) { __asm__ volatile("fldz"); return 0; }
static int single_step(void)
{
	long flags;

	__asm__ volatile("pushf\n\tpop %0\n\tor $0x100, %0\n\tpush %0\n\tpopf\n\tnop" : "=r"(flags) : : "memory");
	return 0;
}
static int bad_stack(void)
{
	__asm__ volatile("movl $8, %esp\n\tpush $0");
	return 0;
}

static int mistakes(void)
{
	CHECK(killed_by(read_bad, NULL, KILL_MEMORY));
	CHECK(killed_by(write_bad, NULL, KILL_MEMORY));
	CHECK(killed_by(call_bad, NULL, KILL_MEMORY));
	CHECK(killed_by(read_bad, KERNEL_ADDR, KILL_MEMORY));
	CHECK(killed_by(write_bad, KERNEL_ADDR, KILL_MEMORY));
	CHECK(killed_by(call_bad, KERNEL_ADDR, KILL_MEMORY));
	CHECK(killed_by(read_bad, (char *)-1, KILL_MEMORY));
	CHECK(killed_by(write_bad, (char *)killed_by, KILL_MEMORY)); /* its own code */
	CHECK(killed_by(divide, NULL, KILL_ARITHMETIC));
	CHECK(killed_by(undefined, NULL, KILL_INSTRUCTION));
	CHECK(killed_by(floating, NULL, KILL_INSTRUCTION));
	CHECK(killed_by(privileged, NULL, KILL_MEMORY));
	CHECK(killed_by(port, NULL, KILL_MEMORY));
	CHECK(killed_by(other_gate, NULL, KILL_MEMORY));
	CHECK(killed_by(breakpoint, NULL, KILL_DEBUG));
	CHECK(killed_by(single_step, NULL, KILL_DEBUG));
	CHECK(killed_by(bad_stack, NULL, KILL_MEMORY));
	return 0;
}

/* Data is not code, where the CPU can tell: then this ends with a kill, else with the 77 of a RET. */
static int data_as_code(void)
{
	static char code[1];

	code[0] = (char)0xc3;
	bad = code;
	return status_of(in_child(call_bad));
}

static int run(void)
{
	int status;

	CHECK(system_calls() == 0);
	CHECK(good_pointers() == 0);
	CHECK(mistakes() == 0);
	status = data_as_code();
	CHECK(status == EXIT_KILLED + KILL_MEMORY || status == 77);
	return status == 77 ? 77 : 0;
}
PROGRAM(run)
