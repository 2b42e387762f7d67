/* SPDX-License-Identifier: MIT */
/*
 * Page faults. The handler decides in this order:
 *
 * 1. A fault on a user address, by a program or by an instruction with which the kernel accesses user memory, goes to
 *    the user fault handler. If that succeeds, the instruction runs again.
 * 2. Any other fault of a program ends it (arch_set_user_trap_handler); not one by a reserved bit, which is a bug.
 * 3. If the tables allow the kernel to write or to execute at a kernel address, a TLB was out of date. The fault is
 *    counted, unless rights are being changed (pgtable_protecting()), and the instruction runs again.
 * 4. An expected fault of the kernel (probe_*(), copy_*_user()) returns to its caller.
 * 5. Everything else is a bug and panics. Kernel mappings are never repaired here.
 */
#pragma once

#include <lib/types.h>

/* Set a tracer that is called first in every page fault. It may touch vmalloc memory. NULL: none. */
void arch_set_fault_tracer(void (*fn)(vaddr_t addr));

/* What the access was, and whether something is mapped there that does not allow it. */
#define FAULT_WRITE   1u
#define FAULT_EXEC    2u /* only with NX or SMEP in use; otherwise such an access counts as a read */
#define FAULT_PRESENT 4u

/*
 * Handler for faults on user addresses. Runs in the thread, interrupts on, may sleep. flushed: pgtable_flushed() of the
 * thread's tree at the fault. 0: the page is there, or another thread has changed the entry meanwhile. FAULT_SPURIOUS:
 * the tables allow the access, and did at the fault, so a TLB was out of date. In both cases the instruction runs
 * again. Otherwise -EFAULT (nothing is mapped), -EACCES (not allowed), -ENOMEM. The setter returns the previous
 * handler.
 */
#define FAULT_SPURIOUS 1
typedef int (*user_fault_fn)(vaddr_t addr, unsigned int access, unsigned long flushed);
user_fault_fn arch_set_user_fault_handler(user_fault_fn fn);

struct fault_counters {
	unsigned long user;		  /* satisfied by the user fault handler */
	unsigned long expected;		  /* returned to probe_*() and copy_*_user() */
	unsigned long kernel_not_present; /* P=0, by the kernel on its own half, no probe: must be 0 for ever */
	/* refused by a TLB, allowed by the tables: a flush is missing; must be 0 for ever */
	unsigned long spurious;
	unsigned long spurious_provoked;  /* the same, announced by a test */
	unsigned int max_depth;		  /* deepest nesting of page-fault handlers since reset; should be 1 */
};
struct fault_counters fault_counters(void);
void fault_reset_max_depth(void);

/*
 * true: spurious faults count as provoked, until it is called with false. For tests that raise rights without a flush.
 */
void fault_provoke_spurious(bool on);
