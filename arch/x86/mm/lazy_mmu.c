/* SPDX-License-Identifier: MIT */
/*
 * Lazy MMU mode.
 *
 * 1. What is lazy. Under a hypervisor Linux defers the writes of entries. Here entries are written at once: they can be
 *    read back, and another thread's hook can carry them meanwhile (in Linux 1160c2779b82 such a write was put off).
 *    Only invalidations are gathered, because each flush interrupts other CPUs:
 *
 *	scope begins			u->tlb = {}		several walks, several tables,
 *	    enter  change change  leave	u->tlb = { 2 pages }	one flush
 *	    enter  change  leave	u->tlb = { 3 pages }
 *	scope ends			one flush of 3 pages
 *
 *    A process's tree has no scopes. Its changes go into a batch of the thread (`own`), and lazy_mmu_leave() executes
 *    that. Changes of the kernel's tree without a scope, which only tests make, go there too.
 *
 * 2. The state belongs to the thread: it is part of struct arch_thread. So a thread may be preempted or moved inside
 *    the mode, and another thread on the same CPU may enter it meanwhile. A leave, or the end of a scope, executes only
 *    what its own thread has gathered. A per-CPU batch was the bug of Linux b9ef323ea168. A switch of threads does not
 *    flush, since it must not wait for other CPUs.
 *
 * 3. The mode does not nest, so lazy_mmu_leave() always ends it (Linux 691ee97e1a9d). pgtable_set_ptes() gathers in the
 *    mode and flushes outside of it; it never enters or leaves it.
 *
 * 4. Scopes of one thread nest: an allocation inside a scope may bring RAM online, which maps. They form a stack; its
 *    top is kept here, and each scope points to the one around it.
 */
#include "internal.h"

#include <arch/irq.h>
#include <kernel/config.h>

static void check_thread(const char *what, const struct pgtable *pt)
{
	if (in_interrupt())
		panic("lazy MMU mode: %s for tree %u in an interrupt", what, pt->id);
}

static void flush(struct pgtable *pt, struct tlb_batch *batch)
{
	if (pt == &kernel_pgtable)
		tlb_batch_flush(batch);
	else
		tlb_batch_flush_user(pt, batch);
}

static void batch_begin(struct tlb_batch *batch, const struct pgtable *pt)
{
	tlb_batch_init(batch);
	batch->cause = pt == &kernel_pgtable ? TLB_PROTECT : TLB_USER;
}

void lazy_mmu_enter(struct pgtable *pt)
{
	struct lazy_mmu *lazy = arch_lazy_mmu();

	check_thread("entered", pt);
	if (lazy->pt)
		panic("lazy MMU mode: entered for tree %u inside that for tree %u", pt->id, lazy->pt->id);
	batch_begin(&lazy->own, pt);
	lazy->pt = pt;
}

void lazy_mmu_leave(struct pgtable *pt)
{
	struct lazy_mmu *lazy = arch_lazy_mmu();

	check_thread("left", pt);
	if (lazy->pt != pt)
		panic("lazy MMU mode: left for tree %u, but %s %u", pt->id,
		      lazy->pt ? "it is for tree" : "not entered:", lazy->pt ? lazy->pt->id : 0);
	lazy->pt = NULL;
	flush(pt, &lazy->own);
}

bool lazy_mmu_active(void)
{
	return !in_interrupt() && arch_lazy_mmu()->pt;
}

void check_not_lazy(const char *what)
{
	if (CONFIG_DEBUG_MM && lazy_mmu_active())
		panic("lazy MMU mode: %s inside it, for tree %u", what, arch_lazy_mmu()->pt->id);
}

/* --- scopes ------------------------------------------------------------------------------------------------------- */

void scope_open(struct mmu_update *u)
{
	struct lazy_mmu *lazy = arch_lazy_mmu();

	check_not_lazy("a scope is opened");
	u->outer = lazy->scope;
	lazy->scope = u;
}

void scope_close(struct mmu_update *u)
{
	struct lazy_mmu *lazy = arch_lazy_mmu();

	check_not_lazy("a scope is closed");
	if (lazy->scope != u)
		panic("scope %lx-%lx is closed, but the innermost of this thread is %lx-%lx", u->start, u->end,
		      lazy->scope ? lazy->scope->start : 0, lazy->scope ? lazy->scope->end : 0);
	lazy->scope = u->outer;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

void pgtable_changed(struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	struct lazy_mmu *lazy = arch_lazy_mmu();
	struct tlb_batch now;

	check_thread("an entry changed", pt);
	if (lazy->pt == pt) {
		tlb_batch_add(pt == &kernel_pgtable && lazy->scope ? &lazy->scope->tlb : &lazy->own, start, end);
		return;
	}
	batch_begin(&now, pt);
	tlb_batch_add(&now, start, end);
	flush(pt, &now);
}

void pgtable_set_ptes(struct pgtable *pt, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned long n)
{
	vaddr_t changed_end = addr;

	for (vaddr_t at = addr; n; n--, ptep++, at += PAGE_SIZE, pte.val += PAGE_SIZE) {
		if (!pte_present(pte_peek(ptep))) {
			pte_store(ptep, pte);
			continue;
		}
		pte_xchg(ptep, pte);
		if (changed_end == addr)
			addr = at;
		changed_end = at + PAGE_SIZE;
	}
	if (changed_end != addr)
		pgtable_changed(pt, addr, changed_end);
}
