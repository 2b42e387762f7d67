/* SPDX-License-Identifier: MIT */
/*
 * What the oracle knows of each CPU: the trees of which it may have cached something, and when that goes.
 *
 * A CPU has cached nothing of a tree that was never in its CR3. From a load on it may have, until another load or a flush
 * takes that away: all of it without PCIDs; with them each PCID keeps the last tree that was loaded under it. Global
 * translations are not a tree's, and no load touches them: so kernel records never end here, not even on a CPU without
 * global pages, where a load would do it: one verdict for all machines.
 */
#include "oracle.h"

#include <arch/barrier.h>
#include <kernel/schedule_point.h>
#include <lib/atomic.h>
#include <lib/string.h>

static struct cpu_view {
	const struct pgtable *owner[ORACLE_ASIDS]; /* whose translations lie under a PCID */
	const struct pgtable *loading;		   /* on its way into CR3 */
	unsigned int asid;			   /* in CR3 */
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

/* Each CPU writes its own view, without the lock while no process has records; who looks at it has the lock. */
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
 * Shared kernel addresses: all CPUs. Each CPU has kmap slots of its own; what another one reads ahead through them it
 * never uses (mm/page/highmem.c).
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
 * Who is lazy is read before what is loaded. A CPU that leaves a borrowed tree writes first that it has another one and then
 * that it is not lazy; read the other way round, it would seem to run on the tree that it leaves.
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

/* --- invalidations ----------------------------------------------------------------------------------------------------- */

struct drop {
	const struct cpu_view *view;
	const struct pgtable *tree; /* NULL: any */
	cpu_set cpu;
	unsigned long since; /* what was written later may have been cached later */
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

/* INVLPG looks at the PCID in CR3, and at global pages; of the ways through tables only those of that PCID go. */
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

/* Under the lock: all of a process's translations on this CPU, or of every process's (NULL), but global ones. */
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

/* --- CR3 --------------------------------------------------------------------------------------------------------------- */

/* Whoever writes an entry of the tree from here on, and does not see this, has written before the CPU can read it. */
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

/* The CPU was let off when this was reused, because it was elsewhere. Now it is back. */
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

/* What a load has taken away, and what it has not although it came into use again: only processes' records. */
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

/* --- the end of a tree ------------------------------------------------------------------------------------------------- */

static void forget_tree(struct stale *r, void *ctx)
{
	if (r->slot.tree == ctx)
		stale_remove(r);
}

/* What lies under a PCID of a tree that is gone stays unreachable until the PCID gets a new owner, which must flush. */
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
