/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks and their checks.
 *
 * A lock is one word, taken by one atomic instruction. A waiting CPU only reads it, so the line stays shared until it
 * is free. There is no queue: with tickets, a CPU that an emulator or hypervisor has stopped delays every CPU behind
 * it.
 *
 * With CONFIG_DEBUG_LOCKS each CPU remembers the locks that it holds, in the order in which it took them; locks that an
 * interrupt takes are part of that order. If every CPU takes only locks of a rank not lower than those it holds, locks
 * of different ranks cannot deadlock. Locks of one rank need an order of their own (run queues: the lower CPU first).
 * Rank 0 is not checked. Ranks are checked before waiting, so a forbidden order is found the first time it is used and
 * not the first time it deadlocks.
 */
#include <kernel/spinlock.h>
#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <kernel/preempt.h>
#include <lib/atomic.h>

#define MAX_HELD	 8
#define SPIN_LIMIT_US	 (30 * 1000000ull) /* a lock that is held for so long is never released */
#define SPINS_BETWEEN_LOOKS (1u << 16)

struct held_locks {
	unsigned int nr;
	spinlock_t *lock[MAX_HELD];
};
static DEFINE_PER_CPU(struct held_locks, held_locks);

/* In a panic the checks are off: it must work whatever is locked. */
static bool checking(void)
{
	return CONFIG_DEBUG_LOCKS && !panic_in_progress();
}

static spin_watcher_t watcher __ro_after_init;

void spin_set_watcher(spin_watcher_t fn)
{
	WRITE_ONCE(watcher, fn);
}

static void tell_watcher(const spinlock_t *lock, vaddr_t until)
{
	spin_watcher_t fn = READ_ONCE(watcher);

	if (fn)
		fn(lock, until);
}

void spin_lock_init_ranked(spinlock_t *lock, const char *name, unsigned int rank)
{
	*lock = (spinlock_t)SPINLOCK_INIT(name, rank);
}

static void check_order(const spinlock_t *lock)
{
	const struct held_locks *held = raw_cpu_ptr(&held_locks);

	for (unsigned int i = 0; i < held->nr; i++) {
		const spinlock_t *h = held->lock[i];

		if (h == lock)
			panic("cpu %u takes lock %s, which it holds", smp_processor_id(), lock->name);
		if (lock->rank && lock->rank < h->rank)
			panic("cpu %u takes lock %s (rank %u) while it holds %s (rank %u)", smp_processor_id(),
			      lock->name, lock->rank, h->name, h->rank);
	}
}

/* Interrupts are off, because an interrupt puts its locks on the same list. */
static void note_taken(spinlock_t *lock)
{
	struct held_locks *held = raw_cpu_ptr(&held_locks);
	bool flags;

	if (held->nr == MAX_HELD)
		panic("cpu %u holds %u locks and takes %s", smp_processor_id(), MAX_HELD, lock->name);
	flags = arch_local_irq_save();
	if (!held->nr)
		tell_watcher(lock, 0);
	held->lock[held->nr++] = lock;
	local_irq_restore(flags);
	WRITE_ONCE(lock->cpu, (int)smp_processor_id());
}

/* Locks may be released in any order, so this one need not be the last. */
static void note_released(spinlock_t *lock, vaddr_t until)
{
	struct held_locks *held = raw_cpu_ptr(&held_locks);
	bool flags = arch_local_irq_save();
	unsigned int i = held->nr;

	while (i-- > 0 && held->lock[i] != lock)
		;
	if (i >= held->nr)
		panic("cpu %u releases lock %s, held by cpu %d", smp_processor_id(), lock->name, lock->cpu);
	WRITE_ONCE(lock->cpu, -1);
	for (; i + 1 < held->nr; i++)
		held->lock[i] = held->lock[i + 1];
	if (!--held->nr)
		tell_watcher(lock, until);
	local_irq_restore(flags);
}

/* Wait until the lock looks free, only reading. A wait that is too long is a panic. */
static void wait_until_free(const spinlock_t *lock)
{
	u64 start = 0, now;

	for (unsigned int spins = 1; READ_ONCE(lock->locked); spins++) {
		cpu_relax();
		if (!checking() || spins % SPINS_BETWEEN_LOOKS)
			continue;
		now = arch_uptime_us();
		if (!start)
			start = now;
		if (now - start > SPIN_LIMIT_US)
			panic("cpu %u waits for lock %s (rank %u), held by cpu %d", smp_processor_id(), lock->name,
			      lock->rank, READ_ONCE(lock->cpu));
	}
}

/* The first try has failed; preemption is off. */
void spin_lock_contended(spinlock_t *lock)
{
	do
		wait_until_free(lock);
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE));
}

__ts(no_thread_safety_analysis)
void spin_lock_checked(spinlock_t *lock)
{
	preempt_disable();
	if (checking())
		check_order(lock);
	if (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		spin_lock_contended(lock);
	if (checking())
		note_taken(lock);
}

/* Trying cannot deadlock, so the rank does not matter. */
__ts(no_thread_safety_analysis)
bool spin_trylock(spinlock_t *lock)
{
	preempt_disable();
	if (READ_ONCE(lock->locked) || __atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)) {
		preempt_enable();
		return false;
	}
	if (checking())
		note_taken(lock);
	return true;
}

static __always_inline void give_back(spinlock_t *lock)
{
	if (checking())
		note_released(lock, _RET_IP_);
	smp_store_release(&lock->locked, 0u);
}

__ts(no_thread_safety_analysis)
void spin_unlock_checked(spinlock_t *lock)
{
	give_back(lock);
	preempt_enable();
}

/* Interrupts are enabled last: a tick that was delayed then finds a thread that may be preempted. */
__ts(no_thread_safety_analysis)
void spin_unlock_irqrestore(spinlock_t *lock, bool flags)
{
	give_back(lock);
	preempt_enable_no_resched();
	local_irq_restore(flags);
	preempt_check_resched();
}

const char *spin_innermost_held(void)
{
	const struct held_locks *held = raw_cpu_ptr(&held_locks);

	return checking() && held->nr ? held->lock[held->nr - 1]->name : "none";
}

bool spin_is_held(const spinlock_t *lock)
{
	return !checking() || READ_ONCE(lock->cpu) == (int)smp_processor_id();
}
