/* SPDX-License-Identifier: MIT */
/*
 * Processes: one thread in ring 3 with an address space of its own. Their system calls are in <kernel/syscall.h>. The
 * functions here: thread context, may sleep.
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
	struct task *task;    /* freed before the process */
	unsigned int thread;  /* copy of task->id, for people */
	struct process *parent;		  /* NULL: the kernel started it and waits for it, or it is an orphan */
	struct list_head children, sibling;
	struct process_job *job;	  /* all processes that came from the same spawn */
	int killed;			  /* enum kill_reason; not 0: it ends before it runs in ring 3 again */
	unsigned long ticks;		  /* once it has ended: copy of task->ticks */
	u64 born;			  /* arch_uptime_ms() */
	bool exited, orphan;		  /* orphan: no one waits for it or wants its status */
	int status;			  /* what it exited with (0 to 127), or EXIT_KILLED + enum kill_reason */
	struct wait_queue_head child_exit; /* where it waits for its children */
	struct trap_frame start;	  /* registers at its start */
	char name[24];
};

/*
 * Start a program that is built into the kernel (tests/user/NAME.c). NULL: no such program, no memory, too many
 * processes.
 */
struct process *process_spawn(const char *name);
/* Wait until a process from process_spawn() has ended, then free it. Returns its status. */
int process_wait(struct process *process);
/* Has it ended? Then process_wait() does not sleep for long. */
bool process_has_ended(const struct process *process);
/* Instead of process_wait(): the caller will not wait for it. It may be freed before this returns. */
void process_detach(struct process *process);
struct process *current_process(void); /* NULL in a kernel thread; any context */

/* End the running process, as the exit system call and fatal mistakes do. */
void __noreturn process_exit(int status);

/*
 * Make a process end with the status EXIT_KILLED + KILL_REQUEST: at its next tick, at the end of its system call, or
 * from its wait for a child. -ESRCH: there is none, or it has ended. Does not wait for the end. Thread context.
 */
int process_kill(int pid);
/*
 * The same for each process for which fn returns true. fn runs under a spinlock and may only look. Returns their
 * number.
 */
unsigned int process_kill_if(bool (*fn)(const struct process *process, void *arg), void *arg);
/*
 * Kill a job: the process with this number, which process_spawn() made, and all its descendants, also orphans and those
 * that are born meanwhile. Their status is EXIT_KILLED + reason. Returns how many it has killed.
 */
unsigned int process_kill_job(int job, enum kill_reason reason);
/* Print a line on the console for each process that is killed? The default is yes. */
void process_report_kills(bool yes);

/* Number of processes; those that have ended count until they are cleared away. Any context. */
unsigned int process_count(void);
/* The limit: beyond it fork returns -EAGAIN. From memory and `processes=`; process_set_limit() is for tests. */
unsigned int process_limit(void);
void process_set_limit(unsigned int most);
/* Set the number for the next process, if it is free (1 to 32767, then from 1 again). For tests. */
void process_set_next_pid(int pid);
/* One line a process, for `ps`. */
void process_dump(void);

/* The n-th built-in program, in order of names; NULL behind the last. */
const char *program_name(unsigned int n);

/*
 * Set the buffer of SYS_KBUF_*: `size` bytes of vmalloc memory at `buf`; if programs map it, it must be from
 * vmalloc_user(). Returns the old buffer. System calls no longer read or write that one, but programs may still map it.
 */
void *kbuf_replace(void *buf, unsigned long size);

/* Boot, after the CPUs are up. */
void process_init(void);
