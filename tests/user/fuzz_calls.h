/* SPDX-License-Identifier: MIT */
/*
 * System calls at random, with nasty numbers for arguments, and accesses to nasty addresses. What a child does to its
 * own memory on the way may make it run wild: nobody looks at how it ends.
 */
#pragma once

#include "fuzz.h"

#define DEEPEST 2 /* children of children */
#define MOST_CALLS 40

static unsigned int depth;

/* What is chosen often stands here often. Nothing prints much: a page of bytes for each call is a slow serial line. */
static const unsigned char call_numbers[] = {
	SYS_MMAP, SYS_MMAP,      SYS_MMAP,      SYS_MUNMAP,     SYS_MUNMAP,     SYS_MUNMAP,   SYS_BRK,
	SYS_BRK,  SYS_KBUF_READ, SYS_KBUF_READ, SYS_KBUF_WRITE, SYS_KBUF_WRITE, SYS_KBUF_MAP, SYS_WRITE,
	SYS_EXEC, SYS_WAIT,      SYS_GETPID,    SYS_YIELD,      SYS_FORK,       SYS_EXIT,
};

static long any_number(void)
{
	if (!below(12))
		return (long)nasty();
	return call_numbers[below(sizeof(call_numbers))];
}

static unsigned long length_for(long number)
{
	return number == SYS_WRITE && below(16) ? below(40) : nasty();
}

static void random_call(void)
{
	long number = any_number(), result;

	if (number == SYS_FORK && depth == DEEPEST)
		number = SYS_YIELD;
	result = syscall5(number, (long)nasty(), (long)nasty(), (long)length_for(number), (long)nasty(), (long)nasty());
	if (number == SYS_FORK && result == 0) {
		depth++;
		random_u32();
	}
	if (number == SYS_MMAP || number == SYS_BRK || number == SYS_KBUF_MAP)
		remember((unsigned long)result);
}

static int wild_calls(void)
{
	for (unsigned int left = 1 + below(MOST_CALLS); left; left--)
		random_call();
	return 0;
}

/* Most of these are the last thing that the child does. */
static int wild_accesses(void)
{
	for (unsigned int left = 1 + below(8); left; left--) {
		unsigned long at = nasty_address();

		if (!below(4))
			((void (*)(void))at)();
		touch((volatile unsigned char *)at, below(2));
	}
	return 0;
}

/* Other programs, by name and by what may be a name. */
static int wild_exec(void)
{
	static const char *const names[] = { "nothing", "storm", "",
					     "no such program, and a name that is far too long for one", "fuzz " };

	random_call();
	exec(below(4) ? names[below(sizeof(names) / sizeof(names[0]))] : (const char *)nasty());
	return wild_calls();
}
