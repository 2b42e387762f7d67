/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#pragma once

#include <kernel/process.h>
#include <kernel/spinlock.h>

#define RANK_PROCESS 5 /* below all of mm's: nothing is allocated under it */
extern spinlock_t process_lock;

/* All that came from one spawn. Under process_lock; goes with its last member. */
struct process_job {
	int number;	      /* of the process that was spawned */
	unsigned int members; /* that have not been cleared away */
	int killed;	      /* enum kill_reason: whoever is born in it is killed at once */
};

/* --- elf.c: what a program's file says. No memory, no address space: the host tests use it too. ---------------------- */

#define ELF_MAX_SEGMENTS 8

struct elf_segment {
	vaddr_t addr;	     /* where it goes */
	unsigned long size;  /* in memory; what the file does not have is zero */
	unsigned long offset, file_size;
	unsigned int rights; /* VM_READ, VM_WRITE, VM_EXEC */
};

struct elf_image {
	vaddr_t entry;
	unsigned int nr;
	struct elf_segment segment[ELF_MAX_SEGMENTS]; /* sorted by address, on pages of their own */
};

/* -ENOEXEC: not a static program for this machine whose segments lie below `limit`, inside the file and in order. */
int elf_parse(const void *file, size_t size, vaddr_t limit, struct elf_image *image);

/* --- exec.c: from a name to an address space ------------------------------------------------------------------------- */

struct program {
	const char *name;
	const u8 *start, *end;
};

/* A fresh address space with the program and a stack in it, and where to begin. ERR_PTR(-ENOENT, -ENOEXEC, -ENOMEM). */
struct mm_struct *program_load(const char *name, vaddr_t *ip, vaddr_t *sp);
/* The running process goes on as another program: its registers are changed. On failure it stays what it is. */
int process_exec(const char *name, struct trap_frame *frame);

/* --- pid.c ------------------------------------------------------------------------------------------------------------ */

#define PID_LAST 32767

/* A number for a process that is to be made, and a place for it: > 0; -EAGAIN (there are too many), -ENOMEM. */
int pid_reserve(void);
/* From now on the process is found under its number. Under process_lock. */
void pid_publish(struct process *process);
/* Number and place are free: the process has been cleared away, or was never made. */
void pid_release(int pid);
/* The process with the lowest number above *pid, which is then *pid; process_lock is held. NULL: there is none, nor the lock. */
struct process *pid_lock_next(int *pid);
void pid_init(void);

/* --- kill.c ----------------------------------------------------------------------------------------------------------- */

/* On the way to ring 3: end the running process, if somebody wants it. */
void process_end_if_killed(void);
void kill_init(void);

/* --- process.c ------------------------------------------------------------------------------------------------------- */

/* Another address space for the running process, which runs on none right now; returns the one it had. */
struct mm_struct *process_set_mm(struct process *process, struct mm_struct *mm);
/* Double the running process. The child's pid, or -EAGAIN (there are too many), -ENOMEM. */
int process_fork(const struct trap_frame *frame);
/* Wait for any child: its pid, its status in *status; or -ECHILD. */
int process_wait_child(int *status);

/* --- syscall.c, kbuf.c ----------------------------------------------------------------------------------------------- */

void syscall_init(void);
void kbuf_init(void);
long kbuf_read(unsigned long offset, void *to, size_t len);
long kbuf_write(unsigned long offset, const void *from, size_t len);
long kbuf_map(void);
