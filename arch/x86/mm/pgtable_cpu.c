/* SPDX-License-Identifier: MIT */
/* The part of page tables that only a CPU has: CR3, and which bits of an entry it knows. */
#include "internal.h"

#include <arch/irq.h>
#include <asm/cr.h>
#include <kernel/config.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <lib/string.h>

pteval_t pte_supported = ~(pteval_t)(PTE_NX | PTE_GLOBAL);

static DEFINE_PER_CPU(struct pgtable *, loaded_pgtable);

struct pgtable *pgtable_current(void)
{
	struct pgtable *pt = this_cpu(loaded_pgtable);

	return pt ? pt : &kernel_pgtable;
}

/* The stack in use must be mapped by the tree that is loaded, or the next push is the last (Linux ARM d6e6a74d4cea). */
static void check_stack_reachable(const struct pgtable *pt)
{
	vaddr_t sp = (vaddr_t)__builtin_frame_address(0);

	if (!pgtable_query(pt, sp).present)
		panic("tree %u lacks the stack at %lx", pt->id, sp);
}

void pgtable_load(struct pgtable *pt)
{
	bool flags = local_irq_save();

	if (CONFIG_DEBUG_MM)
		check_stack_reachable(pt);
	this_cpu(loaded_pgtable) = pt;
	write_cr3((unsigned long)pt->root_phys);
	local_irq_restore(flags);
}

bool pgtable_is_loaded(const struct pgtable *pt)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (READ_ONCE(per_cpu(loaded_pgtable, cpu)) == pt)
			return true;
	return false;
}
