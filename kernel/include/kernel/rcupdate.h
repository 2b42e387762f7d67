/* SPDX-License-Identifier: MIT */
/*
 * Read-copy update, under Linux's names. Readers take no lock; after a removal the remover waits until every reader
 * that may have seen the object has finished. A read section may be preempted, but must not sleep. Any context, NMI
 * too. Code with preemption or interrupts off is a read section by itself.
 */
#pragma once

#include <arch/barrier.h>
#include <lib/compiler.h>

/* Sections nest. */
void rcu_read_lock(void);
void rcu_read_unlock(void);
/* Is the running thread inside rcu_read_lock()? */
bool rcu_read_lock_held(void);

/* x86 orders dependent loads; the volatile access keeps the compiler from reordering them. */
#define rcu_dereference(p)	 READ_ONCE(p)
#define rcu_assign_pointer(p, v) smp_store_release(&(p), v)

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *head);
};
/*
 * Call fn(head) once a grace period has passed, in thread context on some CPU, in the order of the calls. fn must not
 * sleep for long: the callbacks behind it wait. Any context but NMI.
 */
void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head));
/*
 * kfree ptr after a grace period; `member` is its struct rcu_head. mm provides the function that frees: rcu_set_free().
 */
#define kfree_rcu(ptr, member) call_rcu_free(&(ptr)->member, (ptr))
#define kvfree_rcu(ptr, member) kfree_rcu(ptr, member) /* ptr from vmalloc or kmalloc; without a head: <mm/slab.h> */
void call_rcu_free(struct rcu_head *head, const void *ptr); /* head is in the first 4 KiB of *ptr */
void rcu_set_free(void (*free)(const void *ptr));
/* Wait for a grace period. Thread context, may sleep, not inside a read section. */
void synchronize_rcu(void);
/* Wait until every callback queued before has run. Costs one load if there is none. Context as synchronize_rcu(). */
void rcu_barrier(void);

/* Boot CPU, when threads can run. Callbacks that were queued earlier wait until then. */
void rcu_init(void);
void rcu_tick(void);	    /* from the timer tick */
void rcu_note_switch(void); /* from the context switch, while the old thread is still current, interrupts off */

/* A grace period that takes longer is reported, with the CPU or the thread that delays it. */
extern unsigned int rcu_stall_ms;
struct rcu_counters {
	unsigned long grace_periods, callbacks, stalls;
};
struct rcu_counters rcu_counters(void);
