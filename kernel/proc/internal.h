/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#pragma once

#include <kernel/process.h>

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

/* --- process.c ------------------------------------------------------------------------------------------------------- */

/* Another address space for the running process, which runs on none right now; returns the one it had. */
struct mm_struct *process_set_mm(struct process *process, struct mm_struct *mm);
/* Double the running process. The child's pid, or -ENOMEM. */
int process_fork(const struct trap_frame *frame);
/* Wait for any child: its pid, its status in *status; or -ECHILD. */
int process_wait_child(int *status);

/* --- syscall.c, kbuf.c ----------------------------------------------------------------------------------------------- */

void syscall_init(void);
void kbuf_init(void);
long kbuf_read(unsigned long offset, void *to, size_t len);
long kbuf_write(unsigned long offset, const void *from, size_t len);
long kbuf_map(void);
