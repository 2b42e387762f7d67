/* SPDX-License-Identifier: MIT */
/* vmap blocks on two CPUs at once, one of them held at the bad moment. */
#include "worker.h"

#include "mm/kva/block/vmap_block.h"

#include <arch/tlb.h>
#include <kernel/schedule_point.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

static void unmap_aliases(void *arg)
{
	(void)arg;
	vm_unmap_aliases();
}

/* --- museum 3: the alias flush ----------------------------------------------------------------------------------- */

static struct page *two_pages[2];

/* Worker a holds what it has to flush; b, a second caller, may not come back before a's flush is done. */
static void second_caller(struct worker *a, struct worker *b, void *dirty)
{
	unsigned long seq = tlb_log_seq();

	sched_hold("vb:purge");
	vm_unmap_ram(dirty, 1);
	worker_post(a, unmap_aliases, NULL);
	EXPECT(sched_wait_held("vb:purge", 1000));
	worker_post(b, unmap_aliases, NULL);
	msleep(20);
	EXPECT(worker_busy(b));
	EXPECT(!tlb_log_covers(seq, (vaddr_t)dirty, (vaddr_t)dirty + PAGE_SIZE));
	sched_release("vb:purge");
	worker_wait(b);
	EXPECT(tlb_log_covers(seq, (vaddr_t)dirty, (vaddr_t)dirty + PAGE_SIZE));
	worker_wait(a);
}

/* What is unmapped while a purge runs is the next purge's. */
static void unmapped_meanwhile(struct worker *a, void *dirty, void *late)
{
	unsigned long seq;

	sched_hold("vb:purge");
	vm_unmap_ram(dirty, 1);
	worker_post(a, unmap_aliases, NULL);
	EXPECT(sched_wait_held("vb:purge", 1000));
	vm_unmap_ram(late, 1);
	sched_release("vb:purge");
	worker_wait(a);
	seq = tlb_log_seq();
	vm_unmap_aliases();
	EXPECT_EQ(tlb_log_seq(), seq + 1);
	EXPECT(tlb_log_covers(seq, (vaddr_t)late, (vaddr_t)late + PAGE_SIZE));
}

static void alias_flushes(struct worker *a, struct worker *b)
{
	void *map[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(map); i++)
		map[i] = vm_map_ram(two_pages, 1, -1);
	ASSERT(map[0] && map[1] && map[2] && map[3]);
	vm_unmap_aliases();
	second_caller(a, b, map[0]);
	unmapped_meanwhile(a, map[1], map[2]);
	EXPECT_EQ(probe_read(map[3], NULL), PROBE_OK);
	vm_unmap_ram(map[3], 1);
}

KTEST(vmap_races, alias_flush_is_waited_for_and_loses_nothing)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker a, b;

	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT_EQ(alloc_page_array(GFP_KERNEL, 2, two_pages), 2);
	if (EXPECT(worker_start(&a, another_cpu(), false))) {
		if (EXPECT(worker_start(&b, smp_processor_id(), false))) {
			alias_flushes(&a, &b);
			worker_stop(&b);
		}
		worker_stop(&a);
	}
	free_page_array(two_pages, 2);
}

/* --- a page of a block goes round only when its entry is empty ---------------------------------------------------- */

static void unmap_one(void *p)
{
	vm_unmap_ram(p, 1);
}

static bool grace_over;

static void purge_during_unmap(struct worker *w, struct page *page)
{
	void *first = vm_map_ram(&page, 1, -1), *second;

	ASSERT(first);
	sched_hold("vb:unmapped");
	worker_post(w, unmap_one, first);
	if (EXPECT(sched_wait_held("vb:unmapped", 1000))) {
		vm_unmap_aliases();
		EXPECT_EQ(vmalloc_to_pfn(first), 0);
		second = vm_map_ram(&page, 1, -1);
		EXPECT(second && second != first);
		if (second)
			vm_unmap_ram(second, 1);
	}
	sched_release("vb:unmapped");
	worker_wait(w);
}

/*
 * All pages that a block has given are dirty, but for one whose unmapping stands still somewhere. It is not counted
 * yet, and so the others do not come back together with it.
 */
static void block_dirty_but_for_one(struct worker *w, struct page *page, const char *where)
{
	void *others[2], *late, *again[3];

	vmap_block_keeper.reclaim();
	late = vm_map_ram(&page, 1, -1);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		ASSERT(others[i] = vm_map_ram(&page, 1, -1));
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		vm_unmap_ram(others[i], 1);
	sched_hold(where);
	worker_post(w, unmap_one, late);
	if (EXPECT(sched_wait_held(where, 1000))) {
		vm_unmap_aliases();
		for (unsigned int i = 0; i < ARRAY_SIZE(again); i++)
			EXPECT(again[i] = vm_map_ram(&page, 1, -1));
	}
	sched_release(where);
	worker_wait(w);
	for (unsigned int i = 0; i < ARRAY_SIZE(again); i++)
		vm_unmap_ram(again[i], 1); /* is still what it was, or this would warn */
	vm_unmap_aliases();
	EXPECT_EQ(vmalloc_check(), 0);
}

static void note_grace(struct rcu_head *head)
{
	(void)head;
	WRITE_ONCE(grace_over, true);
}

/* Who still looks at the block that has gone must find it as it was: not zeroed by the memory's next owners. */
static void *next_owners[64];

static void reuse_freed_memory(void)
{
	static struct rcu_head head;

	grace_over = false;
	call_rcu(&head, note_grace);
	msleep(30);
	EXPECT(!READ_ONCE(grace_over));
	for (unsigned int i = 0; i < ARRAY_SIZE(next_owners); i++)
		/* as a block is */
		next_owners[i] = kzalloc(offsetof(struct vmap_block, run[VMAP_BLOCK_PAGES]), GFP_KERNEL);
}

/* The run is dirty, and its block goes before the one who has unmapped it is done with the block. */
static void block_goes_during_unmap(struct worker *w, struct page *page)
{
	unsigned long seq = tlb_log_seq();
	void *p;

	vmap_block_keeper.reclaim();
	p = vm_map_ram(&page, 1, -1);
	ASSERT(p);
	vmap_revoke(); /* else the reclaim would wait until w has preemption on */
	sched_hold("vb:dirty");
	worker_post(w, unmap_one, p);
	if (EXPECT(sched_wait_held("vb:dirty", 1000))) {
		EXPECT(vmap_block_keeper.reclaim());
		if (CONFIG_MM_LOGS)
			EXPECT(tlb_log_covers(seq, (vaddr_t)p, (vaddr_t)p + PAGE_SIZE));
		EXPECT_EQ(vmap_block_next(0, &(struct vmap_block_info){ 0 }), false);
		reuse_freed_memory();
	}
	sched_release("vb:dirty");
	worker_wait(w);
	for (unsigned int i = 0; i < ARRAY_SIZE(next_owners); i++)
		kfree(next_owners[i]);
	rcu_barrier();
	p = vm_map_ram(&page, 1, -1); /* most likely at the same place: nobody has marked it by mistake, to no avail */
	ASSERT(p);
	vm_unmap_ram(p, 1);
	seq = tlb_log_seq();
	vm_unmap_aliases();
	if (CONFIG_MM_LOGS)
		EXPECT(tlb_log_covers(seq, (vaddr_t)p, (vaddr_t)p + PAGE_SIZE));
	EXPECT_EQ(vmalloc_check(), 0);
}

KTEST(vmap_races, purge_while_a_run_is_unmapped)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct page *page;
	struct worker w;

	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	page = alloc_page(GFP_KERNEL);
	ASSERT(page);
	if (have_two_cpus() && EXPECT(worker_start(&w, another_cpu(), false))) {
		vm_unmap_aliases();
		purge_during_unmap(&w, page);
		block_dirty_but_for_one(&w, page, "vb:unmapped");
		block_goes_during_unmap(&w, page);
		worker_stop(&w);
	}
	__free_page(page);
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
}

/*
 * A purge has taken over what is dirty in a block, and has not flushed: its CPU may not take it back by an older flush.
 */
static void recycle_during_purge(struct worker *w, struct page *page)
{
	struct vmap_block *block;
	void *p, *late;

	vmap_block_keeper.reclaim();
	p = vm_map_ram(&page, 1, -1);
	late = vm_map_ram(&page, 1, -1);
	ASSERT(p && late);
	vm_unmap_ram(p, 1);
	sched_hold("vb:purge");
	worker_post(w, unmap_aliases, NULL);
	if (EXPECT(sched_wait_held("vb:purge", 1000))) {
		block = xa_load(&vmap_blocks, block_index((vaddr_t)p));
		vm_unmap_ram(late, 1); /* it has a mark again */
		spin_lock(&block->owner->lock);
		vmap_recycle(block->owner);
		spin_unlock(&block->owner->lock);
		EXPECT_EQ(block->flushing, 1);
	}
	sched_release("vb:purge");
	worker_wait(w);
	EXPECT_EQ(vmalloc_check(), 0);
}

static void do_reclaim(void *arg)
{
	(void)arg;
	vmap_block_keeper.reclaim();
}

/* A purge finds a dirty run, and only then the one who unmapped it marks the block, which goes. */
static void late_mark(struct worker *w, struct worker *v, struct page *page)
{
	void *p;

	vmap_block_keeper.reclaim();
	p = vm_map_ram(&page, 1, -1);
	ASSERT(p);
	vmap_revoke();
	sched_hold("vb:dirty");
	worker_post(w, unmap_one, p);
	EXPECT(sched_wait_held("vb:dirty", 1000));
	sched_hold("vb:purge");
	worker_post(v, do_reclaim, NULL);
	EXPECT(sched_wait_held("vb:purge", 1000));
	sched_release("vb:dirty");
	worker_wait(w);
	sched_release("vb:purge");
	worker_wait(v);
	EXPECT_EQ(vmap_block_next(0, &(struct vmap_block_info){ 0 }), false);
	EXPECT_EQ(vmalloc_check(), 0);
}

KTEST(vmap_races, blocks_while_a_purge_runs)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct page *page = alloc_page(GFP_KERNEL);
	struct worker w, v;

	ASSERT(page);
	if (!vm_quarantine() && have_two_cpus() && EXPECT(worker_start(&w, another_cpu(), false))) {
		recycle_during_purge(&w, page);
		if (EXPECT(worker_start(&v, smp_processor_id(), false))) {
			late_mark(&w, &v, page);
			worker_stop(&v);
		}
		worker_stop(&w);
	}
	__free_page(page);
	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
}
