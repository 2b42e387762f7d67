/* SPDX-License-Identifier: MIT */
/*
 * Threads: made, run, joined. A thread is one allocation, its stack; struct task stands at the top of it, where an
 * overflow, which runs downwards into the guard page, does not reach it.
 *
 *	stack + KSTACK_SIZE -> | struct task | first frame ... grows down ... | <- stack     (guard page below)
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/context.h>
#include <arch/pgtable.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/format.h>

static void *(*stack_alloc)(void);
static void (*stack_free)(void *stack);

static DEFINE_SPINLOCK(task_list_lock, RANK_TASK_LIST);
static LIST_HEAD(task_list);
static atomic_t next_id;

void task_init(struct task *task, unsigned int cpu, void *stack, const char *name)
{
	*task = (struct task){ .cpu = cpu, .stack = stack, .id = atomic_inc_return(&next_id) };
	snprintf(task->name, sizeof(task->name), "%s", name);
	spin_lock(&task_list_lock);
	list_add_tail(&task->all, &task_list);
	spin_unlock(&task_list_lock);
}

/* First code of a thread, come from arch_switch_to() with the run queue locked. */
static void thread_main(void *arg)
{
	struct task *task = arg;

	finish_switch();
	local_irq_enable();
	task->fn(task->arg);
	BUG_ON(task->pgtable); /* kthread_use_mm without kthread_unuse_mm */
	task->state = TASK_DEAD;
	schedule();
	panic("thread %s runs after its end", task->name);
}

static struct task *thread_create(unsigned int cpu, void (*fn)(void *), void *arg, const char *name)
{
	char *stack = stack_alloc();
	struct task *task;

	if (!stack)
		return NULL;
	task = (struct task *)ALIGN_DOWN((vaddr_t)(stack + KSTACK_SIZE - sizeof(*task)), 16);
	task_init(task, cpu, stack, name);
	task->fn = fn;
	task->arg = arg;
	task->sp = arch_prepare_stack(task, thread_main, task);
	enqueue_new_task(task);
	return task;
}

void sched_set_stack_allocator(void *(*alloc)(void), void (*free)(void *stack))
{
	stack_alloc = alloc;
	stack_free = free;
}

static void idle_thread(void *arg __maybe_unused)
{
	cpu_idle_loop();
}

void idle_thread_create(unsigned int cpu)
{
	if (!thread_create(cpu, idle_thread, NULL, "idle"))
		panic("no memory for the stack of CPU %u's idle thread", cpu);
}

/* A CPU is online a moment before it has made its run queue. */
static void wait_for_scheduler_of(unsigned int cpu)
{
	while (!smp_load_acquire(per_cpu_ptr(&current_task, cpu)))
		cpu_relax();
}

struct task *kthread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name)
{
	if (cpu >= MAX_CPUS || !cpumask_test(&cpu_online_mask, cpu))
		return NULL;
	wait_for_scheduler_of(cpu);
	return thread_create(cpu, fn, arg, name);
}

/* True: it is over. Else the caller is entered as joiner, and asleep as soon as it calls schedule(). */
static bool join_or_sleep(struct task *task)
{
	struct run_queue *rq = per_cpu_ptr(&run_queue, task->cpu);
	bool flags, done;

	spin_lock_irqsave(&rq->lock, flags);
	done = task->done;
	if (!done) {
		task->joiner = current;
		current->state = TASK_SLEEPING;
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	return done;
}

void kthread_join(struct task *task)
{
	while (!join_or_sleep(task))
		schedule();
	spin_lock(&task_list_lock);
	list_del(&task->all);
	spin_unlock(&task_list_lock);
	stack_free(task->stack);
}

void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm)
{
	bool flags;

	BUG_ON(task != current);
	flags = local_irq_save();
	task->pgtable = pgtable;
	task->mm = mm;
	pgtable_load(pgtable ? pgtable : &kernel_pgtable);
	local_irq_restore(flags);
}

static const char *state_name(const struct task *task)
{
	static const char *const names[] = { "ready", "sleeping", "dead" };

	return per_cpu(current_task, task->cpu) == task ? "running" : names[task->state];
}

void sched_dump(void)
{
	struct task *task;

	cprintf("%5s %4s %-9s %5s  %s\n", "ID", "CPU", "STATE", "TREE", "NAME");
	spin_lock(&task_list_lock);
	list_for_each_entry(task, &task_list, all)
		cprintf("%5u %4u %-9s %5u  %s\n", task->id, task->cpu, state_name(task),
			task->pgtable ? task->pgtable->id : 0, task->name);
	spin_unlock(&task_list_lock);
}
