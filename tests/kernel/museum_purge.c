/* SPDX-License-Identifier: MIT */
/* Historic bugs of purging: by whom it is done, how long it takes, what is lost meanwhile. */
#include "worker.h"

#include <arch/tlb.h>
#include <kernel/bug.h>
#include <kernel/completion.h>
#include <kernel/schedule_point.h>
#include <kernel/trace.h>
#include <kernel/workqueue.h>
#include <lib/list.h>
#include <mm/slab.h>

#include "mm/kva/area/area.h"

#define PATIENCE_MS 5000
#define MANY	    3000u
/* so many waiting ranges of a CPU call the background, and do not make anybody flush himself */
#define CALLS	    200u
#define BATCH	    32u

static struct vm_struct *areas[MANY];
static struct crew crew;

static bool make_areas(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		areas[i] = get_vm_area(PAGE_SIZE, VM_MAP);
		if (!EXPECT(areas[i]))
			return false;
	}
	return true;
}

struct slice {
	unsigned int from, to;
};

static void free_slice(void *arg)
{
	const struct slice *slice = arg;

	for (unsigned int i = slice->from; i < slice->to; i++)
		free_vm_area(areas[i]);
}

static void expect_conservation(void)
{
	struct vmalloc_stats stats;

	vmalloc_stats(&stats);
	EXPECT_EQ(stats.total_bytes, VMALLOC_END - VMALLOC_START);
	EXPECT_EQ(vmalloc_check(), 0);
}

static void shrink(void *arg)
{
	(void)arg;
	vmalloc_shrink();
}

/* --- 22: what one takes off a list is not lost when others work at it --------------------------------------------- */

/*
 * The first worker has taken a batch off the cache of CPU 0 and holds it; a second shrinks, a third frees into that
 * cache.
 */
static void shrink_beside_shrink(void)
{
	struct slice first = { 0, 90 }, second = { 90, 180 };

	vmalloc_shrink();
	ASSERT(make_areas(180));
	worker_call(&crew.worker[0], free_slice, &first);
	vm_unmap_aliases();
	sched_hold("vm_cache:batch");
	worker_post(&crew.worker[1], shrink, NULL);
	EXPECT(sched_wait_held("vm_cache:batch", PATIENCE_MS));
	worker_call(&crew.worker[0], free_slice, &second);
	vmalloc_shrink();
	expect_conservation();
	sched_release("vm_cache:batch");
	worker_wait(&crew.worker[1]);
	expect_conservation();
	vmalloc_shrink();
	expect_conservation();
}

KTEST(museum, m22_shrinker_beside_purge)
{
	KTEST_NEEDS(SCHED_POINTS);
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	WITH_CREW(crew, 2, shrink_beside_shrink());
}

/* --- 23: the background waits for nobody and is in nobody's way --------------------------------------------------- */

struct stuck {
	struct work_struct work;
	struct completion *until;
};

static void be_stuck(struct work_struct *work)
{
	wait_for_completion(container_of(work, struct stuck, work)->until);
}

static struct stuck stuck[2 * MAX_CPUS];

/* Every worker of the system's queues waits. */
static void block_queues(struct completion *until)
{
	unsigned int cpu, n = 0;

	init_completion(until);
	for (unsigned int i = 0; i < ARRAY_SIZE(stuck); i++) {
		INIT_WORK(&stuck[i].work, be_stuck);
		stuck[i].until = until;
	}
	for_each_online_cpu(cpu) {
		queue_work_on(cpu, system_wq, &stuck[n++].work);
		queue_work(system_unbound_wq, &stuck[n++].work);
	}
}

static void release_queues(struct completion *until)
{
	complete_all(until);
	for (unsigned int i = 0; i < ARRAY_SIZE(stuck); i++)
		if (stuck[i].work.wq)
			flush_work(&stuck[i].work);
}

static bool flushed_within(unsigned long before, unsigned int ms)
{
	while (tlb_counters().full == before && ms--)
		msleep(1);
	return tlb_counters().full != before;
}

/* A CPU has enough waiting to call the background, and too little to flush by itself. */
static void call_background(void)
{
	struct slice slice = { 0, CALLS };

	vm_purge_drain();
	vmalloc_shrink();
	ASSERT(make_areas(CALLS));
	worker_call(&crew.worker[0], free_slice, &slice);
}

static void background_among_stuck_works(void)
{
	struct completion until;
	unsigned long full;

	block_queues(&until);
	full = tlb_counters().full;
	call_background();
	EXPECT(flushed_within(full, PATIENCE_MS));
	release_queues(&until);
	expect_conservation();
}

KTEST(museum, m23_background_waits_for_nobody)
{
	WITH_CREW(crew, 1, background_among_stuck_works());
}

/* It stands still in the middle, on some CPU; everybody goes on, and whoever frees too much does without it. */
static void others_go_on(void)
{
	unsigned long full;

	sched_hold("vm_purge:flush");
	call_background();
	if (EXPECT(sched_wait_held("vm_purge:flush", PATIENCE_MS))) {
		full = tlb_counters().full;
		for (unsigned int i = 0; i < 2000; i++)
			vfree(vmalloc(PAGE_SIZE));
		EXPECT(tlb_counters().full > full);
	}
	sched_release("vm_purge:flush");
	vm_purge_drain();
	expect_conservation();
}

KTEST(museum, m23_background_lets_others_go_on)
{
	KTEST_NEEDS(SCHED_POINTS);
	WITH_CREW(crew, 1, others_go_on());
}

/* --- 24: no lock is held for long --------------------------------------------------------------------------------- */

struct batches {
	unsigned long nr, ranges, longest;
};

static void count_batch(void *ctx, const struct trace_record *r)
{
	struct batches *b = ctx;

	if (r->event != TRACE_PURGE_VMAP_AREA_LAZY)
		return;
	b->nr++;
	b->ranges += r->arg[2];
	b->longest = max(b->longest, r->arg[2]);
}

static void free_many_traced(void)
{
	struct slice all = { 0, MANY };
	struct batches b = { 0 };

	vmalloc_shrink();
	ASSERT(make_areas(MANY));
	ASSERT_EQ(trace_start("purge_vmap_area_lazy"), 0);
	worker_call(&crew.worker[0], free_slice, &all);
	vm_purge_drain();
	vmalloc_shrink();
	trace_stop();
	trace_for_each(count_batch, &b);
	trace_release();
	EXPECT(b.ranges >= MANY);
	EXPECT(b.longest <= BATCH);
	ktest_note("%lu ranges in %lu batches", b.ranges, b.nr);
	expect_conservation();
}

KTEST(museum, m24_purge_in_small_steps)
{
	if (trace_enabled)
		KTEST_SKIP("trace= is in use");
	WITH_CREW(crew, 1, free_many_traced());
}

/* --- 69: a flush for many, not for each --------------------------------------------------------------------------- */

static unsigned long flushes(void)
{
	struct tlb_counters counters = tlb_counters();

	return counters.full + counters.ranged;
}

static unsigned long flushes_for(unsigned int nr)
{
	struct slice slice = { 0, nr };
	unsigned long before;

	vm_purge_drain();
	vmalloc_shrink();
	if (!make_areas(nr))
		return 0;
	before = flushes();
	worker_call(&crew.worker[0], free_slice, &slice);
	vmalloc_shrink();
	vm_purge_drain();
	return flushes() - before;
}

static void count_flushes(void)
{
	/* Ranges that take half of the space which a CPU may have waiting: few only in a very small arena. */
	unsigned long half = (VMALLOC_END - VMALLOC_START) / 16 / num_online_cpus() / (2 * PAGE_SIZE), many;

	EXPECT_EQ(flushes_for(10), 1);
	EXPECT_EQ(flushes_for((unsigned int)min(150ul, half / 3 * 4)), 1);
	many = flushes_for(MANY);
	EXPECT(many <= MANY / min(100ul, half));
	ktest_note("%u ranges: %lu flushes", MANY, many);
}

KTEST(museum, m69_one_flush_for_many)
{
	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	WITH_CREW(crew, 1, count_flushes());
}
