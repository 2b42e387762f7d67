/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle: a model of what every CPU's TLB and paging-structure caches may still hold.
 *
 * 1. Why. A missing, short or late flush does harm rarely and far away, and an emulator may hide it for ever (QEMU's
 *    TLB has no global pages, and drops entries at arbitrary moments). So the oracle does not ask what a TLB holds, but
 *    what it may hold by the rules of the processor (Intel SDM vol. 3, 4.10), and whether the kernel relies on less.
 *    The answer is the same on every machine and in every paging mode.
 *
 * 2. The model. A CPU may cache an entry while it is in the tables; that does no harm, since it is right. When the
 *    entry is changed or cleared, it becomes a record:
 *
 *	slot (address, level)  old entry  write #123  CPUs {0,1,2,3}
 *
 *    with every CPU that may have cached it: of the kernel's half all that are online, of a process's those that have
 *    had its tree in CR3 and have not dropped it since (tlb_oracle_cpus.c). An invalidation that a CPU executes takes
 *    this CPU off the records that it really covers. A record without CPUs is removed. A change that only adds rights
 *    makes no record: the old translation only allows less.
 *
 *	       write #123            CPU1, CPU3 execute     CPU0            CPU2
 *	entry ─────┬──────────────────────┬───────────────────┬───────────────┬──────> free for reuse
 *	record   {0,1,2,3}              {0,2}                {2}             gone
 *
 * 3. The verdicts. A stale translation alone is no fault. The fault is to act as if there were none: mapping the
 *    address anew, to another frame or with fewer rights; giving the range of addresses back; freeing the table page;
 *    returning from vm_unmap_aliases(); giving the frame of a process out again. Two more concern entries that stay
 *    present:
 *    - another frame in place of a present one, with the right to write, or that right given later. A CPU that still
 *      reads the old frame would miss what another writes into the new one. (Read-only is allowed: then both must only
 *      have the same contents.)
 *    - dropping a process's lock while a CPU that runs the process still has a right that was taken away.
 *    (Giving out a frame of the kernel early is legal. It is counted, and in quarantine mode it is a verdict.) A
 *    process's leaf cannot hurt a CPU that only borrows the tree ("lazy"), or that has the tree under a PCID that is
 *    not in CR3. Such a CPU is excused; there is a verdict if it comes back to the process and still has the record.
 *
 * 4. Order. A writer writes the entry, then makes the record; a flush that its thread asks for later comes after both.
 *    A CPU that flushes reads the number of the last write, then executes the instruction, then reports; the report
 *    takes effect on records up to that number only. So a flush takes a CPU off a record only if it began after the
 *    record's write.
 *
 * 5. Table pages. A link makes a record as well; its flush must reach the span that it led to. A new kernel mapping is
 *    judged when the reference is written. A process's copy of the entry makes a record when it is cleared, because a
 *    CPU could read it until then; but writing a copy is no new mapping.
 *
 * 6. Split leaves. Only a split (pgtable_split.c) may turn a present leaf into a present link: to a table all of whose
 *    entries have the same frames, rights and type. That is no new mapping. The leaf becomes a record marked `split`.
 *    While a CPU may hold it, no entry of the table may change, nor may the link, except by a further split. A table
 *    with other contents is a new mapping over an old one, and a verdict when it is linked.
 *
 * 7. The oracle does not see writes by raw_ functions, translations for which it has no record left (counted:
 *    overflow), and tables beyond its list (untracked). Each of these can hide a fault; none makes it report one that
 *    is not there.
 */
#include "oracle.h"

#include <kernel/spinlock.h>
#include <lib/atomic.h>

static DEFINE_SPINLOCK(lock); /* may be taken under any other lock; takes none */
static atomic_long_t writes;	 /* the number of the last write */
static bool off;
unsigned long oracle_reissued, oracle_records;
static atomic_long_t untracked;

bool oracle_lock(void)
{
	bool flags;

	spin_lock_irqsave(&lock, flags);
	return flags;
}

void oracle_unlock(bool flags)
{
	spin_unlock_irqrestore(&lock, flags);
}

bool oracle_is_on(void)
{
	return !READ_ONCE(off);
}

unsigned long oracle_now(void)
{
	return (unsigned long)atomic_long_read(&writes);
}

unsigned long oracle_untracked(void)
{
	return (unsigned long)atomic_long_read(&untracked);
}

static unsigned long next_number(void)
{
	return (unsigned long)atomic_long_inc_return(&writes);
}

/* --- comparing entries -------------------------------------------------------------------------------------------- */

#define MEMORY_TYPE (PTE_PWT | PTE_PCD | PTE_PAT)

/* Does a cached `old` lead to another frame or memory type than `now`? Both are of one kind and level. */
static bool leads_elsewhere(pte_t old, pte_t now)
{
	return pte_phys(old) != pte_phys(now) || ((old.val ^ now.val) & MEMORY_TYPE);
}

/* Has `old` a right that `now` has not? */
static bool allows_more(pte_t old, pte_t now)
{
	pteval_t gone = old.val & ~now.val, come = now.val & ~old.val;

	return (gone & (PTE_RW | PTE_USER)) || (come & PTE_NX);
}

/* --- blame -------------------------------------------------------------------------------------------------------- */

/* Report the CPUs that the record can hurt now. The other CPUs are excused until they come back to the tree. */
static void blame(struct stale *r, struct finding *finding)
{
	cpu_set hurt = oracle_endangered(r);

	r->excused |= r->cpus & ~hurt;
	if (!hurt)
		return;
	finding_add(finding, r, hurt);
	stale_remove(r);
}

/* --- an entry is written ------------------------------------------------------------------------------------------ */

/* Bits for bookkeeping, by the processor and by software: no part of the translation. */
#define NOTES (PTE_ACCESSED | PTE_DIRTY | PTE_PENDING)

struct write {
	struct oracle_slot slot;
	pte_t old, now;
	bool old_link, now_link;
	bool copy;	    /* a process's copy of a kernel entry */
	bool split;	    /* a leaf becomes a table that maps the same */
	unsigned long seq;
	vaddr_t place;
	struct finding reused, torn, moved;
};

static bool stays_in_place(const struct write *w)
{
	return pte_present(w->old) && pte_present(w->now) && w->old_link == w->now_link;
}

/* May a CPU still hold a translation that the new entry does not allow? */
static bool stale_by_write(const struct write *w)
{
	if (!pte_present(w->old))
		return false;
	if (!stays_in_place(w) || leads_elsewhere(w->old, w->now))
		return true;
	return !w->now_link && allows_more(w->old, w->now);
}

static void note_stale(const struct write *w)
{
	struct stale *r, model = {
		.slot = w->slot, .pte = __pte(w->old.val & ~NOTES), .link = w->old_link, .split = w->split,
		.writer = smp_processor_id(), .place = w->place, .seq = w->seq, .cpus = oracle_holders(&w->slot),
	};

	if (!model.cpus)
		return;
	r = stale_find(&w->slot, model.pte, model.link);
	if (r) { /* mapped and unmapped again: the older record goes into the new one */
		model.cpus |= r->cpus;
		model.excused = r->excused;
		stale_remove(r);
	}
	if (stale_add(&model))
		oracle_records++;
}

/* Does a record stand in the way of the entry that is written now? */
static bool in_the_way(const struct stale *r, const struct write *w)
{
	if (r->link || w->now_link) /* for smaller leaves it does not matter what their table's slot becomes */
		return r->slot.level >= w->slot.level && (!r->link || r->slot.level == w->slot.level);
	return r->slot.level != w->slot.level || leads_elsewhere(r->pte, w->now) || allows_more(r->pte, w->now);
}

static void check_one(struct stale *r, void *ctx)
{
	struct write *w = ctx;

	if (in_the_way(r, w))
		blame(r, &w->reused);
}

/* A change of rights is no new mapping. A change of frame is one. */
static void check_reuse(struct write *w)
{
	if (!pte_present(w->now) || w->copy || (stays_in_place(w) && !leads_elsewhere(w->old, w->now)))
		return;
	stale_for_each_in(w->slot.tree, w->slot.va, slot_last(&w->slot), check_one, w);
}

/* Does this write change a part of a split leaf that some CPU may still hold as a whole? */
static void check_part(struct stale *r, void *ctx)
{
	struct write *w = ctx;

	if (!r->split || r->slot.level < w->slot.level)
		return;
	finding_add(&w->torn, r, r->cpus);
	stale_remove(r);
}

static bool says_something_else(const struct write *w)
{
	return (w->old.val ^ w->now.val) & ~NOTES;
}

static phys_addr_t phys_at(const struct oracle_slot *slot, pte_t leaf, vaddr_t at)
{
	return leaf_phys(leaf, slot->level) + (at - slot->va);
}

static void check_frame(struct stale *r, void *ctx)
{
	struct write *w = ctx;
	vaddr_t at = max(r->slot.va, w->slot.va); /* the first address that both translate */

	if (!r->link && phys_at(&r->slot, r->pte, at) != phys_at(&w->slot, w->now, at))
		blame(r, &w->moved);
}

/*
 * A present entry has become writable, or leads to another frame and is writable: may a CPU still see another frame
 * there?
 */
static void check_moved(struct write *w)
{
	bool elsewhere = leaf_phys(w->old, w->slot.level) != leaf_phys(w->now, w->slot.level); /* frames, not types */

	if (w->copy || w->now_link || !stays_in_place(w) || !(w->now.val & PTE_RW) ||
	    (!elsewhere && (w->old.val & PTE_RW)))
		return;
	stale_for_each_in(w->slot.tree, w->slot.va, slot_last(&w->slot), check_frame, w);
}

static void judge_write(struct write *w)
{
	w->old_link = pte_table_link(w->old, w->slot.level);
	w->now_link = pte_table_link(w->now, w->slot.level);
	w->split = pte_present(w->old) && !w->old_link && w->now_link && pt_is_split(w->old, w->slot.level, w->now);
	if (pte_present(w->old) && !w->split && says_something_else(w))
		stale_for_each_in(w->slot.tree, w->slot.va, slot_last(&w->slot), check_part, w);
	if (w->split)
		note_stale(w);
	else if (stays_in_place(w) || !pte_present(w->old)) {
		check_reuse(w);
		if (stale_by_write(w))
			note_stale(w);
		check_moved(w);
	} else { /* a leaf replaces a table, or a table a leaf: the old entry is in the way too */
		note_stale(w);
		check_reuse(w);
	}
}

static void judge_entry(const pte_t *p, pte_t old, pte_t now, unsigned long seq, vaddr_t place)
{
	struct write w;
	bool flags, known;

	w.old = old;
	w.now = now;
	w.seq = seq;
	w.place = place;
	finding_begin(&w.reused, ORACLE_REUSED, place);
	finding_begin(&w.torn, ORACLE_SPLIT, place);
	finding_begin(&w.moved, ORACLE_MOVED, place);
	flags = oracle_lock();
	known = oracle_find_slot(p, &w.slot, &w.copy);
	if (known)
		judge_write(&w);
	oracle_unlock(flags);
	if (!known)
		atomic_long_inc(&untracked);
	finding_tell(&w.reused);
	finding_tell(&w.torn);
	finding_tell(&w.moved);
}

/* Mapping an empty entry while nothing is stale needs no judgement. It is the most frequent write by far. */
void oracle_wrote(const pte_t *p, pte_t old, pte_t now)
{
	unsigned long seq = next_number();

	if (oracle_is_on() && (pte_present(old) || READ_ONCE(stale_live)))
		judge_entry(p, old, now, seq, _RET_IP_);
}

/* --- something is given back -------------------------------------------------------------------------------------- */

struct giving {
	struct finding finding;
	unsigned long since; /* when vm_unmap_aliases() began */
	unsigned int level;  /* level of the table */
};

static void blame_any(struct stale *r, void *ctx)
{
	struct giving *g = ctx;

	blame(r, &g->finding);
}

void oracle_given_back(vaddr_t start, vaddr_t end)
{
	struct giving g = { .finding = { .verdict = ORACLE_GIVEN_BACK, .place = _RET_IP_ } };
	bool flags;

	if (!READ_ONCE(stale_live))
		return;
	flags = oracle_lock();
	stale_for_each_in(&kernel_pgtable, start, end - 1, blame_any, &g);
	oracle_unlock(flags);
	finding_tell(&g.finding);
}

/* A table can be reached by the link in its own slot, or by a link above, if that was removed with all below it. */
static void blame_link(struct stale *r, void *ctx)
{
	struct giving *g = ctx;

	if (r->link && r->slot.level > g->level)
		blame(r, &g->finding);
}

void oracle_table_freed(phys_addr_t table)
{
	struct giving g = { .finding = { .verdict = ORACLE_TABLE, .place = _RET_IP_ } };
	bool flags = oracle_lock();
	struct oracle_slot first;

	if (oracle_table_remove(phys_to_virt(table), &first)) {
		g.level = first.level;
		stale_for_each_in(first.tree, first.va, first.va + PAGE_SIZE - 1, blame_link, &g);
	}
	oracle_unlock(flags);
	finding_tell(&g.finding);
}

/* Without quarantine, a kernel frame may be reached by old addresses until vm_unmap_aliases(). */
static void blame_frame(struct stale *r, void *ctx)
{
	struct giving *g = ctx;

	if (oracle_quarantine || !stale_is_shared(r))
		blame(r, &g->finding);
	else
		oracle_reissued++;
}

void oracle_frames_given(unsigned long pfn, unsigned long count)
{
	struct giving g = { .finding = { .verdict = ORACLE_FRAME, .place = _RET_IP_ } };
	bool flags;

	if (!READ_ONCE(stale_live) || (count == 1 && !stale_maybe_frame(pfn)))
		return;
	flags = oracle_lock();
	stale_for_each_frame(pfn, count, blame_frame, &g);
	oracle_unlock(flags);
	finding_tell(&g.finding);
}

/* --- a process's lock is dropped ---------------------------------------------------------------------------------- */

struct settling {
	struct finding finding;
	const struct pgtable *tree;
};

/* A CPU that is loading the tree now will find the flushes that it missed: it is not at fault. */
static void blame_unsettled(struct stale *r, void *ctx)
{
	struct settling *s = ctx;
	cpu_set hurt;

	if (r->slot.tree != s->tree || r->link)
		return;
	hurt = oracle_endangered(r) & ~oracle_loaders(s->tree);
	r->excused |= r->cpus & ~hurt;
	if (!hurt)
		return;
	finding_add(&s->finding, r, hurt);
	stale_remove(r);
}

void oracle_settled(const struct pgtable *pt)
{
	struct settling s = { .finding = { .verdict = ORACLE_UNSETTLED, .place = _RET_IP_ }, .tree = pt };
	bool flags;

	if (!READ_ONCE(stale_own))
		return;
	flags = oracle_lock();
	stale_for_each(false, blame_unsettled, &s);
	oracle_unlock(flags);
	finding_tell(&s.finding);
}

/* --- what is left to vm_unmap_aliases() --------------------------------------------------------------------------- */

static void mark_deferred(struct stale *r, void *ctx)
{
	r->deferred = *(unsigned long *)ctx;
}

void oracle_deferred(vaddr_t start, vaddr_t end)
{
	unsigned long number = next_number();
	bool flags;

	if (!READ_ONCE(stale_live))
		return;
	flags = oracle_lock();
	stale_for_each_in(&kernel_pgtable, start, end - 1, mark_deferred, &number);
	oracle_unlock(flags);
}

static void blame_deferred(struct stale *r, void *ctx)
{
	struct giving *g = ctx;

	if (r->deferred && (long)(g->since - r->deferred) >= 0)
		blame(r, &g->finding);
}

void oracle_aliases_closed(unsigned long since)
{
	struct giving g = { .finding = { .verdict = ORACLE_ALIAS, .place = _RET_IP_ }, .since = since };
	bool flags;

	if (!READ_ONCE(stale_live))
		return;
	flags = oracle_lock();
	stale_for_each(true, blame_deferred, &g);
	oracle_unlock(flags);
	finding_tell(&g.finding);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

void oracle_tree_new(struct pgtable *pt)
{
	const struct oracle_slot first = { .tree = pt, .level = pt_top() };
	bool flags = oracle_lock();

	oracle_table_add(pt->root, &first);
	oracle_unlock(flags);
}

void oracle_table_new(struct pgtable *pt, phys_addr_t table, vaddr_t base, unsigned int level)
{
	const struct oracle_slot first = { .tree = pt, .va = base, .level = level };
	bool flags = oracle_lock();

	oracle_table_add(phys_to_virt(table), &first);
	oracle_unlock(flags);
}

/* --- on and off --------------------------------------------------------------------------------------------------- */

void oracle_enable(bool on)
{
	bool flags = oracle_lock();

	WRITE_ONCE(off, !on);
	if (!on)
		stale_reset();
	oracle_unlock(flags);
}

void oracle_reset(void)
{
	bool flags = oracle_lock();

	stale_reset();
	oracle_tables_reset();
	oracle_cpus_reset();
	oracle_verdicts_reset();
	atomic_long_set(&writes, 0);
	atomic_long_set(&untracked, 0);
	oracle_reissued = oracle_records = stale_overflow = 0;
	off = false;
	oracle_unlock(flags);
}
