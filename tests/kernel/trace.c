/* SPDX-License-Identifier: MIT */
/* The trace rings, and the events that hang at the choke points. */
#include "handlers.h"
#include "worker.h"

#include <arch/fault.h>
#include <arch/irq.h>
#include <kernel/preempt.h>
#include <kernel/smp.h>
#include <kernel/trace.h>
#include <mm/vmalloc.h>

#define TRACE_SLOTS 2048u
#define MAGIC	    0x5a5a1234ul

/* Marks carry a checksum, so that a torn record shows. */
static void mark(unsigned long who, unsigned long n)
{
	trace(TRACE_MARK, who, n, who ^ n ^ MAGIC);
}

struct tally {
	unsigned long marks, torn, disorder;
	unsigned long backwards; /* steps back in time: by a record that an NMI came between */
	unsigned long next[MAX_CPUS]; /* by `who` */
	u64 time;
};

static void count_mark(void *ctx, const struct trace_record *r)
{
	struct tally *t = ctx;
	unsigned long who = r->arg[0] % ARRAY_SIZE(t->next);

	t->marks++;
	t->torn += r->event != TRACE_MARK || r->arg[2] != (r->arg[0] ^ r->arg[1] ^ MAGIC);
	t->disorder += r->arg[1] < t->next[who];
	t->backwards += r->time < t->time;
	t->time = r->time;
	t->next[who] = r->arg[1] + 1;
}

static struct tally tally_marks(void)
{
	struct tally t = { 0 };

	trace_stop();
	trace_for_each(count_mark, &t);
	return t;
}

#define NEEDS_TRACE_OFF() do { \
	if (trace_enabled) \
		KTEST_SKIP("trace= is in use"); \
} while (0)

KTEST(trace, records_come_back_in_order)
{
	struct tally t;

	NEEDS_TRACE_OFF();
	mark(0, 100); /* off: nothing happens */
	ASSERT_EQ(trace_start("mark"), 0);
	preempt_disable();
	for (unsigned int i = 0; i < 100; i++)
		mark(0, i);
	preempt_enable();
	t = tally_marks();
	mark(0, 100);
	EXPECT_EQ(t.marks, 100);
	EXPECT_EQ(t.next[0], 100);
	EXPECT_EQ(t.torn + t.disorder + t.backwards, 0);
	EXPECT_EQ(trace_lost(), 0);
	EXPECT_EQ(tally_marks().marks, 100);
	trace_release();
	EXPECT_EQ(tally_marks().marks, 0);
}

KTEST(trace, events_are_chosen_by_name)
{
	NEEDS_TRACE_OFF();
	EXPECT_EQ(trace_start("no_such_event"), -EINVAL);
	EXPECT_EQ(trace_start("ipi_*,sched_switch"), 0);
	EXPECT_EQ(trace_enabled, BIT(TRACE_IPI_SEND) | BIT(TRACE_IPI_ACK) | BIT(TRACE_SCHED_SWITCH));
	EXPECT_EQ(trace_start("*"), 0);
	EXPECT_EQ(trace_enabled, BIT(NR_TRACE_EVENTS) - 1);
	trace_release();
}

/* A full ring forgets its oldest records and says how many. */
KTEST(trace, ring_wraps)
{
	struct tally t;

	NEEDS_TRACE_OFF();
	ASSERT_EQ(trace_start("mark"), 0);
	preempt_disable(); /* one ring, not two */
	for (unsigned int i = 0; i < 3 * TRACE_SLOTS + 7; i++)
		mark(0, i);
	preempt_enable();
	t = tally_marks();
	EXPECT_EQ(t.marks, TRACE_SLOTS);
	EXPECT_EQ(t.next[0], 3 * TRACE_SLOTS + 7);
	EXPECT_EQ(t.torn + t.disorder, 0);
	EXPECT_EQ(trace_lost(), 2 * TRACE_SLOTS + 7);
	trace_release();
}

/* --- from every CPU, and from NMI --------------------------------------------------------------------------------- */

#define ROUNDS 500

static void mark_often(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < ROUNDS; i++)
		mark(smp_processor_id(), i);
}

/* Workers in processes that are older than the rings: writing takes no fault. */
KTEST(trace, all_cpus_write)
{
	static struct crew crew;
	struct tally t;

	NEEDS_TRACE_OFF();
	ASSERT(crew_start(&crew, 1));
	EXPECT_EQ(trace_start("mark"), 0);
	crew_call(&crew, mark_often, NULL);
	t = tally_marks();
	EXPECT_EQ(t.marks, crew.nr * ROUNDS);
	EXPECT_EQ(t.torn + t.disorder + t.backwards + trace_lost(), 0);
	trace_release();
	crew_stop(&crew);
}

static unsigned long nmi_marks, thread_marks;
static bool enough;

static void mark_until_told(void *arg)
{
	(void)arg;
	while (!READ_ONCE(enough))
		mark(smp_processor_id() % 8, thread_marks++);
}

static void mark_from_nmi(struct trap_frame *frame)
{
	(void)frame;
	mark(8, nmi_marks++);
}

#define NMIS 50

/* NMIs strike anywhere in the middle of a record: neither theirs nor the other is lost. */
KTEST(trace, nmi_writes_in_between)
{
	struct worker w;
	struct tally t;

	NEEDS_TRACE_OFF();
	ASSERT(worker_start(&w, another_cpu(), true));
	nmi_marks = thread_marks = 0;
	enough = false;
	EXPECT_EQ(trace_start("mark"), 0);
	REPLACE_HANDLER(arch_set_nmi_handler(mark_from_nmi));
	worker_post(&w, mark_until_told, NULL);
	for (unsigned int i = 0; i < NMIS; i++) {
		arch_send_nmi(w.cpu);
		for (unsigned int us = 0; us < 500000 && READ_ONCE(nmi_marks) <= i; us++)
			arch_udelay(1);
	}
	WRITE_ONCE(enough, true);
	worker_wait(&w);
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	t = tally_marks();
	EXPECT_EQ(nmi_marks, NMIS);
	EXPECT_EQ(t.marks + trace_lost(), thread_marks + NMIS);
	EXPECT(t.marks && t.backwards <= NMIS);
	EXPECT_EQ(t.torn + t.disorder, 0);
	trace_release();
	worker_stop(&w);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct wanted {
	enum trace_event event;
	unsigned long a, b;
	bool any_b;
	unsigned int found;
};

static void look_for(void *ctx, const struct trace_record *r)
{
	struct wanted *w = ctx;

	w->found += r->event == w->event && r->arg[0] == w->a && (w->any_b || r->arg[1] == w->b);
}

static unsigned int times_recorded(enum trace_event event, unsigned long a, unsigned long b, bool any_b)
{
	struct wanted w = { event, a, b, any_b, 0 };

	trace_for_each(look_for, &w);
	return w.found;
}

KTEST(trace, memory_events)
{
	vaddr_t at;
	void *p;

	NEEDS_TRACE_OFF();
	ASSERT_EQ(trace_start("*"), 0);
	p = vmalloc(2 * PAGE_SIZE);
	at = (vaddr_t)p;
	vfree(p);
	vm_unmap_aliases();
	EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	trace_stop();
	EXPECT(p && times_recorded(TRACE_ALLOC_VMAP_AREA, at, 3 * PAGE_SIZE, false) >= 1);
	EXPECT(times_recorded(TRACE_FREE_VMAP_AREA_NOFLUSH, at, 0, true) >= 1);
	EXPECT(times_recorded(TRACE_TLB_FLUSH, 0, 0, false) >= 1);
	EXPECT(times_recorded(TRACE_PAGE_FAULT, at, 0, true) >= 1);
	trace_release();
}

static void do_nothing(void *arg)
{
	(void)arg;
}

KTEST(trace, switches_are_recorded)
{
	struct worker w;

	NEEDS_TRACE_OFF();
	ASSERT(worker_start(&w, smp_processor_id(), false));
	EXPECT_EQ(trace_start("sched_switch"), 0);
	worker_call(&w, do_nothing, NULL);
	trace_stop();
	EXPECT(times_recorded(TRACE_SCHED_SWITCH, w.task->id, 0, true) >= 1);
	EXPECT(times_recorded(TRACE_SCHED_SWITCH, current->id, 0, true) >= 1);
	trace_release();
	worker_stop(&w);
}

/* --- interrupts between CPUs -------------------------------------------------------------------------------------- */

#define MAX_SERIALS 256

static struct {
	unsigned long serial;
	unsigned int from, to;
} sent[MAX_SERIALS];
static unsigned int nr_sent, nr_matched, nr_strange;

static void match_ipis(void *ctx, const struct trace_record *r)
{
	(void)ctx;
	if (r->event == TRACE_IPI_SEND && nr_sent < MAX_SERIALS) {
		sent[nr_sent].serial = r->arg[2];
		sent[nr_sent].from = r->cpu;
		sent[nr_sent++].to = (unsigned int)r->arg[0];
	}
	for (unsigned int i = 0; r->event == TRACE_IPI_ACK && i < nr_sent; i++) {
		if (sent[i].serial != r->arg[2])
			continue;
		nr_matched++;
		nr_strange += sent[i].from != r->arg[0] || sent[i].to != r->cpu;
	}
}

static void call_everybody(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 5; i++)
		on_each_cpu(do_nothing, NULL, true);
}

/*
 * Each that arrives names who sent it; a sender waits here for its answers, so all arrive. Not all come from one CPU.
 */
KTEST(trace, ipi_ends_belong_together)
{
	struct worker w;

	NEEDS_TRACE_OFF();
	if (!have_two_cpus())
		KTEST_SKIP("one CPU sends nobody an interrupt");
	nr_sent = nr_matched = nr_strange = 0;
	ASSERT(worker_start(&w, another_cpu(), false));
	EXPECT_EQ(trace_start("ipi_*"), 0);
	call_everybody(NULL);
	worker_call(&w, call_everybody, NULL);
	trace_stop();
	trace_for_each(match_ipis, NULL);
	EXPECT(nr_sent >= 10);
	EXPECT(nr_matched >= 10);
	EXPECT_EQ(nr_strange, 0);
	trace_release();
	worker_stop(&w);
}
