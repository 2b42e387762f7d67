/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the program `fuzz` share: chance that repeats, and numbers that kernels have stumbled over.
 *
 * A child begins with chance_seed(seed), so that what it does depends on its seed alone.
 */
#pragma once

#include "program.h"

#define WORD_BITS (8 * (unsigned int)sizeof(long))

/* Where the kernel's own code lies. */
#define KERNEL_ADDR ((char *)(sizeof(long) == 8 ? (-1ul << 31) + 0x100000 : 0xc0100000ul))

/* A child that is not told to do anything wild ends with one of these; any other status is a fault. */
static inline int is_clean_end(int status)
{
	return status == 0 || status == EXIT_KILLED + KILL_NO_MEMORY || status == EXIT_KILLED + KILL_REQUEST;
}

static unsigned long long chance;

static void chance_seed(unsigned int seed)
{
	chance = (seed + 1ull) * 0x9e3779b97f4a7c15ull | 1;
}

/* xorshift64*, by Marsaglia and Vigna. */
static unsigned int random_u32(void)
{
	chance ^= chance >> 12;
	chance ^= chance << 25;
	chance ^= chance >> 27;
	return (unsigned int)(chance * 2685821657736338717ull >> 32);
}

/* 0 to n - 1. */
static unsigned int below(unsigned int n)
{
	return (unsigned int)((unsigned long long)random_u32() * n >> 32);
}

static unsigned long random_word(void)
{
	return (unsigned long)((unsigned long long)random_u32() << 32 | random_u32());
}

/* --- nasty numbers ------------------------------------------------------------------------------------------------ */

/* Addresses that system calls have given. */
static unsigned long given[4];

static void remember(unsigned long addr)
{
	given[below(4)] = addr;
}

/* The address, or a place near it: by bytes, by pages, just before or behind the end of its page. */
static unsigned long around(unsigned long addr)
{
	switch (below(4)) {
	case 0:
		return addr;
	case 1:
		return addr + below(32) - 16;
	case 2:
		return (addr & -PAGE) + PAGE * below(5) - 2 * PAGE;
	default:
		return (addr | (PAGE - 1)) + 1 - below(17);
	}
}

/* The end of what programs may have, in each of the modes; with 64 bits also where addresses stop being canonical. */
static unsigned long some_end(void)
{
	if (sizeof(long) == 4)
		return 0xc0000000ul;
	return (below(2) ? 0 : -PAGE) + (1ul << (WORD_BITS - (below(2) ? 17 : 8)));
}

static unsigned long nasty_address(void)
{
	switch (below(7)) {
	case 0:
		return around((unsigned long)__builtin_frame_address(0));
	case 1:
		return around((unsigned long)&given);
	case 2:
		return around((unsigned long)nasty_address); /* its code */
	case 3:
		return around((unsigned long)KERNEL_ADDR);
	case 4:
		return around(some_end());
	case 5:
		return random_word() & (some_end() - 1) & -PAGE;
	default:
		return around(given[below(4)]);
	}
}

static unsigned long nasty(void)
{
	switch (below(12)) {
	case 0:
		return below(4);
	case 1:
		return below(512);
	case 2:
		return -(unsigned long)below(512);
	case 3:
		return random_word();
	case 4:
		return (1ul << below(WORD_BITS)) - below(2);
	case 5:
		return -(1ul << below(WORD_BITS)) - below(2);
	case 6:
		return PAGE * below(64);
	default:
		return nasty_address();
	}
}

/* What a page fault is for. */
static volatile unsigned char touched;

static void touch(volatile unsigned char *at, int write)
{
	if (write)
		*at = (unsigned char)(touched + 1);
	else
		touched = *at;
}

static void print_number(const char *what, unsigned long number)
{
	char text[2 * sizeof(long) + 1];

	for (unsigned int i = 2 * sizeof(long); i--; number >>= 4)
		text[i] = "0123456789abcdef"[number & 15];
	text[2 * sizeof(long)] = 0;
	print(what);
	print(text);
}
