/* SPDX-License-Identifier: MIT */
/*
 * Lazy MMU mode: around each loop over the entries of one table (Linux's name and shape; the theory is in
 * arch/x86/mm/lazy_mmu.c).
 *
 *	lazy_mmu_enter(pt);
 *	for (each entry)
 *		pgtable_set_ptes(pt, addr, ptep, pte, 1);
 *	lazy_mmu_leave(pt);		on every path
 *
 * Entries are written at once. What is put off is the invalidation of entries that change while present: it joins the
 * batch of the scope that is open (arch/mmu_sync.h) and is executed by its end; if none is open, by the leave.
 *
 * Rules, asserted: thread context; never nested; what is left is what was entered; no table page is allocated inside.
 * Preemption, sleeping and moving to another CPU are allowed: the state is the task's.
 */
#pragma once

#include <arch/pgtable.h>

/* What the machine keeps of it for each thread (struct arch_thread). All zero: outside, no scope open. */
struct lazy_mmu {
	struct pgtable *pt;	  /* whose entries are being changed; NULL: not in the mode */
	struct mmu_update *scope; /* the innermost that is open; NULL: none */
	struct tlb_batch own;	  /* gathered for the leave, when the scope is not for this tree */
};

/* The running thread's; it stays this thread's wherever that is moved to. Any context. */
struct lazy_mmu *arch_lazy_mmu(void);

void lazy_mmu_enter(struct pgtable *pt);
/* May wait for other CPUs, as a flush does, if no scope is open. */
void lazy_mmu_leave(struct pgtable *pt);

/* Is the running thread in the mode? Not asked of interrupt handlers: they are never. Any context. */
bool lazy_mmu_active(void);

/*
 * Entries of [start, end) of pt have changed while present: their old translations must go. In the mode this gathers,
 * elsewhere it flushes before it returns. Thread context.
 */
void pgtable_changed(struct pgtable *pt, vaddr_t start, vaddr_t end);

/*
 * Write n neighbours of one level-1 table, for addr.. : `pte`, and the same rights with the frames that follow. They may
 * be present or not; one that is present may get other rights, but another frame only read-only: else it is cleared and
 * flushed first (mm/user/fault.c says why). The range is the caller's. Neither enters the mode nor needs it. Thread context.
 */
void pgtable_set_ptes(struct pgtable *pt, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned long n);
