/* SPDX-License-Identifier: MIT */
/* The life of processes: spawn, fork, exit, and clearing away.
 *
 *	spawn, fork ──> runs ──exit, kill──> ended: its memory is gone, its stack and status remain ──> cleared away by
 *						├─ its parent: process_wait_child()
 *						├─ the kernel thread that spawned it: process_wait()
 *						└─ the reaper, a work item, if it is an orphan
 *
 * An orphan is a process whose parent has ended, or that was detached. Its children become orphans when it ends.
 *
 * process_lock protects the family (parents, lists of children, exited, orphan), jobs and numbers (pid.c). A process
 * that has ended stays valid until exactly one of the three above clears it away.
 *
 * A job is one spawned process with all its descendants, orphans too. Ctrl-C ends a job (kill.c).
 */
#include "internal.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <kernel/schedule_point.h>
#include <kernel/task.h>
#include <kernel/workqueue.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/slab.h>

DEFINE_RANKED_SPINLOCK(process_lock, RANK_PROCESS);
static LIST_HEAD(dead_orphans); /* by `sibling`: for the reaper */
static struct work_struct reaper;

struct process *current_process(void)
{
	return current->process;
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

static void process_main(void *arg)
{
	struct process *process = arg;

	kthread_use_mm(process->mm);
	process_end_if_killed();
	arch_enter_user(&process->start);
}

/* Make a process; its thread sleeps until process_start(). On success it owns mm. NULL: no memory. */
static struct process *process_create(const char *name, struct mm_struct *mm, struct process_job *job, int pid)
{
	struct process *process = kzalloc(sizeof(*process), GFP_KERNEL);

	if (!process)
		return NULL;
	process->task = thread_create(process_main, process, name);
	if (!process->task) {
		kfree(process);
		return NULL;
	}
	process->task->process = process;
	process->thread = process->task->id;
	process->pid = pid;
	process->job = job;
	process->mm = mm;
	process->born = arch_uptime_ms();
	INIT_LIST_HEAD(&process->children);
	INIT_LIST_HEAD(&process->sibling);
	init_waitqueue_head(&process->child_exit);
	strscpy(process->name, name, sizeof(process->name));
	return process;
}

/* A process that is born while its job is being killed never runs in ring 3. */
static void process_start(struct process *process, struct process *parent)
{
	spin_lock(&process_lock);
	process->parent = parent;
	if (parent)
		list_add_tail(&process->sibling, &parent->children);
	process->job->members++;
	process->killed = process->job->killed;
	pid_publish(process);
	spin_unlock(&process_lock);
	wake_up_process(process->task);
}

static struct process *create_first(const char *name, struct process_job *job, int pid)
{
	struct process *process;
	struct mm_struct *mm;
	vaddr_t ip, sp;

	mm = program_load(name, &ip, &sp);
	if (IS_ERR(mm))
		return NULL;
	process = process_create(name, mm, job, pid);
	if (process)
		user_frame_init(&process->start, ip, sp);
	else
		mm_destroy(mm);
	return process;
}

struct process *process_spawn(const char *name)
{
	struct process_job *job = kzalloc(sizeof(*job), GFP_KERNEL);
	struct process *process;
	int pid = job ? pid_reserve() : -ENOMEM;

	process = pid > 0 ? create_first(name, job, pid) : NULL;
	if (process) {
		job->number = pid;
		process_start(process, NULL);
		return process;
	}
	if (pid > 0)
		pid_release(pid);
	kfree(job);
	return NULL;
}

static struct process *create_copy(struct process *parent, int pid)
{
	struct mm_struct *mm = mm_fork(parent->mm);
	struct process *child = mm ? process_create(parent->name, mm, parent->job, pid) : NULL;

	if (mm && !child)
		mm_destroy(mm);
	return child;
}

int process_fork(const struct trap_frame *frame)
{
	struct process *parent = current_process(), *child;
	int pid = pid_reserve();

	if (pid < 0)
		return pid;
	child = create_copy(parent, pid);
	if (!child) {
		pid_release(pid);
		return -ENOMEM;
	}
	child->start = *frame;
	syscall_set_result(&child->start, 0);
	schedule_point("process:forked");
	process_start(child, parent);
	return pid;
}

/* --- clearing away ------------------------------------------------------------------------------------------------ */

/*
 * Free a process that has ended, or is about to, and that belongs to the caller. Waits until its thread has left its
 * stack.
 */
static int process_clear(struct process *process)
{
	struct process_job *job = process->job;
	int status;
	bool last;

	thread_join(process->task);
	schedule_point("process:joined");
	status = process->status;
	spin_lock(&process_lock);
	last = --job->members == 0;
	spin_unlock(&process_lock);
	pid_release(process->pid);
	if (last)
		kfree(job);
	kfree(process);
	return status;
}

int process_wait(struct process *process)
{
	return process_clear(process);
}

bool process_has_ended(const struct process *process)
{
	return READ_ONCE(process->exited);
}

void process_detach(struct process *process)
{
	spin_lock(&process_lock);
	process->orphan = true;
	if (process->exited) {
		list_add_tail(&process->sibling, &dead_orphans);
		schedule_work(&reaper);
	}
	spin_unlock(&process_lock);
}

static struct process *first_dead_orphan(void)
{
	struct process *process;

	spin_lock(&process_lock);
	process = list_first_entry_or_null(&dead_orphans, struct process, sibling);
	if (process)
		list_del_init(&process->sibling);
	spin_unlock(&process_lock);
	return process;
}

static void reap_orphans(struct work_struct *work __maybe_unused)
{
	struct process *process;

	while ((process = first_dead_orphan()))
		process_clear(process);
}

/* Under process_lock. */
static struct process *dead_child(const struct process *process)
{
	struct process *child;

	list_for_each_entry(child, &process->children, sibling)
		if (child->exited)
			return child;
	return NULL;
}

/* True: a child has ended, or there is none. */
static bool wait_is_over(const struct process *process)
{
	bool over;

	spin_lock(&process_lock);
	over = list_empty(&process->children) || dead_child(process);
	spin_unlock(&process_lock);
	return over;
}

int process_wait_child(int *status)
{
	struct process *process = current_process(), *child;
	int pid;

	wait_event(process->child_exit, wait_is_over(process) || READ_ONCE(process->killed));
	spin_lock(&process_lock);
	child = dead_child(process);
	if (child)
		list_del_init(&child->sibling);
	spin_unlock(&process_lock);
	if (!child)
		return -ECHILD;
	pid = child->pid;
	*status = process_clear(child);
	return pid;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* Under process_lock. Children that have ended already go to the reaper at once. */
static void abandon_children(struct process *process)
{
	struct process *child, *next;

	list_for_each_entry_safe(child, next, &process->children, sibling) {
		list_del_init(&child->sibling);
		child->parent = NULL;
		child->orphan = true;
		if (child->exited)
			list_add_tail(&child->sibling, &dead_orphans);
	}
}

/* After this the process may be cleared away, as soon as its thread has left its stack. */
static void tell_family(struct process *process, int status)
{
	spin_lock(&process_lock);
	abandon_children(process);
	process->status = status;
	process->ticks = current->ticks;
	process->exited = true;
	if (process->orphan)
		list_add_tail(&process->sibling, &dead_orphans);
	if (!list_empty(&dead_orphans))
		schedule_work(&reaper);
	if (process->parent)
		wake_up(&process->parent->child_exit);
	spin_unlock(&process_lock);
}

/* The lock is for others that read process->mm. */
struct mm_struct *process_set_mm(struct process *process, struct mm_struct *mm)
{
	struct mm_struct *old;

	spin_lock(&process_lock);
	old = process->mm;
	process->mm = mm;
	spin_unlock(&process_lock);
	return old;
}

void process_exit(int status)
{
	struct process *process = current_process();

	kthread_unuse_mm(process->mm);
	mmput(process_set_mm(process, NULL)); /* kernel threads may still use it */
	tell_family(process, status);
	thread_exit();
}

void process_init(void)
{
	INIT_WORK(&reaper, reap_orphans);
	pid_init();
	kill_init();
	syscall_init();
	kbuf_init();
}
