/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a condition, under Linux's names.
 *
 *	wait_event(queue, condition)		sleeps until the condition is true; thread context, may sleep
 *	wait_event_timeout(queue, condition, t)	0 if it is still false after t jiffies, else how many are left
 *	wake_up(queue)				after making a condition true; any context but NMI
 *
 * The condition is evaluated any number of times, never with the queue's lock held; it must change nothing. A queue
 * must not be on the waiter's stack: it may be gone while wake_up() still uses it. Use a completion for that.
 */
#pragma once

#include <kernel/jiffies.h>
#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <kernel/task.h>

struct wait_queue_head {
	spinlock_t lock;
	unsigned int nr; /* number of waiters; written under the lock, read without */
	struct list_head waiters;
};
typedef struct wait_queue_head wait_queue_head_t;

struct wait_queue_entry {
	struct list_head list;
	struct task *task;
};

#define WAIT_QUEUE_INIT(name) { .lock = SPINLOCK_INIT(#name, 0), .waiters = LIST_HEAD_INIT((name).waiters) }
#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name = WAIT_QUEUE_INIT(name)
void init_waitqueue_head(struct wait_queue_head *queue);

void wake_up(struct wait_queue_head *queue);	    /* all waiters check again */
void wake_up_locked(struct wait_queue_head *queue); /* the same; the caller holds queue->lock, interrupts off */
void wake_up_first(struct wait_queue_head *queue);  /* the waiter that has waited longest checks again */
/* Are there waiters? Orders the caller's earlier writes before it: a waiter that comes later sees them. */
bool waitqueue_active(struct wait_queue_head *queue);

/*
 * The parts of wait_event: enter the queue, and sleep from the next schedule() on; leave the queue. state:
 * TASK_UNINTERRUPTIBLE. Calls alternate: each prepare is followed by its finish.
 */
void prepare_to_wait(struct wait_queue_head *queue, struct wait_queue_entry *entry, int state);
void finish_wait(struct wait_queue_head *queue, struct wait_queue_entry *entry);
#define DEFINE_WAIT(name) struct wait_queue_entry name = { 0 }
/*
 * schedule() for at most `timeout` jiffies. Returns how many were left; 0 if the time is over. The caller sets its
 * state before; in TASK_RUNNING it just lets others run. MAX_SCHEDULE_TIMEOUT: no limit. A negative timeout is
 * reported, and 0 returned.
 */
#define MAX_SCHEDULE_TIMEOUT LONG_MAX
signed long schedule_timeout(signed long timeout);
signed long schedule_timeout_uninterruptible(signed long timeout); /* sets the state itself */

#define wait_event(queue, condition) \
	do { \
		struct wait_queue_entry _entry; \
		might_sleep(); \
		while (!(condition)) { \
			prepare_to_wait(&(queue), &_entry, TASK_UNINTERRUPTIBLE); \
			if (!(condition)) \
				schedule(); \
			finish_wait(&(queue), &_entry); \
		} \
	} while (0)

#define wait_event_timeout(queue, condition, timeout) ({ \
	struct wait_queue_entry _entry; \
	long _left = (timeout); \
	might_sleep(); \
	while (!(condition) && _left) { \
		prepare_to_wait(&(queue), &_entry, TASK_UNINTERRUPTIBLE); \
		if (!(condition)) \
			_left = schedule_timeout(_left); \
		finish_wait(&(queue), &_entry); \
	} \
	(condition) ? max(_left, 1l) : 0l; })
