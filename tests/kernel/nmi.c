/* SPDX-License-Identifier: MIT */
/*
 * NMI storms. The handler reads and writes memory of all kinds that live in vmalloc space; it strikes in the middle of
 * thread switches, CR3 loads and mappings; nothing is lost and nothing faults (the runner counts faults).
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/irq.h>
#include <kernel/process.h>
#include <kernel/rcupdate.h>
#include <kernel/trace.h>
#include <kernel/xarray.h>
#include <mm/percpu_alloc.h>

#define STORM_MS  250
#define BURST	  20 /* of switches; then a worker sleeps, so that the other CPUs get something of the emulator */
#define WAIT_US	  500000
#define XA_INDEX  77

/* What the handler touches. */
static struct {
	unsigned long *hits;	 /* alloc_percpu */
	unsigned long *in_area;	 /* vmalloc: a page a CPU */
	atomic_t bad;
	bool traced;
	unsigned int rounds; /* each CPU was struck so many times */
} storm;
static DEFINE_XARRAY(storm_xa);

static unsigned long *word_of(unsigned int cpu)
{
	return storm.in_area + cpu * (PAGE_SIZE / sizeof(long));
}

static void strike(struct trap_frame *frame)
{
	unsigned int cpu = smp_processor_id();

	(void)frame;
	rcu_read_lock();
	if (xa_load(&storm_xa, XA_INDEX) != xa_mk_value(XA_INDEX))
		atomic_inc(&storm.bad);
	rcu_read_unlock();
	++*word_of(cpu);
	trace(TRACE_MARK, cpu, *word_of(cpu), 0);
	WRITE_ONCE(*per_cpu_ptr(storm.hits, cpu), *per_cpu_ptr(storm.hits, cpu) + 1);
}

static void count_mark(void *ctx, const struct trace_record *r)
{
	unsigned long *marks = ctx;

	*marks += r->event == TRACE_MARK;
}

static bool storm_begin(void)
{
	storm.hits = alloc_percpu(unsigned long);
	storm.in_area = vzalloc(MAX_CPUS * PAGE_SIZE);
	atomic_set(&storm.bad, 0);
	storm.rounds = 0;
	storm.traced = !trace_enabled && trace_start("mark") == 0;
	xa_store(&storm_xa, XA_INDEX, xa_mk_value(XA_INDEX), GFP_KERNEL);
	if (!EXPECT(storm.hits && storm.in_area))
		return false;
	REPLACE_HANDLER(arch_set_nmi_handler(strike));
	return true;
}

/* One NMI to a CPU, and wait for it: two that are sent at once may arrive as one. */
static void strike_at(unsigned int cpu)
{
	unsigned long before = READ_ONCE(*per_cpu_ptr(storm.hits, cpu));

	arch_send_nmi(cpu);
	for (unsigned int us = 0; us < WAIT_US && READ_ONCE(*per_cpu_ptr(storm.hits, cpu)) == before; us++)
		arch_udelay(1);
}

/* All CPUs in turn, twice at least, for a while. */
static void storm_rage(void (*between)(void))
{
	u64 end = arch_uptime_ms() + STORM_MS;
	unsigned int cpu;

	for (storm.rounds = 0; storm.rounds < 2 || arch_uptime_ms() < end; storm.rounds++) {
		for_each_online_cpu(cpu)
			strike_at(cpu);
		if (between)
			between();
	}
}

static void storm_end(void)
{
	unsigned long marks = 0;
	unsigned int cpu;

	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	if (storm.hits && storm.in_area) {
		for_each_online_cpu(cpu) {
			EXPECT_EQ(*per_cpu_ptr(storm.hits, cpu), storm.rounds);
			EXPECT_EQ(*word_of(cpu), storm.rounds);
		}
	}
	EXPECT_EQ(atomic_read(&storm.bad), 0);
	ktest_note("%u NMIs to each CPU", storm.rounds);
	if (storm.traced) {
		trace_stop();
		trace_for_each(count_mark, &marks);
		EXPECT_EQ(marks + trace_lost(), storm.rounds * num_online_cpus());
		trace_release();
	}
	free_percpu(storm.hits);
	vfree(storm.in_area);
	xa_destroy(&storm_xa);
}

/* --- what is struck ----------------------------------------------------------------------------------------------- */

static bool calm;

/* Two of these on a CPU, in two processes: every call changes stack and CR3. */
static void switch_all_the_time(void *arg)
{
	(void)arg;
	for (unsigned int i = 1; !READ_ONCE(calm); i++) {
		schedule();
		if (i % BURST == 0)
			msleep(1);
	}
}

static void change_tables_all_the_time(void *arg)
{
	struct mm_struct *mm = arg;

	for (unsigned int i = 1; !READ_ONCE(calm); i++) {
		kthread_use_mm(mm);
		kthread_unuse_mm(mm);
		if (i % BURST == 0)
			msleep(1);
	}
}

KTEST(nmi, storm_over_thread_switches)
{
	static struct crew one, two;

	calm = false;
	ASSERT(crew_start(&one, 1) && crew_start(&two, 1));
	if (storm_begin()) { /* the memory is younger than the processes */
		for (unsigned int i = 0; i < one.nr; i++) {
			worker_post(&one.worker[i], switch_all_the_time, NULL);
			worker_post(&two.worker[i], switch_all_the_time, NULL);
		}
		storm_rage(NULL);
	}
	WRITE_ONCE(calm, true);
	crew_stop(&two);
	crew_stop(&one);
	storm_end();
}

KTEST(nmi, storm_over_cr3_loads)
{
	static struct worker workers[CREW_MOST];
	struct mm_struct *mm = mm_create();
	unsigned int cpu, nr = 0;

	calm = false;
	ASSERT(mm);
	if (storm_begin()) {
		for_each_online_cpu(cpu)
			if (nr < CREW_MOST && EXPECT(worker_start(&workers[nr], cpu, false)))
				worker_post(&workers[nr++], change_tables_all_the_time, mm);
		storm_rage(NULL);
	}
	WRITE_ONCE(calm, true);
	while (nr)
		worker_stop(&workers[--nr]);
	mm_destroy(mm);
	storm_end();
}

/* --- new top entries while the storm goes on ---------------------------------------------------------------------- */

static void map_in_between(void)
{
	void *p = vmalloc_in_fresh_slot(2 * PAGE_SIZE);

	if (!p)
		p = vmalloc(2 * PAGE_SIZE);
	EXPECT(p);
	vfree(p);
}

KTEST(nmi, storm_over_mappings)
{
	static struct crew crew;

	calm = false;
	ASSERT(crew_start(&crew, 1));
	if (storm_begin()) {
		for (unsigned int i = 0; i < crew.nr; i++)
			worker_post(&crew.worker[i], switch_all_the_time, NULL);
		storm_rage(map_in_between);
	}
	WRITE_ONCE(calm, true);
	crew_stop(&crew);
	storm_end();
}

/* --- ring 3 ------------------------------------------------------------------------------------------------------- */

#define CALLERS_MOST 8u

/* Programs go in and out of the kernel all the time: entry, SWAPGS and IRET are struck as well. */
KTEST(nmi, storm_over_system_calls)
{
	struct process *caller[CALLERS_MOST];
	unsigned int nr = min(num_online_cpus(), CALLERS_MOST);
	char *stop = vzalloc(PAGE_SIZE);
	void *original;

	ASSERT(stop);
	original = kbuf_replace(stop, PAGE_SIZE);
	for (unsigned int i = 0; i < nr; i++)
		caller[i] = process_spawn("caller");
	if (storm_begin()) /* the memory is younger than the processes */
		storm_rage(NULL);
	WRITE_ONCE(*stop, 1);
	for (unsigned int i = 0; i < nr; i++)
		EXPECT(caller[i] && process_wait(caller[i]) == 0);
	storm_end();
	kbuf_replace(original, 4 * PAGE_SIZE);
	vfree(stop);
}
