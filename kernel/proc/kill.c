/* SPDX-License-Identifier: MIT */
/*
 * Killing processes: for their own exceptions, or from outside.
 *
 * The killer only sets process->killed. The process ends itself on its way back to ring 3, where it holds no locks. It
 * gets there soon: at the next tick, at the end of its system call, or from its wait for a child, from which the killer
 * wakes it. Any other sleep (for a lock, for memory) ends by itself.
 *
 * A job is killed as a whole, though its members may fork meanwhile. After job->killed is set, under process_lock, each
 * process born in the job is killed at birth. All other members existed before, so one more round over all processes
 * finds them.
 */
#include "internal.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <kernel/task.h>
#include <lib/errno.h>

static bool kills_unreported;

/* On the way to ring 3. */
void process_end_if_killed(void)
{
	const struct process *process = current_process();
	int reason = READ_ONCE(process->killed);

	if (likely(!reason))
		return;
	local_irq_enable();
	if (reason == KILL_REQUEST && !READ_ONCE(kills_unreported))
		printk("process %d (%s) is killed: somebody wanted it", process->pid, process->name);
	process_exit(EXIT_KILLED + reason);
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
		printk("process %d (%s) is killed: %s, by the instruction at %lx", process->pid, process->name, what,
		       ip);
	process_exit(EXIT_KILLED + reason_for(trap));
}

/* Under process_lock. False: it has ended, or was killed before. */
static bool kill_locked(struct process *process, enum kill_reason reason)
{
	if (process->exited || process->killed)
		return false;
	WRITE_ONCE(process->killed, (int)reason);
	wake_up(&process->child_exit);
	return true;
}

unsigned int process_kill_if(bool (*fn)(const struct process *process, void *arg), void *arg)
{
	struct process *process;
	unsigned int nr = 0;

	for (int pid = 0; (process = pid_lock_next(&pid)); spin_unlock(&process_lock))
		nr += fn(process, arg) && kill_locked(process, KILL_REQUEST);
	return nr;
}

int process_kill(int pid)
{
	int wanted = pid--;
	struct process *process = pid_lock_next(&pid);
	bool alive;

	if (!process)
		return -ESRCH;
	alive = pid == wanted && !process->exited;
	if (alive)
		kill_locked(process, KILL_REQUEST);
	spin_unlock(&process_lock);
	return alive ? 0 : -ESRCH;
}

static unsigned int kill_members(int job, enum kill_reason reason)
{
	struct process *process;
	unsigned int nr = 0;

	for (int pid = 0; (process = pid_lock_next(&pid)); spin_unlock(&process_lock)) {
		if (process->job->number != job)
			continue;
		process->job->killed = reason;
		nr += kill_locked(process, reason);
	}
	return nr;
}

/*
 * The first round may miss processes that are born meanwhile with a lower number. But it sets job->killed at the first
 * member that it finds, so the second round misses none.
 */
unsigned int process_kill_job(int job, enum kill_reason reason)
{
	unsigned int nr = kill_members(job, reason);

	return nr ? nr + kill_members(job, reason) : 0;
}

void process_report_kills(bool yes)
{
	WRITE_ONCE(kills_unreported, !yes);
}

void kill_init(void)
{
	arch_set_user_trap_handler(kill_current);
	arch_set_user_return_handler(process_end_if_killed);
}
