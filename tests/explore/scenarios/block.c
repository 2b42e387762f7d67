/* SPDX-License-Identifier: MIT */
/*
 * vmap blocks (mm/kva/block/vmap_block.c, theory 2 to 7). When vm_unmap_aliases() returns, no TLB has what was unmapped
 * before the call, whoever else purges or flushes meanwhile. A page is given out only when no TLB knows it. A block may
 * be destroyed while the CPU that unmapped its last run still uses it.
 *
 * A block has 128 pages here, of which the scenarios use some; the others count as live.
 */
#include "tests/explore/port/port.h"

#include "mm/kva/block/vmap_run.h"
#include <kernel/rcupdate.h>

#define PAGES 128u /* two words in each map */
#define OTHER 64u  /* a page whose bit is in the second one */

static struct vm_range range;
static struct vmap_block *block, elsewhere;
static bool discarded;

/* There is the space of one block. */
struct vm_range *vm_range_obtain(const struct vm_request *rq)
{
	(void)rq;
	return NULL;
}
int vm_range_prepare(struct vm_range *r)
{
	(void)r;
	return 0;
}
void vm_range_discard(struct vm_range *r)
{
	vm_index_remove(r);
	discarded = true;
}

/* Runs that are too long for a block have none of these. */
void vm_range_unmap_slow(struct vm_range *r) { MUST(!r); }

static void block_make(unsigned int next)
{
	port_machine(2);
	port_xarrays();
	port_pgtable();
	port_flush_by_contract = true;
	vmap_block_size = (struct vmap_block_size){ PAGES - 1, 19, PAGES * PAGE_SIZE };
	range.start = PORT_SPACE;
	range.end = PORT_SPACE + PAGES * PAGE_SIZE;
	range.kind = VM_RANGE_BLOCK;
	range.ptes = phys_to_virt(port_table_alloc(GFP_KERNEL));
	MUST(!vm_index_add(&range, GFP_KERNEL));
	block = __kmalloc(offsetof(struct vmap_block, run[PAGES]), GFP_KERNEL);
	block->range = &range;
	block->start = range.start;
	block->ptes = range.ptes;
	block->owner = this_cpu_ptr(&vmap_queue);
	INIT_LIST_HEAD(&block->marks);
	MUST(!xa_insert(&vmap_blocks, block_index(block->start), block, GFP_KERNEL));
	vm_range_publish(&range);
	cursor_set(block->owner, block, next, PAGES - 1);
}

static void page_map(unsigned int page)
{
	give_run(block, page, 1);
	pte_fill(block->ptes + page, __pte((0x100 + page) << PAGE_SHIFT | PTE_PRESENT));
	port_tlb_watch(block->ptes + page, PORT_SPACE + page * PAGE_SIZE);
}

/* Two pages are mapped, and the cursor is used up. */
static void two_mapped(void)
{
	block_make(PAGES - 1);
	page_map(0);
	page_map(OTHER);
}

static void *addr_of(unsigned int page) { return (void *)(PORT_SPACE + page * PAGE_SIZE); }
static void unmap_and_close(unsigned int page)
{
	const pte_t *entry = block->ptes + page;

	vm_unmap_ram(addr_of(page), 1);
	vm_unmap_aliases();
	port_tlb_only(entry, 0, "after vm_unmap_aliases");
}
static void close_0(void) { unmap_and_close(0); }
static void close_1(void) { unmap_and_close(OTHER); }
static void aliases(void) { vm_unmap_aliases(); }
static void flush(void) { flush_tlb_all(); }

XP_SCENARIO(block_aliases) = { .name = "block.unmap_aliases", .setup = two_mapped, .cpu = { close_0, aliases } };
XP_SCENARIO(block_aliases_flush) = { .name = "block.unmap_flush", .setup = two_mapped, .cpu = { close_0, flush } };
XP_SCENARIO(block_two) = { .name = "block.unmap_unmap", .setup = two_mapped, .cpu = { close_0, close_1 } };

/* A CPU whose cursor is used up recycles what it has unmapped. */
static void unmap_and_map(void)
{
	struct vmap_run run;

	vm_unmap_ram(addr_of(0), 1);
	preempt_disable();
	spin_lock(&block->owner->lock);
	cursor_drop(block->owner);
	vmap_recycle(block->owner);
	spin_unlock(&block->owner->lock);
	preempt_enable();
	run = vmap_run_alloc_slow(1);
	if (run.addr)
		port_tlb_only(run.ptes, 0, "a page is given out");
}
XP_SCENARIO(block_recycle) = { .name = "block.recycle_flush", .setup = two_mapped, .cpu = { unmap_and_map, flush } };

/* The last run of a block is unmapped while another CPU destroys what is wholly clean. */
static void one_mapped_cursor_gone(void)
{
	block_make(PAGES - 1);
	page_map(0);
	bitmap_set(block->clean_map, 1, PAGES - 2); /* all others are clean */
	block->clean = PAGES - 2;
	block_set_longest(block, VMAP_MAX_ALLOC);
	cursor_set(block->owner, &elsewhere, 0, 0);
}
static void unmap_last(void) { vm_unmap_ram(addr_of(0), 1); }
static void reclaim(void) { vmap_purge(true); }
XP_SCENARIO(block_destroy) = { .name = "block.unmap_destroy", .setup = one_mapped_cursor_gone,
			       .cpu = { unmap_last, reclaim } };

/* Broken: whoever closes aliases looks only at the stamp, not whether a purge is on. */
static void close_by_stamp(void)
{
	const pte_t *entry = block->ptes;

	vm_unmap_ram(addr_of(0), 1);
	if (vm_stamp_covered(&vm_stamps.blocks))
		port_tlb_only(entry, 0, "after the look at the stamp");
}
XP_SCENARIO(block_broken) = { .name = "block.broken_stamp_alone", .setup = two_mapped,
			      .cpu = { close_by_stamp, aliases }, .must_fail = "may still translate" };
