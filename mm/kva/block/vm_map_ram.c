/* SPDX-License-Identifier: MIT */
/* vm_map_ram: up to VMAP_MAX_ALLOC pages go into a block (vmap_block.c), more get a range of their own. */
#include "mm/kva/block/vmap_run.h"

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

/*
 * In the two functions of the API everything that is rare is the last call. So the usual way keeps nothing across a
 * call, and saves no registers.
 */

/* Entries from the done-th on. */
static void *map_on(pte_t *ptes, vaddr_t addr, struct page **pages, unsigned int count, unsigned long done)
{
	if (!vm_map_entries_on(ptes, addr, pages, count, done, PAGE_KERNEL))
		return (void *)addr;
	vm_unmap_ram((void *)addr, count);
	return NULL;
}

/* Some page is not in the main window. */
static __noinline void *map_rest(pte_t *ptes, vaddr_t addr, struct page **pages, unsigned int count, unsigned long done)
{
	preempt_enable();
	return map_on(ptes, addr, pages, count, done);
}

/* The cursor is used up. */
static __noinline void *map_slow(struct page **pages, unsigned int count)
{
	struct vmap_run run;

	preempt_enable();
	run = vmap_run_alloc_slow(count);
	return run.addr ? map_on(run.ptes, run.addr, pages, count, 0) : NULL;
}

static __always_inline void *map_in_block(struct page **pages, unsigned int count)
{
	struct vmap_run run;
	unsigned long done;

	preempt_disable();
	if (unlikely(!vmap_run_take(count, &run)))
		return map_slow(pages, count);
	done = vm_fill_in_window(run.ptes, pages, count, page_main_window(), pgprot_supported(PAGE_KERNEL));
	if (unlikely(done != count))
		return map_rest(run.ptes, run.addr, pages, count, done);
	return (void *)preempt_enable_then(run.addr);
}

static __noinline void *map_checked(struct page **pages, unsigned int count)
{
	if (WARN_ONCE(!count, "vm_map_ram: no pages") || !vm_count_possible(count))
		return NULL;
	if (READ_ONCE(pages_retyped) && !pages_agree(pages, count, PAGE_KERNEL))
		return NULL;
	return count <= VMAP_MAX_ALLOC ? map_in_block(pages, count) : map_alone(pages, count);
}

/* With CONFIG=kasan: the mapping of a block may be accessed. (A range of its own is when it is published.) */
static void *map_and_allow(struct page **pages, unsigned int count)
{
	void *mem = map_checked(pages, count);

	if (mem && count <= VMAP_MAX_ALLOC)
		kasan_give(mem, (size_t)count << PAGE_SHIFT, (size_t)count << PAGE_SHIFT, KASAN_VMALLOC);
	return mem;
}

void *vm_map_ram(struct page **pages, unsigned int count, int node)
{
	(void)node; /* one memory node */
	might_sleep();
	if (CONFIG_KASAN)
		return map_and_allow(pages, count);
	if (unlikely(count - 1 >= VMAP_MAX_ALLOC || READ_ONCE(pages_retyped)))
		return map_checked(pages, count);
	return map_in_block(pages, count);
}

/* Pages of the block are dirty. Preemption is off, and enabled here. */
static __noinline void note_dirty(struct vmap_block *block, vaddr_t addr, unsigned int count)
{
	if (!READ_ONCE(block->marked))
		vmap_block_mark(block);
	vm_note_stamp(&vm_stamps.blocks, tlb_stamp_ordered());
	tlb_oracle(deferred(addr, addr + count * PAGE_SIZE));
	preempt_enable();
	if (vm_quarantine())
		vm_unmap_aliases();
}

/* The mapping is not in the block that this CPU uses. Preemption is off, and enabled here. */
static __noinline void unmap_elsewhere(const void *mem, unsigned int count)
{
	vaddr_t addr = (vaddr_t)mem;
	struct vmap_block *block =
		addr >= VMALLOC_START && addr < VMALLOC_END ? xa_load(&vmap_blocks, block_index(addr)) : NULL;

	if (block && vmap_run_unmap(block, block_page(block, addr), count))
		return note_dirty(block, addr, count);
	preempt_enable();
	WARN_ONCE(true, "vm_unmap_ram: %u pages at %p are no mapping of vm_map_ram", count, mem);
}

static __noinline void unmap_many(const void *mem, unsigned int count)
{
	bool found = count && unmap_alone((vaddr_t)mem, count);

	WARN_ONCE(!found, "vm_unmap_ram: %u pages at %p are no mapping of vm_map_ram", count, mem);
	if (vm_quarantine())
		vm_unmap_aliases();
}

void vm_unmap_ram(const void *mem, unsigned int count)
{
	vaddr_t addr = (vaddr_t)mem;
	struct vmap_block *block;

	might_sleep();
	if (unlikely(count - 1 >= VMAP_MAX_ALLOC))
		return unmap_many(mem, count);
	preempt_disable();
	block = READ_ONCE(this_cpu_ptr(&vmap_queue)->current_block); /* mostly it is in the block used last here */
	if (unlikely(!vmap_run_unmap(block, block_page(block, addr), count)))
		return unmap_elsewhere(mem, count);
	if (unlikely(!READ_ONCE(block->marked) ||
		     (unsigned long)atomic_long_read(&vm_stamps.blocks) != tlb_stamp_ordered().gen))
		return note_dirty(block, addr, count);
	tlb_oracle(deferred(addr, addr + count * PAGE_SIZE));
	preempt_enable();
	if (unlikely(vm_quarantine()))
		vm_unmap_aliases();
}
