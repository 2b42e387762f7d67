/* SPDX-License-Identifier: MIT */
/* The instructions that drop translations. (What they drop: arch/x86/mm/tlb_local.c.) */
#pragma once

#include <lib/types.h>

static inline void invlpg(vaddr_t addr)
{
	__asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

/* Type 2: all PCIDs, global pages too. The CPU ignores the descriptor, but reads it. */
static inline void invpcid_all(void)
{
	const u64 descriptor[2] = { 0, 0 };
	unsigned long type = 2;

	__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(type) : "memory");
}
