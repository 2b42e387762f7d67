/* SPDX-License-Identifier: MIT */
/* The real spinlock. All other scenarios take locks in one step (port/include/kernel/spinlock.h). */
#define XP_REAL_SPINLOCK
#include "kernel/core/spinlock.c"

#include "tests/explore/port/port.h"

static DEFINE_SPINLOCK(lock);
static unsigned int counter;

static void count(void)
{
	spin_lock(&lock);
	counter++;
	spin_unlock(&lock);
}

static void try_to_count(void)
{
	if (!spin_trylock(&lock))
		return;
	counter++;
	spin_unlock(&lock);
}

static void count_with_irqs_off(void)
{
	bool flags;

	spin_lock_irqsave(&lock, flags);
	counter++;
	spin_unlock_irqrestore(&lock, flags);
}

static void counted_2(void) { MUST(counter == 2 && !lock.locked); }
static void counted_3(void) { MUST(counter == 3 && !lock.locked); }
static void counted_some(void) { MUST(counter >= 1 && counter <= 2 && !lock.locked); }
static void machine(void) { port_machine(3); }

XP_SCENARIO(lock2) = { .name = "lock.two", .setup = machine, .cpu = { count, count_with_irqs_off },
		       .check = counted_2 };
XP_SCENARIO(lock3) = { .name = "lock.three", .setup = machine, .cpu = { count, count, count }, .check = counted_3 };
XP_SCENARIO(lock_try) = { .name = "lock.try", .setup = machine, .cpu = { count, try_to_count },
			  .check = counted_some };

/* Broken: the lock is looked at and taken by two instructions. */
static void count_wrongly(void)
{
	while (READ_ONCE(lock.locked))
		cpu_relax();
	WRITE_ONCE(lock.locked, 1);
	counter++;
	spin_unlock(&lock);
}
XP_SCENARIO(lock_broken) = { .name = "lock.broken", .setup = machine, .cpu = { count, count_wrongly },
			     .must_fail = "data race" };
