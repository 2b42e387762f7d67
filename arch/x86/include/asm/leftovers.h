/* SPDX-License-Identifier: MIT */
/*
 * Registers that this kernel does not use, and in which firmware may have left something dangerous.
 * arch/x86/cpu/core/leftovers.c
 */
#pragma once

#include <asm/cpuid.h>

/*
 * Write them all on the CPU that runs this. After cmdline_init() and the CPU's interrupt table, before ring 3;
 * interrupts off.
 */
void leftovers_remove(const struct cpu_info *cpu);

/*
 * For tests, with the word `leftovers` on the command line: put something bad into each MSR, and set a breakpoint.
 * Before leftovers_remove().
 */
void leftovers_fill(const struct cpu_info *cpu);

/* For tests: what is left on the CPU that runs this; NULL: nothing. Caller: preemption off. */
const char *leftovers_found(const struct cpu_info *cpu);

/* The address in user memory that a breakpoint watches, if one was left behind on purpose. */
#define LEFTOVER_WATCHED 0x10000000ul
