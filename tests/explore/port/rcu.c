/* SPDX-License-Identifier: MIT */
/*
 * RCU as its contract says it, and as early as that allows: a callback runs as soon as every CPU has left the read
 * section in which it was when the callback was queued. So what is freed a grace period later is freed at the first
 * moment at which it may be. Sections are preemption off, interrupts off inside of these, and rcu_read_lock().
 */
#include "tests/explore/port/port.h"

#include <kernel/mutex.h>
#include <kernel/preempt.h>
#include <kernel/rcupdate.h>

void __tsan_atomic_thread_fence(int order);

#define MAX_CALLBACKS 32
#define LOOKING	      (1u << XP_CPUS) /* call_rcu() has not looked at all CPUs */

static struct waiter {
	struct rcu_head head;
	unsigned int done;
} waiters[XP_CPUS];
static unsigned int nested[XP_CPUS];
static struct {
	struct rcu_head *head;
	unsigned int readers; /* CPUs that it waits for */
} waiting[MAX_CALLBACKS];
static unsigned int nr_waiting;
bool port_rcu_broken;

void port_rcu_init(void)
{
	xp_state(nested, sizeof(nested));
	xp_state(waiters, sizeof(waiters));
	xp_state(waiting, sizeof(waiting));
	xp_state(&nr_waiting, sizeof(nr_waiting));
}

static void run_ready(void)
{
	for (unsigned int i = 0; i < nr_waiting; i++) {
		struct rcu_head *head = waiting[i].head;

		if (waiting[i].readers)
			continue;
		waiting[i] = waiting[--nr_waiting];
		head->fn(head);
		i = -1u; /* others may have come and gone */
	}
}

void port_section_begin(void)
{
	unsigned int me = xp_cpu();

	if (!nested[me])
		xp_note(&nested[me], true);
	nested[me]++;
}

static bool somebody_waits_for(unsigned int cpu)
{
	for (unsigned int i = 0; i < nr_waiting; i++)
		if (waiting[i].readers & 1u << cpu)
			return true;
	return false;
}

void port_section_end(void)
{
	unsigned int me = xp_cpu();

	if (nested[me] == 1)
		xp_note(&nested[me], true);
	if (--nested[me] || !somebody_waits_for(me))
		return;
	xp_note(waiting, true);
	for (unsigned int i = 0; i < nr_waiting; i++)
		waiting[i].readers &= ~(1u << me);
	run_ready();
}

void rcu_read_lock(void) { port_section_begin(); }
void rcu_read_unlock(void) { port_section_end(); }
bool rcu_read_lock_held(void) { return nested[xp_cpu()]; }

static unsigned int place_of(const struct rcu_head *head)
{
	unsigned int i = 0;

	while (waiting[i].head != head)
		i++;
	return i;
}

/*
 * Whatever the caller has stored before is visible by the end of the grace period. Each CPU is looked at in one step,
 * so it either has left its section, or finds that somebody waits for it.
 */
void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	xp_memcpy(&head->fn, &fn, sizeof(fn));
	__tsan_atomic_thread_fence(__ATOMIC_SEQ_CST);
	xp_note(waiting, true);
	if (nr_waiting == MAX_CALLBACKS)
		xp_fail("too many callbacks wait");
	waiting[nr_waiting].head = head;
	waiting[nr_waiting++].readers = LOOKING;
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++) {
		xp_note(&nested[cpu], false);
		waiting[place_of(head)].readers |= (nested[cpu] && !port_rcu_broken) << cpu;
	}
	xp_note(waiting, true);
	waiting[place_of(head)].readers &= ~LOOKING;
	run_ready();
}

/* --- waiting for it ---------------------------------------------------------------------------------------- */

unsigned int __tsan_atomic32_load(const volatile unsigned int *p, int order);
void __tsan_atomic32_store(volatile unsigned int *p, unsigned int v, int order);

static void wake(struct rcu_head *head)
{
	__tsan_atomic32_store(&container_of(head, struct waiter, head)->done, 1, __ATOMIC_RELEASE);
}

void synchronize_rcu(void)
{
	struct waiter *w = &waiters[xp_cpu()];

	__tsan_atomic32_store(&w->done, 0, __ATOMIC_RELAXED);
	call_rcu(&w->head, wake);
	while (!__tsan_atomic32_load(&w->done, __ATOMIC_ACQUIRE))
		xp_relax();
}

/* --- mutexes: in one step, as spinlocks -------------------------------------------------------------------- */

void mutex_init_named(struct mutex *mutex, const char *name)
{
	(void)mutex, (void)name; /* memory that is new is zeroed */
}

static unsigned int *word_of(struct mutex *mutex) { return (unsigned int *)&mutex->owner; }
void mutex_lock(struct mutex *mutex) { xp_acquire(word_of(mutex)); }
void mutex_unlock(struct mutex *mutex) { __tsan_atomic32_store(word_of(mutex), 0, __ATOMIC_RELEASE); }
