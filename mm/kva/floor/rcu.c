/* SPDX-License-Identifier: MIT */
/*
 * Grace periods on any host.
 *
 * A read section is a stretch with preemption or interrupts off. So a CPU is outside of every section when it takes an
 * interrupt while its thread may be preempted: the interrupt shows that interrupts were on. A grace period asks each
 * CPU by an interrupt (ipi.c), again and again, until each has once been outside.
 *
 * Callbacks are run as a chore (chores.c). Every RCU_BATCH-th call_rcu() makes the chores due. Callbacks are run too
 * when another chore is due, and by kva_tidy().
 */
#include "mm/kva/floor/floor.h"

#include <kernel/smp.h>

#define RCU_BATCH 64

static struct rcu_head *waiting; /* a stack */
static unsigned long nr_calls;
static cpumask_t inside; /* CPUs not yet seen outside; filled under grace_lock, each CPU clears its own bit */
static DEFINE_MUTEX(grace_lock);

void rcu_read_lock(void) { preempt_disable(); }
void rcu_read_unlock(void) { preempt_enable(); }

static void look(void *arg __maybe_unused)
{
	if (!this_thread()->count)
		cpumask_clear(&inside, smp_processor_id());
}

void synchronize_rcu(void)
{
	mutex_lock(&grace_lock);
	inside = *cpu_online_mask;
	smp_mb();
	cpumask_clear(&inside, smp_processor_id()); /* this thread may sleep, so its CPU is outside */
	while (cpumask_weight(&inside)) {
		smp_call_function_many(&inside, look, NULL, true);
		cpus_keep_online(&inside); /* one may have gone meanwhile */
		if (cpumask_weight(&inside))
			host_yield();
	}
	smp_mb();
	mutex_unlock(&grace_lock);
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	head->fn = fn;
	stack_push(&waiting, head, next);
	if (__atomic_add_fetch(&nr_calls, 1, __ATOMIC_RELAXED) % RCU_BATCH == 0)
		WRITE_ONCE(kva_chores, true);
}

void rcu_run(void)
{
	struct rcu_head *head = xchg(&waiting, NULL), *next;

	if (!head)
		return;
	synchronize_rcu();
	for (; head; head = next) {
		next = head->next;
		head->fn(head);
	}
}
