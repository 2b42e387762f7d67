/* SPDX-License-Identifier: MIT */
/* Do something later: functions called from the tick, in interrupt context, at the tick's resolution. */
#pragma once

#include <lib/list.h>

struct timer {
	struct list_head list;
	u64 expires;			 /* arch_uptime_ms() */
	void (*fn)(struct timer *timer); /* interrupts off; may set the timer again, and may free it */
	unsigned int cpu;		 /* where it is pending, or was last */
	bool pending;
};
void timer_setup(struct timer *timer, void (*fn)(struct timer *timer));
/* (Re)start: fn is called once, at least `ms` from now, on this CPU. Any context but NMI. Was it pending? */
bool mod_timer(struct timer *timer, unsigned int ms);
/* Not any more; and not running on return. Thread context, never from the function itself. Was it pending? */
bool del_timer_sync(struct timer *timer);
