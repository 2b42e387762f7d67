/* SPDX-License-Identifier: MIT */
/* Per-CPU memory made at run time. */
#include "worker.h"

#include "places.h"

#include <arch/context.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/inject.h>
#include <kernel/preempt.h>
#include <kernel/schedule_point.h>
#include <lib/string.h>
#include <mm/percpu_alloc.h>
#include <mm/vmalloc.h>

#define MANY 300

struct object {
	unsigned long first, last;
};

static unsigned long tag(unsigned int object, unsigned int cpu)
{
	return object * 1000ul + cpu + 1;
}

/* Zeroed everywhere, in vmalloc space, and nobody's instance is anybody else's. */
KTEST(percpu, instances_are_apart)
{
	static struct object *objects[MANY];
	unsigned int cpu;

	for (unsigned int i = 0; i < MANY; i++) {
		objects[i] = alloc_percpu(struct object);
		ASSERT(objects[i]);
		EXPECT(is_vmalloc_addr(objects[i]));
		for_each_cpu(cpu, cpu_possible_mask) {
			struct object *o = percpu_ptr(objects[i], cpu);

			EXPECT(!o->first && !o->last);
			*o = (struct object){ tag(i, cpu), ~tag(i, cpu) };
		}
	}
	for (unsigned int i = 0; i < MANY; i++) {
		for_each_cpu(cpu, cpu_possible_mask) {
			EXPECT_EQ(percpu_ptr(objects[i], cpu)->first, tag(i, cpu));
			EXPECT_EQ(percpu_ptr(objects[i], cpu)->last, ~tag(i, cpu));
		}
		free_percpu(objects[i]);
	}
}

/* Small objects share a chunk; the last one takes it along. */
KTEST(percpu, chunks_come_and_go)
{
	struct percpu_alloc_stats before = percpu_alloc_stats();
	void *small[3], *large;

	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++)
		small[i] = alloc_percpu(u64);
	EXPECT(percpu_alloc_stats().chunks <= before.chunks + 1);
	EXPECT_EQ(percpu_alloc_stats().bytes, before.bytes + ARRAY_SIZE(small) * 16);
	large = __alloc_percpu(PERCPU_ALLOC_MAX, PAGE_SIZE);
	EXPECT(large && IS_ALIGNED((vaddr_t)large, PAGE_SIZE));
	EXPECT(percpu_alloc_stats().chunks >= before.chunks + 1);
	free_percpu(large);
	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++)
		free_percpu(small[i]);
	EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks);
	EXPECT_EQ(percpu_alloc_stats().bytes, before.bytes);
}

static void alloc_largest(void *arg)
{
	*(void **)arg = __alloc_percpu(PERCPU_ALLOC_MAX, PAGE_SIZE);
}

/* No room, so a chunk is made; meanwhile another frees what would do. The chunk is used all the same: empty, it would stay for ever. */
KTEST(percpu, fresh_chunk_is_used)
{
	struct percpu_alloc_stats before = percpu_alloc_stats();
	void *largest[64], *last = NULL;
	struct worker other;
	unsigned int nr = 0;

	KTEST_NEEDS(SCHED_POINTS);
	ASSERT(worker_start(&other, another_cpu(), false));
	do
		alloc_largest(&largest[nr]);
	while (largest[nr++] && nr < 60 && percpu_alloc_stats().chunks == before.chunks);
	for (unsigned int i = 0; i < 3; i++) /* four fill a chunk */
		alloc_largest(&largest[nr++]);
	EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks + 1);
	sched_hold("pcpu:fresh");
	worker_post(&other, alloc_largest, &last);
	EXPECT(sched_wait_held("pcpu:fresh", 2000));
	free_percpu(largest[--nr]);
	sched_release("pcpu:fresh");
	worker_wait(&other);
	worker_stop(&other);
	EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks + 2);
	free_percpu(last);
	while (nr--)
		free_percpu(largest[nr]);
	EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks);
}

/* What is freed is given out again, zeroed again, and alignment is kept in every instance. */
KTEST(percpu, reuse_and_alignment)
{
	char *keep = __alloc_percpu(24, 8), *p, *q;
	unsigned int cpu;

	p = __alloc_percpu(100, 64);
	ASSERT(keep && p);
	for_each_cpu(cpu, cpu_possible_mask) {
		EXPECT(IS_ALIGNED((vaddr_t)percpu_ptr(p, cpu), 64));
		memset(percpu_ptr(p, cpu), 0xff, 100);
	}
	free_percpu(p);
	q = __alloc_percpu(100, 64);
	EXPECT(q == p);
	for_each_cpu(cpu, cpu_possible_mask)
		EXPECT_EQ(*(percpu_ptr(q, cpu) + 99), 0);
	free_percpu(q);
	free_percpu(keep);
}

KTEST(percpu, bad_calls_change_nothing)
{
	struct percpu_alloc_stats before = percpu_alloc_stats(), now;
	char *p = __alloc_percpu(64, 16), *behind = __alloc_percpu(64, 16); /* keeps the chunk alive */
	unsigned int stranger;

	ASSERT(p && behind);
	warn_expected(true);
	EXPECT(!__alloc_percpu(0, 8));
	EXPECT(!__alloc_percpu(PERCPU_ALLOC_MAX + 1, 8));
	EXPECT(!__alloc_percpu(8, 3));
	EXPECT(!__alloc_percpu(8, 2 * PERCPU_ALLOC_ALIGN));
	free_percpu(p + 16);
	free_percpu(p + 1);
	free_percpu(&stranger);
	now = percpu_alloc_stats();
	EXPECT_EQ(now.bytes, before.bytes + 2 * 64);
	free_percpu(p);
	free_percpu(p);
	EXPECT_EQ(percpu_alloc_stats().bytes, before.bytes + 64);
	warn_expected(false);
	free_percpu(NULL);
	free_percpu(behind);
	EXPECT_EQ(percpu_alloc_stats().bytes, before.bytes);
}

/* Pages come with the objects that need them, in every unit; what lies between units never does. */
KTEST(percpu, pages_come_when_needed)
{
	char *large = __alloc_percpu(PERCPU_ALLOC_MAX, PAGE_SIZE), *p, *behind;
	const struct vm_struct *unit;
	unsigned int cpu;

	ASSERT(large);
	unit = find_vm_area(large);
	p = (char *)unit->addr + get_vm_area_size(unit) - PAGE_SIZE; /* nobody has it */
	behind = (char *)unit->addr + get_vm_area_size(unit);
	for_each_cpu(cpu, cpu_possible_mask) {
		EXPECT_EQ(probe_write(percpu_ptr(large, cpu)), PROBE_OK);
		EXPECT_EQ(probe_write(percpu_ptr(large, cpu) + PERCPU_ALLOC_MAX - 1), PROBE_OK);
		EXPECT_EQ(probe_read(percpu_ptr(p, cpu), NULL), PROBE_NOT_PRESENT);
		EXPECT_EQ(probe_read(percpu_ptr(behind, cpu), NULL), PROBE_NOT_PRESENT);
	}
	free_percpu(large);
	vm_unmap_aliases();
	EXPECT(find_vm_area(large) || probe_read(large, NULL) == PROBE_NOT_PRESENT);
}

/* Let the n-th allocation fail, for n = 1, 2 ... until none is reached. How many did the caller in? The runner compares. */
static unsigned int refuse_each(enum inject_site site)
{
	struct percpu_alloc_stats before = percpu_alloc_stats();
	unsigned int failed = 0;

	for (unsigned int n = 1, unreached = 0; !unreached; n++) {
		void *p;

		vmalloc_shrink();
		inject_set(site, n);
		p = __alloc_percpu(PERCPU_ALLOC_MAX, PAGE_SIZE);
		unreached = inject_clear(site);
		failed += !p;
		free_percpu(p);
		EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks);
		expect_parity();
	}
	return failed;
}

KTEST(percpu, every_allocation_may_fail)
{
	KTEST_NEEDS(FAULT_INJECT);

	EXPECT(refuse_each(INJECT_PAGE) >= 4);
	EXPECT(refuse_each(INJECT_SLAB) >= 8);
	refuse_each(INJECT_TABLE); /* the tables may have been there */
	EXPECT_EQ(vmalloc_check(), 0);
}

#define ROUNDS 1000

static void count_here(void *arg)
{
	unsigned long *hits = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		preempt_disable();
		++*this_percpu_ptr(hits);
		preempt_enable();
	}
}

/* Every CPU counts in its own instance, in a process that was there before the memory was: no fault, nothing lost. */
KTEST(percpu, each_cpu_counts_for_itself)
{
	static struct crew crew;
	unsigned long *hits, sum = 0;
	unsigned int cpu;

	ASSERT(crew_start(&crew, 1));
	hits = alloc_percpu(unsigned long);
	if (EXPECT(hits)) {
		crew_call(&crew, count_here, hits);
		for_each_cpu(cpu, cpu_possible_mask)
			sum += *percpu_ptr(hits, cpu);
		EXPECT_EQ(sum, crew.nr * ROUNDS);
		EXPECT_EQ(*percpu_ptr(hits, crew.worker[0].cpu), ROUNDS);
	}
	free_percpu(hits);
	crew_stop(&crew);
}
