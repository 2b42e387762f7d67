/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads: preemptive, on a run queue a CPU, the highest priority first, equals in turn.
 *
 * A thread is bound to one CPU (thread_run_on) or may run on any that its affinity mask allows; it is moved when it is
 * woken, when a CPU has nothing to do, and when its mask changes. A thread that runs on a process's page tables has
 * `pgtable` set (mm's kthread_use_mm).
 */
#pragma once

#include <arch/context.h>
#include <kernel/cpumask.h>
#include <kernel/preempt.h> /* current */
#include <lib/atomic.h>
#include <lib/list.h>

struct pgtable;
struct mm_struct;
struct process;

enum task_state {
	TASK_RUNNING,
	TASK_UNINTERRUPTIBLE, /* or about to: the thread has yet to call schedule() */
	TASK_DEAD,
};

enum task_priority {
	PRIORITY_IDLE = -1, /* of the idle tasks alone, which are on no queue */
	PRIORITY_LOW,
	PRIORITY_NORMAL,
	PRIORITY_HIGH, /* runs before all others: for short work that must not wait */
	NR_PRIORITIES
};

struct task {
	struct arch_thread thread; /* of a task that does not run */
	struct list_head run;	   /* on a run queue, while `queued` */
	struct list_head all;	   /* on the list of all tasks */
	enum task_state state;	   /* to "asleep" by the task itself, back under the run queue's lock */
	bool queued;
	int priority;
	unsigned int slice;	   /* ticks that are left before an equal has its turn */
	unsigned int id, cpu;	   /* cpu: whose run queue it is on, or was last; changed under both queues' locks */
	cpumask_t affinity;	   /* where it may run */
	unsigned int rcu_nesting;  /* read sections that it is in */
	bool rcu_blocked;	   /* it was preempted in one, and is on a list of rcu.c: */
	struct list_head rcu_entry;
	struct pgtable *pgtable;   /* NULL: the reference table */
	struct mm_struct *mm;	   /* whose user half that is; NULL for pure kernel threads */
	struct process *process;   /* NULL for kernel threads */
	void *stack;		   /* lowest byte, for freeing and for reports; struct task is at the upper end */
	void (*fn)(void *arg);
	void *arg;
	struct task *joiner;	   /* who sleeps in thread_join for it */
	bool done;		   /* fn has returned and nobody is on its stack; read by thread_join */
	atomic_t pins;		   /* CPUs that are about to wake it: not to be freed before that */
	unsigned long switches;	   /* how often it was given a CPU */
	unsigned long ticks;	   /* that struck while it ran */
	char name[24];
};

#define KSTACK_SIZE (16 * 1024)

/* Stacks come from above (vmalloc'ed, with guard pages): KSTACK_SIZE bytes, or NULL. Before sched_init_cpu(). */
void sched_set_stack_allocator(void *(*alloc)(void), void (*free)(void *stack));
/*
 * Make the running code this CPU's first task; stack: its lowest byte, for reports. Once a CPU, first of all that has to
 * do with tasks there. An AP then calls cpu_idle_loop(); the boot CPU gets an idle thread of its own here.
 */
void sched_init_cpu(void *stack);
/* From now on threads are preempted, and might_sleep() judges. Boot CPU, thread context, interrupts on. */
void sched_start(void);
/* Idle loop of an AP; never returns. */
void __noreturn cpu_idle_loop(void);

/* --- threads --------------------------------------------------------------------------------------------------------- */

/*
 * A thread that may run anywhere, priority normal, asleep: wake_up_process() starts it. NULL: no memory. Thread context,
 * may sleep. Whoever starts it must thread_join it.
 */
struct task *thread_create(void (*fn)(void *), void *arg, const char *name);
/* The same, and started. */
struct task *thread_run(void (*fn)(void *), void *arg, const char *name);
/* A thread bound to an online CPU, asleep. NULL: no memory or CPU not online. And the same, started. */
struct task *thread_create_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name);
struct task *thread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name);
/* End the running thread from anywhere in it, as if fn had returned. */
void __noreturn thread_exit(void);
/* Wait until fn has returned, then free the thread. Thread context, may sleep. */
void thread_join(struct task *task);

/*
 * Where it may run. -EINVAL: no CPU of the mask is online. On return the caller itself runs where it may; another thread
 * that is running moves as soon as it can be preempted. Thread context, may sleep if it is the caller's own.
 */
int set_affinity(struct task *task, const cpumask_t *mask);
int set_affinity_cpu(struct task *task, unsigned int cpu);
/* PRIORITY_LOW to PRIORITY_HIGH; takes effect at once. Any context but NMI. */
void set_priority(struct task *task, int priority);

/* --- giving the CPU away --------------------------------------------------------------------------------------------- */

/*
 * Let others run: equals first, then this one again, if its state is still TASK_RUNNING; else after a wake-up. Thread
 * context, preempt_count 0.
 */
void schedule(void);
/*
 * The running task's state. TASK_UNINTERRUPTIBLE, then a look at the condition, then schedule(): whoever makes the
 * condition true and then calls wake_up_process() is not missed, since this orders the state before the look.
 */
void set_current_state(enum task_state state);
/* Sleep at least this long. Thread context, may sleep. */
void msleep(unsigned int ms);
/*
 * Sleep until ready(arg) is true. Whoever makes it true calls wake_up_process() afterwards; ready is asked while the task
 * counts as asleep and must only look. Thread context.
 */
void sleep_until(bool (*ready)(const void *arg), const void *arg);
/*
 * End the sleep of one task, wherever it is: 1; 0 if it did not sleep. Orders what the caller wrote before. Any context but NMI. The task must not
 * be freed meanwhile: what it waits for must not be all that keeps it from ending.
 */
int wake_up_process(struct task *task);

/* Switch the running thread's tables (NULL = reference). The low-level part of kthread_use_mm. */
void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm);

/* Does it run on some CPU right now? A hint, unless it is the caller. */
bool task_is_running(const struct task *task);

/* "running", "ready", "sleeping", "dead": for people. */
const char *task_state_name(const struct task *task);
/* One line a task, for `ps`. */
void sched_dump(void);
