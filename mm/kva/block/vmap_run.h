/* SPDX-License-Identifier: MIT */
/* Taking runs of pages out of blocks and giving them back: the fast paths of vm_map_ram() (theory: vmap_block.c). */
#pragma once

#include "mm/kva/block/vmap_block.h"

/* --- out -------------------------------------------------------------------------------------------------------- */

/* A run from any source: other blocks, recycled pages, a new block, a purge. No run: no space or memory. */
struct vmap_run vmap_run_alloc_slow(struct vmap_queue *queue, unsigned int count);

/*
 * `count` (<= VMAP_MAX_ALLOC) pages of address space from this CPU's blocks. False: no space or memory.
 * The queue has a lock, so the thread may move to another CPU meanwhile.
 */
static __always_inline bool vmap_run_alloc(unsigned int count, struct vmap_run *run)
{
	struct vmap_queue *queue = raw_cpu_ptr(&vmap_queue);
	struct vmap_block *block;

	spin_lock(&queue->lock);
	block = queue->last;
	if (likely(block->fresh + count < VMAP_BLOCK_USABLE)) { /* less, so a clean page remains */
		*run = give_run(block, block->fresh, count);
		block->fresh += count;
		spin_unlock(&queue->lock);
		return true;
	}
	spin_unlock(&queue->lock);
	*run = vmap_run_alloc_slow(queue, count);
	return run->addr;
}

/* --- back -------------------------------------------------------------------------------------------------------- */

/* Mark a block dirty. */
void vmap_block_mark(struct vmap_block *block);

static inline void make_dirty(struct vmap_block *block, unsigned int page, unsigned int count)
{
	smp_store_release(&block->run[page], (u16)(RUN_DIRTY + count));
	schedule_point("vb:stored");
	/* not before; and the full barrier, for the stamp too */
	(void)atomic_long_add_return((long)count, &block->dirty);
	schedule_point("vb:dirty");
	if (unlikely(!READ_ONCE(block->marked)))
		vmap_block_mark(block);
	vm_note_stamp(&vm_stamps.blocks, tlb_stamp_ordered());
}

/* The block that contains addr, or NULL; *offset: of addr in it. The block stays as long as preemption is off. */
static __always_inline struct vmap_block *block_find(vaddr_t addr, unsigned long *offset)
{
	struct vmap_block *block = READ_ONCE(raw_cpu_ptr(&vmap_queue)->last);

	*offset = addr - block->start;
	if (likely(*offset < VMAP_BLOCK_SIZE)) /* mostly it is the block last used on this CPU */
		return block;
	block = addr >= VMALLOC_START && addr < VMALLOC_END ? xa_load(&vmap_blocks, block_index(addr)) : NULL;
	*offset = addr & (VMAP_BLOCK_SIZE - 1);
	return block;
}

static __always_inline bool run_free(vaddr_t addr, unsigned int count)
{
	u16 run = (u16)(RUN_LIVE + count);
	unsigned long offset;
	struct vmap_block *block = block_find(addr, &offset);
	unsigned int page = (unsigned int)(offset >> PAGE_SHIFT);

	if (unlikely(!block || offset_in_page(offset) ||
		     !try_cmpxchg(&block->run[page], &run, (u16)(RUN_UNMAPPING + count))))
		return false;
	pte_clear_run(block->ptes + page, count);
	schedule_point("vb:unmapped");
	make_dirty(block, page, count);
	tlb_oracle(deferred(addr, addr + count * PAGE_SIZE));
	return true;
}

/*
 * Unmap exactly that run. TLBs may hold it until the next flush. False: there is no such run, and nothing has changed.
 */
static __always_inline bool vmap_run_free(vaddr_t addr, unsigned int count)
{
	preempt_disable();
	return preempt_enable_then(run_free(addr, count));
}
