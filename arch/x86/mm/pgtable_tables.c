/* SPDX-License-Identifier: MIT */
/*
 * Table pages: how they are allocated, linked, and taken away.
 *
 * A kernel table is taken away in two cases: a large leaf needs its slot (pgtable_clear_tables), or memory is short and
 * no range uses its addresses (pgtable_free_tables). Any CPU's paging-structure caches may still lead to the table, and
 * other walkers may read it without a lock. So the order is fixed:
 *
 *	1. clear links of the range in the reference tree, at most CLEAR_BATCH of them
 *	2. carry the cleared entries to every process (if they are at the level that is copied)
 *	3. flush everything on every CPU: TLBs and paging-structure caches
 *	4. free the tables, after a grace period: walkers without a lock are readers (preemption off: pgtable_query)
 *
 * A range with more links takes several rounds. Where step 3 is done, the caller may write leaves. No other mapper uses
 * the slots meanwhile, because they lie wholly inside a range that the caller owns.
 */
#include "internal.h"

#include <asm/pti.h>
#include <kernel/preempt.h>
#include <lib/atomic.h>
#include <lib/string.h>

static phys_addr_t (*alloc_frame)(gfp_t gfp) __ro_after_init;
static void (*free_frame)(phys_addr_t frame) __ro_after_init;
static void (*defer_free)(phys_addr_t table) __ro_after_init;
static atomic_long_t kernel_tables;

void pgtable_set_allocator(phys_addr_t (*alloc)(gfp_t gfp), void (*free)(phys_addr_t frame))
{
	alloc_frame = alloc;
	free_frame = free;
}

unsigned long pgtable_kernel_pages(void)
{
	return atomic_long_read(&kernel_tables);
}

phys_addr_t table_alloc(bool kernel, gfp_t gfp)
{
	phys_addr_t table;

	check_not_lazy("a table page is allocated");
	table = alloc_frame(gfp);
	if (table && kernel)
		atomic_long_inc(&kernel_tables);
	return table;
}

void table_free(phys_addr_t table, bool kernel)
{
	if (kernel)
		atomic_long_dec(&kernel_tables);
	tlb_oracle(table_freed(table));
	free_frame(table);
}

void pgtable_set_deferred_free(void (*defer)(phys_addr_t table))
{
	defer_free = defer;
}

void pgtable_free_deferred(phys_addr_t table)
{
	table_free(table, true);
}

/*
 * Free a table that others could reach. A kernel table is freed after a grace period, since walkers without a lock may
 * still read it.
 */
static void table_retire(phys_addr_t table, bool kernel)
{
	tlb_oracle(table_freed(table)); /* now: after the grace period its slot may hold another table */
	if (kernel && defer_free)
		defer_free(table);
	else
		table_free(table, kernel);
}

/* As table_free_below(). *left: how many tables there are below, counted down; the search ends when it is 0. */
static void free_below(pte_t link, unsigned int level, bool kernel, unsigned long *left)
{
	pte_t *table = pte_table(link);

	for (unsigned int i = 0; level > 2 && *left && i < pt_entries(level - 1); i++) {
		if (pte_empty(table + i) || !pte_table_link(pte_read(table + i), level - 1))
			continue;
		--*left;
		free_below(pte_read(table + i), level - 1, kernel, left);
	}
	table_retire(pte_phys(link), kernel);
}

/* Free the table that `link`, an entry of `level`, points to, and all below it. Leaves are not touched. */
void table_free_below(pte_t link, unsigned int level, bool kernel)
{
	unsigned long left = ~0ul;

	free_below(link, level, kernel, &left);
}

pte_t pt_make_link(phys_addr_t table, unsigned int level, bool user)
{
	pteval_t flags = pt_level[level].link_flags;

	if (user && (flags & PTE_RW))
		flags |= PTE_USER | (pti_on && level == pt_top() ? PTE_NX & pte_supported : 0); /* user_root.c, 1 */
	return __pte((pteval_t)table | flags);
}

pte_t *pt_entry(const struct pgtable *pt, vaddr_t addr, unsigned int level)
{
	pte_t *table = pt->root;
	pte_t end;

	for (unsigned int l = pt_top(); l > level; l--)
		if (!pte_follow(table + pt_index(l, addr), &table, &end, LINK_FRAME))
			return NULL;
	return table + pt_index(level, addr);
}

pte_t pgtable_read_entry(const struct pgtable *pt, vaddr_t addr, unsigned int level)
{
	const pte_t *p;
	pte_t pte;

	preempt_disable();
	p = pt_entry(pt, addr, level);
	pte = p ? pte_read(p) : __pte(0);
	preempt_enable();
	return pte;
}

/* Step 1 for one slot: unlink its table. Nothing below it may be mapped. */
static void unlink_table(struct mmu_update *u, pte_t *p, unsigned int level, vaddr_t addr, pte_t *link)
{
	*link = pte_read(p);
	pte_xchg(p, __pte(pt_change_mark(level, addr)));
	u->mask |= PGTBL_MODIFIED(level);
}

/* The address behind the entry at `p` and behind those that follow it in its table and lead to no table either. */
static vaddr_t skip_unlinked(const pte_t *p, unsigned int level, vaddr_t addr, vaddr_t end)
{
	do
		addr = pt_entry_end(level, addr, end);
	while (addr != end && pt_index(level, addr) && !pte_table_link(pte_read(++p), level));
	return addr;
}

/* The first link of `level` to a table in [*addr, end); *addr becomes an address under it. */
static pte_t *next_table_link(const struct pgtable *pt, vaddr_t *addr, vaddr_t end, unsigned int level)
{
	while (*addr != end) {
		pte_t *p = pt->root + pt_index(pt_top(), *addr);
		unsigned int l = pt_top();

		for (; l > level && pte_table_link(pte_read(p), l); l--)
			p = pte_table(pte_read(p)) + pt_index(l - 1, *addr);
		if (l == level && pte_table_link(pte_read(p), l))
			return p;
		*addr = skip_unlinked(p, l, *addr, end);
	}
	return NULL;
}

#define CLEAR_BATCH 32

/* Take away up to CLEAR_BATCH tables with one flush. Returns how many; *addr moves behind the last. */
static unsigned int clear_some(struct pgtable *pt, vaddr_t *addr, vaddr_t end, unsigned int level)
{
	struct mmu_update u;
	pte_t freed[CLEAR_BATCH];
	unsigned int nr = 0;
	pte_t *p;

	arch_update_kernel_mappings_begin(&u, *addr, end);
	while (nr < CLEAR_BATCH && (p = next_table_link(pt, addr, end, level))) {
		unlink_table(&u, p, level, *addr, &freed[nr++]);
		*addr += pt_size(level);
	}
	u.tlb.cause = TLB_TABLES;
	tlb_batch_add_all(&u.tlb);
	arch_update_kernel_mappings_end(&u);
	for (unsigned int i = 0; i < nr; i++)
		table_free_below(freed[i], level, true);
	return nr;
}

/* Take away all tables that links of `level` in [start, end) lead to, with everything below them. Returns how many. */
static unsigned long clear_level(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int level)
{
	vaddr_t from = ALIGN(start, pt_size(level)), to = ALIGN_DOWN(end, pt_size(level));
	unsigned long nr = 0;

	while (from < to && next_table_link(pt, &from, to, level))
		nr += clear_some(pt, &from, to, level);
	return nr;
}

void pgtable_clear_tables(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift)
{
	unsigned int level = 2;

	while (level < pt_top() && pt_level[level].shift < shift)
		level++;
	for (; level >= 2; level--)
		if (pt_leaf_allowed(level))
			clear_level(pt, start, end, level);
}

unsigned long pgtable_free_tables(struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	return clear_level(pt, start, end, 2);
}

bool pgtable_next_table(const struct pgtable *pt, vaddr_t *addr, vaddr_t end)
{
	bool there;

	preempt_disable(); /* tables on the way down are freed after a grace period */
	there = next_table_link(pt, addr, end, 2) != NULL;
	preempt_enable();
	return there;
}

/* The tables are counted (install_table), so the search ends with the last one, mostly long before the last entry. */
void pgtable_free_user(struct pgtable *pt)
{
	unsigned int top = pt_top(), slots = pt_index(top, layout.user_end - 1) + 1;
	unsigned long left = (unsigned long)atomic_long_read(&pt->user_tables);

	for (unsigned int i = 0; i < slots && (left || pt_sync_level() < top); i++) {
		pte_t link = pte_read(pt->root + i);

		if (!pte_table_link(link, top))
			continue;
		user_root_change(pt);
		pte_store(pt->root + i, __pte(0));
		user_root_changed(pt, i);
		left -= pt_sync_level() == top;
		free_below(link, top, false, &left);
	}
	WARN_ONCE(left, "process %u has lost %lu page tables", pt->id, left);
	atomic_long_set(&pt->user_tables, 0);
}
