/* SPDX-License-Identifier: MIT */
/*
 * Historic bugs of the life of vmap blocks: who walks them, who keeps them, who gives them back, on whose list they
 * are.
 */
#include "worker.h"

#include "mm/kva/block/vmap_block.h"

#include <kernel/schedule_point.h>

#define BLOCKS	   12u
#define MAPS	   (BLOCKS * 127) /* at most */
#define HELD_MS 2000

static struct page *ram_pages[VMAP_MAX_ALLOC];
static void *maps[MAPS];
static unsigned int run, nr_maps; /* run: pages, which divides what a block can give, so that full means full */
static struct crew crew;

static struct vmap_block_stats stats(void)
{
	struct vmap_block_stats now;

	vmap_block_stats(&now);
	return now;
}

static vaddr_t block_of(const void *p) { return ALIGN_DOWN((vaddr_t)p, (stats().usable + 1) * PAGE_SIZE); }

static bool begin(void)
{
	static const unsigned int lengths[] = { 7, 11, 17, 1 };
	unsigned int usable = stats().usable, i = 0;

	while (usable % lengths[i] || usable / lengths[i] * BLOCKS > MAPS)
		i++;
	run = lengths[i];
	nr_maps = usable / run * BLOCKS;
	vm_purge_drain();
	vmap_block_keeper.reclaim();
	return EXPECT_EQ(alloc_page_array(GFP_KERNEL, VMAP_MAX_ALLOC, ram_pages), VMAP_MAX_ALLOC);
}

static void end(void)
{
	vm_purge_drain();
	vmap_block_keeper.reclaim();
	free_page_array(ram_pages, VMAP_MAX_ALLOC);
	EXPECT_EQ(vmalloc_check(), 0);
}

/* As much as BLOCKS blocks hold, all of it live. */
static void fill_blocks(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < nr_maps; i++) {
		maps[i] = vm_map_ram(ram_pages, run, -1);
		EXPECT(maps[i]);
	}
}

static void empty_blocks(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < nr_maps; i++)
		if (maps[i])
			vm_unmap_ram(maps[i], run);
	memset(maps, 0, sizeof(maps));
}

/* --- 2: one walk, not two ----------------------------------------------------------------------------------------- */

/* The first map of each block goes. Returns how many blocks that is. */
static unsigned int one_dirty_run_a_block(void)
{
	unsigned int dirty = 0;
	vaddr_t last = 0;

	for (unsigned int i = 0; i < nr_maps; i++) {
		if (!maps[i] || block_of(maps[i]) == last)
			continue;
		last = block_of(maps[i]);
		vm_unmap_ram(maps[i], run);
		maps[i] = NULL;
		dirty++;
	}
	return dirty;
}

static void count_visits(void)
{
	unsigned long visits, flushed = tlb_counters().full + tlb_counters().ranged;
	unsigned int dirty = one_dirty_run_a_block();

	visits = stats().visits;
	vm_unmap_aliases();
	EXPECT(dirty >= BLOCKS);
	EXPECT_EQ(stats().visits - visits, dirty);
	EXPECT_EQ(tlb_counters().full + tlb_counters().ranged, flushed + 1);
	vm_unmap_aliases();
	EXPECT_EQ(stats().visits - visits, dirty); /* clean ones are not visited */
}

KTEST(museum, m02_blocks_walked_twice)
{
	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	if (!begin())
		return;
	fill_blocks(NULL);
	count_visits();
	empty_blocks(NULL);
	end();
}

/* --- 4: allocating beside frees, among many blocks that are nearly full ------------------------------------------- */

#define ROUNDS (vm_quarantine() ? 200u : 2000u) /* in quarantine each is a flush */

static void *slots[64]; /* exchanged atomically: what one CPU puts in another unmaps */

static void map_and_swap(void *arg)
{
	unsigned long seed = (unsigned long)arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int count = 1 + (unsigned int)(seed + i) % 2;
		void *p = vm_map_ram(ram_pages, 2, -1), *old;

		if (!EXPECT(p) || !EXPECT_EQ(vmalloc_to_pfn(p), page_to_pfn(ram_pages[0])) ||
		    !EXPECT_EQ(vmalloc_to_pfn((char *)p + PAGE_SIZE), page_to_pfn(ram_pages[1])))
			return;
		old = xchg(&slots[(seed * 7 + i * count) % ARRAY_SIZE(slots)], p);
		if (old)
			vm_unmap_ram(old, 2);
	}
}

/* Each block has one page left, or a few, and none is asked for what it has not. */
static void nearly_full_blocks(void)
{
	fill_blocks(NULL);
	one_dirty_run_a_block();
	vm_unmap_aliases();
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_post(&crew.worker[i], map_and_swap, (void *)(unsigned long)(i + 1));
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_wait(&crew.worker[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++)
		if (slots[i])
			vm_unmap_ram(slots[i], 2);
	memset(slots, 0, sizeof(slots));
	vm_purge_drain();
	EXPECT_EQ(vmalloc_check(), 0);
	empty_blocks(NULL);
}

KTEST(museum, m04_allocation_beside_frees)
{
	if (!begin())
		return;
	WITH_CREW(crew, 2, nearly_full_blocks());
	end();
}

/* --- 5: a block that is in use stays with its CPU ----------------------------------------------------------------- */

static void keeps_its_block(void *arg)
{
	unsigned long created;
	void *first, *again;

	(void)arg;
	first = vm_map_ram(ram_pages, 1, -1);
	ASSERT(first);
	vm_unmap_ram(first, 1);
	created = stats().created;
	for (unsigned int i = 0; i < 20; i++) {
		vm_unmap_aliases();
		again = vm_map_ram(ram_pages, 1, -1);
		ASSERT(again);
		EXPECT_EQ(block_of(again), block_of(first));
		vm_unmap_ram(again, 1);
	}
	EXPECT_EQ(stats().created, created);
}

static void usable_blocks(void)
{
	for (unsigned int i = 0; i < crew.nr; i++) /* one after the other, for blocks are counted */
		worker_call(&crew.worker[i], keeps_its_block, NULL);
	EXPECT(stats().live >= crew.nr);
	EXPECT(vm_make_space()); /* but when space is short, it goes */
	EXPECT_EQ(stats().live, 0);
}

KTEST(museum, m05_usable_blocks_purged)
{
	if (!begin())
		return;
	WITH_CREW(crew, 1, usable_blocks());
	end();
}

/* --- 9: a block comes back to its owner's list, whoever purges it ------------------------------------------------- */

/* Few enough for a block, so that no purge is needed. */
static void take_a_few(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 40; i++) {
		void *p = vm_map_ram(ram_pages, 2, -1), *old;

		EXPECT(p);
		old = xchg(&slots[i % 8], p);
		if (old)
			vm_unmap_ram(old, 2);
	}
}

static void do_aliases(void *arg)
{
	(void)arg;
	vm_unmap_aliases();
}

/*
 * Another CPU purges the worker's blocks, of which some were full and on no list, while the worker takes from its list.
 */
static void purge_by_another_cpu(void)
{
	struct worker *owner = &crew.worker[0], *purger = &crew.worker[1];
	unsigned long created;

	worker_call(owner, fill_blocks, NULL);
	worker_call(owner, empty_blocks, NULL); /* dirty by now, or purged: then it is clean, and on the list */
	worker_call(owner, fill_blocks, NULL);
	for (unsigned int i = 0; i < nr_maps; i += 3) {
		if (i + 3 >= nr_maps)
			vm_purge_drain(); /* if it flushed behind the last one, nothing would be left to purge */
		vm_unmap_ram(maps[i], run);
		maps[i] = NULL;
	}
	sched_hold("vb:purge");
	worker_post(purger, do_aliases, NULL);
	EXPECT(sched_wait_held("vb:purge", HELD_MS));
	worker_call(owner, take_a_few, NULL);
	sched_release("vb:purge");
	worker_wait(purger);
	vm_purge_drain();
	EXPECT_EQ(vmalloc_check(), 0); /* each block on its owner's list, and on no other */
	created = stats().created;
	worker_call(owner, map_and_swap, (void *)2ul);
	EXPECT(stats().created - created <= 2); /* it has got them back */
	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++)
		if (slots[i])
			vm_unmap_ram(slots[i], 2);
	memset(slots, 0, sizeof(slots));
	empty_blocks(NULL);
}

KTEST(museum, m09_block_on_another_cpus_list)
{
	KTEST_NEEDS(SCHED_POINTS);
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	if (!begin())
		return;
	WITH_CREW(crew, 2, purge_by_another_cpu());
	end();
}

/* --- 12: blocks without a live map do not use address space up ---------------------------------------------------- */

static void use_a_part(void *arg)
{
	void *p[3];

	(void)arg;
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = vm_map_ram(ram_pages, VMAP_MAX_ALLOC, -1);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		if (EXPECT(p[i]))
			vm_unmap_ram(p[i], VMAP_MAX_ALLOC);
}

/* Blocks lie in the largest hole: whoever wants all of it gets it. */
static void fragments(void)
{
	struct vmalloc_stats space;
	struct vm_struct *all;
	unsigned long largest;

	vmalloc_shrink();
	vmalloc_stats(&space);
	largest = space.largest_free;
	crew_call(&crew, use_a_part, NULL);
	fill_blocks(NULL);
	empty_blocks(NULL);
	vmalloc_stats(&space);
	EXPECT(space.block_bytes >= BLOCKS * (stats().usable + 1) * PAGE_SIZE);
	EXPECT(space.largest_free < largest);
	all = get_vm_area(largest - PAGE_SIZE, VM_MAP);
	if (EXPECT(all))
		free_vm_area(all);
	EXPECT_EQ(stats().live, 0);
}

KTEST(museum, m12_fragmented_blocks_exhaust_space)
{
	if (vm_quarantine())
		KTEST_SKIP("in quarantine a block goes with its last map");
	if (!begin())
		return;
	WITH_CREW(crew, 1, fragments());
	end();
}
