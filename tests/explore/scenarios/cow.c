/* SPDX-License-Identifier: MIT */
/*
 * Page faults of a process with two threads, its fork, and its child (mm/user). While a thread may write a page, no
 * other may still read the page that was there before. No fault is called spurious.
 */
#include "tests/explore/port/port.h"

#include "mm/user/user_internal.h"

#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/tlb.h>
#include <asm/tlb.h>
#include <kernel/task.h>

#define ADDR 0x1000000ul

static struct mm_struct *mm, *child;
static struct task threads[2];
static phys_addr_t first; /* the frame of the page */

/* --- machines ------------------------------------------------------------------------------------------------- */

static void begin(void)
{
	port_machine(2);
	port_pgtable();
	port_pages();
	tlb_init();
	mm = mm_create();
	MUST(!mm_map(mm, ADDR, PAGE_SIZE, VM_READ | VM_WRITE));
}

static void touch(void)
{
	MUST(!mm_handle_fault(&(struct task){ .mm = mm }, ADDR, FAULT_WRITE, 0));
	first = pte_phys(user_entry(mm, ADDR));
}

static int watch(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	(void)ctx, (void)n;
	port_cr3_watch(ptep, addr, &mm->pgtable);
	return 0;
}

static void end(struct mm_struct *second)
{
	MUST(!pgtable_for_each_run(&mm->pgtable, NULL, ADDR, ADDR + PAGE_SIZE, true, watch, NULL));
	port_cr3_everywhere(&mm->pgtable);
	threads[0].mm = mm;
	threads[1].mm = second;
}
static void missing(void)
{
	begin();
	end(mm);
}
static void present(void)
{
	begin();
	touch();
	end(mm);
}
static void shared(void)
{
	begin();
	touch();
	child = mm_fork(mm);
	end(mm);
}
/* The child has ended: the page is read-only, and has one user. */
static void left(void)
{
	begin();
	touch();
	mm_destroy(mm_fork(mm));
	end(mm);
}

/* --- what the CPUs do ----------------------------------------------------------------------------------------- */

/* Until the access is allowed, or its fault is an error. */
static int access(bool write)
{
	unsigned long flushed;
	int refused, err = 0;

	while (!err) {
		xp_irq_off();
		refused = port_access(write);
		flushed = pgtable_flushed(&mm->pgtable);
		xp_irq_on();
		if (refused < 0)
			break;
		err = mm_handle_fault(&threads[xp_cpu()], ADDR, (unsigned int)refused, flushed);
	}
	return err;
}
static void write_it(void) { MUST(!access(true)); }
static void read_it(void) { MUST(!access(false)); }
static void write_or_gone(void)
{
	int err = access(true);

	MUST(!err || err == -EFAULT);
}
static void fork_it(void)
{
	child = mm_fork(mm);
	port_cr3_without(pte_phys(user_entry(child, ADDR)), true, "after the fork");
}
static void unmap_it(void)
{
	MUST(!mm_unmap(mm, ADDR, PAGE_SIZE));
	port_cr3_without(first, false, "after munmap");
}

/* --- what must be true at the end ----------------------------------------------------------------------------- */

static struct page *page_of(const struct mm_struct *of) { return pfn_to_page(pte_pfn(user_entry(of, ADDR))); }
static void one_page(void)
{
	MUST(mm->user_pages == 1);
	MUST(pte_writable(user_entry(mm, ADDR)) && atomic_read(&page_of(mm)->refcount) == 1);
}
static void own_pages(void)
{
	one_page();
	MUST(page_of(mm) != page_of(child) && atomic_read(&page_of(child)->refcount) == 1);
}
static void counts(void)
{
	bool same = page_of(mm) == page_of(child);

	MUST(!pte_writable(user_entry(child, ADDR)) && pte_writable(user_entry(mm, ADDR)) == !same);
	MUST(atomic_read(&page_of(mm)->refcount) == 1 + same && atomic_read(&page_of(child)->refcount) == 1 + same);
}
static void nothing(void) { MUST(!mm->user_pages && !pte_present(user_entry(mm, ADDR))); }

XP_SCENARIO(cow_touch) = { .name = "cow.touch_touch", .setup = missing, .cpu = { write_it, read_it }, .irq = port_irq,
			   .check = one_page };
XP_SCENARIO(cow_read) = { .name = "cow.write_read", .setup = shared, .cpu = { write_it, read_it }, .irq = port_irq,
			  .check = own_pages };
XP_SCENARIO(cow_write) = { .name = "cow.write_write", .setup = shared, .cpu = { write_it, write_it }, .irq = port_irq,
			   .check = own_pages };
XP_SCENARIO(cow_reuse) = { .name = "cow.reuse_write", .setup = left, .cpu = { write_it, write_it }, .irq = port_irq,
			   .check = one_page };
XP_SCENARIO(cow_fork) = { .name = "cow.fork_write", .setup = present, .cpu = { fork_it, write_it }, .irq = port_irq,
			  .check = counts };
XP_SCENARIO(cow_unmap) = { .name = "cow.unmap_write", .setup = present, .cpu = { unmap_it, write_or_gone },
			   .irq = port_irq, .check = nothing };
XP_SCENARIO(cow_unmap_shared) = { .name = "cow.unmap_write_shared", .setup = shared,
				  .cpu = { unmap_it, write_or_gone }, .irq = port_irq, .check = nothing };

/* --- both processes: no TLBs, but what is in the page --------------------------------------------------------- */

static void both(void)
{
	begin();
	touch();
	child = mm_fork(mm);
	threads[0].mm = mm;
	threads[1].mm = child;
}

static u8 *byte(void) { return phys_to_virt(pte_phys(user_entry(threads[xp_cpu()].mm, ADDR))); }
static void write_own(void)
{
	MUST(!*byte());
	MUST(!mm_handle_fault(&threads[xp_cpu()], ADDR, FAULT_WRITE | FAULT_PRESENT, 0));
	MUST(!*byte());
	*byte() = (u8)(1 + xp_cpu());
	MUST(*byte() == 1 + xp_cpu());
}
static void child_ends(void) { mm_destroy(child); }
XP_SCENARIO(cow_both) = { .name = "cow.both_write", .setup = both, .cpu = { write_own, write_own }, .irq = port_irq,
			  .check = own_pages };
XP_SCENARIO(cow_exit) = { .name = "cow.write_exit", .setup = both, .cpu = { write_own, child_ends }, .irq = port_irq,
			  .check = one_page };

/* Broken: the copy's entry is written over the old one; the flush comes behind it. */
static void copy_without_break(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER), *old = page_of(mm);

	mutex_lock(&mm->lock);
	user_copy_page(page, old);
	user_set_entry(mm, ADDR, pfn_pte(page_to_pfn(page), PAGE_USER));
	flush_tlb_user_range(&mm->pgtable, ADDR, ADDR + PAGE_SIZE);
	put_page(old);
	mm_unlock(mm);
}
XP_SCENARIO(cow_broken) = { .name = "cow.broken_no_break", .setup = shared, .cpu = { copy_without_break, read_it },
			    .irq = port_irq, .must_fail = "may still translate by" };
