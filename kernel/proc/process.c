/* SPDX-License-Identifier: MIT */
/*
 * Processes: begun, doubled, ended, and cleared away.
 *
 *	spawn, fork ──> runs ──exit, kill──> ended: its memory is gone, its stack and status remain ──> cleared away by
 *						├─ its parent: process_wait_child()
 *						├─ the kernel thread that spawned it: process_wait()
 *						└─ the reaper, a work item, if it is an orphan
 *
 * An orphan is a process whose parent ended first. Its own children become orphans in their turn.
 *
 * process_lock holds the family together: parents, lists of children, exited, orphan. A process that has ended stays
 * valid until exactly one of the three above takes it.
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

#define RANK_PROCESS 5 /* below all of mm's: nothing is allocated or freed under it */

static DEFINE_RANKED_SPINLOCK(process_lock, RANK_PROCESS);
static LIST_HEAD(processes);  /* by `all` */
static LIST_HEAD(dead_orphans); /* by `sibling`: for the reaper */
static unsigned int nr_processes;
static atomic_t last_pid;
static struct work_struct reaper;
static bool kills_unreported;

struct process *current_process(void)
{
	return current->process;
}

unsigned int process_count(void)
{
	return READ_ONCE(nr_processes);
}

/* --- beginning ------------------------------------------------------------------------------------------------------ */

/* On the way to ring 3. */
static void end_if_killed(void)
{
	const struct process *process = current_process();

	if (likely(!READ_ONCE(process->killed)))
		return;
	local_irq_enable();
	if (!READ_ONCE(kills_unreported))
		printk("process %d (%s) is killed: somebody wanted it", process->pid, process->name);
	process_exit(EXIT_KILLED + KILL_REQUEST);
}

static void process_main(void *arg)
{
	struct process *process = arg;

	kthread_use_mm(process->mm);
	end_if_killed();
	arch_enter_user(&process->start);
}

/* A process with a thread that has yet to be woken. It takes over mm on success. NULL = no memory. */
static struct process *process_create(const char *name, struct mm_struct *mm)
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
	process->pid = atomic_inc_return(&last_pid);
	process->mm = mm;
	process->born = arch_uptime_ms();
	INIT_LIST_HEAD(&process->children);
	INIT_LIST_HEAD(&process->sibling);
	init_waitqueue_head(&process->child_exit);
	strscpy(process->name, name, sizeof(process->name));
	return process;
}

static void process_start(struct process *process, struct process *parent)
{
	spin_lock(&process_lock);
	process->parent = parent;
	if (parent)
		list_add_tail(&process->sibling, &parent->children);
	list_add_tail(&process->all, &processes);
	nr_processes++;
	spin_unlock(&process_lock);
	wake_up_process(process->task);
}

struct process *process_spawn(const char *name)
{
	struct process *process;
	struct mm_struct *mm;
	vaddr_t ip, sp;

	mm = program_load(name, &ip, &sp);
	if (IS_ERR(mm))
		return NULL;
	process = process_create(name, mm);
	if (!process) {
		mm_destroy(mm);
		return NULL;
	}
	user_frame_init(&process->start, ip, sp);
	process_start(process, NULL);
	return process;
}

int process_fork(const struct trap_frame *frame)
{
	struct process *parent = current_process(), *child;
	struct mm_struct *mm = mm_fork(parent->mm);
	int pid;

	if (!mm)
		return -ENOMEM;
	child = process_create(parent->name, mm);
	if (!child) {
		mm_destroy(mm);
		return -ENOMEM;
	}
	child->start = *frame;
	syscall_set_result(&child->start, 0);
	pid = child->pid;
	process_start(child, parent);
	return pid;
}

/* --- clearing away -------------------------------------------------------------------------------------------------- */

/* It has ended, or is about to, and is the caller's. Waits until its thread has left its stack. */
static int process_clear(struct process *process)
{
	int status;

	thread_join(process->task);
	schedule_point("process:joined");
	status = process->status;
	spin_lock(&process_lock);
	list_del(&process->all);
	nr_processes--;
	spin_unlock(&process_lock);
	kfree(process);
	return status;
}

int process_wait(struct process *process)
{
	return process_clear(process);
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

/* Is there nothing to wait for: a child has ended, or there is none? */
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

/* --- the end -------------------------------------------------------------------------------------------------------- */

/* Under process_lock. Those that have ended already go to the reaper at once. */
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

/* After this the process may be cleared away as soon as its thread has left its stack. */
static void tell_family(struct process *process, int status)
{
	spin_lock(&process_lock);
	abandon_children(process);
	process->status = status;
	process->exited = true;
	if (process->orphan)
		list_add_tail(&process->sibling, &dead_orphans);
	if (!list_empty(&dead_orphans))
		schedule_work(&reaper);
	if (process->parent)
		wake_up(&process->parent->child_exit);
	spin_unlock(&process_lock);
}

/* Under the lock, because process_dump() looks into it. */
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
	mm_destroy(process_set_mm(process, NULL));
	tell_family(process, status);
	thread_exit();
}

static enum kill_reason reason_for(enum user_trap trap)
{
	static const enum kill_reason reasons[] = {
		[USER_TRAP_MEMORY] = KILL_MEMORY,     [USER_TRAP_NO_MEMORY] = KILL_NO_MEMORY,
		[USER_TRAP_INSTRUCTION] = KILL_INSTRUCTION, [USER_TRAP_ARITHMETIC] = KILL_ARITHMETIC,
		[USER_TRAP_DEBUG] = KILL_DEBUG,
	};

	return reasons[trap];
}

static void __noreturn kill_current(enum user_trap trap, vaddr_t ip, const char *what)
{
	const struct process *process = current_process();

	if (!process)
		panic("ring 3 without a process: thread %s, %s at %lx", current->name, what, ip);
	if (!READ_ONCE(kills_unreported))
		printk("process %d (%s) is killed: %s, by the instruction at %lx", process->pid, process->name, what, ip);
	process_exit(EXIT_KILLED + reason_for(trap));
}

/* Under process_lock. It is woken if it waits for a child; all else that a process sleeps for comes by itself. */
static bool kill_locked(struct process *process)
{
	if (process->exited || process->killed)
		return false;
	WRITE_ONCE(process->killed, true);
	wake_up(&process->child_exit);
	return true;
}

unsigned int process_kill_if(bool (*fn)(const struct process *process, void *arg), void *arg)
{
	struct process *process;
	unsigned int nr = 0;

	spin_lock(&process_lock);
	list_for_each_entry(process, &processes, all)
		nr += fn(process, arg) && kill_locked(process);
	spin_unlock(&process_lock);
	return nr;
}

static bool has_pid(const struct process *process, void *pid)
{
	return process->pid == *(const int *)pid && !process->exited;
}

int process_kill(int pid)
{
	return process_kill_if(has_pid, &pid) ? 0 : -ESRCH;
}

void process_report_kills(bool yes)
{
	WRITE_ONCE(kills_unreported, !yes);
}

/* --- for people ----------------------------------------------------------------------------------------------------- */

void process_dump(void)
{
	const struct process *process;

	cprintf("%5s %6s %5s %-6s %6s  %s\n", "PID", "PARENT", "TASK", "STATE", "PAGES", "NAME");
	spin_lock(&process_lock);
	list_for_each_entry(process, &processes, all)
		cprintf("%5d %6d %5u %-6s %6lu  %s\n", process->pid, process->parent ? process->parent->pid : 0,
			process->thread, process->exited ? "ended" : "alive", process->mm ? process->mm->user_pages : 0,
			process->name);
	spin_unlock(&process_lock);
}

void process_init(void)
{
	INIT_WORK(&reaper, reap_orphans);
	arch_set_user_trap_handler(kill_current);
	arch_set_user_return_handler(end_if_killed);
	syscall_init();
	kbuf_init();
}
