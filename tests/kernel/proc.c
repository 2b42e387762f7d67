/* SPDX-License-Identifier: MIT */
/*
 * Programs in ring 3. Most of the checking is done by the programs themselves (tests/user): here they are started,
 * their statuses looked at, and what they leave behind is counted. That no page is lost is checked around every test.
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/fault.h>
#include <kernel/process.h>
#include <kernel/schedule_point.h>
#include <lib/errno.h>

/* Orphans are cleared away by a work item: a moment after the last program has ended. */
static bool all_are_gone(void)
{
	for (unsigned int ms = 0; ms < 2000 && process_count(); ms++)
		msleep(1);
	return EXPECT_EQ(process_count(), 0);
}

static int run(const char *name)
{
	struct process *process = process_spawn(name);

	return process ? process_wait(process) : -1;
}

KTEST(proc, hello)
{
	EXPECT_EQ(run("hello"), 0);
	EXPECT_EQ(process_count(), 0);
}

KTEST(proc, fork_and_copy_on_write)
{
	struct mm_counters before = mm_counters(), after;

	EXPECT_EQ(run("forktest"), 0);
	all_are_gone();
	after = mm_counters();
	EXPECT(after.copied > before.copied);
	EXPECT(after.reused > before.reused);
	EXPECT_EQ(fault_counters().spurious, 0);
}

KTEST(proc, memory)
{
	EXPECT_EQ(run("memtest"), 0);
	all_are_gone();
}

KTEST(proc, as_many_areas_as_there_may_be)
{
	EXPECT_EQ(run("areas"), 0);
	all_are_gone();
}

KTEST(proc, bad_pointers_and_bad_instructions)
{
	int status = run("badptr");

	EXPECT(status == 0 || (status == 77 && !cpu_has(FEATURE_NX)));
	all_are_gone();
}

/* Segments, flags and modes of the CPU that no program needs, and numbers at the edge of what it may name. */
KTEST(proc, hostile_registers)
{
	EXPECT_EQ(run("hostile"), 0);
	all_are_gone();
}

KTEST(proc, kernel_buffer)
{
	EXPECT_EQ(run("kbuf"), 0);
}

static bool is_any(const struct process *process __maybe_unused, void *unused __maybe_unused)
{
	return true;
}

/* One spins, one sleeps until that has ended. */
KTEST(proc, killed_from_outside)
{
	struct process *waiter = process_spawn("stuck");
	int pid;

	ASSERT(waiter);
	pid = waiter->pid;
	while (process_count() < 2)
		msleep(1);
	EXPECT_EQ(process_kill(pid), 0);
	EXPECT_EQ(process_wait(waiter), EXIT_KILLED + KILL_REQUEST);
	EXPECT_EQ(process_kill(pid), -ESRCH);
	msleep(20);
	EXPECT_EQ(process_count(), 1); /* the orphan */
	EXPECT_EQ(process_kill_if(is_any, NULL), 1);
	all_are_gone();
}

static void wait_for_program(void *process)
{
	EXPECT_EQ(process_wait(process), 0);
}

/* Its thread and stack are gone, and it is still on the list: `ps` must not look for either. */
KTEST(proc, listed_while_it_is_cleared_away)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct process *process;
	struct task *waiter = NULL;

	sched_hold("process:joined");
	process = process_spawn("nothing");
	if (EXPECT(process))
		waiter = thread_run(wait_for_program, process, "waiter");
	if (EXPECT(waiter && sched_wait_held("process:joined", 2000)))
		process_dump();
	sched_release("process:joined");
	if (waiter)
		thread_join(waiter);
	EXPECT_EQ(process_count(), 0);
}

/* --- others use its address space --------------------------------------------------------------------------------- */

static user_fault_fn real_handler;
static struct mm_struct *kept;

/* Runs as the process, and so as a user of its address space, who may make one more. */
static int keep_mm(vaddr_t addr, unsigned int access, unsigned long flushed)
{
	if (!kept && current->process) {
		mmget(current->mm);
		kept = current->mm;
	}
	return real_handler(addr, access, flushed);
}

/* A kernel thread goes on using what the process began with, after it has ended or become another program. */
static void outlive(const char *name)
{
	struct process *process;

	kept = NULL;
	REPLACE_HANDLER(real_handler = arch_set_user_fault_handler(keep_mm));
	process = process_spawn(name);
	EXPECT(process && process_wait(process) == 0);
	REPLACE_HANDLER(arch_set_user_fault_handler(real_handler));
	all_are_gone();
	ASSERT(kept);
	kthread_use_mm(kept);
	EXPECT(kept->nr_areas);
	kthread_unuse_mm(kept);
	EXPECT_EQ(atomic_read(&kept->mm_users), 1);
	mmput(kept);
}

KTEST(proc, a_thread_outlives_the_process)
{
	outlive("hello");
	outlive("forktest"); /* becomes another program */
}
