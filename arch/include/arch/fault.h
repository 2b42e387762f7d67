/* SPDX-License-Identifier: MIT */
/*
 * Page faults, seen from above. The handler decides in this order: a missing page at a user address is the user fault
 * handler's, and if it brings the page in the instruction runs again; an expected fault of probe_*() goes back to its
 * caller; everything else is a bug and panics. Nothing repairs a kernel mapping here.
 */
#pragma once

#include <lib/types.h>

/* Called at the start of every page fault, before anything is decided: a tracer. May touch vmalloc memory. NULL = none. */
void arch_set_fault_tracer(void (*fn)(vaddr_t addr));

/* Asked for faults on user addresses (thread context of `current`). True: retry the instruction. */
void arch_set_user_fault_handler(bool (*fn)(vaddr_t addr, bool write, bool exec));

struct fault_counters {
	unsigned long user;		  /* satisfied by the user fault handler */
	unsigned long expected;		  /* of probe_*() */
	unsigned long kernel_not_present; /* P=0 on a kernel address, not expected by a probe: must be 0 for ever */
	unsigned int max_depth;		  /* deepest nesting of page-fault handlers since reset; 1 is what it should be */
};
struct fault_counters fault_counters(void);
void fault_reset_max_depth(void);
