/* SPDX-License-Identifier: MIT */
/* Historic bugs of vm_map_ram's per-CPU blocks. */
#include "places.h"
#include "worker.h"

#include <arch/context.h>

#define MAX_MAPS 4096

static void *block_maps[MAX_MAPS];
static struct page *block_pages[VMAP_MAX_ALLOC];

static bool get_block_pages(void)
{
	return EXPECT_EQ(alloc_page_array(GFP_KERNEL, VMAP_MAX_ALLOC, block_pages), VMAP_MAX_ALLOC);
}

static void put_pages(void)
{
	free_page_array(block_pages, VMAP_MAX_ALLOC);
}

static unsigned long blocks_created(void)
{
	struct vmap_block_stats stats;

	vmap_block_stats(&stats);
	return stats.created;
}

/* Map `count` pages a time until a block is full, which shows when the next map needs a new one. The maps in the full
 * block are block_maps[0..n), and n is returned; whatever else was needed is undone. */
static unsigned int fill_a_block(unsigned int count)
{
	unsigned long created;
	unsigned int n = 0, first = 0;

	vm_unmap_aliases();
	created = blocks_created();
	for (; n < MAX_MAPS; n++) {
		block_maps[n] = vm_map_ram(block_pages, count, -1);
		if (!block_maps[n])
			break;
		if (blocks_created() == created)
			continue;
		if (first) {
			vm_unmap_ram(block_maps[n], count);
			break;
		}
		created = blocks_created(); /* a fresh block begins here: give back what went into older ones */
		first = n + 1;
	}
	for (unsigned int i = 0; first && i < first - 1; i++)
		vm_unmap_ram(block_maps[i], count);
	for (unsigned int i = first ? first - 1 : 0; i < n; i++)
		block_maps[i - (first ? first - 1 : 0)] = block_maps[i];
	return n - (first ? first - 1 : 0);
}

static void read_byte(void *arg)
{
	(void)*(volatile u8 *)arg;
}

/* One map of a full block goes away; the alias flush must cover it although the block is on no free list. */
static void unmap_one_of_full_block(struct worker *other, unsigned int count, unsigned int which)
{
	unsigned int n = fill_a_block(count);
	unsigned long seq;
	vaddr_t gone;

	ASSERT(n > 2);
	/* what filling has left dirty: together it would be a flush of everything, which proves nothing */
	vm_unmap_aliases();
	seq = tlb_log_seq();
	which = which == 2 ? n - 1 : which * n / 2;
	gone = (vaddr_t)block_maps[which];
	worker_call(other, read_byte, block_maps[which]);
	vm_unmap_ram(block_maps[which], count);
	vm_unmap_aliases();
	EXPECT(tlb_log_covers(seq, gone, gone + count * PAGE_SIZE));
	EXPECT_EQ(probe_read((void *)gone, NULL), PROBE_NOT_PRESENT);
	for (unsigned int i = 0; i < n; i++) {
		if (i == which)
			continue;
		EXPECT_EQ(probe_read(block_maps[i], NULL), PROBE_OK);
		vm_unmap_ram(block_maps[i], count);
	}
}

KTEST(museum, m01_stale_tlb_full_block)
{
	KTEST_NEEDS(MM_LOGS);
	struct vmap_block_stats stats;
	struct worker other;
	unsigned int few; /* divides a block's pages; few enough for a flush by page */

	vmap_block_stats(&stats);
	few = stats.usable % 7 ? 3 : 7;
	ASSERT(worker_start(&other, another_cpu(), true));
	if (get_block_pages()) {
		unmap_one_of_full_block(&other, VMAP_MAX_ALLOC, 0);
		for (unsigned int which = 0; which < 3; which++) {
			unmap_one_of_full_block(&other, 1, which);
			unmap_one_of_full_block(&other, few, which);
		}
		put_pages();
	}
	worker_stop(&other);
	vm_unmap_aliases();
}

/* Dirty space is flushed once: the second and third call find nothing to do. */
static void flush_once(void)
{
	void *a = vm_map_ram(block_pages, 1, -1), *b = vm_map_ram(block_pages, 1, -1);
	struct tlb_log_entry entry;
	unsigned long seq;

	ASSERT(a && b);
	vm_unmap_aliases();
	vm_unmap_ram(a, 1);
	seq = tlb_log_seq();
	for (unsigned int i = 0; i < 3; i++)
		vm_unmap_aliases();
	EXPECT_EQ(tlb_log_seq(), seq + 1);
	EXPECT(tlb_log_covers(seq, (vaddr_t)a, (vaddr_t)a + PAGE_SIZE));
	seq = tlb_log_seq();
	vm_unmap_ram(b, 1);
	vm_unmap_aliases();
	EXPECT_EQ(tlb_log_seq(), seq + 1);
	ASSERT(tlb_log_read(seq + 1, &entry)); /* what is new, and nothing else */
	EXPECT(!entry.all && entry.start == (vaddr_t)b && entry.end == (vaddr_t)b + PAGE_SIZE);
}

KTEST(museum, m03_dirty_space_flushed_over_and_over)
{
	KTEST_NEEDS(MM_LOGS);
	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	if (!get_block_pages())
		return;
	flush_once();
	put_pages();
}

/*
 * Blocks are found by address, whichever CPU made them and whichever frees them; no CPU id is computed from an address.
 */
#define MAPS_A_CPU 40

static void map_some(void *arg)
{
	void **mine = arg;

	for (unsigned int i = 0; i < MAPS_A_CPU; i++)
		mine[i] = vm_map_ram(block_pages, 3, -1);
}

static void unmap_others(struct crew *crew, void *all[][MAPS_A_CPU])
{
	for (unsigned int i = 0; i < crew->nr; i++)
		for (unsigned int k = 0; k < MAPS_A_CPU; k++)
			if (EXPECT(all[i][k]))
				vm_unmap_ram(all[i][k], 3);
}

KTEST(museum, m10_hash_into_a_hole_of_the_cpu_mask)
{
	static void *all[MAX_CPUS][MAPS_A_CPU];
	static struct crew crew;
	struct vmap_block_stats before, after;

	vmap_block_stats(&before);
	ASSERT(crew_start(&crew, 2));
	if (get_block_pages()) {
		for (unsigned int i = 0; i < crew.nr; i++)
			worker_call(&crew.worker[i], map_some, all[i]);
		unmap_others(&crew, all);
		put_pages();
	}
	crew_stop(&crew);
	vm_unmap_aliases();
	vmap_block_stats(&after);
	EXPECT_EQ(after.created - after.freed, after.live);
	EXPECT_EQ(vmalloc_check(), 0);
}
