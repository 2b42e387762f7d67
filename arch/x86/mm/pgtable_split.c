/* SPDX-License-Identifier: MIT */
/*
 * Turning a large leaf into a table, in place, while it is in use.
 *
 * 1. Why. The direct map has leaves of 2 or 4 MiB and of 1 GiB, and a change of one page's rights or memory type
 *    (mm/kva/map/set_memory.c) must not change its neighbours'. Everywhere else the order is "clear, carry, flush,
 *    write". Here the mapping must never be absent: the leaf may map the running code, its stack, and the tables that
 *    are being written.
 *
 * 2. The one exception. A split does not change what is mapped, only how many entries map it:
 *
 *	before	entry ──────────────> [ 2 MiB of frames, RW NX WB ]
 *	table	                      [ f0 RW NX WB | f1 RW NX WB | ... | f511 RW NX WB ]	filled, linked nowhere
 *	after	entry ──> table		by one compare-and-exchange from exactly that leaf
 *
 *    So a CPU may use the old translation, the new one, or both at a time, and cannot tell. The processor's rule (SDM
 *    vol. 3, 4.10.2.3): translations of both sizes may be cached together, and that is harmless as long as they agree.
 *
 * 3. The order.
 *	1. fill the table: same frames, rights, type; global and hidden (pte_hide) as in the leaf
 *	2. put the link over the leaf; at the shared level, with PTE_PENDING
 *	3. carry it to every process: until then some trees have the leaf and some the table
 *	4. flush everything everywhere: no CPU knows the leaf any more
 *	5. only now may an entry of the table change
 *    The scope that the caller opened does 3 and 4 when it ends; 5 is the caller's. If 5 came before 4, a CPU with the
 *    large leaf in its TLB would still use the old rights; a CPU with both sizes would have two translations that
 *    differ, which is undefined. If 5 came before 3, a process would see the old rights in its copy.
 *
 * 4. Other CPUs. Walkers without a lock see the leaf or the table; both are complete, and a split frees neither. If two
 *    CPUs split one leaf, one wins the exchange; the loser frees its table, which nobody has seen, looks again, and
 *    goes on below the winner's. A change of the whole leaf also exchanges exactly the leaf that was read
 *    (protect_one), so a link is never taken for a leaf, nor written over (Xen XSA-345). One lock serialises all
 *    changes of the direct map, so step 5 of one CPU waits for step 4 of another.
 *
 * 5. There is no way back: a table whose entries agree stays a table. Its slot can be split once, so this is bounded.
 *
 * The oracle compares the table with the leaf when the link is written, and reports a change of an entry before 4 is
 * done.
 */
#include "internal.h"

#include <kernel/schedule_point.h>
#include <lib/errno.h>

struct split_walk {
	struct pt_walk w;
	unsigned int max_shift;
};

/* The nr-th part of a leaf, as an entry of the level below. */
static pte_t leaf_part(pte_t leaf, unsigned int level, unsigned int nr)
{
	pte_t whole = pte_show(leaf);
	phys_addr_t phys = leaf_phys(whole, level) + (phys_addr_t)nr * pt_size(level - 1);
	pgprot_t prot = __pgprot(leaf_prot(whole, level).val & ~PTE_PENDING);
	pte_t part = __pte((pteval_t)phys | prot_leaf(prot, level - 1));

	return pte_present(leaf) ? part : pte_hide(part);
}

/* Nobody has seen this table: these writes are no events for the oracle, which reads the table when it is linked. */
static void fill_table(phys_addr_t table, pte_t leaf, unsigned int level)
{
	pte_t *p = phys_to_virt(table);

	for (unsigned int i = 0; i < pt_entries(level - 1); i++)
		raw_pte_fill(p + i, leaf_part(leaf, level, i));
}

bool pt_is_split(pte_t leaf, unsigned int level, pte_t link)
{
	const pte_t *p = pte_table(link);

	for (unsigned int i = 0; i < pt_entries(level - 1); i++)
		if (pte_read(p + i).val != leaf_part(leaf, level, i).val)
			return false;
	return true;
}

/* Steps 1 and 2. 0: the leaf is split, or *p was not this leaf any more; look again. -ENOMEM. */
static int split_leaf(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t addr, pte_t leaf)
{
	vaddr_t start = addr & ~(pt_size(level) - 1);
	phys_addr_t table = table_alloc(true, w->u->gfp);
	pte_t link;

	if (!table)
		return -ENOMEM;
	fill_table(table, leaf, level);
	link = pt_make_link(table, level, false);
	link.val |= pt_change_mark(level, addr);
	tlb_oracle(table_new(w->pt, table, start, level - 1));
	schedule_point("pgtable:split");
	if (!pte_cmpxchg(p, leaf, link)) {
		table_free(table, true);
		return 0;
	}
	w->mask |= PGTBL_MODIFIED(level);
	w->u->tlb.cause = TLB_PROTECT;
	tlb_batch_add_all(&w->u->tlb); /* a CPU may have cached the leaf in pieces of any size */
	schedule_point("pgtable:split_done");
	return 0;
}

static int split_entry(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end)
{
	const struct split_walk *s = container_of(w, struct split_walk, w);
	int err = 0;

	while (!err) {
		pte_t pte = pte_read(p);

		if (pte_table_link(pte, level))
			return PT_DESCEND;
		if (pte_none(pte) || (pt_whole_entry(level, start, end) && pt_level[level].shift <= s->max_shift))
			return PT_SKIP;
		err = split_leaf(w, p, level, start, pte);
	}
	return err;
}

static int split_run(struct pt_walk *w __maybe_unused, pte_t *p __maybe_unused, vaddr_t addr __maybe_unused,
		     unsigned long n __maybe_unused)
{
	return 0;
}

int pgtable_split(struct mmu_update *u, vaddr_t start, vaddr_t end, unsigned int max_shift)
{
	static const struct pt_ops ops = { split_entry, split_run };
	struct split_walk s = { .w = { .pt = &kernel_pgtable, .u = u, .ops = &ops }, .max_shift = max_shift };

	return pt_walk_range(&s.w, start, end);
}
