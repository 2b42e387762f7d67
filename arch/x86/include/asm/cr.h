/* SPDX-License-Identifier: MIT */
/*
 * Control registers. Before a bit of CR4 is set, CPUID must say that the CPU has it. A reserved bit is #GP on hardware,
 * and QEMU's emulated CPU hangs silently.
 */
#pragma once

#include <lib/types.h>
#include <asm/cr_bits.h>

#define DEFINE_CR(n) \
	static inline unsigned long read_cr##n(void) \
	{ \
		unsigned long value; \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory"); \
		return value; \
	} \
	static inline void write_cr##n(unsigned long value) \
	{ \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory"); \
	}

DEFINE_CR(0)
DEFINE_CR(2) /* address of the last page fault */
DEFINE_CR(3) /* physical address of the top table */
DEFINE_CR(4)
