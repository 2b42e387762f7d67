/* SPDX-License-Identifier: MIT */
/* Private to kernel/sched. */
#pragma once

#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <kernel/task.h>

/*
 * The task list's lock is taken in threads only, so it ranks below all locks that handlers take
 * (mm/page/page_internal.h). The others rank above all locks of mm: they are held for a short time, and their holder
 * waits for nothing but locks of higher rank.
 */
enum sched_lock_rank {
	RANK_TASK_LIST = 62,
	RANK_WORKQUEUE = 170,
	RANK_TIMER_BASE = 180, /* of two timer bases the lower CPU's is locked first */
	RANK_RUN_QUEUE = 200,  /* likewise for two run queues */
	RANK_RCU = 220, /* taken while a run queue is locked */
};

/* Each CPU has one. The running task is on no list. */
struct run_queue {
	spinlock_t lock; /* irqsave; held across the switch of stacks */
	unsigned int cpu;
	unsigned int nr_queued;
	bool look; /* this CPU has ticked since it looked at the other queues; only it reads and writes this */
	unsigned long looks;
	struct list_head queued[NR_PRIORITIES];
	struct task *idle;	   /* runs when no other task can; on no list */
	struct task *previous;	   /* the task that the switch in progress leaves */
	struct run_queue *push_to; /* the queue where `previous` goes next, locked too; NULL: it stays */
};
DECLARE_PER_CPU(struct run_queue, run_queue);

static inline struct run_queue *run_queue_of(unsigned int cpu)
{
	return per_cpu_ptr(&run_queue, cpu);
}

/* --- run_queue.c: interrupts off, the queue locked where one is named --------------------------------------------- */

/* CPUs that have a scheduler; only grows. */
extern cpumask_t sched_cpu_mask;

void run_queue_init(struct run_queue *rq, unsigned int cpu);
/* Lock or unlock two queues; a and b may be the same. The lower CPU's is locked first, so there is no deadlock. */
void lock_run_queues(struct run_queue *a, struct run_queue *b);
void unlock_run_queues(struct run_queue *a, struct run_queue *b);
/* Lock the queue where the task is. */
struct run_queue *lock_run_queue_of(const struct task *task);

/* front: before tasks of the same priority; otherwise behind them. */
void enqueue_task(struct run_queue *rq, struct task *task, bool front);
void dequeue_task(struct run_queue *rq, struct task *task);
/* The task to run next. NULL: the queue is empty. */
struct task *first_task(struct run_queue *rq);
/* Is a task queued whose priority is at least this? */
bool has_rival(const struct run_queue *rq, int priority);

/*
 * resched_cpu: make the CPU look at its queue soon. preempt_for: the same, if `task`, which was just queued there, has
 * a higher priority than the task that runs.
 */
void resched_cpu(struct run_queue *rq);
void preempt_for(struct run_queue *rq, const struct task *task);

/* --- placement.c -------------------------------------------------------------------------------------------------- */

bool may_run_on(const struct task *task, unsigned int cpu);
/* The best CPU for a task right now. Called without a lock, so check it with may_run_on() under the queue's lock. */
unsigned int choose_cpu(const struct task *task);
/* Lock the queue where a task is and the one where it may go; they may be the same. The task is still on the first. */
struct task_move {
	struct run_queue *from, *to;
};
struct task_move begin_move(const struct task *task);
void end_move(struct task_move move);
/* An idle CPU takes a waiting task from a busy one. False: there is none. */
bool pull_task(struct run_queue *here);

/* --- seeded.c ----------------------------------------------------------------------------------------------------- */

extern bool sched_seeded;		/* sched=seeded */
unsigned int seeded_below(unsigned int n); /* 0 .. n - 1, n > 0; any context */
void seeded_init(void);

/* --- others ------------------------------------------------------------------------------------------------------- */

/* sched.c: the first thing that a task does when it gets the CPU. */
void finish_switch(void);
/* task.c: fill in what every task has, and put it on the list that `ps` shows. */
void task_init(struct task *task, unsigned int cpu, void *stack, const char *name);
/* The idle task of a CPU whose first task does other work (the boot CPU). */
struct task *idle_thread_create(unsigned int cpu);
/* timer.c: timer_tick() at each tick; timer_init_base() once for each CPU, before its first tick. */
void timer_tick(void);
void timer_init_base(unsigned int cpu);
/* smp_call.c: handler of IPI_CALL. */
void smp_call_install_handler(void);
