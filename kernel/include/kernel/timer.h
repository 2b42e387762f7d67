/* SPDX-License-Identifier: MIT */
/* Functions that the tick calls later, in interrupt context, at the tick's resolution. Linux's names. */
#pragma once

#include <kernel/jiffies.h>
#include <lib/list.h>

struct timer_list {
	struct list_head list;
	unsigned long expires;			      /* jiffies, as given to the last mod_timer() */
	void (*function)(struct timer_list *timer); /* interrupts off; may set the timer again, and may free it */
	u64 due;		 /* `expires` in milliseconds of a clock that does not wrap */
	unsigned int cpu;	 /* the CPU where it is pending, or was last */
	bool pending;
};
/* flags: 0; there are no kinds of timers. */
void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *timer), unsigned int flags);
/*
 * Start or restart the timer. Its function is called once, when jiffies has passed `expires`; at the next tick if it
 * has passed already. It is called on this CPU; if it runs right now, on the CPU where it runs. Any context but NMI.
 * 1: the timer was pending, 0: it was not.
 */
int mod_timer(struct timer_list *timer, unsigned long expires);
static inline int timer_pending(const struct timer_list *timer) { return READ_ONCE(timer->pending); }
/*
 * Stop the timer. When this returns its function does not run. Thread context, never from the function itself. 1: the
 * timer was pending, 0: it was not.
 */
int timer_delete_sync(struct timer_list *timer);
#define del_timer_sync(timer) timer_delete_sync(timer)
