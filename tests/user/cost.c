/* SPDX-License-Identifier: MIT */
/* What a system call that does nothing costs, by the cycle counter. The result goes into the kernel's buffer. */
#include "program.h"

#define CALLS 1000

static unsigned int cycles(void)
{
	unsigned int low;

	__asm__ volatile("rdtsc" : "=a"(low) : : "edx", "memory");
	return low;
}

static int run(void)
{
	unsigned int start, cost;

	getpid();
	start = cycles();
	for (int i = 0; i < CALLS; i++)
		getpid();
	cost = (cycles() - start) / CALLS;
	CHECK(kbuf_write(0, &cost, sizeof(cost)) == sizeof(cost));
	return 0;
}
PROGRAM(run)
