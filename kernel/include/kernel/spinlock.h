/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks. Debug builds know each lock's holder, and panic if a CPU takes a lock whose rank is lower than that of one
 * it holds (ranks: mm/page/page_internal.h and each DEFINE_RANKED_SPINLOCK).
 *
 * spin_lock:         thread context, interrupts as they are; never for a lock that a handler takes.
 * spin_lock_irqsave: any context but NMI.
 *
 * The holder is not preempted and must not sleep. A switch that becomes due meanwhile happens at the unlock.
 */
#pragma once

#include <lib/compiler.h>
#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/config.h>
#include <kernel/preempt.h>

/* Checked by clang -Wthread-safety where it can be; nothing elsewhere. */
#if defined(__clang__)
#define __ts(x) __attribute__((x))
#else
#define __ts(x)
#endif
#define __capability	__ts(capability("spinlock"))
#define __guarded_by(l) __ts(guarded_by(l))
#define __acquires(l)	__ts(acquire_capability(l))
#define __releases(l)	__ts(release_capability(l))
#define __must_hold(l)	__ts(requires_capability(l))

typedef struct __capability spinlock {
	u32 locked;	   /* 0 or 1 */
	int cpu;	  /* holder, -1 when free (debug) */
	unsigned int rank; /* 0: its order is not checked */
	const char *name;
} spinlock_t;

#define SPINLOCK_INIT(_name, _rank) { .cpu = -1, .rank = (_rank), .name = (_name) }
#define DEFINE_RANKED_SPINLOCK(var, rank) spinlock_t var = SPINLOCK_INIT(#var, rank)
#define DEFINE_SPINLOCK(var) DEFINE_RANKED_SPINLOCK(var, 0)
void spin_lock_init_ranked(spinlock_t *lock, const char *name, unsigned int rank);
#define spin_lock_init(lock) spin_lock_init_ranked(lock, #lock, 0)

/* The slow paths (spinlock.c): with checks, and waiting for a lock. */
void spin_lock_checked(spinlock_t *lock) __acquires(lock);
void spin_unlock_checked(spinlock_t *lock) __releases(lock);
void spin_lock_contended(spinlock_t *lock);

static __always_inline void spin_lock(spinlock_t *lock) __acquires(lock) __ts(no_thread_safety_analysis);
static __always_inline void spin_lock(spinlock_t *lock)
{
	if (CONFIG_DEBUG_LOCKS) {
		spin_lock_checked(lock);
		return;
	}
	preempt_disable();
	/* two instructions: LOCK BTS, a jump */
	if (unlikely(__atomic_fetch_or(&lock->locked, 1, __ATOMIC_ACQUIRE) & 1))
		spin_lock_contended(lock);
}

static __always_inline void spin_unlock(spinlock_t *lock) __releases(lock) __ts(no_thread_safety_analysis);
static __always_inline void spin_unlock(spinlock_t *lock)
{
	if (CONFIG_DEBUG_LOCKS) {
		spin_unlock_checked(lock);
		return;
	}
	smp_store_release(&lock->locked, 0u);
	preempt_enable();
}

bool spin_trylock(spinlock_t *lock) __ts(try_acquire_capability(true, lock));
bool spin_is_held(const spinlock_t *lock); /* by this CPU; always true when CONFIG_DEBUG_LOCKS is 0 */
const char *spin_innermost_held(void);	   /* name of the lock that this CPU took last and still holds; "none" */

/*
 * For longest.c, in debug builds: called when a CPU has taken a lock and held none (until 0), and when it releases its
 * last one (until: the code that does it). Interrupts are off. NULL: nobody.
 */
typedef void (*spin_watcher_t)(const spinlock_t *lock, vaddr_t until);
void spin_set_watcher(spin_watcher_t fn);

#define spin_lock_irqsave(lock, flags) do { local_irq_save(flags); spin_lock(lock); } while (0)
void spin_unlock_irqrestore(spinlock_t *lock, bool flags) __releases(lock);
/* The same for code where interrupts are known to be on. */
#define spin_lock_irq(lock)   do { local_irq_disable(); spin_lock(lock); } while (0)
#define spin_unlock_irq(lock) spin_unlock_irqrestore(lock, true)
