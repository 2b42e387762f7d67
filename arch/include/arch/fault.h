/* SPDX-License-Identifier: MIT */
/*
 * Page faults, seen from above. The handler decides in this order: a fault on a user address, by a program or by one of the
 * instructions with which the kernel touches user memory, is the user fault handler's, and if it is satisfied the
 * instruction runs again; a program that it cannot help ends (arch_set_user_trap_handler); a fault on a kernel address that
 * the tables do not justify is counted, and the instruction runs again; an expected fault of the kernel (probe_*(),
 * copy_*_user()) goes back to its caller; everything else is a bug and panics. Nothing repairs a kernel mapping here.
 */
#pragma once

#include <lib/types.h>

/* Called at the start of every page fault, before anything is decided: a tracer. May touch vmalloc memory. NULL = none. */
void arch_set_fault_tracer(void (*fn)(vaddr_t addr));

/* What the access was, and whether something is mapped there that does not allow it. */
#define FAULT_WRITE   1u
#define FAULT_EXEC    2u /* told only by CPUs that have NX or SMEP in use; else such an access counts as a read */
#define FAULT_PRESENT 4u

/*
 * Asked for faults on user addresses; runs as the thread, interrupts on, may sleep. flushed: pgtable_flushed() of the
 * thread's tree when the access was refused. 0: satisfied, or another thread has changed the entry meanwhile.
 * FAULT_SPURIOUS: the tables allow what was done, and did then, so some TLB was out of date. In both cases the instruction
 * runs again. Else -errno: -EFAULT there is nothing, -EACCES not allowed, -ENOMEM. Returns the handler there was before.
 */
#define FAULT_SPURIOUS 1
typedef int (*user_fault_fn)(vaddr_t addr, unsigned int access, unsigned long flushed);
user_fault_fn arch_set_user_fault_handler(user_fault_fn fn);

struct fault_counters {
	unsigned long user;		  /* satisfied by the user fault handler */
	unsigned long expected;		  /* of probe_*() and copy_*_user() */
	unsigned long kernel_not_present; /* P=0 on a kernel address, not expected by a probe: must be 0 for ever */
	unsigned long spurious;		  /* refused by a TLB, allowed by the tables: a flush is missing; must be 0 for ever */
	unsigned long spurious_provoked;  /* the same, by a test that says so */
	unsigned int max_depth;		  /* deepest nesting of page-fault handlers since reset; 1 is what it should be */
};
struct fault_counters fault_counters(void);
void fault_reset_max_depth(void);

/* From now on (until it is called with false) spurious faults count as provoked. For tests that raise rights unflushed. */
void fault_provoke_spurious(bool on);
