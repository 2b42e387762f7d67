/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads: preemptive, with a run queue for each CPU, highest priority first, equals in turn.
 *
 * A thread runs on any CPU of its affinity mask; thread_run_on() binds it to one. It may move when it is woken, when a
 * CPU has nothing to do, and when its mask changes. A thread that runs on a process's page tables has `pgtable` set
 * (mm's kthread_use_mm).
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
	TASK_UNINTERRUPTIBLE, /* asleep, or about to call schedule() */
	TASK_DEAD,
};

enum task_priority {
	PRIORITY_IDLE = -1, /* only for idle tasks, which are on no queue */
	PRIORITY_LOW,
	PRIORITY_NORMAL,
	PRIORITY_HIGH, /* runs before all others: for short work that must not wait */
	NR_PRIORITIES
};

struct task {
	struct arch_thread thread; /* registers and stack while it does not run */
	struct list_head run;	   /* on a run queue, while `queued` */
	struct list_head all;	   /* on the list of all tasks */
	enum task_state state;	   /* set by the task; set back to running by a waker, under the run queue's lock */
	bool queued;
	int priority;
	unsigned int slice;	   /* ticks left before an equal has its turn */
	unsigned int id, cpu;	   /* cpu: its run queue, or the last one; changed under both queues' locks */
	cpumask_t affinity;	   /* where it may run */
	unsigned int rcu_nesting;  /* read sections that it is in */
	bool rcu_blocked;	   /* it was preempted in one, and is on a list of rcu.c by rcu_entry */
	struct list_head rcu_entry;
	struct pgtable *pgtable;   /* NULL: the reference table */
	struct mm_struct *mm;	   /* the address space in use; NULL for pure kernel threads */
	struct process *process;   /* NULL for kernel threads */
	void *stack;		   /* lowest byte, for freeing and for reports; struct task is at the upper end */
	void (*fn)(void *arg);
	void *arg;
	struct task *joiner;	   /* the thread that waits in thread_join for it */
	bool done;		   /* fn has returned and its stack is out of use; read by thread_join */
	atomic_t pins;		   /* CPUs that are about to wake it; not 0: it must not be freed */
	unsigned long switches;	   /* how often it was given a CPU */
	unsigned long ticks;	   /* timer ticks while it ran */
	char name[24];
};

#define KSTACK_SIZE (16 * 1024)

/* Where stacks come from: KSTACK_SIZE bytes with guard pages, or NULL. Before sched_init_cpu(). */
void sched_set_stack_allocator(void *(*alloc)(void), void (*free)(void *stack));
/*
 * Make the running code this CPU's first task; stack: its lowest byte, for reports. Once a CPU, before anything else
 * about tasks. An AP then calls cpu_idle_loop(); for the boot CPU an idle thread is made here.
 */
void sched_init_cpu(void *stack);
/* From now on threads are preempted, and might_sleep() checks its caller. Boot CPU, thread context, interrupts on. */
void sched_start(void);
/* Idle loop of an AP; never returns. */
void __noreturn cpu_idle_loop(void);

/* --- threads ------------------------------------------------------------------------------------------------------ */

/*
 * Make a thread that may run on any CPU, with normal priority. It sleeps until wake_up_process(). NULL: no memory.
 * Thread context, may sleep. The caller must thread_join() it after it has started it.
 */
struct task *thread_create(void (*fn)(void *), void *arg, const char *name);
/* The same, and start it. */
struct task *thread_run(void (*fn)(void *), void *arg, const char *name);
/* The same two for a thread that is bound to an online CPU. NULL: no memory, or the CPU is not online. */
struct task *thread_create_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name);
struct task *thread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name);
/* End the running thread from anywhere in it, as if fn had returned. */
void __noreturn thread_exit(void);
/* Wait until fn has returned, then free the thread. Thread context, may sleep. */
void thread_join(struct task *task);

/*
 * Set the CPUs on which a task may run. -EINVAL: no CPU of the mask is online. A running task moves as soon as it can
 * be preempted: a caller that gives its own task, with preemption on, runs on one of these CPUs on return. Thread
 * context.
 */
int set_affinity(struct task *task, const cpumask_t *mask);
int set_affinity_cpu(struct task *task, unsigned int cpu);
/* PRIORITY_LOW to PRIORITY_HIGH; takes effect at once. Any context but NMI. */
void set_priority(struct task *task, int priority);

/* --- giving the CPU away ------------------------------------------------------------------------------------------ */

/*
 * Let others run. In TASK_RUNNING this thread runs again after its equals, otherwise after a wake-up. Thread context,
 * preempt_count 0.
 */
void schedule(void);
/*
 * Set the running task's state. To sleep: set TASK_UNINTERRUPTIBLE, check the condition, call schedule(). A thread that
 * makes the condition true and then calls wake_up_process() is not missed, since this orders the state before the
 * check.
 */
void set_current_state(enum task_state state);
/* Sleep at least this long. Thread context, may sleep. */
void msleep(unsigned int ms);
/*
 * Sleep until ready(arg) is true. The thread that makes it true then calls wake_up_process(). ready() runs while the
 * task's state is "asleep", so it must not sleep or change anything. Thread context.
 */
void sleep_until(bool (*ready)(const void *arg), const void *arg);
/*
 * Wake a task: 1; 0 if it did not sleep. Orders the caller's earlier writes before it. Any context but NMI. The task
 * must not be freed meanwhile: something besides this wake-up must keep it from ending.
 */
int wake_up_process(struct task *task);

/* Switch the running thread to these tables (NULL: the reference). The low-level part of kthread_use_mm. */
void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm);

/* Does the task run on a CPU right now? Only a hint, unless it is the caller. */
bool task_is_running(const struct task *task);

/* "running", "ready", "sleeping", "dead": for people. */
const char *task_state_name(const struct task *task);
/* One line a task, for `ps`. */
void sched_dump(void);

/* How often a CPU without work has looked for some at the other CPUs: once when it has none left, then at its ticks. */
unsigned long sched_idle_looks(unsigned int cpu);
