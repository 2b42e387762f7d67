/* SPDX-License-Identifier: MIT */
/*
 * The page-table walker. There is one, for 2, 3, 4 and 5 levels.
 *
 * 1. Depth is data. pt_level[] (asm/ptfmt.h) says for each level which address bits index it, how its links look and
 *    whether its entries may be leaves. walk_table() goes down that list:
 *
 *	pt->root ─> level 5 ─> level 4 ─> level 3 ─> level 2 ─> level 1 ─> frame
 *		    (x86_64 with LA57)    PAE starts here; 2 levels: at level 2
 *
 * 2. An operation is two functions. entry() is called at every entry above level 1. It may change the entry, and says
 *    whether to skip it or to go down. run() gets all the wanted entries of one level-1 table at once, so its loop can
 *    be tight.
 *
 * 3. Write access.
 *    - A leaf belongs to the owner of the virtual range (vmalloc gives a range to one caller). No lock.
 *    - A link is shared by neighbours. It goes from none to a table by one compare-and-exchange; the loser frees its
 *      own table and uses the winner's (Xen 36a1c7c213e1 lost mappings here). It goes back only where tables are taken
 *      away (pgtable_tables.c), whose caller owns all that the table spans. A split puts a link over a large leaf
 *      (pgtable_split.c).
 *    - Kernel ranges are written in the reference tree alone. All trees share the kernel's tables below the shared
 *      level, and have copies of the entries at that level (pgtable_sync.c).
 *
 * 4. Report. A walk sets a bit in update->mask for each level at which it has changed an entry. Walks that map, visit
 *    or unmap set the bit of level 1 whenever they reach a level-1 table. At the shared level a walk also sets the bit
 *    when it meets an entry marked PTE_PENDING: a walker has changed that entry, and not every tree has it yet. This
 *    walker's caller must not return before that is done.
 *
 *    When an entry changes while present, its old translation must be invalidated. Lazy MMU mode (lazy_mmu.c) gathers
 *    such invalidations. The function that a caller gives to pgtable_for_each_run() runs in that mode, and so does all
 *    of pgtable_protect(). An unmapping gathers nothing: its caller flushes, or takes a stamp.
 *
 * 5. A walk maps a leaf only over an empty entry. Where a table stands, the walk goes down and maps smaller leaves.
 *
 * 6. A query takes no lock. A kernel table that was unlinked is freed a grace period later, and code with preemption
 *    off is a reader. That is all a query of the reference needs, in an NMI too. It reads one word of a link
 *    (pte_follow), and the whole of the entry at which it ends.
 */
#include "internal.h"

#include <kernel/preempt.h>
#include <kernel/schedule_point.h>
#include <lib/errno.h>

static int walk_table(struct pt_walk *w, pte_t *table, unsigned int level, vaddr_t start, vaddr_t end)
{
	vaddr_t next;

	if (level == 1)
		return w->ops->run(w, table + pt_index(1, start), start, (end - start) >> PAGE_SHIFT);
	for (; start != end; start = next) {
		pte_t *p = table + pt_index(level, start);
		int step;

		next = pt_entry_end(level, start, end);
		step = w->ops->entry(w, p, level, start, next);
		if (level == pt_sync_level() && pte_pending(pte_read(p)))
			w->mask |= PGTBL_MODIFIED(level);
		if (step == PT_DESCEND)
			step = walk_table(w, pte_table(pte_read(p)), level - 1, start, next);
		if (step < 0)
			return step;
	}
	return 0;
}

/*
 * A kernel range is changed in the reference tree, inside the thread's innermost scope. A user range is changed in a
 * process's tree.
 */
static void check_target(const struct pgtable *pt, const struct mmu_update *u, vaddr_t start, vaddr_t end)
{
	bool aligned = IS_ALIGNED(start | end, PAGE_SIZE) && start < end;
	bool kernel = is_kernel_addr(start) && !is_private_addr(start);
	bool inside = kernel ? pt == &kernel_pgtable && u && u == arch_lazy_mmu()->scope && start >= u->start &&
				       end <= u->end
			     : pt != &kernel_pgtable && !u;

	if (!aligned || !inside)
		panic("page tables: %lx-%lx may not be changed in tree %u (scope %lx-%lx)", start, end, pt->id,
		      u ? u->start : 0, u ? u->end : 0);
}

int pt_walk_range(struct pt_walk *w, vaddr_t start, vaddr_t end)
{
	int err;

	check_target(w->pt, w->u, start, end);
	err = walk_table(w, w->pt->root, pt_top(), start, end);
	if (w->u)
		w->u->mask |= w->mask;
	return err;
}

/* In a process's top table the user root gets the link too. False: *p is not `old` any more. */
static bool put_link(struct pt_walk *w, pte_t *p, pte_t old, pte_t link, unsigned int level, vaddr_t addr)
{
	bool done;

	if (is_kernel_addr(addr))
		return pte_cmpxchg(p, old, link);
	if (level == pt_top())
		user_root_change(w->pt);
	done = pte_cmpxchg(p, old, link);
	if (level == pt_top())
		user_root_changed(w->pt, pt_index(level, addr));
	if (done)
		atomic_long_inc(&w->pt->user_tables);
	return done;
}

/* Make *p, which is empty, a link to a new table. If another walker wins the race, its table is used. */
static int install_table(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t addr)
{
	bool kernel = w->pt == &kernel_pgtable;
	phys_addr_t table = table_alloc(kernel, w->u ? w->u->gfp : GFP_KERNEL);
	pte_t old = pte_read(p), link;

	if (!table)
		return -ENOMEM;
	link = pt_make_link(table, level, !is_kernel_addr(addr));
	link.val |= pt_change_mark(level, addr);
	tlb_oracle(table_new(w->pt, table, addr & ~(pt_size(level) - 1), level - 1));
	schedule_point("pgtable:install");
	if (!pte_none(old) || !put_link(w, p, old, link, level, addr)) {
		table_free(table, kernel);
		return pte_table_link(pte_read(p), level) ? 0 : -EBUSY;
	}
	w->mask |= PGTBL_MODIFIED(level);
	schedule_point("pgtable:installed");
	return 0;
}

/* Go down through *p, with a new table if there is none. A leaf in the way ends the walk with `leaf_error`. */
static int descend(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t addr, int leaf_error)
{
	pte_t pte = pte_read(p);
	int err = 0;

	if (pte_none(pte))
		err = install_table(w, p, level, addr);
	else if (!pte_table_link(pte, level))
		err = leaf_error;
	return err ? err : PT_DESCEND;
}

/* --- map a physical range --------------------------------------------------------------------------------------- */

struct map_walk {
	struct pt_walk w;
	vaddr_t start;
	phys_addr_t phys; /* at start */
	pgprot_t prot;
	unsigned int max_shift;
};

static phys_addr_t map_phys(const struct map_walk *m, vaddr_t addr)
{
	return m->phys + (phys_addr_t)(addr - m->start);
}

static bool leaf_fits(const struct map_walk *m, unsigned int level, vaddr_t start, vaddr_t end)
{
	return pt_level[level].shift <= m->max_shift && pt_leaf_allowed(level) && pt_whole_entry(level, start, end) &&
	       IS_ALIGNED(map_phys(m, start), (phys_addr_t)pt_size(level)) &&
	       memtype_uniform(map_phys(m, start), pt_size(level));
}

static int map_entry(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end)
{
	const struct map_walk *m = container_of(w, struct map_walk, w);
	pte_t old = pte_read(p), leaf;

	if (!pte_none(old) || !leaf_fits(m, level, start, end))
		return descend(w, p, level, start, -EBUSY);
	leaf = __pte((pteval_t)map_phys(m, start) | prot_leaf(m->prot, level) | pt_change_mark(level, start));
	if (!pte_cmpxchg(p, old, leaf))
		return descend(w, p, level, start, -EBUSY);
	w->mask |= PGTBL_MODIFIED(level);
	return PT_SKIP;
}

static int map_run(struct pt_walk *w, pte_t *p, vaddr_t addr, unsigned long n)
{
	const struct map_walk *m = container_of(w, struct map_walk, w);
	pteval_t val = (pteval_t)map_phys(m, addr) | m->prot.val;

	w->mask |= PGTBL_MODIFIED(1);
	for (pte_t *end = p + n; p != end; p++, val += PAGE_SIZE) {
		if (!pte_none(pte_peek(p)))
			return -EBUSY;
		pte_store(p, __pte(val));
	}
	return 0;
}

int pgtable_map(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot,
		unsigned int max_shift)
{
	static const struct pt_ops ops = { map_entry, map_run };
	struct map_walk m = {
		.w = { .pt = pt, .u = u, .ops = &ops },
		.start = start,
		.phys = phys,
		.prot = pgprot_supported(prot),
		.max_shift = max_shift,
	};

	return pt_walk_range(&m.w, start, end);
}

/* --- visit level-1 entries -------------------------------------------------------------------------------------- */

struct visit_walk {
	struct pt_walk w;
	bool create;
	pgtable_run_fn call;
	void *ctx;
};

static int visit_entry(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end)
{
	const struct visit_walk *v = container_of(w, struct visit_walk, w);

	(void)end;
	if (!v->create && pte_none(pte_read(p)))
		return PT_SKIP;
	return descend(w, p, level, start, -EINVAL);
}

static int visit_run(struct pt_walk *w, pte_t *p, vaddr_t addr, unsigned long n)
{
	const struct visit_walk *v = container_of(w, struct visit_walk, w);
	int err;

	w->mask |= PGTBL_MODIFIED(1);
	lazy_mmu_enter(w->pt);
	schedule_point("pgtable:lazy");
	err = v->call(v->ctx, p, addr, n);
	lazy_mmu_leave(w->pt);
	return err;
}

int pgtable_for_each_run(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, bool create,
			 pgtable_run_fn call, void *ctx)
{
	static const struct pt_ops ops = { visit_entry, visit_run };
	struct visit_walk v = {
		.w = { .pt = pt, .u = u, .ops = &ops },
		.create = create,
		.call = call,
		.ctx = ctx,
	};

	return pt_walk_range(&v.w, start, end);
}

/* A new entry of the shared level is pending until every process has it. */
static bool shared_by_all(const struct pgtable *pt, vaddr_t addr)
{
	const pte_t *top = pt_entry(pt, addr, pt_sync_level());

	return top && !pte_pending(pte_read(top));
}

pte_t *pgtable_entries(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift)
{
	unsigned int level = 1;

	while (pt_level[level].shift < shift)
		level++;
	if (level >= pt_sync_level() || pt_entry_end(level + 1, start, end) != end || !shared_by_all(pt, start))
		return NULL;
	return pt_entry(pt, start, level);
}

unsigned long pgtable_fill(pte_t *p, unsigned long n, phys_addr_t phys, pgprot_t prot, unsigned int shift)
{
	pteval_t val = (pteval_t)phys | prot_leaf(prot, shift == PAGE_SHIFT ? 1 : 2);
	long i;

	p += n;
	OPTIMIZER_HIDE_VAR(p); /* so the loop counts with i alone: no moving pointer, no comparison with an end */
	for (i = -(long)n; i && pte_empty(p + i); i++, val += (pteval_t)1 << shift) {
		OPTIMIZER_HIDE_VAR(i);
		pte_fill(p + i, __pte(val));
	}
	return n + (unsigned long)i;
}

/* --- unmap ------------------------------------------------------------------------------------------------------ */

static int unmap_entry(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end)
{
	pte_t pte = pte_read(p);

	if (pte_none(pte))
		return PT_SKIP;
	if (pte_table_link(pte, level))
		return PT_DESCEND;
	if (WARN_ONCE(!pt_whole_entry(level, start, end), "unmap %lx-%lx: only part of a %s leaf", start, end,
		      pt_level_name(level)))
		return PT_SKIP;
	pte_xchg(p, __pte(pt_change_mark(level, start)));
	w->mask |= PGTBL_MODIFIED(level);
	return PT_SKIP;
}

static int unmap_run(struct pt_walk *w, pte_t *p, vaddr_t addr, unsigned long n)
{
	(void)addr;
	w->mask |= PGTBL_MODIFIED(1);
	pte_clear_run(p, n);
	return 0;
}

void pgtable_unmap(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end)
{
	static const struct pt_ops ops = { unmap_entry, unmap_run };
	struct pt_walk w = { .pt = pt, .u = u, .ops = &ops };

	pt_walk_range(&w, start, end);
}

/* --- change rights ---------------------------------------------------------------------------------------------- */

struct protect_walk {
	struct pt_walk w;
	pgprot_t set, clear;
};

/* The new value of a leaf, present or hidden. */
static pte_t protected_leaf(const struct pt_walk *w, pte_t old, unsigned int level)
{
	const struct protect_walk *c = container_of(w, struct protect_walk, w);
	/* above level 1 prot_leaf() has PTE_PSE: the first one clears it, the second sets it again */
	pteval_t val = (pte_show(old).val & ~prot_leaf(c->clear, level)) | prot_leaf(c->set, level);

	return val & PTE_PRESENT ? __pte(val) : pte_hide(__pte(val));
}

/*
 * Change one leaf. True: its value has changed, to more rights or to fewer. The exchange fails, and the entry stays, if
 * it is not the one that was read: above level 1 another CPU may have split the leaf meanwhile.
 */
static bool protect_one(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t addr)
{
	pte_t old = pte_read(p), now;

	if (pte_none(old) || (level > 1 && pte_table_link(old, level)))
		return false;
	now = protected_leaf(w, old, level);
	if (now.val == old.val || !pte_cmpxchg(p, old, __pte(now.val | pt_change_mark(level, addr))))
		return false;
	w->mask |= PGTBL_MODIFIED(level);
	return true;
}

static int protect_entry(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end)
{
	pte_t pte = pte_read(p);

	if (pte_none(pte))
		return PT_SKIP;
	if (pte_table_link(pte, level))
		return PT_DESCEND;
	if (!pt_whole_entry(level, start, end))
		return -EINVAL;
	if (protect_one(w, p, level, start))
		pgtable_changed(w->pt, start, end);
	return pte_table_link(pte_read(p), level) ? PT_DESCEND : PT_SKIP;
}

static int protect_run(struct pt_walk *w, pte_t *p, vaddr_t addr, unsigned long n)
{
	vaddr_t first = 0, last = 0; /* everything that changed lies in [first, last) */

	for (pte_t *end = p + n; p != end; p++, addr += PAGE_SIZE) {
		if (!protect_one(w, p, 1, addr))
			continue;
		first = last ? first : addr;
		last = addr + PAGE_SIZE;
	}
	if (first != last)
		pgtable_changed(w->pt, first, last);
	return 0;
}

static atomic_t protecting;

bool pgtable_protecting(void)
{
	return atomic_read(&protecting);
}

/* Rights are changing until the end of the scope, which flushes. */
static void protect_begin(struct mmu_update *u)
{
	if (tlb_batch_empty(&u->tlb))
		u->tlb.cause = TLB_PROTECT;
	if (!u->protects)
		atomic_inc(&protecting);
	u->protects = true;
}

void pgtable_protect_end(void)
{
	atomic_dec(&protecting);
}

int pgtable_protect(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, pgprot_t set, pgprot_t clear)
{
	static const struct pt_ops ops = { protect_entry, protect_run };
	struct protect_walk c = {
		.w = { .pt = pt, .u = u, .ops = &ops },
		.set = pgprot_supported(set),
		.clear = clear,
	};
	int err;

	if (u)
		protect_begin(u);
	lazy_mmu_enter(pt);
	err = pt_walk_range(&c.w, start, end);
	lazy_mmu_leave(pt);
	return err;
}

/* --- ask -------------------------------------------------------------------------------------------------------- */

/*
 * The entry at which the walk to addr ends, and its level. Call inside a read section. If the result is a link, it has
 * just become one: ask again.
 */
static __always_inline pte_t last_entry(const struct pgtable *pt, vaddr_t addr, unsigned int *level, vaddr_t frame)
{
	pte_t *table = pt->root;
	pte_t pte;

	for (unsigned long below = pt_top() - 1; below; below--) {
		*level = (unsigned int)below + 1;
		if (!pte_follow(table + pt_index(below + 1, addr), &table, &pte, frame))
			return pte;
	}
	*level = 1;
	return pte_read(table + pt_index(1, addr));
}

static inline phys_addr_t leaf_translate(pte_t leaf, unsigned int level, vaddr_t addr)
{
	return leaf_phys(leaf, level) | (phys_addr_t)(addr & (pt_size(level) - 1));
}

struct pgtable_leaf pgtable_query(const struct pgtable *pt, vaddr_t addr)
{
	struct pgtable_leaf leaf = { .level = pt_top() };

	if (!is_canonical(addr))
		return leaf;
	preempt_disable();
	do
		leaf.pte = last_entry(pt, addr, &leaf.level, LINK_FRAME);
	while (unlikely(pte_table_link(leaf.pte, leaf.level)));
	preempt_enable();
	leaf.present = pte_leaf(leaf.pte, leaf.level);
	if (leaf.present)
		leaf.phys = leaf_translate(leaf.pte, leaf.level, addr);
	return leaf;
}

static unsigned long large_leaf_pfn(pte_t pte, unsigned int level, vaddr_t addr)
{
	if (unlikely(pte_table_link(pte, level)))
		return kernel_pgtable_pfn(addr);
	return pte_leaf(pte, level) ? (unsigned long)(leaf_translate(pte, level, addr) >> PAGE_SHIFT) : PGTABLE_NO_PFN;
}

unsigned long kernel_pgtable_pfn(vaddr_t addr)
{
	unsigned int level;
	pte_t pte;

	if (!is_canonical(addr))
		return PGTABLE_NO_PFN;
	preempt_disable();
	pte = last_entry(&kernel_pgtable, addr, &level, PAGE_MASK);
	if (unlikely(level != 1 || !pte_present(pte)))
		return preempt_enable_then(large_leaf_pfn(pte, level, addr));
	return preempt_enable_then(pte_pfn(pte));
}
