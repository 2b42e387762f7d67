/* SPDX-License-Identifier: MIT */
/*
 * The tree in this CPU's CR3, and how a flush finds the CPUs that have it.
 *
 * 1. A tree's bit for this CPU is set before the tree is loaded into CR3, and cleared after another tree has been
 *    loaded. (The reference tree has no bits.) A CPU that flushes the tree first counts the flush, then looks at the
 *    bits. A CPU that loads the tree first sets its bit, then reads the count. So either the flusher interrupts this
 *    CPU, or this CPU sees that its translations are out of date.
 *
 * 2. Borrowing. A kernel thread, the idle thread too, leaves CR3 as it is. Its CPU has then `borrowed` the tree, and
 *    the same argument holds: the flusher counts, then looks whether the tree is borrowed; a CPU that goes back to the
 *    process first clears `borrowed`, then reads the count. Kernel ranges are flushed on every CPU, whatever it runs.
 *
 *	    process runs on it ──switch to a kernel thread──> borrowed ──switch to another process──> gone
 *			<───────switch back: catch up────────    |
 *								 └─────evicted, the process has ended──> reference tree
 *
 * 3. PCIDs (asid.c) change only whether loading CR3 flushes.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/cr.h>
#include <asm/pti.h>
#include <kernel/config.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>

pteval_t pte_supported __ro_after_init = ~(pteval_t)(PTE_NX | PTE_GLOBAL | PTE_PAT);

DEFINE_PER_CPU(struct cpu_mmu, cpu_mmu);

static unsigned long latest_flush(const struct pgtable *pt)
{
	return (unsigned long)atomic_long_read(&pt->flushes);
}

struct pgtable *pgtable_current(void)
{
	struct pgtable *pt = this_cpu_read(cpu_mmu.loaded);

	return pt ? pt : &kernel_pgtable;
}

/* The tree that is loaded must map the stack in use: otherwise the next push is fatal (Linux ARM d6e6a74d4cea). */
static void check_reachable(const struct pgtable *pt, const void *sp)
{
	if (CONFIG_DEBUG_MM && !pgtable_query(pt, (vaddr_t)sp).present)
		panic("tree %u lacks the stack at %p", pt->id, sp);
}

/*
 * With isolation (user_root.c): write the words by which this CPU changes roots at the border of ring 3. They are
 * written after CR3, so an NMI in between may still use the old tree, under the old tree's PCID (asid.c, 6). The
 * reference tree and those of pgtable_adopt_process() have no user root and run no program.
 */
static void set_roots(struct cpu_mmu *mmu, const struct pgtable *pt)
{
	struct cpu_roots *roots = this_cpu_ptr(&cpu_roots);

	if (!roots->page)
		return;
	roots->page->kernel_cr3 = cr3_value(mmu, pt, false);
	roots->page->keep = roots->keep;
	roots->user_cr3 = user_cr3_value(mmu, pt, mmu->asid.slot[mmu->asid.here].user_stale);
}

/*
 * Note in the slot that is in CR3 whether its user root has still to be flushed. A flush of the tree takes `keep` out
 * of user_cr3 (pti_forget); the next exit to ring 3 puts it in again.
 */
static void keep_roots(struct cpu_mmu *mmu)
{
	const struct cpu_roots *roots = this_cpu_ptr(&cpu_roots);

	mmu->asid.slot[mmu->asid.here].user_stale = !(roots->user_cr3 & roots->keep);
}

/* One of the three events that the oracle must see (arch/pte_write.h). Interrupts off. */
static void load_cr3(struct cpu_mmu *mmu, struct pgtable *pt)
{
	struct pgtable *old = mmu->loaded;
	unsigned long since;
	bool flush;

	tlb_oracle(loading(pt));
	WRITE_ONCE(mmu->borrowed, NULL);
	if (pt != &kernel_pgtable)
		test_and_set_bit(smp_processor_id(), pt->cpus);
	if (pti_on)
		keep_roots(mmu);
	flush = asid_enter(&mmu->asid, pt->serial, latest_flush(pt));
	mmu->loaded = pt;
	since = tlb_oracle_now();
	write_cr3(cr3_value(mmu, pt, flush));
	tlb_oracle(loaded(pt, mmu->asid.here,
			  mmu->asid.nr <= 1 ? ORACLE_DROPS_ALL : flush ? ORACLE_DROPS_ASID : ORACLE_DROPS_NONE, since));
	if (pti_on)
		set_roots(mmu, pt);
	if (old && old != pt && old != &kernel_pgtable)
		clear_bit(smp_processor_id(), old->cpus);
}

/* This CPU goes from a kernel thread back to the process whose tree it had borrowed. */
static void stop_borrowing(struct cpu_mmu *mmu)
{
	unsigned long latest;

	WRITE_ONCE(mmu->borrowed, NULL);
	smp_mb();
	latest = latest_flush(mmu->loaded);
	if (asid_catch_up(&mmu->asid, latest, latest) != ASID_NOTHING) {
		tlb_flush_loaded();
		mmu->caught_up++;
	}
	tlb_oracle(lazy(false));
}

void pgtable_switch(struct pgtable *next, const void *next_sp)
{
	struct cpu_mmu *mmu = this_cpu_ptr(&cpu_mmu);
	struct pgtable *tree = next ? next : mmu->loaded;

	BUG_ON(!irqs_disabled());
	check_reachable(tree, __builtin_frame_address(0));
	check_reachable(tree, next_sp);
	if (tree != mmu->loaded) {
		load_cr3(mmu, tree);
	} else if (!next && tree != &kernel_pgtable) {
		tlb_oracle(lazy(true));
		WRITE_ONCE(mmu->borrowed, tree);
	} else if (mmu->borrowed) {
		stop_borrowing(mmu);
	}
}

void pgtable_load(struct pgtable *pt)
{
	bool flags = arch_local_irq_save();
	struct cpu_mmu *mmu = this_cpu_ptr(&cpu_mmu);

	check_reachable(pt, __builtin_frame_address(0));
	mmu->asid.nr = cpu_has(FEATURE_PCID) ? ASID_SLOTS : 1;
	load_cr3(mmu, pt);
	local_irq_restore(flags);
}

void pgtable_leave(struct pgtable *pt)
{
	bool flags = arch_local_irq_save();
	struct cpu_mmu *mmu = this_cpu_ptr(&cpu_mmu);

	if (mmu->loaded == pt) {
		if (mmu->borrowed != pt)
			panic("tree %u is taken from CPU %u, which runs its process", pt->id, smp_processor_id());
		load_cr3(mmu, &kernel_pgtable);
	}
	local_irq_restore(flags);
}

bool pgtable_is_loaded(const struct pgtable *pt)
{
	return !bitmap_empty(pt->cpus, MAX_CPUS);
}
