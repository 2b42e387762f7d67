/* SPDX-License-Identifier: MIT */
/* Threads in processes, doing what a test posts (worker.h). */
#include "worker.h"

#include <arch/barrier.h>

/* Waiting sleeps: a CPU with nothing to do halts, which on an emulator with few cores is what lets the others run. */
static bool has_orders(const void *arg)
{
	const struct worker *w = arg;

	return READ_ONCE(w->stop) || smp_load_acquire(&w->posted) != w->done;
}

static bool is_done(const void *arg)
{
	return !worker_busy(arg);
}

static void worker_loop(void *arg)
{
	struct worker *w = arg;

	if (w->mm)
		kthread_use_mm(w->mm);
	for (sleep_until(has_orders, w); worker_busy(w); sleep_until(has_orders, w)) {
		w->fn(w->arg);
		smp_store_release(&w->done, w->done + 1);
		wake_up_process(w->boss);
	}
	if (w->mm)
		kthread_unuse_mm(w->mm);
}

bool worker_start(struct worker *w, unsigned int cpu, bool own_process)
{
	*w = (struct worker){ .cpu = cpu, .boss = current };
	if (own_process) {
		w->mm = mm_create();
		if (!w->mm)
			return false;
	}
	w->task = thread_run_on(cpu, worker_loop, w, "worker");
	if (!w->task && w->mm)
		mm_destroy(w->mm);
	return w->task != NULL;
}

void worker_stop(struct worker *w)
{
	worker_wait(w);
	WRITE_ONCE(w->stop, true);
	wake_up_process(w->task);
	thread_join(w->task);
	if (w->mm)
		mm_destroy(w->mm);
}

void worker_post(struct worker *w, void (*fn)(void *), void *arg)
{
	worker_wait(w);
	w->fn = fn;
	w->arg = arg;
	smp_store_release(&w->posted, w->posted + 1);
	wake_up_process(w->task);
}

bool worker_busy(const struct worker *w)
{
	return smp_load_acquire(&w->done) != w->posted;
}

void worker_wait(struct worker *w)
{
	sleep_until(is_done, w);
}

void worker_call(struct worker *w, void (*fn)(void *), void *arg)
{
	worker_post(w, fn, arg);
	worker_wait(w);
}

static unsigned int nth_online_cpu(unsigned int n)
{
	unsigned int cpu;

	n %= num_online_cpus();
	for_each_online_cpu(cpu)
		if (!n--)
			break;
	return cpu;
}

bool crew_start(struct crew *crew, unsigned int least)
{
	unsigned int wanted = max(min(num_online_cpus(), CREW_MOST), least);

	for (crew->nr = 0; crew->nr < wanted; crew->nr++) {
		if (worker_start(&crew->worker[crew->nr], nth_online_cpu(crew->nr), true))
			continue;
		crew_stop(crew);
		return false;
	}
	return true;
}

void crew_call(struct crew *crew, void (*fn)(void *), void *arg)
{
	for (unsigned int i = 0; i < crew->nr; i++)
		worker_post(&crew->worker[i], fn, arg);
	for (unsigned int i = 0; i < crew->nr; i++)
		worker_wait(&crew->worker[i]);
}

void crew_stop(struct crew *crew)
{
	while (crew->nr)
		worker_stop(&crew->worker[--crew->nr]);
}

unsigned int another_cpu(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (cpu != smp_processor_id())
			return cpu;
	return smp_processor_id();
}

bool have_two_cpus(void)
{
	return num_online_cpus() > 1;
}

struct single_look {
	const volatile u32 *at;
	u32 seen;
};

static void look_there(void *arg)
{
	struct single_look *single_look = arg;

	single_look->seen = *single_look->at;
}

void worker_sees(struct worker *w, const void *at, u32 value)
{
	struct single_look single_look = { .at = at, .seen = ~value };

	worker_call(w, look_there, &single_look);
	EXPECT_EQ(single_look.seen, value);
}

void crew_sees(struct crew *crew, const void *at, u32 value)
{
	for (unsigned int i = 0; i < crew->nr; i++)
		worker_sees(&crew->worker[i], at, value);
}
