/* SPDX-License-Identifier: MIT */
/* Work queues, and calls of functions on other CPUs that nobody waits for. */
#include "worker.h"

#include <arch/irq.h>
#include <kernel/completion.h>
#include <kernel/preempt.h>
#include <kernel/smp.h>
#include <kernel/workqueue.h>
#include <lib/atomic.h>
#include <mm/slab.h>

#define PATIENCE_MS 5000

struct job {
	struct work_struct work;
	struct completion over;
	unsigned int cpu, runs, inside, most, sleep_ms;
	bool slept;
};

static void do_job(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	job->most = max(job->most, ++job->inside);
	job->cpu = smp_processor_id();
	job->slept = preemptible();
	if (job->sleep_ms)
		msleep(job->sleep_ms);
	job->inside--;
	job->runs++;
	complete(&job->over);
}

static void job_init(struct job *job, unsigned int sleep_ms)
{
	*job = (struct job){ .sleep_ms = sleep_ms };
	INIT_WORK(&job->work, do_job);
	init_completion(&job->over);
}

static void await(struct job *job)
{
	EXPECT(wait_for_completion_timeout(&job->over, PATIENCE_MS));
}

KTEST(workqueue, runs_in_a_thread)
{
	struct job job;

	job_init(&job, 0);
	EXPECT(schedule_work(&job.work));
	await(&job);
	EXPECT(job.slept);
	EXPECT_EQ(job.cpu, smp_processor_id());
	flush_work(&job.work);
	EXPECT_EQ(job.runs, 1);
}

KTEST(workqueue, bound_to_each_cpu)
{
	struct job job;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		job_init(&job, 0);
		EXPECT(queue_work_on(cpu, system_wq, &job.work));
		await(&job);
		flush_work(&job.work);
		EXPECT_EQ(job.cpu, cpu);
	}
}

static void queue_it(void *work)
{
	queue_work(system_unbound_wq, work);
}

KTEST(workqueue, queued_from_an_interrupt)
{
	struct job job;

	job_init(&job, 0);
	smp_call_function_single(another_cpu(), queue_it, &job.work, true);
	await(&job);
	flush_work(&job.work);
	EXPECT_EQ(job.runs, 1);
}

/* Queued twice before it begins: one run. Queued while it runs: one more, afterwards, even if another CPU is asked. */
KTEST(workqueue, never_on_two_cpus_at_once)
{
	struct job job;

	job_init(&job, 30);
	preempt_disable();
	EXPECT(queue_work(system_wq, &job.work));
	EXPECT(!queue_work(system_wq, &job.work));
	preempt_enable();
	for (unsigned int ms = 0; ms < PATIENCE_MS && !READ_ONCE(job.inside); ms++)
		msleep(1);
	EXPECT(queue_work_on(another_cpu(), system_wq, &job.work));
	await(&job);
	await(&job);
	flush_work(&job.work);
	EXPECT_EQ(job.runs, 2);
	EXPECT_EQ(job.most, 1);
}

/* One that sleeps does not keep others of an unbound queue from running. */
KTEST(workqueue, unbound_works_run_side_by_side)
{
	struct job slow, quick;

	if (!have_two_cpus())
		KTEST_SKIP("there is a worker a CPU, four at most");
	job_init(&slow, 300);
	job_init(&quick, 0);
	queue_work(system_unbound_wq, &slow.work);
	queue_work(system_unbound_wq, &quick.work);
	await(&quick);
	EXPECT_EQ(READ_ONCE(slow.runs), 0);
	flush_work(&slow.work);
	flush_work(&quick.work);
	EXPECT_EQ(slow.runs, 1);
}

KTEST(workqueue, flush_and_cancel)
{
	struct job first, second;

	job_init(&first, 30);
	job_init(&second, 0);
	EXPECT(!cancel_work_sync(&second.work));
	queue_work(system_wq, &first.work);
	queue_work(system_wq, &second.work);
	for (unsigned int ms = 0; ms < PATIENCE_MS && !READ_ONCE(first.inside); ms++)
		msleep(1);
	EXPECT(cancel_work_sync(&second.work)); /* behind the first, so it has not begun */
	EXPECT(!cancel_work_sync(&first.work));
	EXPECT_EQ(first.runs, 1);
	EXPECT_EQ(second.runs, 0);
}

static struct completion freed;

static void free_itself(struct work_struct *work)
{
	kfree(work);
	complete(&freed);
}

KTEST(workqueue, a_work_frees_itself)
{
	init_completion(&freed);
	for (unsigned int i = 0; i < 10; i++) {
		struct work_struct *work = kmalloc(sizeof(*work), GFP_KERNEL);

		ASSERT(work);
		INIT_WORK(work, free_itself);
		queue_work(i % 2 ? system_wq : system_unbound_wq, work);
	}
	for (unsigned int i = 0; i < 10; i++)
		EXPECT(wait_for_completion_timeout(&freed, PATIENCE_MS));
	msleep(10);
}

/* Destroying waits for what is queued, and gives everything back (the runner counts pages and areas). */
KTEST(workqueue, comes_and_goes)
{
	static struct job job[6];

	for (unsigned int unbound = 0; unbound < 2; unbound++) {
		struct workqueue_struct *wq = alloc_workqueue("brief%d", unbound ? WQ_UNBOUND : 0, 0, unbound);

		ASSERT(wq);
		for (unsigned int i = 0; i < ARRAY_SIZE(job); i++) {
			job_init(&job[i], i);
			EXPECT(queue_work(wq, &job[i].work));
		}
		destroy_workqueue(wq);
		for (unsigned int i = 0; i < ARRAY_SIZE(job); i++)
			EXPECT_EQ(job[i].runs, 1);
	}
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static atomic_t calls;
static cpumask_t called;

static void note_call(void *arg)
{
	(void)arg;
	cpumask_set(&called, smp_processor_id());
	atomic_inc(&calls);
}

static bool calls_reach(unsigned int n)
{
	for (unsigned int ms = 0; ms < PATIENCE_MS && (unsigned int)atomic_read(&calls) < n; ms++)
		arch_udelay(1000);
	return (unsigned int)atomic_read(&calls) == n;
}

/* Several on their way to the same CPU: each one arrives. */
KTEST(cpus, calls_that_nobody_waits_for)
{
	unsigned int cpu, n = 0;

	atomic_set(&calls, 0);
	called = (cpumask_t){ 0 };
	for (unsigned int i = 0; i < 10; i++)
		for_each_online_cpu(cpu) {
			smp_call_function_single(cpu, note_call, NULL, false);
			n++;
		}
	EXPECT(calls_reach(n));
	EXPECT_EQ(cpumask_weight(&called), num_online_cpus());
}

/* The caller is left out, and so is a CPU that is not online. */
KTEST(cpus, calls_of_a_mask)
{
	cpumask_t mask;

	bitmap_fill(mask.bits, MAX_CPUS);
	for (unsigned int wait = 0; wait < 2; wait++) {
		atomic_set(&calls, 0);
		called = (cpumask_t){ 0 };
		smp_call_function_many(&mask, note_call, NULL, wait);
		EXPECT(calls_reach(num_online_cpus() - 1));
		EXPECT(!cpumask_test(&called, smp_processor_id()));
	}
}

static void call_everybody(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 20; i++) {
		on_each_cpu(note_call, NULL, true);
		smp_call_function_many(cpu_online_mask, note_call, NULL, false);
	}
}

/* From threads that are moved about meanwhile. */
KTEST(cpus, calls_cross_from_unbound_threads)
{
	struct task *task[4];

	atomic_set(&calls, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		ASSERT((task[i] = thread_run(call_everybody, NULL, "caller")) != NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		thread_join(task[i]);
	EXPECT(calls_reach(ARRAY_SIZE(task) * 20 * (2 * num_online_cpus() - 1)));
}
