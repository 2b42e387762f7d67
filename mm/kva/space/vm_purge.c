/* SPDX-License-Identifier: MIT */
/*
 * The background: one work item, which flushes all TLBs when some CPU has enough that waits for a flush.
 *
 * 1. Threads that free need not wait for the other CPUs' answers. The work flushes, and leaves ranges and pages where
 *    they are: each CPU makes clean by itself what the flush has covered (vm_cache.c, vmap_block.c). An idle CPU keeps
 *    what it has, which is within its bounds; a caller short of space takes it from there.
 *
 * 2. The work has a queue of its own with one worker. The worker runs on any CPU, is preempted like any other thread,
 *    and waits for no other work. So it makes progress even when the system's queues are stuck.
 *
 * 3. Callers do not wait for it. If it does not flush in time, because all CPUs are busy, the CPU reaches a second
 *    bound and flushes by itself.
 *
 * 4. When address space is short, nobody waits for the background: vm_make_space() reclaims at once. When memory is
 *    short, the page allocator calls the background. It cannot reclaim by itself: its caller may hold locks that
 *    reclaiming takes.
 */
#include "mm/kva/space/space.h"

static struct workqueue_struct *purge_wq; /* NULL: not yet */

static bool memory_short;

static void purge(struct work_struct *work)
{
	(void)work;
	if (READ_ONCE(memory_short)) {
		vmalloc_shrink();
		WRITE_ONCE(memory_short, false); /* after the shrinking: calls during it are served by it */
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
