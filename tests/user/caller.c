/* SPDX-License-Identifier: MIT */
/*
 * In and out of the kernel until the first byte of the kernel's buffer is not 0: system calls that do nothing, page
 * faults that bring a page in, and code that only counts. Whatever interrupts it, registers and memory stay what they
 * were.
 */
#include "program.h"

#define CALLS 50

static void call_does_no_harm(long pid)
{
	long a = SYS_GETPID, b = 0x11111111, c = 0x22222222, d = 0x33333333, s = 0x44444444, t = 0x55555555;

	__asm__ volatile("int $0x80" : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(t) : : "memory");
	CHECK(a == pid);
	CHECK(b == 0x11111111 && c == 0x22222222 && d == 0x33333333 && s == 0x44444444 && t == 0x55555555);
}

static void fault_does_no_harm(void)
{
	char *map = mmap(NULL, PAGE);

	CHECK(!failed(map));
	CHECK(map[5] == 0);
	map[5] = 1;
	CHECK(map[5] == 1 && munmap(map, PAGE) == 0);
}

static void count(void)
{
	volatile unsigned int n = 0;

	while (n < 1000)
		n++;
	CHECK(n == 1000);
}

static int run(void)
{
	long pid = getpid();
	char stop;

	do {
		for (int i = 0; i < CALLS; i++)
			call_does_no_harm(pid);
		fault_does_no_harm();
		count();
		yield();
		CHECK(kbuf_read(0, &stop, 1) == 1);
	} while (!stop);
	return 0;
}
PROGRAM(run)
