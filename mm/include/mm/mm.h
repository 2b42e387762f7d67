/* SPDX-License-Identifier: MIT */
/* Address spaces of processes, and the faults that they may take. */
#pragma once

#include <arch/pgtable.h>
#include <kernel/spinlock.h>

struct task;

/* A range of user addresses that may be used: readable, writable, zero at first. */
struct vm_area {
	struct list_head list; /* mm->vmas */
	vaddr_t start, end;    /* page-aligned */
};

/* A process's memory: its tables, and demand-zero pages in the ranges that it was given. */
struct mm_struct {
	struct pgtable pgtable;
	spinlock_t lock;	      /* user mappings, and the fields below but `all` */
	struct list_head vmas;	      /* struct vm_area, sorted by address */
	unsigned long user_pages;     /* faulted in */
	unsigned int users;	      /* threads that run on it */
	struct list_head all;	      /* list of all address spaces, for `pgds` and `ps` */
};

/* A fresh address space with the kernel half in place; NULL = no memory. Thread context. */
struct mm_struct *mm_create(void);
/* Free it with its pages. Nobody may run on it. Thread context. */
void mm_destroy(struct mm_struct *mm);

/*
 * Give the process `size` bytes of demand-zero memory at addr (both page-aligned, user half, never page 0).
 * -EINVAL, -EEXIST (some of it is in use), -ENOMEM. Thread context.
 */
int mm_map_anonymous(struct mm_struct *mm, vaddr_t addr, size_t size);

/* The range of the process that contains addr, or NULL. Under mm->lock. */
struct vm_area *mm_find_area(const struct mm_struct *mm, vaddr_t addr);

/* Call fn for every address space, oldest first, under the list's lock: fn may not create or destroy one. */
void mm_for_each(void (*fn)(struct mm_struct *mm, void *ctx), void *ctx);

/* Run the current kernel thread on the process's tables, and back (Linux's names). Thread context. */
void kthread_use_mm(struct mm_struct *mm);
void kthread_unuse_mm(struct mm_struct *mm);

/*
 * A fault at a user address: true if it was satisfied, and the instruction may be tried again. Handed to arch by main.c;
 * runs in the exception handler on behalf of `task`, interrupts as in the faulting code.
 */
bool mm_handle_fault(struct task *task, vaddr_t addr, bool write, bool exec);
