/* SPDX-License-Identifier: MIT */
/*
 * Work that was put off, because whoever caused it could not sleep: frees, callbacks after a grace period, purging.
 *
 * A host need not have threads of its own for that. The next caller of kva that may sleep does it, at the head of the
 * function that it calls (might_sleep() in kernel/preempt.h), if it holds no mutex and has no scope or lazy MMU mode
 * open. kva_tidy() does it at once. One thread at a time works; the others go on.
 */
#include "mm/kva/floor/floor.h"

bool kva_chores;
static struct work_struct *works; /* a stack */
static DEFINE_MUTEX(chores_lock);

struct workqueue_struct *system_wq = (struct workqueue_struct *)&works; /* there is one queue, and it is always there */

bool queue_work(struct workqueue_struct *wq __maybe_unused, struct work_struct *work)
{
	if (__atomic_exchange_n(&work->queued, true, __ATOMIC_ACQ_REL))
		return false;
	stack_push(&works, work, next);
	WRITE_ONCE(kva_chores, true);
	return true;
}

static struct work_struct *reversed(struct work_struct *work)
{
	struct work_struct *first = NULL, *next;

	for (; work; work = next) {
		next = work->next;
		work->next = first;
		first = work;
	}
	return first;
}

/* In the order of queueing. A work may be queued again, and freed, as soon as it runs. */
static void run_works(void)
{
	struct work_struct *work = reversed(xchg(&works, NULL)), *next;

	for (; work; work = next) {
		next = work->next;
		__atomic_store_n(&work->queued, false, __ATOMIC_RELEASE);
		work->fn(work);
	}
}

bool chores_allowed(void)
{
	const struct thread_words *me = this_thread();

	return preemptible() && !me->tidying && !me->mutexes && !me->lazy_mmu.scope && !me->lazy_mmu.pt;
}

/* Under chores_lock. */
static void run_all(void)
{
	this_thread()->tidying = true;
	WRITE_ONCE(kva_chores, false);
	pages_free_deferred();
	objects_free_deferred();
	run_works();
	rcu_run();
	this_thread()->tidying = false;
}

void kva_do_chores(void)
{
	if (!chores_allowed() || !mutex_trylock(&chores_lock))
		return;
	run_all();
	mutex_unlock(&chores_lock);
}

void kva_tidy(void)
{
	if (!chores_allowed())
		return;
	mutex_lock(&chores_lock);
	run_all();
	mutex_unlock(&chores_lock);
}

/* A work that waits for another is one of the chores itself: then the other one runs here. */
bool flush_work(struct work_struct *work)
{
	bool queued = __atomic_load_n(&work->queued, __ATOMIC_ACQUIRE);

	if (this_thread()->tidying)
		run_works();
	else
		kva_tidy();
	return queued;
}

void kva_memory_short(void)
{
	vmalloc_shrink();
	kva_tidy();
}
