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
 * Without WQ_UNBOUND: a worker a CPU, and work runs on the CPU that queued it. With it: workers that run anywhere, max_active of
 * them, at most WQ_UNBOUND_WORKERS (0: that many). A worker runs one work at a time, so what waits for another work belongs
 * into another queue than that one. fmt: the name, cut to WQ_NAME_LEN - 1. NULL = no memory. Thread context, may sleep.
 */
struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...) __printf(1, 4);
/* Unbound, with one worker: one work after the other, in the order in which they were queued. flags: those below. */
#define alloc_ordered_workqueue(fmt, flags, ...) alloc_workqueue(fmt, WQ_UNBOUND | (flags), 1, ##__VA_ARGS__)
enum wq_flags {
	WQ_UNBOUND = 1 << 1,
	/* What Linux tells apart and this kernel does not: nobody freezes, and each queue has workers of its own. */
	WQ_FREEZABLE = 0,
	WQ_MEM_RECLAIM = 0,
	WQ_HIGHPRI = 0,
};
#define WQ_UNBOUND_WORKERS 4
#define WQ_NAME_LEN	   20
/* Waits for what is queued; nobody may queue any more. Thread context, may sleep. */
void destroy_workqueue(struct workqueue_struct *wq);

/* False: it was queued already. Any context but NMI. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
/* The same, to the worker of one CPU (of the queuing one, if that CPU was not online when the queue was made). */
bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *work);
static inline bool schedule_work(struct work_struct *work) { return queue_work(system_wq, work); }

/* Wait until it is neither queued nor running; was it? Thread context, may sleep; not from the work itself. */
bool flush_work(struct work_struct *work);
/* Take it off the queue if it has not begun, else wait for its end. Was it still queued? */
bool cancel_work_sync(struct work_struct *work);

/* Memory for queues comes from above: zeroed bytes, or NULL. Before workqueue_init(). */
void workqueue_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *));
void workqueue_init(void); /* after the CPUs are up */
