/* SPDX-License-Identifier: MIT */
/* One work at a time may be queued; it runs when somebody waits for it. */
#include <kernel/workqueue.h>
#include <lib/atomic.h>

static char queue;
struct workqueue_struct *system_wq = (struct workqueue_struct *)&queue;

static struct work_struct *queued;

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	work->wq = wq;
	return xchg(&queued, work) != work;
}

void flush_work(struct work_struct *work)
{
	struct work_struct *was = cmpxchg(&queued, work, NULL);

	if (was == work)
		work->fn(work);
}
