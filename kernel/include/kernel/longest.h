/* SPDX-License-Identifier: MIT */
/*
 * The longest stretches under spinlocks, in debug builds: from the first lock that a CPU takes until it holds none. The
 * bound is 20,000 instructions. The cycle counter is what is read, so only with QEMU's -icount these are instructions;
 * elsewhere a stretch may look long because the host or an interrupt had its turn. Nothing fails because of them.
 */
#pragma once

#include <lib/types.h>

#define LONGEST_BOUND 20000u
#define LONGEST_KEPT  16u /* places in the code */

struct longest {
	const char *lock; /* the first one that was taken */
	vaddr_t until;	  /* where the last one was released */
	u64 cycles;	  /* of the longest stretch from lock to until */
	unsigned long times;
};

/* Boot: from now on. */
void longest_start(void);
/* The n-th place, in no order; false: there are no more. */
bool longest_get(unsigned int n, struct longest *out);
void longest_forget(void);
