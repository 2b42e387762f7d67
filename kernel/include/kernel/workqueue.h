/* SPDX-License-Identifier: MIT */
/*
 * Do something soon, in a thread. Each work runs once for each time it was queued while idle, with everything visible to
 * it that its queuer wrote before, and never on two CPUs at once.
 */
#pragma once

#include <kernel/wait.h>

struct workqueue_struct;

struct work_struct {
	struct list_head list;
	void (*fn)(struct work_struct *work); /* thread context, may sleep, may free its work */
	struct workqueue_struct *wq;	      /* of the last queueing; one at a time */
	bool pending;			      /* queued and not begun; under wq's lock */
};

static inline void INIT_WORK(struct work_struct *work, void (*fn)(struct work_struct *work))
{
	*work = (struct work_struct){ .fn = fn };
}

extern struct workqueue_struct *system_wq;	   /* a worker a CPU, bound to it */
extern struct workqueue_struct *system_unbound_wq; /* workers that may run anywhere */

/*
 * bound: a worker a CPU, and work runs on the CPU that queued it; unbound: a few workers that run anywhere. A worker runs
 * one work at a time, so what waits for another work belongs into another queue than that one. NULL = no memory. Thread
 * context, may sleep.
 */
struct workqueue_struct *alloc_workqueue(const char *name, bool unbound);
/* Unbound, with one worker: one work after the other, in the order in which they were queued. */
struct workqueue_struct *alloc_ordered_workqueue(const char *name);
/* Waits for what is queued; nobody may queue any more. Thread context, may sleep. */
void destroy_workqueue(struct workqueue_struct *wq);

/* False: it was queued already. Any context but NMI. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
/* The same, to the worker of one CPU (of the queuing one, if that CPU was not online when the queue was made). */
bool queue_work_on(unsigned int cpu, struct workqueue_struct *wq, struct work_struct *work);
static inline bool schedule_work(struct work_struct *work) { return queue_work(system_wq, work); }

/* Wait until it is neither queued nor running. Thread context, may sleep; not from the work itself. */
void flush_work(struct work_struct *work);
/* Take it off the queue if it has not begun, else wait for its end. Was it still queued? */
bool cancel_work_sync(struct work_struct *work);

/* Memory for queues comes from above: zeroed bytes, or NULL. Before workqueue_init(). */
void workqueue_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *));
void workqueue_init(void); /* after the CPUs are up */
