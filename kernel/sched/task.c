/* SPDX-License-Identifier: MIT */
/*
 * Creating and joining threads. A thread is one allocation, its stack. struct task is at the top of it, where a stack
 * overflow does not reach it: the stack grows down into the guard page.
 *
 *	stack + KSTACK_SIZE -> | struct task | first frame ... grows down ... | <- stack     (guard page below)
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/format.h>
#include <lib/string.h>

static void *(*stack_alloc)(void) __ro_after_init;
static void (*stack_free)(void *stack) __ro_after_init;

static DEFINE_RANKED_SPINLOCK(task_list_lock, RANK_TASK_LIST);
static LIST_HEAD(task_list);
static atomic_t next_id;

void task_init(struct task *task, unsigned int cpu, void *stack, const char *name)
{
	*task = (struct task){ .cpu = cpu, .stack = stack, .priority = PRIORITY_NORMAL,
			       .id = atomic_inc_return(&next_id) };
	snprintf(task->name, sizeof(task->name), "%s", name);
	spin_lock(&task_list_lock);
	list_add_tail(&task->all, &task_list);
	spin_unlock(&task_list_lock);
}

/*
 * The first code of a thread. arch_switch_to() comes here with the run queue locked, and interrupts off, so nothing
 * preempts it yet.
 */
static void thread_main(void *arg)
{
	struct task *task = arg;

	finish_switch();
	local_irq_enable();
	task->fn(task->arg);
	thread_exit();
}

void thread_exit(void)
{
	BUG_ON(current->pgtable); /* kthread_use_mm without kthread_unuse_mm */
	local_irq_disable();
	current->state = TASK_DEAD;
	schedule();
	panic("thread %s runs after its end", current->name);
}

/* The new thread sleeps and is on no queue. The first wake-up chooses its CPU. */
static struct task *thread_make(void (*fn)(void *), void *arg, const char *name)
{
	char *stack = stack_alloc();
	struct task *task;

	if (!stack)
		return NULL;
	task = (struct task *)ALIGN_DOWN((vaddr_t)(stack + KSTACK_SIZE - sizeof(*task)), 16);
	task_init(task, smp_processor_id(), stack, name);
	task->state = TASK_UNINTERRUPTIBLE;
	task->fn = fn;
	task->arg = arg;
	arch_prepare_thread(&task->thread, task, thread_main, task);
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

struct task *idle_thread_create(unsigned int cpu)
{
	struct task *task = thread_make(idle_thread, NULL, "idle");

	if (!task)
		panic("no memory for the stack of CPU %u's idle thread", cpu);
	task->state = TASK_RUNNING;
	task->priority = PRIORITY_IDLE;
	cpumask_set(&task->affinity, cpu);
	return task;
}

struct task *thread_create(void (*fn)(void *), void *arg, const char *name)
{
	struct task *task;

	might_sleep();
	task = thread_make(fn, arg, name);
	if (task)
		bitmap_fill(task->affinity.bits, MAX_CPUS);
	return task;
}

struct task *thread_run(void (*fn)(void *), void *arg, const char *name)
{
	struct task *task = thread_create(fn, arg, name);

	if (task)
		wake_up_process(task);
	return task;
}

struct task *thread_create_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name)
{
	struct task *task;

	if (cpu >= MAX_CPUS || !cpumask_test(cpu_online_mask, cpu))
		return NULL;
	while (!cpumask_test(&sched_cpu_mask, cpu)) /* a CPU is online a moment before it has made its run queue */
		cpu_relax();
	might_sleep();
	task = thread_make(fn, arg, name);
	if (task)
		cpumask_set(&task->affinity, cpu);
	return task;
}

struct task *thread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name)
{
	struct task *task = thread_create_on(cpu, fn, arg, name);

	if (task)
		wake_up_process(task);
	return task;
}

/* True: the thread has ended. Otherwise the caller becomes its joiner and sleeps from its next schedule() on. */
static bool join_or_sleep(struct task *task)
{
	bool flags = arch_local_irq_save(), done;
	struct run_queue *rq = lock_run_queue_of(task);

	done = task->done;
	if (!done) {
		task->joiner = current;
		set_current_state(TASK_UNINTERRUPTIBLE);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	return done;
}

void thread_join(struct task *task)
{
	might_sleep();
	while (!join_or_sleep(task))
		schedule();
	while (atomic_read(&task->pins))
		cpu_relax();
	spin_lock(&task_list_lock);
	list_del(&task->all);
	spin_unlock(&task_list_lock);
	stack_free(task->stack);
}

void task_set_pgtable(struct task *task, struct pgtable *pgtable, struct mm_struct *mm)
{
	bool flags;

	BUG_ON(task != current);
	flags = arch_local_irq_save();
	task->pgtable = pgtable;
	task->mm = mm;
	pgtable_switch(pgtable, __builtin_frame_address(0));
	local_irq_restore(flags);
}

const char *task_state_name(const struct task *task)
{
	static const char *const names[] = { "ready", "sleeping", "dead" };

	return task_is_running(task) ? "running" : names[task->state];
}

/* The task may end meanwhile. Then the number may be wrong, but it is read from memory that is always mapped. */
static unsigned int tree_of(const struct task *task)
{
	const struct pgtable *pt = READ_ONCE(task->pgtable);

	return pt ? pt->id : 0;
}

/* One line of sched_dump(). */
struct description {
	unsigned int id, cpu, tree;
	int priority;
	bool bound;
	const char *state;
	unsigned long switches, ticks;
	char name[24];
};

/* The list is sorted by id. False: there is no task behind d->id. */
static bool describe_next(struct description *d)
{
	unsigned int after = d->id;
	struct task *task;

	spin_lock(&task_list_lock);
	list_for_each_entry(task, &task_list, all) {
		if (task->id <= after)
			continue;
		*d = (struct description){ task->id, task->cpu, tree_of(task), task->priority,
					   cpumask_weight(&task->affinity) == 1, task_state_name(task), task->switches,
					   task->ticks, "" };
		strscpy(d->name, task->name, sizeof(d->name));
		break;
	}
	spin_unlock(&task_list_lock);
	return d->id != after;
}

/* Copies one task at a time, so that no lock is held while the console prints. */
void sched_dump(void)
{
	struct description d = { 0 };

	cprintf("%5s %4s %5s %4s %-9s %8s %9s %5s  %s\n", "ID", "CPU", "BOUND", "PRIO", "STATE", "SWITCHES", "CPU MS",
		"TREE", "NAME");
	while (describe_next(&d))
		cprintf("%5u %4u %5s %4d %-9s %8lu %9llu %5u  %s\n", d.id, d.cpu, d.bound ? "yes" : "no", d.priority,
			d.state, d.switches, TICK_MS * (u64)d.ticks, d.tree, d.name);
}
