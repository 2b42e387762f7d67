/* SPDX-License-Identifier: MIT */
/*
 * Time for timers and timeouts, under Linux's names. A jiffy is a millisecond, on every machine. The clock's resolution
 * may be coarser: a wait is never too short, and may be some milliseconds too long. Any context.
 */
#pragma once

#include <arch/irq.h>

#define HZ 1000
/* Jiffies since boot. It wraps (after 49 days with 32-bit words), so compare with time_after() and its kin. */
#define jiffies ((unsigned long)arch_uptime_ms())
static inline u64 get_jiffies_64(void) { return arch_uptime_ms(); }

#define MAX_JIFFY_OFFSET ((~0ul >> 1) - 1)

/* Is a later than b? Right if they are less than half of all numbers apart. */
#define time_after(a, b)     ((long)((unsigned long)(b) - (unsigned long)(a)) < 0)
#define time_before(a, b)    time_after(b, a)
#define time_after_eq(a, b)  (!time_before(a, b))
#define time_before_eq(a, b) (!time_after(a, b))

static inline unsigned long msecs_to_jiffies(unsigned int ms) { return (int)ms < 0 ? MAX_JIFFY_OFFSET : ms; }
static inline unsigned int jiffies_to_msecs(unsigned long j) { return (unsigned int)j; }
/* Rounded up. */
static inline unsigned long usecs_to_jiffies(unsigned int us) { return us / 1000 + (us % 1000 != 0); }
