/* SPDX-License-Identifier: MIT */
/* Grace periods: they end, they do not end too early, and what waits for them is freed. */
#include "places.h"
#include "worker.h"

#include <arch/barrier.h>
#include <arch/context.h>
#include <arch/irq.h>
#include <kernel/preempt.h>
#include <kernel/rcupdate.h>
#include <kernel/xarray.h>
#include <mm/slab.h>

/* --- they end ----------------------------------------------------------------------------------------------------- */

KTEST(rcu, idle_cpus_hold_nothing_up)
{
	unsigned long before = rcu_counters().grace_periods;
	u64 start = arch_uptime_ms();

	synchronize_rcu();
	EXPECT(rcu_counters().grace_periods > before);
	EXPECT(arch_uptime_ms() - start < 2000);
}

struct numbered {
	struct rcu_head head;
	unsigned int number;
};

static unsigned int next_number;

static void expect_number(struct rcu_head *head)
{
	EXPECT_EQ(container_of(head, struct numbered, head)->number, next_number);
	EXPECT(!in_interrupt() && !irqs_disabled());
	next_number++;
}

KTEST(rcu, barrier_waits_for_all_in_order)
{
	static struct numbered callbacks[50];

	next_number = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(callbacks); i++) {
		callbacks[i].number = i;
		call_rcu(&callbacks[i].head, expect_number);
	}
	rcu_barrier();
	EXPECT_EQ(next_number, ARRAY_SIZE(callbacks));
}

struct freed_later {
	u64 something;
	struct rcu_head rcu;
};

/* The runner would find what is not freed. */
KTEST(rcu, kfree_rcu)
{
	unsigned long before = rcu_counters().callbacks;

	for (unsigned int i = 0; i < 100; i++) {
		struct freed_later *object = kmalloc(sizeof(*object), GFP_KERNEL);

		ASSERT(object);
		kfree_rcu(object, rcu);
	}
	rcu_barrier();
	EXPECT(rcu_counters().callbacks >= before + 100);
}

/* --- they do not end too early ------------------------------------------------------------------------------------ */

/* A reader that stays in its section until it is told to leave. It must not sleep, so it spins. */
struct reader {
	struct worker worker;
	bool no_preemption, entered, leave;
};

static void read_until_told(void *arg)
{
	struct reader *r = arg;

	if (r->no_preemption)
		preempt_disable();
	else
		rcu_read_lock();
	rcu_read_lock(); /* they nest */
	rcu_read_unlock();
	smp_store_release(&r->entered, true);
	while (!READ_ONCE(r->leave))
		cpu_relax();
	if (r->no_preemption)
		preempt_enable();
	else
		rcu_read_unlock();
}

static bool reader_start(struct reader *r, unsigned int cpu, bool no_preemption)
{
	*r = (struct reader){ .no_preemption = no_preemption };
	if (!EXPECT(worker_start(&r->worker, cpu, false)))
		return false;
	worker_post(&r->worker, read_until_told, r);
	while (!smp_load_acquire(&r->entered))
		msleep(1);
	return true;
}

static void reader_stop(struct reader *r)
{
	WRITE_ONCE(r->leave, true);
	worker_stop(&r->worker);
}

/* Without sleeping, so that a reader on the same CPU is preempted again and again. */
static void stay_awake(unsigned int ms)
{
	for (u64 end = arch_uptime_ms() + ms; arch_uptime_ms() < end;)
		cpu_relax();
}

static bool callback_ran;

static void note_run(struct rcu_head *head)
{
	(void)head;
	WRITE_ONCE(callback_ran, true);
}

static cpumask_t places;

static void move_thread(struct rcu_head *head)
{
	(void)head;
	EXPECT_EQ(set_affinity(current, &places), 0);
}

/*
 * Where the thread runs that makes grace periods: the callback moves it. On the reader's CPU it would preempt the
 * reader.
 */
static void keep_callbacks_here(bool here)
{
	static struct rcu_head head;

	places = (cpumask_t){ 0 };
	if (here)
		cpumask_set(&places, smp_processor_id());
	else
		bitmap_fill(places.bits, MAX_CPUS);
	call_rcu(&head, move_thread);
	rcu_barrier();
}

static void expect_to_be_waited_for(unsigned int cpu, bool no_preemption)
{
	static struct rcu_head head;
	static struct reader reader;

	keep_callbacks_here(true);
	callback_ran = false;
	if (!reader_start(&reader, cpu, no_preemption))
		return;
	call_rcu(&head, note_run);
	stay_awake(100);
	EXPECT(!READ_ONCE(callback_ran));
	reader_stop(&reader);
	rcu_barrier();
	EXPECT(READ_ONCE(callback_ran));
	keep_callbacks_here(false);
}

KTEST(rcu, waits_for_a_preempted_reader)
{
	expect_to_be_waited_for(smp_processor_id(), false);
}

KTEST(rcu, waits_for_a_running_reader)
{
	if (!have_two_cpus())
		KTEST_SKIP("the reader would be preempted");
	expect_to_be_waited_for(another_cpu(), false);
}

KTEST(rcu, waits_for_code_with_preemption_off)
{
	if (!have_two_cpus())
		KTEST_SKIP("the only CPU would never come back");
	expect_to_be_waited_for(another_cpu(), true);
}

/* A reader that began after the callback was queued, and others that follow each other, hold nothing up for ever. */
static void read_for_a_while(void *arg)
{
	bool *stop = arg;

	while (!READ_ONCE(*stop)) {
		rcu_read_lock();
		for (unsigned int i = 0; i < 1000; i++)
			cpu_relax();
		rcu_read_unlock();
	}
}

KTEST(rcu, readers_in_turn_hold_nothing_up)
{
	static struct worker workers[2];
	static bool stop;

	stop = false;
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT(worker_start(&workers[i], another_cpu(), false));
		worker_post(&workers[i], read_for_a_while, &stop);
	}
	synchronize_rcu();
	synchronize_rcu();
	WRITE_ONCE(stop, true);
	for (unsigned int i = 0; i < 2; i++)
		worker_stop(&workers[i]);
}

/* --- objects that are replaced under their readers ---------------------------------------------------------------- */

#define UPDATES 100
#define POISON	0xdeadul

struct pair {
	unsigned long value, inverse;
	struct rcu_head rcu;
};

static struct pair *published;
static bool readers_stop;
static atomic_t reads, bad_reads;

static void check_pair(void *arg)
{
	(void)arg;
	while (!READ_ONCE(readers_stop)) {
		const struct pair *pair;

		rcu_read_lock();
		pair = rcu_dereference(published);
		for (unsigned int i = 0; i < 100; i++)
			if (READ_ONCE(pair->value) != ~READ_ONCE(pair->inverse))
				atomic_inc(&bad_reads);
		rcu_read_unlock();
		atomic_inc(&reads);
		if (atomic_read(&reads) % 16 == 0)
			schedule();
	}
}

static void poison_and_free(struct rcu_head *head)
{
	struct pair *pair = container_of(head, struct pair, rcu);

	WRITE_ONCE(pair->value, POISON);
	WRITE_ONCE(pair->inverse, POISON);
	kfree(pair);
}

static bool publish(unsigned long value)
{
	struct pair *pair = kmalloc(sizeof(*pair), GFP_KERNEL), *old = published;

	if (!pair)
		return false;
	pair->value = value;
	pair->inverse = ~value;
	rcu_assign_pointer(published, pair);
	if (old)
		call_rcu(&old->rcu, poison_and_free);
	return true;
}

KTEST(rcu, readers_never_see_what_is_freed)
{
	static struct crew crew;

	readers_stop = false;
	atomic_set(&reads, 0);
	atomic_set(&bad_reads, 0);
	ASSERT(publish(0));
	ASSERT(crew_start(&crew, 2));
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_post(&crew.worker[i], check_pair, NULL);
	for (unsigned int i = 1; i < UPDATES; i++) {
		EXPECT(publish(i));
		if (i % 10 == 0)
			msleep(1);
	}
	WRITE_ONCE(readers_stop, true);
	crew_stop(&crew);
	rcu_barrier();
	EXPECT(atomic_read(&reads) > 0);
	EXPECT_EQ(atomic_read(&bad_reads), 0);
	kfree(published);
	published = NULL;
}

/* --- 11: the head by which an object waits for its grace period must not lie over the link that readers follow ---- */

struct linked {
	struct linked *next;
	unsigned long value;
	struct rcu_head rcu;
};

static struct linked *first_link;
static struct reader *m11_reader;

/* Stands on the first element until told to go on, then follows its link. */
static void stand_and_go_on(void *arg)
{
	unsigned long *seen = arg;
	const struct linked *link;

	rcu_read_lock();
	link = rcu_dereference(first_link);
	smp_store_release(&m11_reader->entered, true);
	while (!READ_ONCE(m11_reader->leave))
		cpu_relax();
	seen[0] = link->value;
	link = rcu_dereference(link->next);
	seen[1] = link ? link->value : 0;
	rcu_read_unlock();
}

KTEST(museum, m11_rcu_head_over_the_link)
{
	static struct linked second;
	static struct reader reader;
	static unsigned long seen[2];
	struct linked *first = kmalloc(sizeof(*first), GFP_KERNEL);

	ASSERT(first);
	reader = (struct reader){ 0 };
	m11_reader = &reader;
	second = (struct linked){ .value = 22 };
	*first = (struct linked){ .next = &second, .value = 11 };
	rcu_assign_pointer(first_link, first);
	ASSERT(worker_start(&reader.worker, another_cpu(), false));
	worker_post(&reader.worker, stand_and_go_on, seen);
	while (!smp_load_acquire(&reader.entered))
		msleep(1);
	rcu_assign_pointer(first_link, &second);
	kfree_rcu(first, rcu);
	msleep(40);
	reader_stop(&reader);
	EXPECT_EQ(seen[0], 11);
	EXPECT_EQ(seen[1], 22);
	rcu_barrier();
}

/* --- who uses it -------------------------------------------------------------------------------------------------- */

/* Nodes of an xarray that went empty are unlinked at once and freed when nobody can stand in them any more. */
KTEST(rcu, xarray_gives_empty_nodes_back)
{
	static DEFINE_XARRAY(xa);
	unsigned long nodes = xa_nr_nodes(), callbacks = rcu_counters().callbacks;

	EXPECT(!xa_is_err(xa_store(&xa, 5, xa_mk_value(5), GFP_KERNEL)));
	EXPECT(!xa_is_err(xa_store(&xa, 1ul << 20, xa_mk_value(6), GFP_KERNEL)));
	EXPECT(xa_nr_nodes() >= nodes + 5);
	xa_erase(&xa, 1ul << 20);
	xa_erase(&xa, 5);
	EXPECT_EQ(xa_nr_nodes(), nodes);
	rcu_barrier();
	EXPECT(rcu_counters().callbacks >= callbacks + 5);
	xa_destroy(&xa);
}

/* A kernel page table outlives its unlinking while somebody may be walking through it. */
KTEST(rcu, page_tables_wait_for_walkers)
{
	static struct reader reader;
	unsigned long tables;
	struct piece p;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (piece_get(&p) && EXPECT_EQ(piece_map(&p, 0, PAGE_SIZE, PAGE_SHIFT), 0)) {
		piece_unmap(&p, 0, PAGE_SIZE);
		rcu_barrier();
		tables = pgtable_kernel_pages();
		if (reader_start(&reader, another_cpu(), false)) {
			pgtable_clear_tables(&kernel_pgtable, p.addr, p.addr + BLOCK_SIZE, pt_level[2].shift);
			EXPECT_EQ(level_at(p.addr), 2);
			msleep(40);
			EXPECT_EQ(pgtable_kernel_pages(), tables);
			reader_stop(&reader);
		}
		rcu_barrier();
		EXPECT_EQ(pgtable_kernel_pages(), tables - 1);
	}
	piece_put(&p);
}

/* --- stalls ------------------------------------------------------------------------------------------------------- */

static void expect_stall_report(unsigned int cpu)
{
	static struct reader reader;
	unsigned long before = rcu_counters().stalls;
	unsigned int usual = rcu_stall_ms;
	static struct rcu_head head;

	if (!reader_start(&reader, cpu, false))
		return;
	WRITE_ONCE(rcu_stall_ms, 50);
	call_rcu(&head, note_run);
	for (unsigned int i = 0; i < 200 && rcu_counters().stalls == before; i++)
		stay_awake(10);
	EXPECT(rcu_counters().stalls > before);
	WRITE_ONCE(rcu_stall_ms, usual);
	reader_stop(&reader);
	rcu_barrier();
}

KTEST(rcu, stall_names_the_thread)
{
	expect_stall_report(smp_processor_id());
}

KTEST(rcu, stall_names_the_cpu)
{
	if (!have_two_cpus())
		KTEST_SKIP("the reader would be preempted");
	expect_stall_report(another_cpu());
}
