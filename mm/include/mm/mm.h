/* SPDX-License-Identifier: MIT */
/*
 * Address spaces of processes: ranges of user addresses, the pages in them, and the faults that bring pages in.
 *
 *	0 | NULL zone | program, its data, heap (brk) -> |   | mmap_base: mappings ->  ...  | gap | <- stack | user_end
 *
 * Thread context, may sleep (the address space's lock is a mutex), unless a line says otherwise.
 */
#pragma once

#include <arch/pgtable.h>
#include <kernel/mutex.h>
#include <lib/atomic.h>
#include <lib/rbtree.h>

struct task;

/* Rights and kinds of a range. */
#define VM_READ	     0x001u
#define VM_WRITE     0x002u
#define VM_EXEC	     0x004u /* never together with VM_WRITE */
#define VM_SHARED    0x008u /* a forked process gets the same pages, not copies; faults bring nothing in */
#define VM_GROWSDOWN 0x100u /* a stack */

/*
 * The NULL zone: no process may map anything below. If the kernel, or a program, uses a field of a structure that is
 * not there, the access faults; nobody can have put data of his own in its way.
 */
#define USER_START 0x10000UL

/* How far a stack may grow, and the gap that must stay free below it. */
#define USER_STACK_MAX	(8UL << 20)
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

/* So many areas a process may have, as many as in Linux; what needs one more is refused with -ENOMEM. */
#define USER_AREAS_MAX 65530u

/*
 * A range of user addresses that may be used. Without VM_SHARED, pages come with the first touch, zeroed. New memory
 * becomes a part of the area that it touches, if both are private, no stacks, and have the same rights.
 */
struct vm_area_struct {
	struct rb_node node;		/* mm->areas */
	unsigned long vm_start, vm_end; /* page-aligned */
	unsigned long vm_flags;
	struct mm_struct *vm_mm;
	unsigned long hole, largest_hole; /* bytes free below it, and the most of that in its subtree: user_tree.c */
};

/*
 * Every address space that maps a page is a user of it (struct page counts them). A private writable page with several
 * users is mapped read-only in all of them. The first write by one of them makes a copy for it; the last one keeps the
 * page.
 *
 * Two counts, as in Linux:
 *
 *	mm_users  counts those who may run on it. The last mmput() frees the user half.
 *	mm_count  counts those who need the structure and the tree; all users together count as one. The last mmdrop()
 *		  takes the tree off pgd_list and frees it.
 *
 * A CPU that has borrowed the tables (arch/pgtable.h) is in neither count. When mm_users becomes 0, mmput() makes such
 * CPUs switch to other tables: it sends them the interrupt that is needed anyway before user tables are freed, and
 * waits.
 */
struct mm_struct {
	struct pgtable pgtable;
	atomic_t mm_users, mm_count;
	struct mutex lock;	  /* user mappings, and the fields down to user_pages */
	struct rb_root areas;	  /* struct vm_area_struct, by address */
	unsigned int nr_areas;	  /* at most USER_AREAS_MAX */
	vaddr_t mmap_base;	  /* where the search for free addresses begins */
	vaddr_t brk_start, brk;	  /* the heap; brk_start is page-aligned, brk need not be */
	unsigned long user_pages; /* mapped now, those shared with others included */
	struct list_head all;	  /* on the list of all address spaces: mm_for_each() */
};

/* A new address space with the kernel half in place and one user, the caller; NULL = no memory. */
struct mm_struct *mm_create(void);
/* mmput() by the only user, as after a failure: panics if there are other users. */
void mm_destroy(struct mm_struct *mm);
/*
 * A copy: the same areas and pages; the first write copies a page. NULL = no memory: the parent has what it had, though
 * some of its pages may be read-only until the next write.
 */
struct mm_struct *mm_fork(struct mm_struct *mm);

/* Add a user; the caller is one already. (No user at all: a panic.) Any context. */
void mmget(struct mm_struct *mm);
/* Add a user; the caller has only the structure (mmgrab). False: the last user has gone. Any context. */
bool mmget_not_zero(struct mm_struct *mm);
/* Drop a user. Thread context, may sleep. */
void mmput(struct mm_struct *mm);
/*
 * The same for the structure alone: it stays readable, and the kernel half complete, after the last user has gone.
 * mmgrab(): any context.
 */
void mmgrab(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);

/*
 * Give the process `size` bytes of demand-zero memory at addr (both page-aligned, user half, from USER_START on).
 * -EINVAL, -EEXIST (some of it is in use), -ENOMEM.
 */
int mm_map(struct mm_struct *mm, vaddr_t addr, size_t size, unsigned int flags);
static inline int mm_map_anonymous(struct mm_struct *mm, vaddr_t addr, size_t size)
{
	return mm_map(mm, addr, size, VM_READ | VM_WRITE);
}
/*
 * The same at any free address, which is returned; otherwise -EINVAL, -ENOMEM (no memory, no such hole, or too many
 * areas). Addresses may look negative on 32 bits: IS_ERR() tells them from errors.
 */
long mm_map_anywhere(struct mm_struct *mm, size_t size, unsigned int flags);
/*
 * Remove the range from all areas that it overlaps, with its pages. -EINVAL; -ENOMEM: an area had to be split, and
 * there is no memory or there are too many areas. On error nothing is removed.
 */
int mm_unmap(struct mm_struct *mm, vaddr_t addr, size_t size);
/* Make a stack of one page at the end of the user half; it grows downwards. *top: its end. */
int mm_map_stack(struct mm_struct *mm, vaddr_t *top);
/* Set the beginning of the heap, which is empty then. */
void mm_set_brk(struct mm_struct *mm, vaddr_t start);
/* Move the end of the heap to addr. Returns its end; that is the old one if addr is impossible or memory is short. */
vaddr_t mm_brk(struct mm_struct *mm, vaddr_t addr);
/*
 * Write into an address space on which no CPU runs, whatever the rights: this loads programs. A page that is shared
 * after a fork is copied first. -EFAULT: not in an area; -ENOMEM. Bytes before the failure are written.
 */
int mm_write(struct mm_struct *mm, vaddr_t addr, const void *data, size_t size);

/*
 * Map memory of vmalloc_user(), from its page pgoff on, at [uaddr, uaddr + size), which lies in a VM_SHARED area and in
 * which nothing is mapped. kaddr: the start of the vmalloc area. -EINVAL: not page-aligned; no such vmalloc area, or
 * not one for users (VM_USERMAP or VM_DMA_COHERENT); or a part lies outside of it (or in its guard page), or has no
 * page. -EFAULT: not in a shared area. -EBUSY: something is mapped there. -ENOMEM. On error nothing is mapped.
 */
int mm_lend_vmalloc(struct mm_struct *mm, vaddr_t uaddr, void *kaddr, unsigned long pgoff, unsigned long size);
/* The same with Linux's prototypes: the caller holds vma->vm_mm->lock. remap_vmalloc_range() fills all of vma. */
int remap_vmalloc_range_partial(struct vm_area_struct *vma, unsigned long uaddr, void *kaddr, unsigned long pgoff,
				unsigned long size);
int remap_vmalloc_range(struct vm_area_struct *vma, void *addr, unsigned long pgoff);

/* The range of the process that contains addr, or NULL. Under mm->lock. */
struct vm_area_struct *mm_find_area(const struct mm_struct *mm, vaddr_t addr);

/* Call fn for every address space, oldest first, under the list's lock: fn may not create or destroy one. */
void mm_for_each(void (*fn)(struct mm_struct *mm, void *ctx), void *ctx);

/* Run the current kernel thread on the process's tables; end that (Linux's names). */
void kthread_use_mm(struct mm_struct *mm);
void kthread_unuse_mm(struct mm_struct *mm);

/*
 * Handle a fault at a user address (FAULT_*, flushed and results: arch/fault.h). main.c hands it to arch. It runs as
 * `task`, in thread context, and may sleep.
 */
int mm_handle_fault(struct task *task, vaddr_t addr, unsigned int access, unsigned long flushed);

/* Since boot. */
struct mm_counters {
	/* pages brought in; copied on write; kept by their last user; stack growths */
	unsigned long zeroed, copied, reused, grown;
};
struct mm_counters mm_counters(void);
