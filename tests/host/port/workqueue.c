/* SPDX-License-Identifier: MIT */
/* One work at a time may be queued on each queue; it runs when somebody waits for it. */
#include "tests/host/port/host.h"

#include <kernel/workqueue.h>
#include <lib/atomic.h>

struct workqueue_struct {
	struct work_struct *queued;
};
static struct workqueue_struct system_queue, ordered_queue;
struct workqueue_struct *system_wq = &system_queue;

struct workqueue_struct *alloc_workqueue(const char *fmt __maybe_unused, unsigned int flags __maybe_unused,
					 int max_active __maybe_unused, ...)
{
	return &ordered_queue;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	work->wq = wq;
	return xchg(&wq->queued, work) != work;
}

void host_run_works(void)
{
	struct work_struct *work = xchg(&system_queue.queued, NULL);

	if (work)
		work->fn(work);
}

bool flush_work(struct work_struct *work)
{
	if (!work->wq || cmpxchg(&work->wq->queued, work, NULL) != work)
		return false;
	work->fn(work);
	return true;
}
