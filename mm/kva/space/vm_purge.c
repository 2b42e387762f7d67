/* SPDX-License-Identifier: MIT */
/*
 * Purging in the background: one work, which flushes when some CPU has enough waiting, so that nobody who frees has to wait for
 * the other CPUs' answers. It leaves their lists and blocks alone: what the flush has covered each CPU takes back itself, when
 * it comes by (vm_cache.c, vmap_block.c), so no line of one CPU's caches travels to another. What a CPU at rest has is within
 * its bounds, and whoever is short of space takes it from there.
 *
 * It has a queue of its own with one worker, which runs on any CPU that has time, is preempted like any other thread, and waits
 * for no other work: it gets on whatever the system's queues are stuck in, and a machine under pressure needs no second worker.
 * Whoever calls it goes on at once. If it does not come in time, because all CPUs are busy, there is a second bound at which the
 * caller does its part himself (vm_cache.c, vmap_block.c).
 *
 * When space is short nobody waits for the background: vm_make_space() does all of it at once. When memory is short, the page
 * allocator calls: whoever needs a page may hold locks that giving back takes, so it cannot do that itself.
 */
#include "mm/kva/space/space.h"

static struct workqueue_struct *purge_wq; /* NULL: not yet */

static bool memory_short;

static void purge(struct work_struct *work)
{
	(void)work;
	if (READ_ONCE(memory_short)) {
		vmalloc_shrink();
		WRITE_ONCE(memory_short, false); /* not before: what is short meanwhile is no reason to begin again */
	}
	schedule_point("vm_purge:flush");
	if (vm_keepers_want_flush())
		flush_tlb_all();
	vm_keepers_flushed();
}
static struct work_struct purge_work = { .fn = purge };

void vm_purge_soon(void)
{
	struct workqueue_struct *wq = READ_ONCE(purge_wq);

	if (wq)
		queue_work(wq, &purge_work);
}

void vm_memory_short(void)
{
	WRITE_ONCE(memory_short, true);
	vm_purge_soon();
}

void vm_purge_drain(void)
{
	flush_work(&purge_work);
}

void vm_purge_init(void)
{
	WRITE_ONCE(purge_wq, alloc_ordered_workqueue("vm_purge", 0));
	if (!purge_wq)
		printk("vmalloc: no memory for the background; who frees flushes\n");
}
