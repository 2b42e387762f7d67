/* SPDX-License-Identifier: MIT */
/* Threads: who runs, when it is preempted, where it may run. */
#include "handlers.h"
#include "worker.h"

#include <arch/barrier.h>
#include <arch/context.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <kernel/cmdline.h>
#include <kernel/completion.h>
#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <lib/atomic.h>
#include <lib/string.h>

#define PATIENCE_MS 5000

/* A thread that does nothing but run. */
struct spinner {
	struct task *task;
	unsigned long rounds;
	unsigned int cpu; /* where it was last */
	bool stop;
};

static void spin(void *arg)
{
	struct spinner *s = arg;

	while (!READ_ONCE(s->stop)) {
		WRITE_ONCE(s->cpu, smp_processor_id());
		WRITE_ONCE(s->rounds, s->rounds + 1);
		cpu_relax();
	}
}

static bool spinner_start(struct spinner *s, unsigned int cpu, int priority)
{
	*s = (struct spinner){ .task = thread_create(spin, s, "spinner"), .cpu = MAX_CPUS };
	if (!s->task)
		return false;
	set_affinity_cpu(s->task, cpu);
	set_priority(s->task, priority);
	wake_up_process(s->task);
	return true;
}

static void spinner_stop(struct spinner *s)
{
	WRITE_ONCE(s->stop, true);
	thread_join(s->task);
}

/* True: it has gone on within PATIENCE_MS. */
static bool spinner_advances(const struct spinner *s)
{
	unsigned long before = READ_ONCE(s->rounds);

	for (unsigned int ms = 0; ms < PATIENCE_MS && READ_ONCE(s->rounds) == before; ms += 10)
		msleep(10);
	return READ_ONCE(s->rounds) != before;
}

/* --- preemption --------------------------------------------------------------------------------------------------- */

/* This thread gets its CPU back from one that never gives it away, and that one from this. */
KTEST(sched, busy_loop_is_preempted)
{
	struct spinner s;
	u64 start = arch_uptime_ms();

	ASSERT(spinner_start(&s, smp_processor_id(), PRIORITY_NORMAL));
	while (!READ_ONCE(s.rounds) && arch_uptime_ms() - start < PATIENCE_MS)
		cpu_relax();
	EXPECT(READ_ONCE(s.rounds) > 0);
	EXPECT(!READ_ONCE(s.stop));
	spinner_stop(&s);
}

KTEST(sched, equals_share_a_cpu)
{
	struct spinner one, two;
	unsigned int cpu = another_cpu();

	ASSERT(spinner_start(&one, cpu, PRIORITY_NORMAL));
	ASSERT(spinner_start(&two, cpu, PRIORITY_NORMAL));
	for (unsigned int i = 0; i < 3; i++) {
		EXPECT(spinner_advances(&one));
		EXPECT(spinner_advances(&two));
	}
	spinner_stop(&one);
	spinner_stop(&two);
}

static bool seeded(void)
{
	const char *mode = cmdline_value("sched");

	return mode && strcmp(mode, "seeded") == 0;
}

/* What the threads of a test wrote down, in the order in which they ran. */
static struct {
	atomic_t nr;
	unsigned long entry[16];
} diary;

static void write_down(void *what)
{
	diary.entry[atomic_inc_return(&diary.nr) - 1] = (unsigned long)what;
}

static struct task *writer(unsigned long what, int priority)
{
	struct task *task = thread_create(write_down, (void *)what, "writer");

	if (!EXPECT(task != NULL))
		return NULL;
	set_affinity_cpu(task, smp_processor_id());
	set_priority(task, priority);
	return task;
}

static void diary_clear(void)
{
	atomic_set(&diary.nr, 0);
}

/* A better thread takes the CPU where the lock is given back: not before, and not later. */
KTEST(sched, preempted_at_the_unlock)
{
	static DEFINE_SPINLOCK(lock);
	struct task *task = writer(1, PRIORITY_HIGH);

	ASSERT(task);
	diary_clear();
	spin_lock(&lock);
	wake_up_process(task);
	arch_udelay(25000); /* two ticks */
	EXPECT_EQ(atomic_read(&diary.nr), 0);
	spin_unlock(&lock);
	EXPECT_EQ(atomic_read(&diary.nr), 1);
	thread_join(task);
}

KTEST(sched, preempted_when_interrupts_come_back)
{
	static DEFINE_SPINLOCK(lock);
	struct task *task = writer(1, PRIORITY_HIGH);
	bool flags;

	ASSERT(task);
	diary_clear();
	spin_lock_irqsave(&lock, flags);
	wake_up_process(task);
	EXPECT_EQ(atomic_read(&diary.nr), 0);
	spin_unlock_irqrestore(&lock, flags);
	EXPECT_EQ(atomic_read(&diary.nr), 1);
	thread_join(task);
}

/* Nesting counts, and a thread begins with nothing counted. */
KTEST(sched, preempt_count_nests)
{
	struct task *task = writer(1, PRIORITY_HIGH);

	ASSERT(task);
	diary_clear();
	EXPECT(preemptible());
	preempt_disable();
	preempt_disable();
	wake_up_process(task);
	preempt_enable();
	EXPECT(!preemptible());
	EXPECT_EQ(atomic_read(&diary.nr), 0);
	preempt_enable();
	EXPECT_EQ(atomic_read(&diary.nr), 1);
	EXPECT(preemptible());
	thread_join(task);
}

/* --- priorities --------------------------------------------------------------------------------------------------- */

KTEST(sched, highest_priority_first)
{
	struct task *low = writer(1, PRIORITY_LOW), *normal = writer(2, PRIORITY_NORMAL);
	struct task *high = writer(3, PRIORITY_HIGH), *raised = writer(4, PRIORITY_LOW);

	ASSERT(low && normal && high && raised);
	diary_clear();
	preempt_disable();
	wake_up_process(low);
	wake_up_process(raised);
	wake_up_process(normal);
	set_priority(raised, PRIORITY_NORMAL);
	wake_up_process(high);
	preempt_enable();
	EXPECT(atomic_read(&diary.nr) >= 1);
	thread_join(low);
	thread_join(normal);
	thread_join(high);
	thread_join(raised);
	EXPECT_EQ(diary.entry[0], 3);
	EXPECT_EQ(diary.entry[1] + diary.entry[2], 2 + 4);
	EXPECT_EQ(diary.entry[3], 1);
}

/* Equals run in the order in which they came; in the seeded mode in any order, one time or another. */
KTEST(sched, equals_in_turn)
{
	struct task *task[6];
	bool in_order = true;

	for (unsigned int round = 0; round < 4; round++) {
		diary_clear();
		for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
			ASSERT((task[i] = writer(i, PRIORITY_LOW)) != NULL);
		preempt_disable();
		for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
			wake_up_process(task[i]);
		preempt_enable();
		for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
			thread_join(task[i]);
		for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
			in_order = in_order && diary.entry[i] == i;
	}
	EXPECT_EQ(in_order, !seeded());
}

/* A thread that lowers itself lets a better one run at once. */
KTEST(sched, lowering_oneself)
{
	struct task *task = writer(1, PRIORITY_NORMAL);

	ASSERT(task);
	diary_clear();
	set_priority(current, PRIORITY_HIGH);
	wake_up_process(task);
	arch_udelay(25000);
	EXPECT_EQ(atomic_read(&diary.nr), 0);
	set_priority(current, PRIORITY_LOW);
	EXPECT_EQ(atomic_read(&diary.nr), 1);
	set_priority(current, PRIORITY_NORMAL);
	thread_join(task);
}

/* A thread that never stops does not keep better ones from running. */
KTEST(sched, low_priority_does_not_delay)
{
	struct spinner s;
	u64 before;

	ASSERT(spinner_start(&s, smp_processor_id(), PRIORITY_LOW));
	before = arch_uptime_ms();
	for (unsigned int i = 0; i < 5; i++)
		msleep(1);
	EXPECT(READ_ONCE(s.rounds) > 0);
	EXPECT(arch_uptime_ms() - before < 2000);
	spinner_stop(&s);
}

/* --- affinity and migration --------------------------------------------------------------------------------------- */

static void tour(void *arg)
{
	unsigned int cpu;

	(void)arg;
	for_each_online_cpu(cpu) {
		EXPECT_EQ(set_affinity_cpu(current, cpu), 0);
		EXPECT_EQ(smp_processor_id(), cpu);
	}
}

KTEST(sched, a_thread_moves_itself)
{
	struct task *task = thread_run(tour, NULL, "tourist");

	ASSERT(task);
	thread_join(task);
}

KTEST(sched, affinity_needs_an_online_cpu)
{
	cpumask_t mask = { 0 };
	unsigned int cpu;

	EXPECT_EQ(set_affinity(current, &mask), -EINVAL);
	EXPECT_EQ(set_affinity_cpu(current, MAX_CPUS), -EINVAL);
	for (cpu = 0; cpu < MAX_CPUS && cpumask_test(cpu_online_mask, cpu); cpu++)
		;
	EXPECT_EQ(set_affinity_cpu(current, cpu), -EINVAL);
	EXPECT(thread_run_on(cpu, write_down, NULL, "nowhere") == NULL);
}

static bool arrives(const struct spinner *s, unsigned int cpu)
{
	for (unsigned int ms = 0; ms < PATIENCE_MS && READ_ONCE(s->cpu) != cpu; ms += 10)
		msleep(10);
	return READ_ONCE(s->cpu) == cpu;
}

/* While it runs, with or without a rival who makes it stop, and while it waits behind another one: then at once. */
KTEST(sched, a_thread_is_moved)
{
	struct spinner s, blocker;
	unsigned int here = smp_processor_id(), there = another_cpu();

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(spinner_start(&s, here, PRIORITY_NORMAL));
	EXPECT(arrives(&s, here));
	EXPECT_EQ(set_affinity_cpu(s.task, there), 0);
	EXPECT(arrives(&s, there));
	EXPECT_EQ(set_affinity_cpu(s.task, here), 0);
	EXPECT(arrives(&s, here));
	EXPECT_EQ(set_affinity_cpu(s.task, there), 0);
	EXPECT(arrives(&s, there));
	ASSERT(spinner_start(&blocker, there, PRIORITY_HIGH));
	EXPECT(arrives(&blocker, there));
	EXPECT_EQ(set_affinity_cpu(s.task, here), 0);
	EXPECT_EQ(s.task->cpu, here);
	EXPECT(arrives(&s, here));
	spinner_stop(&blocker);
	spinner_stop(&s);
}

/* A thread that waits for a busy CPU, and may run anywhere, is taken by one that has nothing to do. */
KTEST(sched, idle_cpus_pull)
{
	struct spinner s, blocker;
	unsigned int cpu = another_cpu();

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(spinner_start(&blocker, cpu, PRIORITY_HIGH));
	EXPECT(arrives(&blocker, cpu));
	ASSERT(spinner_start(&s, cpu, PRIORITY_LOW));
	msleep(30);
	EXPECT_EQ(READ_ONCE(s.rounds), 0);
	EXPECT_EQ(set_affinity(s.task, cpu_online_mask), 0);
	EXPECT(spinner_advances(&s));
	EXPECT(READ_ONCE(s.cpu) != cpu);
	spinner_stop(&blocker);
	spinner_stop(&s);
}

/* Wherever it is taken to: `current` is this thread, and the CPU is the one that the scheduler means. */
static void check_identity(void *arg)
{
	struct task *me = arg;

	for (unsigned int i = 0; i < 300; i++) {
		EXPECT(current == me);
		EXPECT((char *)&me >= (char *)current->stack && (char *)&me < (char *)current->stack + KSTACK_SIZE);
		preempt_disable();
		EXPECT_EQ(smp_processor_id(), me->cpu);
		preempt_enable();
		if (i % 4 == 0)
			schedule();
		else if (i % 64 == 1)
			msleep(1);
	}
}

KTEST(sched, current_survives_migration)
{
	struct task *task[6];

	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++) {
		task[i] = thread_create(check_identity, NULL, "identity");
		ASSERT(task[i]);
		task[i]->arg = task[i];
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		wake_up_process(task[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		thread_join(task[i]);
}

/* --- faults that sleep -------------------------------------------------------------------------------------------- */

#define USER_PAGE 0x2000000ul

static struct completion both_inside;
static user_fault_fn plain_user_fault;

static int slow_user_fault(vaddr_t addr, unsigned int access, unsigned long flushed)
{
	complete(&both_inside);
	msleep(30);
	return plain_user_fault(addr, access, flushed);
}

static void touch_own_page(void *arg)
{
	(void)arg;
	EXPECT_EQ(mm_map_anonymous(current->mm, USER_PAGE, PAGE_SIZE), 0);
	EXPECT_EQ(probe_write((void *)USER_PAGE), PROBE_OK);
}

/* Two threads of one CPU inside the fault handler: each has depth 1, since the depth belongs to the thread. */
KTEST(sched, fault_depth_is_the_threads)
{
	struct worker one, two;

	ASSERT(worker_start(&one, smp_processor_id(), true));
	ASSERT(worker_start(&two, smp_processor_id(), true));
	init_completion(&both_inside);
	fault_reset_max_depth();
	REPLACE_HANDLER(plain_user_fault = arch_set_user_fault_handler(slow_user_fault));
	worker_post(&one, touch_own_page, NULL);
	worker_post(&two, touch_own_page, NULL);
	EXPECT(wait_for_completion_timeout(&both_inside, PATIENCE_MS));
	EXPECT(wait_for_completion_timeout(&both_inside, PATIENCE_MS));
	worker_wait(&one);
	worker_wait(&two);
	REPLACE_HANDLER(arch_set_user_fault_handler(plain_user_fault));
	EXPECT_EQ(fault_counters().max_depth, 1);
	worker_stop(&one);
	worker_stop(&two);
}

/* --- many threads, sparse ids ------------------------------------------------------------------------------------- */

static atomic_t ended;

static void end_at_once(void *arg)
{
	(void)arg;
	atomic_inc(&ended);
}

KTEST(sched, threads_come_and_go)
{
	static struct task *task[40];

	atomic_set(&ended, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		ASSERT((task[i] = thread_run(end_at_once, NULL, "brief")) != NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		thread_join(task[i]);
	EXPECT_EQ(atomic_read(&ended), ARRAY_SIZE(task));
}

static void note_cpu(void *mask)
{
	cpumask_set(mask, smp_processor_id());
}

KTEST(sched, a_thread_on_every_cpu)
{
	cpumask_t seen = { 0 };
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct task *task = thread_run_on(cpu, note_cpu, &seen, "here");

		ASSERT(task);
		thread_join(task);
		EXPECT(cpumask_test(&seen, cpu));
		EXPECT(cpumask_test(cpu_possible_mask, cpu));
	}
	EXPECT_EQ(cpumask_weight(&seen), num_online_cpus());
}

/* cpuholes: 0, 2, 5, 6, 9, ... and nobody in between. */
KTEST(sched, cpu_ids_with_holes)
{
	static const unsigned int expected[] = { 0, 2, 5, 6, 9, 11, 14, 15, 18 };
	unsigned int cpu, n = 0;

	if (!cmdline_has("cpuholes"))
		KTEST_SKIP("needs cpuholes on the command line");
	for_each_online_cpu(cpu) {
		if (n < ARRAY_SIZE(expected))
			EXPECT_EQ(cpu, expected[n]);
		n++;
	}
	EXPECT(!cpumask_test(cpu_possible_mask, 1));
	EXPECT(!cpumask_test(cpu_online_mask, 1));
	EXPECT_EQ(n, num_online_cpus());
}
