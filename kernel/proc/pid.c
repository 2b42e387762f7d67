/* SPDX-License-Identifier: MIT */
/*
 * The numbers of processes, and how many processes there may be.
 *
 * Numbers go up from 1 to PID_LAST and begin again, except those in use. A number is reserved before its process is
 * made, and free again when that process has been cleared away. The array has the process from its start until then. A
 * process that is found there stays valid while process_lock is held.
 *
 * The limit comes from the machine's memory and vmalloc space, divided by some times what a process takes. So a program
 * that forks without end gets -EAGAIN before other programs lack a page or a stack.
 */
#include "internal.h"

#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <kernel/task.h>
#include <kernel/xarray.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/page_alloc.h>

#define PAGES_EACH 48			   /* three times what a child with some written pages takes */
#define SPACE_EACH (4 * (KSTACK_SIZE + PAGE_SIZE)) /* four times the vmalloc space of a stack and a guard page */
#define LIMIT_MOST 16384			   /* half of the numbers, so that a free one is found soon */

CMDLINE_OPTION(processes, "processes=N", "at most N processes (as many as memory allows)");

static DEFINE_XARRAY_FLAGS(numbers, XA_FLAGS_ALLOC1);
static u32 next_number = 1;
static unsigned int nr_taken, limit;

unsigned int process_count(void)
{
	return READ_ONCE(nr_taken);
}

unsigned int process_limit(void)
{
	return READ_ONCE(limit);
}

void process_set_limit(unsigned int most)
{
	WRITE_ONCE(limit, most);
}

void process_set_next_pid(int pid)
{
	xa_lock(&numbers);
	next_number = (u32)clamp(pid, 1, PID_LAST);
	xa_unlock(&numbers);
}

static bool take_place(void)
{
	bool free;

	spin_lock(&process_lock);
	free = nr_taken < limit;
	nr_taken += free;
	spin_unlock(&process_lock);
	return free;
}

int pid_reserve(void)
{
	u32 number = 0;
	int err = -EAGAIN;

	if (!take_place())
		return err;
	err = xa_alloc_cyclic(&numbers, &number, NULL, XA_LIMIT(1, PID_LAST), &next_number, GFP_KERNEL);
	if (err >= 0)
		return (int)number;
	spin_lock(&process_lock);
	nr_taken--;
	spin_unlock(&process_lock);
	return err == -EBUSY ? -EAGAIN : err;
}

/* The entry was reserved, so no memory is needed. */
void pid_publish(struct process *process)
{
	xa_store(&numbers, (unsigned long)process->pid, process, GFP_ATOMIC);
}

void pid_release(int pid)
{
	spin_lock(&process_lock);
	xa_erase(&numbers, (unsigned long)pid);
	nr_taken--;
	spin_unlock(&process_lock);
}

struct process *pid_lock_next(int *pid)
{
	unsigned long number = (unsigned long)*pid;
	struct process *process;

	spin_lock(&process_lock);
	process = xa_find_after(&numbers, &number, PID_LAST, XA_PRESENT);
	if (process)
		*pid = (int)number;
	else
		spin_unlock(&process_lock);
	return process;
}

/* --- for people --------------------------------------------------------------------------------------------------- */

static const char *state_of(const struct process *process)
{
	if (process->exited)
		return "ended";
	return process->killed ? "killed" : task_state_name(process->task);
}

/* One line of process_dump(). The name is copied, because the process may end meanwhile. */
struct description {
	int pid, parent, job;
	unsigned int thread;
	const char *state;
	u64 ms;
	unsigned long pages;
	char name[24];
};

static bool describe_next(int *pid, struct description *d)
{
	const struct process *process = pid_lock_next(pid);

	if (!process)
		return false;
	*d = (struct description){ .pid = process->pid, .parent = process->parent ? process->parent->pid : 0,
				   .job = process->job->number, .thread = process->thread, .state = state_of(process),
				   .pages = process->mm ? process->mm->user_pages : 0 };
	d->ms = TICK_MS * (u64)(process->exited ? process->ticks : process->task->ticks);
	strscpy(d->name, process->name, sizeof(d->name));
	spin_unlock(&process_lock);
	return true;
}

/* Copies one process at a time, so that no lock is held while the console prints. */
void process_dump(void)
{
	struct description d;

	cprintf("%5s %6s %5s %5s %-8s %9s %6s  %s\n", "PID", "PARENT", "JOB", "TASK", "STATE", "CPU MS", "PAGES",
		"NAME");
	for (int pid = 0; describe_next(&pid, &d);)
		cprintf("%5d %6d %5d %5u %-8s %9llu %6lu  %s\n", d.pid, d.parent, d.job, d.thread, d.state, d.ms,
			d.pages, d.name);
	cprintf("%u of at most %u processes\n", process_count(), process_limit());
}

void pid_init(void)
{
	unsigned long space = (VMALLOC_END - VMALLOC_START) / SPACE_EACH;
	u64 most = clamp(min(totalram_pages() / PAGES_EACH, space), 64UL, (unsigned long)LIMIT_MOST);

	limit = (unsigned int)clamp(cmdline_number("processes", most), (u64)1, (u64)LIMIT_MOST);
}
