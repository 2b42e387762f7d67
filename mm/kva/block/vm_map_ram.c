/* SPDX-License-Identifier: MIT */
/* vm_map_ram: up to VMAP_MAX_ALLOC pages go into a block (vmap_block.c), more get a range of their own. */
#include "mm/kva/block/vmap_run.h"

static __noinline bool unmap_in_block(vaddr_t addr, unsigned int count) { return vmap_run_free(addr, count); }

static __noinline bool pages_refused(struct page **pages, unsigned int count)
{
	return !pages_agree(pages, count, PAGE_KERNEL);
}

static __always_inline void *map_in_block(struct page **pages, unsigned int count)
{
	struct vmap_run run;

	if (unlikely(!vmap_run_alloc(count, &run)))
		return NULL;
	if (likely(!vm_map_entries(run.ptes, run.addr, pages, count, PAGE_KERNEL)))
		return (void *)run.addr;
	unmap_in_block(run.addr, count);
	return NULL;
}

/* More than VMAP_MAX_ALLOC pages: a range of their own. */
static __noinline void *map_alone(struct page **pages, unsigned int count)
{
	struct vm_range *range = vm_range_anywhere((unsigned long)count + 1, VM_RANGE_RAM, 0);

	if (!range)
		return vm_report_no_range("vm_map_ram",
					  &(struct vm_area_spec){ .size = (unsigned long)count << PAGE_SHIFT });
	if (vm_range_map(range, 0, pages, count, PAGE_KERNEL, GFP_KERNEL)) {
		vm_range_discard(range);
		return NULL;
	}
	range->own.nr_pages = count;
	vm_range_publish(range);
	return (void *)range->start;
}

static __noinline bool unmap_alone(vaddr_t addr, unsigned int count)
{
	struct vm_range *range = vm_range_claim(addr, VM_RANGE_RAM, 0);

	if (!range)
		return false;
	if (range->own.nr_pages != count) {
		vm_range_publish(range);
		return false;
	}
	vm_range_unmap_noflush(range);
	vm_range_retire(range);
	return true;
}

void *vm_map_ram(struct page **pages, unsigned int count, int node)
{
	(void)node; /* one memory node */
	might_sleep();
	if (unlikely(READ_ONCE(pages_retyped)) && pages_refused(pages, count))
		return NULL;
	if (likely(count - 1 < VMAP_MAX_ALLOC))
		return map_in_block(pages, count);
	if (WARN_ONCE(!count, "vm_map_ram: no pages") || !vm_count_possible(count))
		return NULL;
	return map_alone(pages, count);
}

void vm_unmap_ram(const void *mem, unsigned int count)
{
	vaddr_t addr = (vaddr_t)mem;
	bool found;

	might_sleep();
	if (likely(count - 1 < VMAP_MAX_ALLOC))
		found = vmap_run_free(addr, count);
	else
		found = count && unmap_alone(addr, count);
	WARN_ONCE(!found, "vm_unmap_ram: %u pages at %p are no mapping of vm_map_ram", count, mem);
	if (vm_quarantine())
		vm_unmap_aliases();
}
