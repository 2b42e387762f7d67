/* SPDX-License-Identifier: MIT */
/*
 * Functions that a thread runs soon. A work runs once for each queue_work() that returned true, unless it is cancelled.
 * It sees all that the caller of queue_work() wrote before. It never runs on two CPUs at once, if it is always put on
 * the same queue.
 */
#pragma once

#include <kernel/wait.h>

struct workqueue_struct;

struct work_struct {
	struct list_head list;
	void (*fn)(struct work_struct *work); /* thread context, may sleep, may free its work */
	struct workqueue_struct *wq;	      /* the queue that it was put on last */
	bool pending;			      /* queued and not begun; under wq's lock */
};

static inline void INIT_WORK(struct work_struct *work, void (*fn)(struct work_struct *work))
{
	*work = (struct work_struct){ .fn = fn };
}

extern struct workqueue_struct *system_wq;	   /* a worker a CPU, bound to it */
extern struct workqueue_struct *system_unbound_wq; /* workers that may run anywhere */

/*
 * Without WQ_UNBOUND each CPU has a worker, and a work runs on the CPU that queued it. With WQ_UNBOUND there are
 * max_active workers that run anywhere (0: WQ_UNBOUND_WORKERS), but never more than WQ_UNBOUND_WORKERS or than online
 * CPUs. A worker runs one work at a time. So a work that waits for another one must be on another queue. fmt: the name,
 * cut to WQ_NAME_LEN - 1. NULL: no memory. Thread context, may sleep.
 */
struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...) __printf(1, 4);
/* Unbound, with one worker: works run one after the other, in the order of queueing. */
#define alloc_ordered_workqueue(fmt, flags, ...) alloc_workqueue(fmt, WQ_UNBOUND | (flags), 1, ##__VA_ARGS__)
enum wq_flags {
	WQ_UNBOUND = 1 << 1,
	/* Linux's flags without effect here: nothing is frozen, and each queue has workers of its own. */
	WQ_FREEZABLE = 0,
	WQ_MEM_RECLAIM = 0,
	WQ_HIGHPRI = 0,
};
#define WQ_UNBOUND_WORKERS 4
#define WQ_NAME_LEN	   20
/* Waits until all queued works have run. No work may be queued any more. Thread context, may sleep. */
void destroy_workqueue(struct workqueue_struct *wq);

/* False: it was queued already. Any context but NMI. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
/* The same, to the worker of one CPU; to the first worker, if that CPU was not online when the queue was made. */
bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *work);
static inline bool schedule_work(struct work_struct *work) { return queue_work(system_wq, work); }

/*
 * Wait until the work is neither queued nor running. True: it was queued or running. Thread context, may sleep; not
 * from the work itself.
 */
bool flush_work(struct work_struct *work);
/* Take the work off its queue, and wait for its end if it runs. True: it was still queued. Context as flush_work(). */
bool cancel_work_sync(struct work_struct *work);

/* Where memory for queues comes from: zeroed bytes, or NULL. Before workqueue_init(). */
void workqueue_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *));
void workqueue_init(void); /* after the CPUs are up */
