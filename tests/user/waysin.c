/* SPDX-License-Identifier: MIT */
/*
 * What firmware may have left in registers that the kernel does not use (arch/x86/cpu/core/leftovers.c): ways into ring
 * 0, a breakpoint on a program's memory, words that anybody may read. None of it is there.
 */
#include "program.h"

#define WATCHED 0x10000000ul /* LEFTOVER_WATCHED */

/* Registers as each instruction would take them: where to come back to, on which stack. */
static int sysenter(void) { __asm__ volatile("sysenter" : : "d"(0x400000), "c"(WATCHED)); return 0; }
static int syscall(void) { __asm__ volatile("syscall" : : : "ecx", "memory"); return 0; }

static int aux(void)
{
	unsigned int word = 0;

	__asm__ volatile("rdtscp" : "=c"(word) : : "eax", "edx");
	return word ? 2 : 0;
}

static int touch(void)
{
	volatile unsigned int *watched = (void *)mmap((char *)WATCHED, PAGE);

	CHECK((unsigned long)watched == WATCHED);
	*watched = 1;
	return *watched == 1 ? 0 : 2;
}

static int run(void)
{
	int status;

	for (unsigned int i = 0; i < 8; i++) { /* on one CPU and another */
		CHECK(status_of(in_child(sysenter)) > EXIT_KILLED);
		CHECK(status_of(in_child(syscall)) > EXIT_KILLED);
		status = status_of(in_child(aux));
		CHECK(status == 0 || status == EXIT_KILLED + KILL_INSTRUCTION);
		CHECK(status_of(in_child(touch)) == 0);
	}
	return 0;
}
PROGRAM(run)
