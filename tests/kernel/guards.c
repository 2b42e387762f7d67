/* SPDX-License-Identifier: MIT */
/* What mm promises around every test: nothing is left behind, and its books balance. */
#include "mm/kva/area/area.h"

#include <kernel/ktest.h>
#include <kernel/rcupdate.h>
#include <kernel/wait.h>
#include <kernel/xarray.h>
#include <mm/page_alloc.h>
#include <mm/kasan.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

/*
 * Pages that somebody has a use for. Empty slabs and the pages that no CPU remembers any more are given back first.
 * Kernel page tables and the slabs that are left may stay from one test to the next: they are not leaks.
 */
static unsigned long pages_in_use(void)
{
	vm_purge_drain();
	rcu_barrier();
	vm_unmap_aliases();
	drain_page_lists();
	vmalloc_shrink();
	rcu_barrier();
	slab_shrink();
	return totalram_pages() - nr_free_pages() - slab_pages() - pgtable_kernel_pages() - kasan_pages();
}

/* Those that blocks and nodes are made of may stay as well. */
static unsigned long objects_in_use(void)
{
	struct vmap_block_stats blocks;

	vmap_block_stats(&blocks);
	return kmalloc_objects() - blocks.live - xa_nr_nodes();
}

struct use {
	unsigned long pages, objects;
};

static struct use read_use(void)
{
	unsigned long pages = pages_in_use(); /* first: it gives back what nobody uses */

	return (struct use){ pages, objects_in_use() };
}

static struct {
	struct use use;
	struct vmalloc_stats space;
} before;

static void memory_begin(void)
{
	before.use = read_use();
	vmalloc_stats(&before.space);
}

#define SETTLE_TRIES 40

/* A free that the background or an RCU callback has under way is no leak. It is over soon; a leak stays. */
static struct use settled_use(void)
{
	struct use use = read_use();

	for (unsigned int i = 0; i < SETTLE_TRIES; i++) {
		if (use.pages == before.use.pages && use.objects == before.use.objects)
			break;
		schedule_timeout_uninterruptible(5);
		use = read_use();
	}
	return use;
}

static void memory_end(void)
{
	struct use use = settled_use();
	struct vmalloc_stats now;

	EXPECT_EQ(use.pages, before.use.pages);
	EXPECT_EQ(use.objects, before.use.objects);
	vmalloc_stats(&now);
	EXPECT_EQ(now.areas, before.space.areas);
	EXPECT_EQ(now.area_bytes, before.space.area_bytes);
	EXPECT_EQ(now.rams, before.space.rams);
	EXPECT_EQ(now.nr_pages, before.space.nr_pages);
	EXPECT_EQ(now.total_bytes, VMALLOC_END - VMALLOC_START);
	EXPECT_EQ(vmalloc_check(), 0);
	EXPECT_EQ(page_alloc_check(), 0);
	EXPECT_EQ(slab_check(), 0);
}
KTEST_GUARD(memory, memory_begin, memory_end);
