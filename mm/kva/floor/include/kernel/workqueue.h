/* SPDX-License-Identifier: MIT */
/*
 * Functions that a thread runs soon: the next caller of kva that may sleep (chores.c). A work runs once for each time
 * that it was queued while it was not on the list, and never on two CPUs at once.
 */
#pragma once

#include <lib/compiler.h>

struct workqueue_struct;

struct work_struct {
	struct work_struct *next;
	bool queued;
	void (*fn)(struct work_struct *work);
};

extern struct workqueue_struct *system_wq;
#define alloc_ordered_workqueue(name, flags) system_wq

/* False: it was queued already. Any context but NMI. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
/* Wait until the work has run, if it is queued. Thread. */
bool flush_work(struct work_struct *work);
