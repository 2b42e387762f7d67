/* SPDX-License-Identifier: MIT */
/*
 * vfree: free an area and its pages. vm_area.c tells the steps and why they come in this order.
 *
 * Where the caller may not sleep, vfree() only claims the range, so a wrong free is reported at once. A work item frees
 * it soon after. That takes no memory. The ranges that wait are a stack without a lock: many push, one takes all of it.
 */
#include "mm/kva/area/area.h"

/* --- pages ------------------------------------------------------------------------------------------------------ */

/* Of an area with large leaves, or of a vmap() that took the pages over (VM_MAP_PUT_PAGES). */
static __noinline void free_other_pages(struct vm_struct *area)
{
	struct page **pages = area->pages;
	bool own = !(area->flags & VM_MAP_PUT_PAGES);
	unsigned long done = own ? vm_huge_free_blocks(area) : 0;

	free_page_array(area->pages + done, area->nr_pages - done);
	if (own)
		vmalloc_account(-(long)area->nr_pages);
	area->nr_pages = 0;
	area->pages = NULL;
	if (!own)
		vm_array_free(pages);
}

void vm_area_free_pages(struct vm_struct *area)
{
	struct page **pages = area->pages;
	unsigned long nr = area->nr_pages;

	if (unlikely(area->page_order || area->flags & VM_MAP_PUT_PAGES)) {
		free_other_pages(area);
		return;
	}
	vmalloc_account(-(long)nr);
	area->nr_pages = 0;
	area->pages = NULL;
	free_page_array(pages, nr);
}

/* --- areas ------------------------------------------------------------------------------------------------------ */

static __always_inline void free_area(struct vm_range *range)
{
	vm_range_unmap_noflush(range);
	schedule_point("vmalloc:unmapped");
	vm_area_forget_before_free(range);
	schedule_point("vfree:flushed");
	if (range->area->pages)
		vm_area_free_pages(range->area);
	vm_area_drop_separate(range);
	vm_range_retire(range);
}

void vm_area_free(struct vm_range *range)
{
	free_area(range);
}

/* --- callers that may not sleep ----------------------------------------------------------------------------------- */

static struct vm_range *pending;
static const void *refused; /* address that was to be freed in an NMI, until it is reported */

static void free_all(struct work_struct *work)
{
	struct vm_range *range = xchg(&pending, NULL), *next;

	(void)work;
	for (; range; range = next) {
		next = range->next;
		vm_area_free(range);
	}
}
static struct work_struct free_work = { .fn = free_all };

void vfree_atomic(const void *addr)
{
	struct vm_range *top = READ_ONCE(pending),
			*range = addr ? vm_area_claim(addr, VM_ALLOC | VM_MAP, "vfree") : NULL;

	if (!range)
		return;
	do
		range->next = top;
	while (!try_cmpxchg(&pending, &top, range));
	if (system_wq)
		queue_work(system_wq, &free_work);
}

void vfree_atomic_drain(void)
{
	flush_work(&free_work);
	free_all(&free_work); /* ranges from before there were workers */
}

/*
 * An NMI may interrupt a holder of any lock, the console's too. So in an NMI the address is only noted, and the next
 * vfree() outside reports it. True: this is an NMI.
 */
static bool refuse_in_nmi(const void *addr)
{
	const void *was;

	if (in_nmi()) {
		WRITE_ONCE(refused, addr);
		return true;
	}
	was = xchg(&refused, NULL);
	WARN_ONCE(was, "vfree: %p was to be freed in an NMI, and is not", was);
	return false;
}

static __noinline bool put_off_slow(const void *addr)
{
	if (refuse_in_nmi(addr))
		return true;
	if (preemptible() || !system_wq) /* before there are workers there is nothing to wait for */
		return false;
	vfree_atomic(addr);
	return true;
}

/*
 * If the caller may not sleep, put the free off (in an NMI: refuse it) and return true: vfree() has nothing more to do.
 */
static inline bool put_off(const void *addr)
{
	return unlikely(!preemptible() || READ_ONCE(refused)) && put_off_slow(addr);
}

void vfree(const void *addr)
{
	struct vm_range *range;

	if (unlikely(!addr || put_off(addr)))
		return;
	range = vm_area_claim(addr, VM_ALLOC | VM_MAP, "vfree");
	if (likely(range))
		free_area(range);
}
