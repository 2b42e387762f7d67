/* SPDX-License-Identifier: MIT */
/*
 * Lazy MMU mode: around loops over entries (Linux's name and shape; the theory is in arch/x86/mm/lazy_mmu.c).
 *
 *	lazy_mmu_enter(pt);
 *	for (each entry)
 *		pgtable_set_ptes(pt, addr, ptep, pte, 1);
 *	lazy_mmu_leave(pt);		on every path
 *
 * Entries are written at once. Only the invalidation of entries that change while present is put off. For the kernel's
 * tree it joins the batch of the open scope (arch/mmu_sync.h), whose end executes it. Otherwise lazy_mmu_leave()
 * executes it.
 *
 * Rules, asserted: thread context; never nested; leave with the tree of enter; no table page is allocated inside.
 * Preemption, sleeping and moving to another CPU are allowed: the state belongs to the thread.
 */
#pragma once

#include <arch/pgtable.h>

/* The state of one thread (struct arch_thread). All zero: not in the mode, no scope open. */
struct lazy_mmu {
	struct pgtable *pt;	  /* the tree that is being changed; NULL: not in the mode */
	struct mmu_update *scope; /* the innermost open scope; NULL: none */
	struct tlb_batch own;	  /* the batch that lazy_mmu_leave() executes */
};

/* The running thread's state. The pointer stays valid when the thread moves to another CPU. Any context. */
struct lazy_mmu *arch_lazy_mmu(void);

void lazy_mmu_enter(struct pgtable *pt);
/* May wait for other CPUs, as a flush does. */
void lazy_mmu_leave(struct pgtable *pt);

/* Is the running thread in the mode? Always false in interrupt handlers. Any context. */
bool lazy_mmu_active(void);

/*
 * Report that entries of [start, end) in pt have changed while present, so their old translations must go. In the mode
 * they are gathered; outside of it they are flushed before the return. Thread context.
 */
void pgtable_changed(struct pgtable *pt, vaddr_t start, vaddr_t end);

/*
 * Write n adjacent entries of one level-1 table, the first for addr: `pte`, then the same rights with the frames that
 * follow. An entry may be present. Then it may get other rights; it may get another frame only read-only, otherwise the
 * caller clears and flushes it first (mm/user/fault.c says why). The caller owns the range. Works in and outside of the
 * mode. Thread context.
 */
void pgtable_set_ptes(struct pgtable *pt, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned long n);
