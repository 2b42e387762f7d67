/* SPDX-License-Identifier: MIT */
/* Per-CPU memory made at run time. */
#include "worker.h"

#include "places.h"

#include <arch/context.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/inject.h>
#include <kernel/preempt.h>
#include <kernel/schedule_point.h>
#include <kernel/smp.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/percpu_alloc.h>
#include <mm/vmalloc.h>

#define MANY   300
#define ROUNDS 1000

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
		EXPECT(is_vmalloc_addr(per_cpu_ptr(objects[i], 0)));
		for_each_cpu(cpu, cpu_possible_mask) {
			struct object *o = per_cpu_ptr(objects[i], cpu);

			EXPECT(!o->first && !o->last);
			*o = (struct object){ tag(i, cpu), ~tag(i, cpu) };
		}
	}
	for (unsigned int i = 0; i < MANY; i++) {
		for_each_cpu(cpu, cpu_possible_mask) {
			EXPECT_EQ(per_cpu_ptr(objects[i], cpu)->first, tag(i, cpu));
			EXPECT_EQ(per_cpu_ptr(objects[i], cpu)->last, ~tag(i, cpu));
		}
		free_percpu(objects[i]);
	}
}

/* --- one rule for static and for dynamic memory ------------------------------------------------------------------- */

static DEFINE_PER_CPU(struct object, fixed);

/* The same accessors, with one word each by pointer and by name; `dynamic` is what alloc_percpu() gave. */
static void count_both_ways(void *arg)
{
	struct object *dynamic = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		preempt_disable();
		++this_cpu_ptr(dynamic)->first;
		++this_cpu_ptr(&fixed)->first;
		preempt_enable();
		this_cpu_add(dynamic->last, 1);
		this_cpu_add(fixed.last, 1);
	}
}

static void expect_counts(struct object *p, unsigned int cpu, unsigned long rounds)
{
	EXPECT_EQ(per_cpu_ptr(p, cpu)->first, rounds);
	EXPECT_EQ(per_cpu_ptr(p, cpu)->last, rounds);
	*per_cpu_ptr(p, cpu) = (struct object){ 0 };
}

static void count_and_compare(struct crew *crew, struct object *dynamic)
{
	crew_call(crew, count_both_ways, dynamic);
	for (unsigned int i = 0; i < crew->nr; i++) {
		expect_counts(dynamic, crew->worker[i].cpu, ROUNDS);
		expect_counts(&fixed, crew->worker[i].cpu, ROUNDS);
	}
}

/* From one CPU's instance to another's it is as far in dynamic memory as among static variables. */
KTEST(percpu, one_rule_for_both)
{
	static struct crew crew;
	struct object *dynamic = alloc_percpu(struct object);
	unsigned int cpu;

	ASSERT(dynamic);
	for_each_cpu(cpu, cpu_possible_mask) {
		ASSERT(is_vmalloc_addr(per_cpu_ptr(dynamic, cpu)));
		ASSERT((vaddr_t)per_cpu_ptr(dynamic, cpu) - (vaddr_t)per_cpu_ptr(dynamic, 0) ==
		       (vaddr_t)per_cpu_ptr(&fixed, cpu) - (vaddr_t)per_cpu_ptr(&fixed, 0));
	}
	WITH_CREW(crew, 1, count_and_compare(&crew, dynamic));
	for_each_cpu(cpu, cpu_possible_mask) {
		expect_counts(dynamic, cpu, 0);
		expect_counts(&fixed, cpu, 0);
	}
	free_percpu(dynamic);
}

/* The boot CPU was in the image first; nobody has kept a pointer to where that was. */
KTEST(percpu, boot_cpu_has_moved)
{
	extern const u8 __boot_percpu_start[];
	unsigned long written = 0;

	for (size_t i = 0; i < percpu_area_size(); i++)
		written += __boot_percpu_start[i] != PERCPU_LEFT;
	EXPECT_EQ(written, 0);
}

/* Areas are on the grid, and memory of their own; what was kept for CPUs that are not there has been given back. */
KTEST(percpu, areas_are_on_a_grid)
{
	vaddr_t first = per_cpu_offset[0], last = first, behind;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		EXPECT(IS_ALIGNED(per_cpu_offset[cpu], PAGE_SIZE));
		EXPECT_EQ((per_cpu_offset[cpu] - first) % PERCPU_STRIDE, 0);
		EXPECT_EQ(virt_to_page_checked(per_cpu_ptr(&fixed, cpu))->state, PAGE_RESERVED);
		last = max(last, per_cpu_offset[cpu]);
	}
	EXPECT_EQ((last - first) / PERCPU_STRIDE + 1, cpumask_weight(cpu_possible_mask));
	behind = last + (vaddr_t)__percpu_start + PERCPU_STRIDE;
	if (cpumask_weight(cpu_possible_mask) < MAX_CPUS)
		EXPECT(virt_to_page_checked((void *)behind)->state != PAGE_RESERVED);
}

/* --- chunks ------------------------------------------------------------------------------------------------------- */

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

#define QUARTER (PERCPU_UNIT_SIZE / 4)

static void alloc_quarter(void *arg)
{
	*(void **)arg = __alloc_percpu(QUARTER, PAGE_SIZE);
}

/* Fill what there is, and a new chunk. How many quarters that were. */
static unsigned int fill_a_new_chunk(void **quarter, unsigned int most)
{
	unsigned long chunks = percpu_alloc_stats().chunks;
	unsigned int nr = 0;

	do
		alloc_quarter(&quarter[nr]);
	while (quarter[nr++] && nr < most - 4 && percpu_alloc_stats().chunks == chunks);
	for (unsigned int i = 1; i < PERCPU_UNIT_SIZE / QUARTER; i++)
		alloc_quarter(&quarter[nr++]);
	EXPECT_EQ(percpu_alloc_stats().chunks, chunks + 1);
	return nr;
}

/*
 * No room, so a chunk is made; meanwhile another frees what would do. The chunk is used all the same: empty, it would
 * stay for ever.
 */
KTEST(percpu, fresh_chunk_is_used)
{
	struct percpu_alloc_stats before = percpu_alloc_stats();
	void *quarter[64], *last = NULL;
	struct worker other;
	unsigned int nr;

	KTEST_NEEDS(SCHED_POINTS);
	ASSERT(worker_start(&other, another_cpu(), false));
	nr = fill_a_new_chunk(quarter, ARRAY_SIZE(quarter));
	sched_hold("pcpu:fresh");
	worker_post(&other, alloc_quarter, &last);
	EXPECT(sched_wait_held("pcpu:fresh", 2000));
	free_percpu(quarter[--nr]);
	free_percpu(quarter[--nr]); /* neighbours: half a chunk, which fits better than a whole one */
	sched_release("pcpu:fresh");
	worker_wait(&other);
	worker_stop(&other);
	EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks + 2);
	free_percpu(last);
	while (nr--)
		free_percpu(quarter[nr]);
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
		EXPECT(IS_ALIGNED((vaddr_t)per_cpu_ptr(p, cpu), 64));
		memset(per_cpu_ptr(p, cpu), 0xff, 100);
	}
	free_percpu(p);
	q = __alloc_percpu(100, 64);
	EXPECT(q == p);
	for_each_cpu(cpu, cpu_possible_mask)
		EXPECT_EQ(*(per_cpu_ptr(q, cpu) + 99), 0);
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
	unit = find_vm_area(per_cpu_ptr(large, 0));
	EXPECT_EQ(get_vm_area_size(unit), PERCPU_UNIT_SIZE);
	behind = large - ((vaddr_t)per_cpu_ptr(large, 0) - (vaddr_t)unit->addr) + PERCPU_UNIT_SIZE;
	p = behind - PAGE_SIZE; /* nobody has it */
	for_each_cpu(cpu, cpu_possible_mask) {
		EXPECT_EQ(probe_write(per_cpu_ptr(large, cpu)), PROBE_OK);
		EXPECT_EQ(probe_write(per_cpu_ptr(large, cpu) + PERCPU_ALLOC_MAX - 1), PROBE_OK);
		EXPECT_EQ(probe_read(per_cpu_ptr(p, cpu), NULL), PROBE_NOT_PRESENT);
		EXPECT_EQ(probe_read(per_cpu_ptr(behind, cpu), NULL), PROBE_NOT_PRESENT);
	}
	free_percpu(large);
	vm_unmap_aliases();
	large = per_cpu_ptr(large, 0);
	EXPECT(find_vm_area(large) || probe_read(large, NULL) == PROBE_NOT_PRESENT);
}

/*
 * Let the n-th allocation fail, for n = 1, 2 ... until none is reached. How many did the caller in? The runner
 * compares.
 */
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

static void count_here(void *arg)
{
	unsigned long *hits = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		preempt_disable();
		++*this_cpu_ptr(hits);
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
			sum += *per_cpu_ptr(hits, cpu);
		EXPECT_EQ(sum, crew.nr * ROUNDS);
		EXPECT_EQ(*per_cpu_ptr(hits, crew.worker[0].cpu), ROUNDS);
	}
	free_percpu(hits);
	crew_stop(&crew);
}

/* --- all CPUs at once, and interrupts ----------------------------------------------------------------------------- */

#define CHURN_SLOTS  24u
#define CHURN_ROUNDS 400
#define CHURN_MS     300

static atomic_t wrong, refused;
static bool enough; /* interrupts */

static void put_stamped(char *p, size_t size, char stamp)
{
	preempt_disable();
	if (*this_cpu_ptr(p) != stamp || *this_cpu_ptr(p + size - 1) != stamp)
		atomic_inc(&wrong);
	preempt_enable();
	free_percpu(p);
}

/* Mostly small ones, some as large as they may be, so that chunks come and go; zeroed first, and then nobody else's. */
static char *get_stamped(size_t *size, u32 random, char stamp)
{
	char *p;

	*size = 1 + random % (random % 8 ? 600 : PERCPU_ALLOC_MAX);
	p = __alloc_percpu(*size, 1ul << random % 12);
	if (!p) {
		atomic_inc(&refused);
		return NULL;
	}
	preempt_disable();
	if (*this_cpu_ptr(p) || *this_cpu_ptr(p + *size - 1))
		atomic_inc(&wrong);
	*this_cpu_ptr(p) = *this_cpu_ptr(p + *size - 1) = stamp;
	preempt_enable();
	return p;
}

static void churn(void *arg)
{
	unsigned int cpu = smp_processor_id();
	struct { char *p; size_t size; } slot[CHURN_SLOTS] = { 0 };
	u32 random = cpu * 7919u + 1;

	(void)arg;
	for (unsigned int i = 0; i < CHURN_ROUNDS || !READ_ONCE(enough); i++) {
		unsigned int n = (random >> 24) % CHURN_SLOTS;

		random = random * 1664525 + 1013904223;
		if (slot[n].p)
			put_stamped(slot[n].p, slot[n].size, (char)(cpu + 1));
		slot[n].p = get_stamped(&slot[n].size, random >> 8, (char)(cpu + 1));
	}
	for (unsigned int n = 0; n < CHURN_SLOTS; n++)
		if (slot[n].p)
			put_stamped(slot[n].p, slot[n].size, (char)(cpu + 1));
}

/* In an interrupt: the one from last time goes, another comes if there are pages. */
static void one_in_a_handler(void *arg)
{
	char **mine = (char **)arg + smp_processor_id();

	free_percpu(*mine);
	*mine = __alloc_percpu_gfp(200, 8, GFP_ATOMIC);
	if (*mine && *this_cpu_ptr(*mine + 199))
		atomic_inc(&wrong);
	if (*mine)
		memset(this_cpu_ptr(*mine), 0x77, 200);
}

/* How many have got one. */
static unsigned int handlers_have(char **held)
{
	unsigned int cpu, nr = 0;

	on_each_cpu(one_in_a_handler, held, 1);
	for_each_online_cpu(cpu)
		nr += held[cpu] != NULL;
	return nr;
}

/* The others' threads take turns with this one where there is but one CPU. */
static unsigned int churn_under_interrupts(struct crew *crew, char **held)
{
	u64 start = arch_uptime_ms();
	unsigned int given = 0;

	WRITE_ONCE(enough, false);
	for (unsigned int i = 0; i < crew->nr; i++)
		worker_post(&crew->worker[i], churn, NULL);
	for (unsigned int i = 0; arch_uptime_ms() - start < CHURN_MS; i++) {
		given += handlers_have(held);
		if (i % 64 == 0)
			schedule();
	}
	WRITE_ONCE(enough, true);
	for (unsigned int i = 0; i < crew->nr; i++)
		worker_wait(&crew->worker[i]);
	return given;
}

/* Chunks are made, filled and destroyed by all CPUs while handlers on each of them take and give back. */
KTEST(percpu, churn_with_interrupts)
{
	struct percpu_alloc_stats before = percpu_alloc_stats();
	char *held[MAX_CPUS] = { NULL }, *keep;
	static struct crew crew;
	unsigned int given = 0, cpu;

	atomic_set(&wrong, 0);
	atomic_set(&refused, 0);
	WITH_CREW(crew, 1, given = churn_under_interrupts(&crew, held));
	EXPECT_EQ(percpu_alloc_check(), 0);
	keep = __alloc_percpu(200, PAGE_SIZE); /* in its page there is room for all handlers */
	EXPECT_EQ(handlers_have(held), num_online_cpus());
	for_each_online_cpu(cpu)
		free_percpu(held[cpu]);
	free_percpu(keep);
	percpu_alloc_drain();
	EXPECT_EQ(atomic_read(&wrong), 0);
	EXPECT_EQ(percpu_alloc_check(), 0);
	EXPECT_EQ(percpu_alloc_stats().chunks, before.chunks);
	ktest_note("%u objects given to handlers; %d refused to threads", given, atomic_read(&refused));
}

/* Who may not sleep gets what is there; and when nothing is, the next one finds a reserve. */
KTEST(percpu, atomic_finds_a_reserve)
{
	struct percpu_alloc_stats before = percpu_alloc_stats();
	void *first, *second = NULL;

	preempt_disable();
	first = __alloc_percpu_gfp(PERCPU_ALLOC_MAX, 8, GFP_ATOMIC);
	preempt_enable();
	if (!before.chunks)
		EXPECT(!first);
	for (unsigned int i = 0; i < 500 && !first && !second; i++) { /* the work runs when it is its turn */
		msleep(1);
		preempt_disable();
		second = __alloc_percpu_gfp(PERCPU_ALLOC_MAX, 8, GFP_ATOMIC);
		preempt_enable();
	}
	EXPECT(first || second);
	free_percpu(first);
	free_percpu(second);
	percpu_alloc_drain();
	EXPECT_EQ(percpu_alloc_stats().bytes, before.bytes);
	EXPECT_EQ(percpu_alloc_check(), 0);
}
