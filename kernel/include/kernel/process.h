/* SPDX-License-Identifier: MIT */
/*
 * Processes: one thread in ring 3 with an address space of its own. What they can ask for is in <kernel/syscall.h>.
 * The functions here: thread context, may sleep.
 */
#pragma once

#include <arch/user.h>
#include <kernel/syscall.h>
#include <kernel/wait.h>
#include <mm/mm.h>

struct process_job;

struct process {
	int pid;
	struct mm_struct *mm; /* NULL once it has ended */
	struct task *task;    /* goes before the process does, */
	unsigned int thread;  /* so this is its number, for people */
	struct process *parent;		  /* NULL: the kernel started it and waits for it, or it is an orphan */
	struct list_head children, sibling;
	struct process_job *job;	  /* all that came from the same spawn */
	int killed;			  /* enum kill_reason; somebody wants it to end: it does, before it runs in ring 3 again */
	unsigned long ticks;		  /* that it ran for, once it has ended; till then the task has them */
	u64 born;			  /* arch_uptime_ms() */
	bool exited, orphan;		  /* orphan: nobody waits for it, so nobody need ask for its status */
	int status;			  /* what it exited with (0 to 127), or EXIT_KILLED + enum kill_reason */
	struct wait_queue_head child_exit; /* it waits here for its children */
	struct trap_frame start;	  /* the registers that it begins with */
	char name[24];
};

/* Start a program that is built into the kernel (tests/user/NAME.c). NULL: no such program, no memory, too many processes. */
struct process *process_spawn(const char *name);
/* Wait for a process started by process_spawn() to end, free it; returns its status. */
int process_wait(struct process *process);
/* Has it ended, so that process_wait() has nothing to wait for? */
bool process_has_ended(const struct process *process);
/* Instead: nobody will wait for it. It may be gone on return. */
void process_detach(struct process *process);
struct process *current_process(void); /* NULL in a kernel thread; any context */

/* End the running process: what the exit system call and fatal mistakes do. */
void __noreturn process_exit(int status);

/*
 * Make a process end with the status EXIT_KILLED + KILL_REQUEST, whatever it does: at its next tick, at the end of its system
 * call, or out of its wait for a child. -ESRCH: there is none, or it has ended. Does not wait for the end. Thread context.
 */
int process_kill(int pid);
/* The same for all of which fn says so, one after the other, each under a spinlock: it may only look. How many these were. */
unsigned int process_kill_if(bool (*fn)(const struct process *process, void *arg), void *arg);
/*
 * Kill a job: the process with this number, which process_spawn() made, and all that have come from it, orphans and those
 * that are being born included. Their status: EXIT_KILLED + reason. Returns how many these were.
 */
unsigned int process_kill_job(int job, enum kill_reason reason);
/* A line on the console for each process that is killed? As a rule yes. */
void process_report_kills(bool yes);

/* How many there are, those that have ended but still have a status for somebody included. Any context. */
unsigned int process_count(void);
/* How many there may be: fork says -EAGAIN to one more. From memory and `processes=`; another limit is for tests. */
unsigned int process_limit(void);
void process_set_limit(unsigned int most);
/* The number that the next process gets, if it is free (1 .. 32767, then from 1 again). For tests. */
void process_set_next_pid(int pid);
/* One line a process, for `ps`. */
void process_dump(void);

/* Programs that are built in, in order of their names; NULL behind the last. */
const char *program_name(unsigned int n);

/*
 * The buffer behind SYS_KBUF_*: from now on `size` bytes at `buf`, vmalloc memory, of which the part that programs map must
 * be vmalloc_user()'s. Returns the buffer that it was; no program reads or writes that any more, but it may be mapped.
 */
void *kbuf_replace(void *buf, unsigned long size);

/* Boot, after the CPUs are up. */
void process_init(void);
