/* SPDX-License-Identifier: MIT */
/* What the files of kernel/sched share with each other and with nobody else. */
#pragma once

#include <kernel/spinlock.h>
#include <kernel/task.h>

/*
 * Nothing is taken inside either. The list is a lock of threads, which a handler interrupts: it ranks below all that handlers
 * take (mm/internal.h); a run queue ranks above everything.
 */
enum sched_lock_rank {
	RANK_TASK_LIST = 62,
	RANK_RUN_QUEUE = 200,
};

/* One a CPU. The running task is on neither list; only its own CPU runs or removes what is on them. */
struct run_queue {
	spinlock_t lock;	   /* irqsave; held across the switch of stacks */
	struct list_head runnable; /* who waits for the CPU, first come first served */
	struct list_head sleepers; /* who waits for the time, in msleep */
	struct task *idle;	   /* runs when nobody else can; never on `runnable` */
	struct task *previous;	   /* whom the switch in progress leaves */
};
DECLARE_PER_CPU(struct run_queue, run_queue);

/* sched.c */
void enqueue_new_task(struct task *task);
void finish_switch(void);
/* task.c: fill in what every task has, and put it on the list that `ps` shows. */
void task_init(struct task *task, unsigned int cpu, void *stack, const char *name);
/* Start the thread that becomes the idle task of a CPU whose first task does other work. */
void idle_thread_create(unsigned int cpu);

/* smp_call.c: handler of IPI_CALL. */
void smp_call_install_handler(void);
