/* SPDX-License-Identifier: MIT */
/*
 * Programs that are stopped, wherever they are; how many there may be; their numbers; and what they print, which can
 * neither be taken for the kernel's nor reach a terminal as anything but text.
 */
#include "places.h"
#include "worker.h"

#include <kernel/process.h>
#include <kernel/schedule_point.h>
#include <lib/errno.h>
#include <lib/string.h>

#define KILL_MS 60000

static bool all_were_killed(void)
{
	for (unsigned int ms = 0; ms < KILL_MS && process_count(); ms++)
		msleep(1);
	return EXPECT_EQ(process_count(), 0);
}

static bool is_running(const struct process *process)
{
	return process->task->ticks > 0;
}

/* In ring 3, where it calls nobody, on whatever CPU. */
KTEST(proc, kill_finds_it_spinning)
{
	struct process *process = process_spawn("spin");
	int pid;

	ASSERT(process);
	pid = process->pid;
	for (unsigned int ms = 0; ms < KILL_MS && !is_running(process); ms++)
		msleep(1);
	EXPECT(!process_has_ended(process));
	EXPECT_EQ(process_kill(pid), 0);
	EXPECT_EQ(process_wait(process), EXIT_KILLED + KILL_REQUEST);
	EXPECT_EQ(process_kill(pid), -ESRCH);
	EXPECT_EQ(process_kill(0), -ESRCH);
	EXPECT_EQ(process_kill(-1), -ESRCH);
	all_were_killed();
}

/* Before it has run at all, and with nobody to wait for it. */
KTEST(proc, kill_of_what_nobody_waits_for)
{
	struct process *process = process_spawn("spin");
	int pid;

	ASSERT(process);
	pid = process->pid;
	process_detach(process);
	EXPECT_EQ(process_kill(pid), 0);
	ASSERT(all_were_killed());
	process = process_spawn("nothing");
	ASSERT(process);
	process_detach(process);
	all_were_killed();
}

/* Parent and child: one in its fork, held there, and one that is not born yet. */
KTEST(proc, kill_in_a_fork)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct process *process;

	sched_hold("process:forked");
	process = process_spawn("stuck");
	if (EXPECT(process) && EXPECT(sched_wait_held("process:forked", KILL_MS)))
		EXPECT_EQ(process_kill_job(process->pid, KILL_INTERRUPT), 1);
	sched_release("process:forked");
	if (process)
		EXPECT_EQ(process_wait(process), EXIT_KILLED + KILL_INTERRUPT);
	all_were_killed(); /* the child, which spins if it lives */
}

/* Killed one by one, only the one that was meant ends; the job, all of it, and no other. */
KTEST(proc, kill_of_a_job)
{
	struct process *other = process_spawn("spin"), *process = process_spawn("stuck");
	int job = process ? process->pid : 0;

	for (unsigned int ms = 0; ms < KILL_MS && process_count() < 3; ms++)
		msleep(1);
	if (process) {
		EXPECT_EQ(process_kill(job), 0);
		EXPECT_EQ(process_wait(process), EXIT_KILLED + KILL_REQUEST);
	}
	EXPECT_EQ(process_count(), 2);
	EXPECT_EQ(process_kill_job(job, KILL_INTERRUPT), 1); /* the orphan */
	if (EXPECT(other)) {
		EXPECT(!process_has_ended(other));
		EXPECT_EQ(process_kill_job(other->pid, KILL_INTERRUPT), 1);
		EXPECT_EQ(process_wait(other), EXIT_KILLED + KILL_INTERRUPT);
	}
	all_were_killed();
}

/* --- a limit ------------------------------------------------------------------------------------------------------ */

/* What the program `bomb` counts. */
struct refusals {
	unsigned long too_many, other;
};

static void drop_bomb(struct refusals *refused)
{
	struct process *process = process_spawn("bomb");
	unsigned int most = 0;
	u64 start = arch_uptime_ms();

	ASSERT(process);
	while (!READ_ONCE(refused->too_many) && !READ_ONCE(refused->other) && arch_uptime_ms() - start < KILL_MS) {
		msleep(10);
		most = max(most, process_count());
	}
	ktest_note("%u processes of at most %u after %llu ms, %lu pages free", process_count(), process_limit(),
		   arch_uptime_ms() - start, nr_free_pages());
	EXPECT(most <= process_limit());
	EXPECT(READ_ONCE(refused->too_many));
	process_kill_job(process->pid, KILL_INTERRUPT);
	EXPECT_EQ(process_wait(process), EXIT_KILLED + KILL_INTERRUPT);
	all_were_killed();
	EXPECT_EQ(READ_ONCE(refused->other), 0); /* the limit comes before the end of memory */
}

/* With little memory the limit is the machine's own. With much, one is set that is met within seconds. */
KTEST(proc, fork_bomb)
{
	struct refusals *refused = vzalloc(sizeof(*refused));
	unsigned int limit = process_limit();
	void *original;

	ASSERT(refused);
	original = kbuf_replace(refused, sizeof(*refused));
	process_set_limit(min(limit, 400u));
	drop_bomb(refused);
	process_set_limit(limit);
	kbuf_replace(original, 4 * PAGE_SIZE);
	vfree(refused);
}

KTEST(proc, limit_is_for_spawns_too)
{
	unsigned int limit = process_limit();
	struct process *process, *second;

	EXPECT(limit >= 64);
	process_set_limit(1);
	process = process_spawn("spin");
	second = process_spawn("nothing");
	process_set_limit(limit);
	if (!EXPECT(!second))
		process_wait(second);
	if (EXPECT(process)) {
		process_kill(process->pid);
		EXPECT_EQ(process_wait(process), EXIT_KILLED + KILL_REQUEST);
	}
	all_were_killed();
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

#define PID_LAST 32767

static int pid_of_one(void)
{
	struct process *process = process_spawn("nothing");
	int pid = process ? process->pid : -1;

	if (process)
		process_wait(process);
	return pid;
}

/* The last one, then the first; and those that are alive keep theirs, whoever comes round. */
KTEST(proc, numbers_begin_anew)
{
	struct process *last, *first;

	process_set_next_pid(PID_LAST - 1);
	EXPECT_EQ(pid_of_one(), PID_LAST - 1);
	last = process_spawn("spin");
	first = process_spawn("spin");
	if (EXPECT(last && first)) {
		EXPECT_EQ(last->pid, PID_LAST);
		EXPECT_EQ(first->pid, 1);
		EXPECT_EQ(pid_of_one(), 2);
		process_set_next_pid(PID_LAST);
		EXPECT_EQ(pid_of_one(), 2); /* both neighbours are taken */
		process_set_next_pid(1);
		EXPECT_EQ(pid_of_one(), 2);
	}
	if (last)
		EXPECT_EQ(process_kill(last->pid) || process_wait(last) != EXIT_KILLED + KILL_REQUEST, 0);
	if (first)
		EXPECT_EQ(process_kill(first->pid) || process_wait(first) != EXIT_KILLED + KILL_REQUEST, 0);
	process_set_next_pid(PID_LAST);
	EXPECT_EQ(pid_of_one(), PID_LAST);
	EXPECT_EQ(pid_of_one(), 1);
	all_were_killed();
}

/* --- what they print ---------------------------------------------------------------------------------------------- */

/* Were it believed, this run would have results that nobody awaits, two verdicts and a panic. */
KTEST(proc, forged_results)
{
	struct process *process = process_spawn("forge");

	ASSERT(process);
	EXPECT_EQ(process_wait(process), 0);
	all_were_killed();
}
