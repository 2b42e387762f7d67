/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads. Cooperative: a thread runs until it calls schedule() or anything that waits.
 * Each is bound to one CPU. A thread that runs on a process's page tables has `pgtable` set (mm's kthread_use_mm).
 */
#pragma once

#include <kernel/percpu.h>
#include <lib/list.h>

struct pgtable;
struct mm_struct;

enum task_state { TASK_RUNNABLE, TASK_SLEEPING, TASK_DEAD };

struct task {
	void *sp;		 /* saved stack pointer while not running */
	struct list_head run;	 /* on its CPU's run queue, or among its sleepers in msleep */
	struct list_head all;	 /* on the list of all tasks */
	enum task_state state;
	unsigned int id, cpu;
	struct pgtable *pgtable; /* NULL: the reference table */
	struct mm_struct *mm;	 /* whose user half that is; NULL for pure kernel threads */
	void *stack;		 /* lowest byte, for freeing and for reports */
	void (*fn)(void *arg);
	void *arg;
	struct task *joiner;	 /* who sleeps in kthread_join for it */
	u64 wake_ms;		 /* arch_uptime_ms() at which msleep ends; 0: not in msleep */
	bool done;		 /* fn has returned and nobody is on its stack; read by kthread_join */
	char name[24];
};

DECLARE_PER_CPU(struct task *, current_task);
#define current (this_cpu(current_task))

#define KSTACK_SIZE (16 * 1024)

/* Stacks come from above (vmalloc'ed, with guard pages): KSTACK_SIZE bytes, or NULL. Before sched_init_cpu(). */
void sched_set_stack_allocator(void *(*alloc)(void), void (*free)(void *stack));
/*
 * Make the running code this CPU's first task; stack: its lowest byte, for reports. Once a CPU, first of all that has to
 * do with tasks there. An AP then calls cpu_idle_loop(); the boot CPU gets an idle thread of its own here.
 */
void sched_init_cpu(void *stack);

/* Start a thread on an online CPU. NULL: no memory or CPU not online. Thread context. The caller must kthread_join it. */
struct task *kthread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name);
/* Wait until fn has returned, then free the thread. Thread context. */
void kthread_join(struct task *task);

/* Let others run; returns at once when there are none. Thread context. */
void schedule(void);
/* Sleep at least this long. */
void msleep(unsigned int ms);
/*
 * Sleep until ready(arg) is true. Whoever makes it true calls wake_up_process() afterwards; ready is asked with a spinlock
 * held and must only look. Thread context.
 */
void sleep_until(bool (*ready)(const void *arg), const void *arg);
/* End the sleep of one task, on whichever CPU; one in msleep sleeps on. Any context but NMI. */
void wake_up_process(struct task *task);
/* Idle loop of an AP; never returns. */
void __noreturn cpu_idle_loop(void);

/* Switch the running thread's tables (NULL = reference). The low-level part of kthread_use_mm. */
void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm);

/*
 * Call fn(arg) on another online CPU, there with interrupts off, and wait. Thread context, interrupts on. Two CPUs may
 * call each other: while it waits, the caller serves what is asked of itself. Its own CPU: called directly.
 */
void smp_call_function_single(unsigned int cpu, void (*fn)(void *), void *arg);
void on_each_cpu(void (*fn)(void *), void *arg);

/* One line a task, for `ps`. */
void sched_dump(void);
