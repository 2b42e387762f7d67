/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle: a model of what every CPU's TLB and paging-structure caches may still hold.
 *
 * 1. Why. A flush that is forgotten, too short or too late does its harm far away and rarely, and an emulator may hide it
 *    for ever (QEMU's has no global pages; which entries it keeps depends on the weather). So the question here is not
 *    what a TLB does hold, but what it may hold by the rules of the processor (Intel SDM vol. 3, 4.10), and whether the
 *    kernel relies on less. The answer is the same on every machine and in every paging mode.
 *
 * 2. The model. While an entry stands in the tables a CPU may have cached it, and being right it does no harm. It becomes
 *    a record when it is changed or cleared:
 *
 *	slot (address, level)  old entry  write #123  CPUs {0,1,2,3}
 *
 *    with every CPU that may have cached it: of the kernel's half all that are online, of a process's those that have had
 *    its tree in CR3 (tlb_oracle_cpus.c). An invalidation that a CPU executes takes this CPU off the records that it
 *    really covers; a record without CPUs is gone. Changes that only add rights are none: the old entry is merely slow.
 *
 *	       write #123            CPU1, CPU3 execute     CPU0            CPU2
 *	entry ─────┬──────────────────────┬───────────────────┬───────────────┬──────> free for reuse
 *	record   {0,1,2,3}              {0,2}                {2}             gone
 *
 * 3. The verdicts. Nobody is blamed for a stale translation, only for acting as if there were none: mapping the address
 *    anew, to another frame or with fewer rights; giving the range of addresses back; freeing the table page; returning
 *    from vm_unmap_aliases(); giving the frame of a process out again; and two more that concern entries which stay present:
 *    - another frame in place of a present one, with the right to write, or that right given later. A CPU that still
 *      reads the old frame would miss what another writes into the new one. (Read-only is allowed: then both must only
 *      have the same contents.)
 *    - letting go of a process's lock while a CPU that runs it still has a right that was taken away.
 *    (For the kernel's frames that is legal, counted,
 *    and a verdict in quarantine mode.) A CPU with a process in CR3 that is lazy, or with the process under a PCID that
 *    is not in CR3, cannot be hurt by its leaves: it is excused, and blamed if it comes back and still has the record.
 *
 * 4. Order. Whoever writes: the entry first, then the record, and so a flush that this thread asks for later comes after
 *    both. Whoever flushes: first the number of the last write is read, then the instruction, then the report, which takes
 *    effect on records up to that number only. So a record is dropped only by a flush that began after its write: what is
 *    dropped is gone, and what is gone by a flush that was asked for is dropped.
 *
 * 5. Table pages. A link is a record as well; the flush for it must reach the span that it led to. Addresses of kernel
 *    entries are judged where the reference is written; the copies in the processes make records too, because until they
 *    are cleared a CPU can read them again, but mapping them is no new mapping.
 *
 * 6. A leaf that is split in place (pgtable_split.c) is the one present entry that may become a present entry of another
 *    kind: a link to a table with the same frames, rights and type, to the last entry. Nothing is mapped anew by that.
 *    The leaf is noted like any other, as one that was split, and while a CPU may have it no part of it may change: neither
 *    an entry of the table, nor what the link leads to, but by being split further. A table that says anything else is a new
 *    mapping over an old one, and blamed as such when it is linked.
 *
 * 7. What it does not see: writes with raw_ functions; translations that were noted when there was no room (counted:
 *    overflow); tables beyond its list (untracked). All of these only make it more silent, never wrong.
 */
#include "oracle.h"

#include <kernel/spinlock.h>
#include <lib/atomic.h>

static DEFINE_SPINLOCK(lock); /* taken under any other lock; takes none */
static atomic_long_t writes;	 /* numbers them */
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

/* --- comparing entries -------------------------------------------------------------------------------------------------- */

#define MEMORY_TYPE (PTE_PWT | PTE_PCD | PTE_PAT)

/* Does what is cached for `old` lead elsewhere, or otherwise, than what `now` says? For entries of one kind and level. */
static bool leads_elsewhere(pte_t old, pte_t now)
{
	return pte_phys(old) != pte_phys(now) || ((old.val ^ now.val) & MEMORY_TYPE);
}

/* A right that `old` has and `now` has not. */
static bool allows_more(pte_t old, pte_t now)
{
	pteval_t gone = old.val & ~now.val, come = now.val & ~old.val;

	return (gone & (PTE_RW | PTE_USER)) || (come & PTE_NX);
}

/* --- blame -------------------------------------------------------------------------------------------------------------- */

/* Whom the record can hurt now is found; who cannot look at it now is let off, until it comes back. */
static void blame(struct stale *r, struct finding *finding)
{
	cpu_set hurt = oracle_endangered(r);

	r->excused |= r->cpus & ~hurt;
	if (!hurt)
		return;
	finding_add(finding, r, hurt);
	stale_remove(r);
}

/* --- an entry is written ------------------------------------------------------------------------------------------------ */

/* What the processor and software note in an entry is no part of the translation. */
#define NOTES (PTE_ACCESSED | PTE_DIRTY | PTE_PENDING)

struct write {
	struct oracle_slot slot;
	pte_t old, now;
	bool old_link, now_link;
	bool copy;	    /* of a kernel entry, in a process's tree */
	bool split;	    /* a leaf in parts, all of which say what it said */
	unsigned long seq;
	vaddr_t place;
	struct finding reused, torn, moved;
};

static bool stays_in_place(const struct write *w)
{
	return pte_present(w->old) && pte_present(w->now) && w->old_link == w->now_link;
}

/* May CPUs still hold something that the new entry denies? */
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
	if (r) { /* mapped again as it was, and unmapped again: the older record goes into the new one */
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
	if (r->link || w->now_link) /* small leaves that were below a table do not mind what the table's slot becomes */
		return r->slot.level >= w->slot.level && (!r->link || r->slot.level == w->slot.level);
	return r->slot.level != w->slot.level || leads_elsewhere(r->pte, w->now) || allows_more(r->pte, w->now);
}

static void check_one(struct stale *r, void *ctx)
{
	struct write *w = ctx;

	if (in_the_way(r, w))
		blame(r, &w->reused);
}

/* Changing the rights of what is mapped is no new mapping; leading the same entry elsewhere is. */
static void check_reuse(struct write *w)
{
	if (!pte_present(w->now) || w->copy || (stays_in_place(w) && !leads_elsewhere(w->old, w->now)))
		return;
	stale_for_each_in(w->slot.tree, w->slot.va, slot_last(&w->slot), check_one, w);
}

/* Is this write about a part of a leaf that was split, and that some CPU may still have as a whole? */
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
	vaddr_t at = max(r->slot.va, w->slot.va); /* both translate it */

	if (!r->link && phys_at(&r->slot, r->pte, at) != phys_at(&w->slot, w->now, at))
		blame(r, &w->moved);
}

/* An entry that was present before has got the right to write: does anybody still see another frame there, the old one too? */
static void check_moved(struct write *w)
{
	bool elsewhere = leaf_phys(w->old, w->slot.level) != leaf_phys(w->now, w->slot.level); /* whatever its type */

	if (w->copy || w->now_link || !stays_in_place(w) || !(w->now.val & PTE_RW) || (!elsewhere && (w->old.val & PTE_RW)))
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
	} else { /* a leaf in place of a table, or the other way round: whatever was there is in the way as well */
		note_stale(w);
		check_reuse(w);
	}
}

static void judge_entry(const pte_t *p, pte_t old, pte_t now, unsigned long seq, vaddr_t place)
{
	struct write w = {
		.old = old, .now = now, .seq = seq, .place = place,
		.reused = { .verdict = ORACLE_REUSED, .place = place },
		.torn = { .verdict = ORACLE_SPLIT, .place = place },
		.moved = { .verdict = ORACLE_MOVED, .place = place },
	};
	bool flags = oracle_lock(), known;

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

/* While nothing is stale, mapping what was empty is no event; that is the most frequent write by far. */
void oracle_wrote(const pte_t *p, pte_t old, pte_t now)
{
	unsigned long seq = next_number();

	if (oracle_is_on() && (pte_present(old) || READ_ONCE(stale_live)))
		judge_entry(p, old, now, seq, _RET_IP_);
}

/* --- something is given back ---------------------------------------------------------------------------------------------- */

struct giving {
	struct finding finding;
	unsigned long since; /* of vm_unmap_aliases() */
	unsigned int level;  /* of a table */
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

/* The ways to a table: the link in its own slot, and any link above, if that was taken away with all that is below. */
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

/* A frame of the kernel's may be reached by old addresses until vm_unmap_aliases(), unless quarantine is on. */
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

/* --- a process's lock is dropped ------------------------------------------------------------------------------------------ */

struct settling {
	struct finding finding;
	const struct pgtable *tree;
};

/* A CPU that is just loading the tree learns there of the flushes that have passed it by. */
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

/* --- what is left to vm_unmap_aliases() ------------------------------------------------------------------------------------ */

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

/* --- tables ---------------------------------------------------------------------------------------------------------------- */

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

/* --- on and off -------------------------------------------------------------------------------------------------------------- */

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
