/* SPDX-License-Identifier: MIT */
/* What the files of kernel/sched share with each other and with nobody else. */
#pragma once

#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <kernel/task.h>

/*
 * The list is a lock of threads, which a handler interrupts: it ranks below all that handlers take (mm/page/page_internal.h). The
 * others rank above everything: they are held for a few instructions, and wait for nobody.
 */
enum sched_lock_rank {
	RANK_TASK_LIST = 62,
	RANK_WORKQUEUE = 170,
	RANK_TIMER_BASE = 180, /* two of them: the lower CPU's first */
	RANK_RUN_QUEUE = 200,  /* the same */
	RANK_RCU = 220, /* taken while a run queue is locked */
};

/* One a CPU. The running task is on no list. */
struct run_queue {
	spinlock_t lock; /* irqsave; held across the switch of stacks */
	unsigned int cpu;
	unsigned int nr_queued;
	struct list_head queued[NR_PRIORITIES];
	struct task *idle;	   /* runs when nobody else can; on no list */
	struct task *previous;	   /* whom the switch in progress leaves */
	struct run_queue *push_to; /* where `previous` is to go on, locked too; NULL: nowhere else */
};
DECLARE_PER_CPU(struct run_queue, run_queue);

static inline struct run_queue *run_queue_of(unsigned int cpu)
{
	return per_cpu_ptr(&run_queue, cpu);
}

/* --- run_queue.c: interrupts off, the queue locked where one is named ---------------------------------------------- */

/* CPUs that have a scheduler; only grows. */
extern cpumask_t sched_cpu_mask;

void run_queue_init(struct run_queue *rq, unsigned int cpu);
/* Both, in the order that avoids circles; they may be the same. */
void lock_run_queues(struct run_queue *a, struct run_queue *b);
void unlock_run_queues(struct run_queue *a, struct run_queue *b);
struct run_queue *lock_run_queue_of(const struct task *task);

/* In front of its equals, or behind them. */
void enqueue_task(struct run_queue *rq, struct task *task, bool front);
void dequeue_task(struct run_queue *rq, struct task *task);
/* Who is to run next; NULL: nobody waits. */
struct task *first_task(struct run_queue *rq);
/* Does somebody wait whose priority is at least this? */
bool has_rival(const struct run_queue *rq, int priority);

/* Make a CPU look at its queue, soon; if `task`, which has just been queued there, is better than what it runs. */
void resched_cpu(struct run_queue *rq);
void preempt_for(struct run_queue *rq, const struct task *task);

/* --- placement.c ----------------------------------------------------------------------------------------------------- */

bool may_run_on(const struct task *task, unsigned int cpu);
/* The best CPU for a task right now, no lock held: to be checked with may_run_on() under the queue's lock. */
unsigned int choose_cpu(const struct task *task);
/* Lock the queue where a task is and one where it may go, perhaps the same; the task stays on the first meanwhile. */
struct task_move {
	struct run_queue *from, *to;
};
struct task_move begin_move(const struct task *task);
void end_move(struct task_move move);
/* An idle CPU takes a waiting task from a busy one. True: it has one now. */
bool pull_task(struct run_queue *here);

/* --- seeded.c -------------------------------------------------------------------------------------------------------- */

extern bool sched_seeded;		/* sched=seeded */
unsigned int seeded_below(unsigned int n); /* 0 .. n - 1, n > 0; any context */
void seeded_init(void);

/* --- others ---------------------------------------------------------------------------------------------------------- */

/* sched.c: what every task does first when it has become the running one. */
void finish_switch(void);
/* task.c: fill in what every task has, and put it on the list that `ps` shows. */
void task_init(struct task *task, unsigned int cpu, void *stack, const char *name);
/* A thread that becomes the idle task of a CPU whose first task does other work. */
struct task *idle_thread_create(unsigned int cpu);
/* timer.c: from the tick; and once a CPU. */
void timer_tick(void);
void timer_init_base(unsigned int cpu);
/* smp_call.c: handler of IPI_CALL. */
void smp_call_install_handler(void);
