/* SPDX-License-Identifier: MIT */
/*
 * vfree: the end of an area and its pages. The steps and why they come in this order: vm_area.c.
 *
 * Where the caller may not sleep, the range is claimed at once, so a wrong free is reported where it happens, and a work frees
 * it soon after. That takes no memory. The list of what waits is a stack without a lock: many push, one takes all of it.
 */
#include "mm/kva/area/area.h"

/* --- pages ------------------------------------------------------------------------------------------------------ */

/* Pages behind large leaves, or somebody else's. */
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

/* --- where one may not sleep -------------------------------------------------------------------------------------- */

static struct vm_range *pending;
static const void *refused; /* in an NMI, and not yet reported */

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
	struct vm_range *top = READ_ONCE(pending), *range = addr ? vm_area_claim(addr, VM_ALLOC | VM_MAP, "vfree") : NULL;

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
	free_all(&free_work); /* what came before there were workers */
}

/* An NMI may have struck inside any lock, the console's and the list's included: nothing but remembering is safe there. */
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
	if (preemptible() || !system_wq) /* before there are workers there is nobody to wait for either */
		return false;
	vfree_atomic(addr);
	return true;
}

/* Is this a place where it cannot be done now? True: it is put off (or, in an NMI, left alone), and vfree is done with it. */
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
