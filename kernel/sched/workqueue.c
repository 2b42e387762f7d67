/* SPDX-License-Identifier: MIT */
/*
 * Work queues: threads that take work off lists.
 *
 *	bound:	 worker of CPU 0 -> its list	  unbound:  worker \
 *		 worker of CPU 2 -> its list			     one list
 *		 ...				  	    worker /
 *
 * A work that is queued again while it runs stays on its list until that run is over: workers skip a work that another
 * worker runs. A work may free itself, so after its function has returned only its address is used.
 */
#include <kernel/workqueue.h>
#include "internal.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <lib/format.h>

struct worker {
	struct workqueue_struct *wq;
	struct task *task;	     /* NULL: this CPU has none */
	struct list_head own, *list; /* list: `own`, or the queue's `shared` */
	struct work_struct *running; /* the work that it runs */
};

struct workqueue_struct {
	spinlock_t lock; /* irqsave: lists, pending, running, the flags */
	bool unbound, stopping;
	unsigned int max_workers; /* unbound: upper limit, besides the number of CPUs */
	bool passed_over; /* a worker skipped a work: all workers look again when a run ends */
	char name[WQ_NAME_LEN];
	struct list_head shared;
	struct wait_queue_head run_over; /* threads that wait for the end of a run, or until a work is cancelled */
	struct worker worker[MAX_CPUS];	 /* bound: by CPU id */
};

struct workqueue_struct *system_wq __ro_after_init, *system_unbound_wq __ro_after_init;
static void *(*wq_alloc)(size_t bytes) __ro_after_init;
static void (*wq_free)(void *wq) __ro_after_init;

#define for_each_worker(w, wq) \
	for (struct worker *w = (wq)->worker; w < (wq)->worker + MAX_CPUS; w++) \
		if (w->task)

static bool is_running(struct workqueue_struct *wq, const struct work_struct *work)
{
	for_each_worker(w, wq)
		if (w->running == work)
			return true;
	return false;
}

/* --- queueing ----------------------------------------------------------------------------------------------------- */

static void wake_all_workers(struct workqueue_struct *wq)
{
	for_each_worker(w, wq)
		wake_up_process(w->task);
}

/* For an unbound queue, all idle workers: the first one takes the work. */
static void wake_for(struct workqueue_struct *wq, struct worker *bound)
{
	if (bound) {
		wake_up_process(bound->task);
		return;
	}
	for_each_worker(w, wq)
		if (!w->running)
			wake_up_process(w->task);
}

static struct worker *bound_worker(struct workqueue_struct *wq, unsigned int cpu)
{
	if (wq->unbound)
		return NULL;
	if (cpu < MAX_CPUS && wq->worker[cpu].task)
		return &wq->worker[cpu];
	for_each_worker(w, wq)
		return w;
	panic("workqueue %s has no worker", wq->name);
}

bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *work)
{
	struct worker *worker = bound_worker(wq, (unsigned int)cpu);
	bool flags, queued;

	spin_lock_irqsave(&wq->lock, flags);
	queued = !work->pending;
	if (queued) {
		work->pending = true;
		work->wq = wq;
		list_add_tail(&work->list, worker ? &worker->own : &wq->shared);
		wake_for(wq, worker);
	}
	spin_unlock_irqrestore(&wq->lock, flags);
	return queued;
}

/* If the thread is moved meanwhile, the work goes to the CPU where the thread was. That does no harm. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	return queue_work_on((int)smp_processor_id(), wq, work);
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

/* The first work that no other worker runs. */
static struct work_struct *next_work(struct worker *worker)
{
	struct work_struct *work;

	list_for_each_entry(work, worker->list, list) {
		if (!is_running(worker->wq, work))
			return work;
		worker->wq->passed_over = true;
	}
	return NULL;
}

static struct work_struct *take_work(struct worker *worker)
{
	struct workqueue_struct *wq = worker->wq;
	struct work_struct *work;
	bool flags;

	spin_lock_irqsave(&wq->lock, flags);
	work = next_work(worker);
	if (work) {
		list_del(&work->list);
		work->pending = false;
		worker->running = work;
	}
	spin_unlock_irqrestore(&wq->lock, flags);
	return work;
}

static void end_run(struct worker *worker)
{
	struct workqueue_struct *wq = worker->wq;
	bool flags;

	spin_lock_irqsave(&wq->lock, flags);
	worker->running = NULL;
	if (wq->passed_over)
		wake_all_workers(wq);
	wq->passed_over = false;
	spin_unlock_irqrestore(&wq->lock, flags);
	wake_up(&wq->run_over);
}

static bool has_work(const void *arg)
{
	struct worker *worker = (struct worker *)arg;
	struct workqueue_struct *wq = worker->wq;
	bool flags, found;

	spin_lock_irqsave(&wq->lock, flags);
	found = wq->stopping || next_work(worker);
	spin_unlock_irqrestore(&wq->lock, flags);
	return found;
}

static void worker_loop(void *arg)
{
	struct worker *worker = arg;
	struct work_struct *work;

	do {
		sleep_until(has_work, worker);
		while ((work = take_work(worker))) {
			work->fn(work);
			end_run(worker);
		}
	} while (!READ_ONCE(worker->wq->stopping));
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static bool work_is_idle(struct workqueue_struct *wq, const struct work_struct *work)
{
	bool flags, idle;

	spin_lock_irqsave(&wq->lock, flags);
	idle = !work->pending && !is_running(wq, work);
	spin_unlock_irqrestore(&wq->lock, flags);
	return idle;
}

static bool is_empty(struct workqueue_struct *wq)
{
	bool flags, empty;

	spin_lock_irqsave(&wq->lock, flags);
	empty = list_empty(&wq->shared);
	for_each_worker(w, wq)
		empty = empty && list_empty(&w->own) && !w->running;
	spin_unlock_irqrestore(&wq->lock, flags);
	return empty;
}

bool flush_work(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->wq);

	might_sleep();
	if (!wq || work_is_idle(wq, work))
		return false;
	wait_event(wq->run_over, work_is_idle(wq, work));
	return true;
}

bool cancel_work_sync(struct work_struct *work)
{
	struct workqueue_struct *wq = READ_ONCE(work->wq);
	bool flags, was_pending;

	might_sleep();
	if (!wq)
		return false;
	spin_lock_irqsave(&wq->lock, flags);
	was_pending = work->pending;
	if (was_pending)
		list_del(&work->list);
	work->pending = false;
	spin_unlock_irqrestore(&wq->lock, flags);
	wake_up(&wq->run_over);
	flush_work(work);
	return was_pending;
}

/* --- queues ------------------------------------------------------------------------------------------------------- */

static bool start_worker(struct workqueue_struct *wq, unsigned int nr)
{
	struct worker *worker = &wq->worker[nr];
	char name[24];

	snprintf(name, sizeof(name), "%s/%u", wq->name, nr);
	worker->wq = wq;
	INIT_LIST_HEAD(&worker->own);
	worker->list = wq->unbound ? &wq->shared : &worker->own;
	worker->task = wq->unbound ? thread_create(worker_loop, worker, name)
				   : thread_create_on(nr, worker_loop, worker, name);
	if (!worker->task)
		return false;
	wake_up_process(worker->task);
	return true;
}

static bool start_workers(struct workqueue_struct *wq)
{
	unsigned int cpu, n = 0;
	bool ok = true;

	for_each_online_cpu(cpu) {
		if (wq->unbound && n == wq->max_workers)
			break;
		ok = ok && start_worker(wq, wq->unbound ? n++ : cpu);
	}
	return ok;
}

static void stop_workers(struct workqueue_struct *wq)
{
	WRITE_ONCE(wq->stopping, true);
	for_each_worker(w, wq) {
		wake_up_process(w->task);
		thread_join(w->task);
	}
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq = wq_alloc(sizeof(*wq));
	va_list args;

	if (!wq)
		return NULL;
	va_start(args, max_active);
	vscnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	spin_lock_init_ranked(&wq->lock, "workqueue", RANK_WORKQUEUE);
	INIT_LIST_HEAD(&wq->shared);
	init_waitqueue_head(&wq->run_over);
	wq->unbound = flags & WQ_UNBOUND;
	wq->max_workers = (unsigned int)(max_active > 0 ? min(max_active, WQ_UNBOUND_WORKERS) : WQ_UNBOUND_WORKERS);
	if (start_workers(wq))
		return wq;
	stop_workers(wq);
	wq_free(wq);
	return NULL;
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	wait_event(wq->run_over, is_empty(wq));
	stop_workers(wq);
	wq_free(wq);
}

void workqueue_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *))
{
	wq_alloc = alloc;
	wq_free = free;
}

void workqueue_init(void)
{
	system_wq = alloc_workqueue("events", 0, 0);
	system_unbound_wq = alloc_workqueue("events_unbound", WQ_UNBOUND, 0);
	if (!system_wq || !system_unbound_wq)
		panic("no memory for the system's work queues");
}
