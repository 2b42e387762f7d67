/* SPDX-License-Identifier: MIT */
/* Private to this folder. */
#pragma once

#include <kernel/process.h>
#include <kernel/spinlock.h>

#define RANK_PROCESS 5 /* below all locks of mm */
extern spinlock_t process_lock;

/* A job: all processes that came from one spawn. Under process_lock; freed with its last member. */
struct process_job {
	int number;	      /* pid of the process that was spawned */
	unsigned int members; /* processes that have not been cleared away */
	int killed;	      /* enum kill_reason: a process born in the job is killed at once */
};

/* --- elf.c: parses a program's file. No memory, no address space: the host tests use it too ----------------------- */

#define ELF_MAX_SEGMENTS 8

struct elf_segment {
	vaddr_t addr;	     /* where it goes */
	unsigned long size;  /* in memory; bytes beyond file_size are 0 */
	unsigned long offset, file_size;
	unsigned int rights; /* VM_READ, VM_WRITE, VM_EXEC */
};

struct elf_image {
	vaddr_t entry;
	unsigned int nr;
	struct elf_segment segment[ELF_MAX_SEGMENTS]; /* sorted by address; no two share a page */
};

/* -ENOEXEC: not a static program for this machine whose segments lie below `limit`, inside the file and in order. */
int elf_parse(const void *file, size_t size, vaddr_t limit, struct elf_image *image);

/* --- exec.c: from a name to an address space ---------------------------------------------------------------------- */

struct program {
	const char *name;
	const u8 *start, *end;
};

/*
 * A new address space with the program and a stack, and its first instruction and stack pointer. ERR_PTR(-ENOENT,
 * -ENOEXEC, -ENOMEM).
 */
struct mm_struct *program_load(const char *name, vaddr_t *ip, vaddr_t *sp);
/* Replace the program of the running process: its registers change. On failure nothing changes. Errors as above. */
int process_exec(const char *name, struct trap_frame *frame);

/* --- pid.c -------------------------------------------------------------------------------------------------------- */

#define PID_LAST 32767

/* Reserve a number (> 0), and count a new process. -EAGAIN (there are too many), -ENOMEM. */
int pid_reserve(void);
/* From now on the process is found by its number. Under process_lock. */
void pid_publish(struct process *process);
/* Free the number, and uncount the process, which has been cleared away or was never made. */
void pid_release(int pid);
/*
 * The process with the lowest number above *pid, with process_lock held; *pid becomes its number. NULL: there is none,
 * and the lock is not held.
 */
struct process *pid_lock_next(int *pid);
void pid_init(void);

/* --- kill.c ------------------------------------------------------------------------------------------------------- */

/* On the way to ring 3: end the running process, if its `killed` is set. */
void process_end_if_killed(void);
void kill_init(void);

/* --- process.c ---------------------------------------------------------------------------------------------------- */

/* Replace process->mm, which no CPU may be running on. Returns the old one. */
struct mm_struct *process_set_mm(struct process *process, struct mm_struct *mm);
/* Fork the running process. Returns the child's pid, or -EAGAIN (there are too many), -ENOMEM. */
int process_fork(const struct trap_frame *frame);
/*
 * Wait until a child has ended. Returns its pid, with its status in *status; -ECHILD: there is none, or this process is
 * killed.
 */
int process_wait_child(int *status);

/* --- syscall.c, kbuf.c -------------------------------------------------------------------------------------------- */

void syscall_init(void);
void kbuf_init(void);
long kbuf_read(unsigned long offset, void *to, size_t len);
long kbuf_write(unsigned long offset, const void *from, size_t len);
long kbuf_map(void);
