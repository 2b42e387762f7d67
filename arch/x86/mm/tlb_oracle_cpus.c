/* SPDX-License-Identifier: MIT */
/*
 * What the oracle knows of each CPU: the trees whose translations it may have cached, and when these go.
 *
 * A CPU has cached nothing of a tree that was never in its CR3. Once it has loaded the tree, it may have cached it
 * until a flush or another load. Without PCIDs any load drops everything; with PCIDs each PCID keeps the last tree that
 * was loaded under it. Global translations belong to no tree, and no load drops them. So a load never ends kernel
 * records, not even on a CPU without global pages: the verdict is the same on all machines.
 */
#include "oracle.h"

#include <arch/barrier.h>
#include <kernel/schedule_point.h>
#include <lib/atomic.h>
#include <lib/string.h>

static struct cpu_view {
	const struct pgtable *owner[ORACLE_ASIDS]; /* for each slot: whose translations are under its PCID */
	const struct pgtable *loading;		   /* the tree that is being loaded into CR3 */
	unsigned int asid;			   /* the slot whose PCID is in CR3 */
	bool lazy;
} views[CONFIG_TLB_ORACLE ? MAX_CPUS : 1];

static cpu_set online_cpus(void)
{
	cpu_set set = 0;
	unsigned int cpu;

	for_each_online_cpu(cpu)
		set |= (cpu_set)1 << cpu;
	return set;
}

/* A CPU writes its own view without the lock. Other CPUs read it under the lock. */
static bool may_hold(const struct cpu_view *view, const struct pgtable *tree)
{
	bool owned = READ_ONCE(view->loading) == tree;

	for (unsigned int i = 0; i < ORACLE_ASIDS && !owned; i++)
		owned = READ_ONCE(view->owner[i]) == tree;
	return owned;
}

static const struct pgtable *loaded_tree(const struct cpu_view *view)
{
	return READ_ONCE(view->owner[READ_ONCE(view->asid)]);
}

static bool is_loaded(const struct cpu_view *view, const struct pgtable *tree)
{
	return loaded_tree(view) == tree || READ_ONCE(view->loading) == tree;
}

/*
 * Any CPU may hold a shared kernel address. The exception is a kmap slot, which belongs to one CPU: if another CPU
 * reads ahead through it, it never uses the result (mm/page/highmem.c).
 */
cpu_set oracle_holders(const struct oracle_slot *slot)
{
	cpu_set set = 0;
	unsigned int cpu;

	if (slot->va >= layout.fixmap_start && slot->va < layout.fixmap_end && slot->level == 1)
		return (cpu_set)1 << smp_processor_id();
	if (slot->tree == &kernel_pgtable)
		return online_cpus();
	for_each_online_cpu(cpu)
		if (may_hold(&views[cpu], slot->tree))
			set |= (cpu_set)1 << cpu;
	return set;
}

static cpu_set lazy_cpus(void)
{
	cpu_set set = 0;
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (READ_ONCE(views[cpu].lazy))
			set |= (cpu_set)1 << cpu;
	return set;
}

/*
 * `lazy` is read before the loaded tree. A CPU that leaves a borrowed tree first writes its new tree, then that it is
 * not lazy. In the other order it would seem to run on the tree that it leaves.
 */
cpu_set oracle_endangered(const struct stale *r)
{
	cpu_set set = 0, lazy = lazy_cpus();
	unsigned int cpu;

	if (stale_is_shared(r))
		return r->cpus;
	schedule_point("oracle:endangered");
	for_each_online_cpu(cpu)
		if (is_loaded(&views[cpu], r->slot.tree))
			set |= (cpu_set)1 << cpu;
	return (r->link ? set : set & ~lazy) & r->cpus;
}

cpu_set oracle_loaders(const struct pgtable *tree)
{
	cpu_set set = 0;
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (READ_ONCE(views[cpu].loading) == tree)
			set |= (cpu_set)1 << cpu;
	return set;
}

/* --- invalidations ------------------------------------------------------------------------------------------------ */

struct drop {
	const struct cpu_view *view;
	const struct pgtable *tree; /* NULL: any */
	cpu_set cpu;
	unsigned long since; /* a record of a later write may have been cached after the flush */
	bool globals;
};

static void drop_one(struct stale *r, void *ctx)
{
	const struct drop *d = ctx;

	if ((long)(d->since - r->seq) < 0 || (d->tree && r->slot.tree != d->tree) ||
	    (!d->globals && (r->pte.val & PTE_GLOBAL)))
		return;
	r->cpus &= ~d->cpu;
	r->excused &= ~d->cpu;
	if (!r->cpus)
		stale_remove(r);
}

/* INVLPG drops a page, global or under the PCID in CR3. It drops links under that PCID only. */
static void drop_page(struct stale *r, void *ctx)
{
	const struct drop *d = ctx;
	bool foreign = false;

	if (!stale_is_shared(r) && !is_loaded(d->view, r->slot.tree))
		return;
	for (unsigned int i = 0; stale_is_shared(r) && r->link && i < ORACLE_ASIDS; i++)
		foreign |= i != READ_ONCE(d->view->asid) && READ_ONCE(d->view->owner[i]);
	if (!foreign)
		drop_one(r, ctx);
}

static struct drop begin_drop(unsigned int cpu, unsigned long since, bool globals)
{
	return (struct drop){ .view = &views[cpu], .cpu = (cpu_set)1 << cpu, .since = since, .globals = globals };
}

static atomic_long_t flushes;

unsigned long oracle_flushes(void)
{
	return (unsigned long)atomic_long_read(&flushes);
}

void oracle_flushed_by(unsigned int cpu, vaddr_t start, vaddr_t end, unsigned long since)
{
	const struct pgtable *tree;
	struct drop d;
	bool flags;

	atomic_long_inc(&flushes);
	if (!READ_ONCE(stale_live) || (end - start == PAGE_SIZE && !stale_maybe_at(start)))
		return;
	flags = oracle_lock();
	d = begin_drop(cpu, since, true);
	tree = is_shared_addr(start) ? &kernel_pgtable : loaded_tree(d.view);
	stale_for_each_in(tree, start, end - 1, drop_page, &d);
	oracle_unlock(flags);
}

void oracle_flushed_all_by(unsigned int cpu, unsigned long since)
{
	struct drop d;
	bool flags;

	atomic_long_inc(&flushes);
	if (!READ_ONCE(stale_live))
		return;
	flags = oracle_lock();
	d = begin_drop(cpu, since, true);
	stale_for_each(true, drop_one, &d);
	stale_for_each(false, drop_one, &d);
	oracle_unlock(flags);
}

void oracle_flushed(vaddr_t start, vaddr_t end, unsigned long since)
{
	oracle_flushed_by(smp_processor_id(), start, end, since);
}

void oracle_flushed_all(unsigned long since)
{
	oracle_flushed_all_by(smp_processor_id(), since);
}

/* Under the lock. Drop all translations of a process on this CPU, or (NULL) of every process, except global ones. */
static void drop_tree(const struct pgtable *tree, unsigned long since)
{
	struct drop d = begin_drop(smp_processor_id(), since, false);

	d.tree = tree;
	stale_for_each(false, drop_one, &d);
}

void oracle_flushed_tree(const struct pgtable *pt, unsigned long since)
{
	bool flags;

	atomic_long_inc(&flushes);
	if (!pt || !READ_ONCE(stale_own))
		return;
	flags = oracle_lock();
	drop_tree(pt, since);
	oracle_unlock(flags);
}

void oracle_flushed_nonglobal(unsigned long since)
{
	oracle_flushed_tree(loaded_tree(&views[smp_processor_id()]), since);
}

/* --- CR3 ---------------------------------------------------------------------------------------------------------- */

/* A writer of an entry of the tree that does not see this has written before the CPU can read the entry. */
void oracle_loading(const struct pgtable *pt)
{
	WRITE_ONCE(views[smp_processor_id()].loading, pt);
	smp_mb();
}

struct homecoming {
	const struct pgtable *tree;
	cpu_set cpu;
	struct finding finding;
};

/* The CPU was excused when this was reused, because it did not run on the tree. Now it is back. */
static void check_excuse(struct stale *r, void *ctx)
{
	struct homecoming *h = ctx;

	if (r->slot.tree != h->tree || !(r->excused & h->cpu))
		return;
	finding_add(&h->finding, r, h->cpu);
	stale_remove(r);
}

static void come_home(struct homecoming *h, const struct cpu_view *view)
{
	h->tree = loaded_tree(view);
	h->cpu = (cpu_set)1 << smp_processor_id();
	stale_for_each(false, check_excuse, h);
}

static void enter(struct cpu_view *view, const struct pgtable *pt, unsigned int asid, enum oracle_load drops)
{
	for (unsigned int i = 0; i < ORACLE_ASIDS && drops == ORACLE_DROPS_ALL; i++)
		WRITE_ONCE(view->owner[i], NULL);
	WRITE_ONCE(view->owner[asid], pt);
	WRITE_ONCE(view->asid, asid);
	WRITE_ONCE(view->lazy, false);
}

/* Drop what the load has dropped, and judge what it has brought into use again. Only records of processes. */
static void settle_load(struct cpu_view *view, const struct pgtable *pt, const struct pgtable *before,
			enum oracle_load drops, unsigned long since)
{
	struct homecoming home = { .finding = { .verdict = ORACLE_LAZY, .place = _RET_IP_ } };
	bool flags;

	schedule_point("oracle:loaded");
	flags = oracle_lock();
	if (drops == ORACLE_DROPS_ALL)
		drop_tree(NULL, since);
	else if (drops == ORACLE_DROPS_ASID && before)
		drop_tree(before, since);
	else if (drops == ORACLE_DROPS_NONE && before == pt)
		come_home(&home, view);
	oracle_unlock(flags);
	finding_tell(&home.finding);
}

static void tell_foreign(const struct pgtable *before, unsigned int asid, vaddr_t place)
{
	const struct stale owned = { .slot = { .tree = before }, .seq = asid };
	struct finding f = { .verdict = ORACLE_ASID, .place = place };

	finding_add(&f, &owned, (cpu_set)1 << smp_processor_id());
	finding_tell(&f);
}

void oracle_loaded(const struct pgtable *pt, unsigned int asid, enum oracle_load drops, unsigned long since)
{
	struct cpu_view *view = &views[smp_processor_id()];
	const struct pgtable *before;

	BUG_ON(asid >= ORACLE_ASIDS);
	before = READ_ONCE(view->owner[asid]);
	enter(view, pt, asid, drops);
	if (READ_ONCE(stale_own))
		settle_load(view, pt, before, drops, since);
	WRITE_ONCE(view->loading, NULL);
	if (drops == ORACLE_DROPS_NONE && before != pt)
		tell_foreign(before, asid, _RET_IP_);
}

void oracle_lazy(bool lazy)
{
	struct homecoming home = { .finding = { .verdict = ORACLE_LAZY, .place = _RET_IP_ } };
	struct cpu_view *view = &views[smp_processor_id()];
	bool flags, back = READ_ONCE(view->lazy) && !lazy;

	WRITE_ONCE(view->lazy, lazy);
	if (!back || !READ_ONCE(stale_own))
		return;
	flags = oracle_lock();
	come_home(&home, view);
	oracle_unlock(flags);
	finding_tell(&home.finding);
}

/* --- the end of a tree -------------------------------------------------------------------------------------------- */

static void forget_tree(struct stale *r, void *ctx)
{
	if (r->slot.tree == ctx)
		stale_remove(r);
}

/*
 * Translations under the PCID of a tree that is gone cannot be used until the PCID gets a new owner, which must flush.
 */
void oracle_tree_gone(struct pgtable *pt)
{
	bool flags = oracle_lock();

	stale_for_each(false, forget_tree, pt);
	for (unsigned int i = 0; i < ARRAY_SIZE(views) * ORACLE_ASIDS; i++)
		if (READ_ONCE(views[i / ORACLE_ASIDS].owner[i % ORACLE_ASIDS]) == pt)
			WRITE_ONCE(views[i / ORACLE_ASIDS].owner[i % ORACLE_ASIDS], NULL);
	oracle_unlock(flags);
}

void oracle_cpus_reset(void)
{
	memset(views, 0, sizeof(views));
	atomic_long_set(&flushes, 0);
}
