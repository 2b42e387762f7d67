/* SPDX-License-Identifier: MIT */
/*
 * Address spaces of processes: ranges of user addresses, the pages in them, and the faults that bring pages in.
 *
 *	0 | program, its data, heap (brk) -> |   | mmap_base: mappings ->  ...  | guard gap | <- stack | user_end
 *
 * Thread context throughout; may sleep, because the address space's lock is a mutex.
 */
#pragma once

#include <arch/pgtable.h>
#include <kernel/mutex.h>
#include <lib/atomic.h>

struct task;

/* Rights of a range, and what else is special about it. */
#define VM_READ	     0x001u
#define VM_WRITE     0x002u
#define VM_EXEC	     0x004u /* never together with VM_WRITE */
#define VM_SHARED    0x008u /* a forked process gets the same pages, not copies; nothing is brought in by a fault */
#define VM_GROWSDOWN 0x100u /* a stack */

/* How far a stack may grow, and how far from its end anything else must stay for that. */
#define USER_STACK_MAX	(8UL << 20)
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

/* A range of user addresses that may be used. Pages come with the first touch, zeroed. */
struct vm_area_struct {
	struct list_head list; /* mm->vmas */
	unsigned long vm_start, vm_end; /* page-aligned */
	unsigned long vm_flags;
	struct mm_struct *vm_mm;
};

/*
 * A page belongs to every address space that maps it (struct page counts them). One that several map, and that may be
 * written, is mapped read-only until somebody writes to it: then that one gets a copy, and the last one keeps the page.
 *
 * Two counts, as in Linux:
 *
 *	mm_users  who may run on it. With the last of them all of the user half goes.
 *	mm_count  who needs the structure and the tree: all users together count as one. With the last the tree leaves
 *		  pgd_list and is freed.
 *
 * A CPU that has borrowed the tables (arch/pgtable.h) is in neither count. It is sent away when mm_users has become 0, by
 * the interrupt that would have to flush it anyhow before the user tables are freed; mmput waits for it.
 */
struct mm_struct {
	struct pgtable pgtable;
	atomic_t mm_users, mm_count;
	struct mutex lock;	  /* user mappings, and the fields down to user_pages */
	struct list_head vmas;	  /* struct vm_area_struct, sorted by address; a process has a handful */
	vaddr_t mmap_base;	  /* where the search for free addresses begins */
	vaddr_t brk_start, brk;	  /* the heap: from page-aligned to any address */
	unsigned long user_pages; /* mapped now, those shared with others included */
	struct list_head all;	  /* list of all address spaces, for `pgds` and `ps` */
};

/* A fresh address space with the kernel half in place and one user, the caller; NULL = no memory. */
struct mm_struct *mm_create(void);
/* mmput of one that nobody else was ever told of, as after a failure: panics if there are other users. */
void mm_destroy(struct mm_struct *mm);
/* A copy: the same ranges, the same pages, copied when one of the two writes. NULL = no memory, and nothing has changed. */
struct mm_struct *mm_fork(struct mm_struct *mm);

/* One more user, by somebody who is one (else a panic); one less. mmput: thread context, may sleep. */
void mmget(struct mm_struct *mm);
/* One more user, by somebody who has no more than the structure (mmgrab). False: the last user has gone. Any context. */
bool mmget_not_zero(struct mm_struct *mm);
void mmput(struct mm_struct *mm);
/* The same for the structure alone: it stays readable, and the tree complete, after the last user has gone. */
void mmgrab(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);

/*
 * Give the process `size` bytes of demand-zero memory at addr (both page-aligned, user half, never page 0).
 * -EINVAL, -EEXIST (some of it is in use), -ENOMEM.
 */
int mm_map(struct mm_struct *mm, vaddr_t addr, size_t size, unsigned int flags);
static inline int mm_map_anonymous(struct mm_struct *mm, vaddr_t addr, size_t size)
{
	return mm_map(mm, addr, size, VM_READ | VM_WRITE);
}
/* The same at an address of mm's choice, which is returned; else -EINVAL, -ENOMEM (no memory, or no such hole). */
long mm_map_anywhere(struct mm_struct *mm, size_t size, unsigned int flags);
/* Take the range away from whatever areas it touches, with its pages. -EINVAL, -ENOMEM (an area was to be split). */
int mm_unmap(struct mm_struct *mm, vaddr_t addr, size_t size);
/* A stack of one page, to grow downwards from the end of the user half. Its end in *top. */
int mm_map_stack(struct mm_struct *mm, vaddr_t *top);
/* Where the heap begins; it is empty. */
void mm_set_brk(struct mm_struct *mm, vaddr_t start);
/* Move the end of the heap. Returns where it is now: where it was, if addr is impossible. */
vaddr_t mm_brk(struct mm_struct *mm, vaddr_t addr);
/*
 * Write into an address space that nobody runs on, whatever the rights: how a program is loaded. A page that a fork shares
 * is copied first. -EFAULT: not in an area; -ENOMEM. What lies before the failure is written.
 */
int mm_write(struct mm_struct *mm, vaddr_t addr, const void *data, size_t size);

/*
 * Map memory of vmalloc_user() into a VM_SHARED area, from its page pgoff on: [uaddr, uaddr + size), which lies in the area
 * and in which nothing is mapped. kaddr: the start of the vmalloc area. -EINVAL: not page-aligned, no such vmalloc area, one
 * not meant for users (VM_USERMAP or VM_DMA_COHERENT), not all of the range lies in it (its guard page does not count) or is
 * mapped; -EFAULT: not in a shared area; -EBUSY: something is mapped there; -ENOMEM. Nothing is mapped on error.
 */
int mm_lend_vmalloc(struct mm_struct *mm, vaddr_t uaddr, void *kaddr, unsigned long pgoff, unsigned long size);
/* The same as Linux has it: the caller holds vma->vm_mm->lock. The second one: all of the area, from its start on. */
int remap_vmalloc_range_partial(struct vm_area_struct *vma, unsigned long uaddr, void *kaddr, unsigned long pgoff,
				unsigned long size);
int remap_vmalloc_range(struct vm_area_struct *vma, void *addr, unsigned long pgoff);

/* The range of the process that contains addr, or NULL. Under mm->lock. */
struct vm_area_struct *mm_find_area(const struct mm_struct *mm, vaddr_t addr);

/* Call fn for every address space, oldest first, under the list's lock: fn may not create or destroy one. */
void mm_for_each(void (*fn)(struct mm_struct *mm, void *ctx), void *ctx);

/* Run the current kernel thread on the process's tables, and back (Linux's names). */
void kthread_use_mm(struct mm_struct *mm);
void kthread_unuse_mm(struct mm_struct *mm);

/*
 * A fault at a user address (FAULT_*, flushed and results: arch/fault.h). Handed to arch by main.c; runs as `task`; thread
 * context, may sleep.
 */
int mm_handle_fault(struct task *task, vaddr_t addr, unsigned int access, unsigned long flushed);

/* Since boot. */
struct mm_counters {
	unsigned long zeroed, copied, reused, grown; /* pages brought in; copied on write; kept by their last user; stack growths */
};
struct mm_counters mm_counters(void);
