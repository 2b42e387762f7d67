/* SPDX-License-Identifier: MIT */
/*
 * vmap blocks against a naive model, and how much a call looks at. The model knows each page that was ever mapped:
 * whether it is live, and whether some flush has covered it since it was unmapped. It learns flushes from their log.
 */
#include "tests/host/vm_machine.h"

#include "mm/kva/block/vmap_block.h"

#define PAGES_KNOWN (1u << 16)
#define LIVE_MOST   800u

enum page_is { NEVER_SEEN, LIVE, STALE, FORGOTTEN };

static struct known {
	vaddr_t addr;
	enum page_is is;
} known[PAGES_KNOWN]; /* a hash table that is never full */

static struct map {
	vaddr_t addr;
	unsigned int count;
} live[LIVE_MOST];
static unsigned int nr_live;
static unsigned long nr_live_pages, log_read;
static struct page *pages[VMAP_MAX_ALLOC];

static struct known *page_of(vaddr_t addr)
{
	unsigned int i = (unsigned int)(addr >> PAGE_SHIFT) * 2654435761u % PAGES_KNOWN;

	while (known[i].addr && known[i].addr != addr)
		i = (i + 1) % PAGES_KNOWN;
	known[i].addr = addr;
	return &known[i];
}

/* Each flush since the last look makes stale pages forgotten. */
static void read_log(void)
{
	struct tlb_log_entry flush;

	for (; log_read < tlb_log_seq(); log_read++) {
		assert_true(tlb_log_read(log_read + 1, &flush));
		for (unsigned int i = 0; i < PAGES_KNOWN; i++)
			if (known[i].is == STALE &&
			    (flush.all || (known[i].addr >= flush.start && known[i].addr < flush.end)))
				known[i].is = FORGOTTEN;
	}
}

static unsigned long count_pages(enum page_is is)
{
	unsigned long nr = 0;

	for (unsigned int i = 0; i < PAGES_KNOWN; i++)
		nr += known[i].is == is;
	return nr;
}

static void map(unsigned int count)
{
	vaddr_t addr;

	if (nr_live == LIVE_MOST)
		return;
	addr = (vaddr_t)vm_map_ram(pages, count, -1);
	read_log();
	if (!addr)
		return;
	for (unsigned int i = 0; i < count; i++) {
		struct known *page = page_of(addr + i * PAGE_SIZE);

		assert_true(page->is == NEVER_SEEN || page->is == FORGOTTEN);
		page->is = LIVE;
		assert_ptr_equal(host_translate(page->addr), page_address(pages[i]));
	}
	nr_live_pages += count;
	live[nr_live++] = (struct map){ addr, count };
}

static void unmap(unsigned int which)
{
	struct map gone = live[which];

	vm_unmap_ram((void *)gone.addr, gone.count);
	live[which] = live[--nr_live];
	nr_live_pages -= gone.count;
	for (unsigned int i = 0; i < gone.count; i++) {
		assert_null(host_translate(gone.addr + i * PAGE_SIZE));
		page_of(gone.addr + i * PAGE_SIZE)->is = STALE;
	}
	read_log();
}

static void unmap_aliases(void)
{
	vm_unmap_aliases();
	read_log();
	assert_int_equal(count_pages(STALE), 0);
}

/* No memory for a block: the run comes from another CPU's, or there is none. */
static void map_without_memory(unsigned int count)
{
	inject_set(INJECT_SLAB, 1);
	map(count);
	inject_clear(INJECT_SLAB);
}

/* All blocks together, beside the model. */
static void compare(void)
{
	struct vmap_block_info info = { 0 };
	unsigned long pages_live = 0, waiting = 0, all = 0, sum = 0;

	assert_int_equal(vmap_block_check(), 0);
	while (vmap_block_next(info.end, &info)) {
		pages_live += info.live;
		waiting += info.dirty + info.flushing;
		sum += info.clean + info.live + info.dirty + info.flushing;
		all += VMAP_BLOCK_USABLE;
	}
	assert_int_equal(pages_live, nr_live_pages);
	assert_int_equal(sum, all);
	assert_true(count_pages(STALE) <= waiting);
}

static void step(unsigned int longest)
{
	unsigned int what = (unsigned int)host_random_below(100);

	if (what < 48)
		map(1 + (unsigned int)host_random_below(longest));
	else if (what < 90 && nr_live)
		unmap((unsigned int)host_random_below(nr_live));
	else if (what < 92)
		unmap_aliases();
	else if (what < 94)
		flush_tlb_all();
	else if (what < 95)
		vmap_block_keeper.reclaim();
	else if (what < 96)
		vmap_revoke();
	else if (what < 97)
		map_without_memory(1 + (unsigned int)host_random_below(longest));
	else if (what < 98)
		vm_purge_drain();
	else
		host_run_on(what == 98 ? 0 : host_random_below(2) ? 2 : 5);
	read_log();
}

/* Lengths of one kind make many runs of that length; the next kind meets what they have left. */
static void blocks_match_the_model(void **state)
{
	static const unsigned int lengths[] = { 1, 3, VMAP_MAX_ALLOC, 2, VMAP_MAX_ALLOC / 2 };

	(void)state;
	log_read = tlb_log_seq();
	for (unsigned int i = 0; i < 6000; i++) {
		step(lengths[i / 400 % ARRAY_SIZE(lengths)]);
		if (i % 16 == 0)
			compare();
	}
	while (nr_live)
		unmap(nr_live - 1);
	host_run_on(0);
	unmap_aliases();
	compare();
	vmap_block_keeper.reclaim();
	assert_int_equal(vmalloc_check(), 0);
}

/* --- nothing grows with the number of blocks ---------------------------------------------------------------------- */

#define BLOCKS 30u
static vaddr_t half[BLOCKS * VMAP_BLOCK_MOST];

static unsigned long searches(void) { return per_cpu(vmap_queue, 0).searches; }

/* BLOCKS blocks in which every other page is live, and the others clean. */
static void make_half_empty(void)
{
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < BLOCKS * VMAP_BLOCK_USABLE; i++)
		half[i] = (vaddr_t)vm_map_ram(pages, 1, -1);
	for (unsigned int i = 0; i < BLOCKS * VMAP_BLOCK_USABLE; i += 2)
		vm_unmap_ram((void *)half[i], 1);
	vm_unmap_aliases();
}

static void few_searches_among_half_empty_blocks(void **state)
{
	unsigned long before;

	(void)state;
	make_half_empty();
	before = searches();
	vm_unmap_ram(vm_map_ram(pages, 2, -1), 2);
	assert_in_range(searches() - before, 1, 8);
	for (unsigned int i = 0; i < 4 * VMAP_BLOCK_USABLE; i++) /* often enough to have looked at each block once */
		vm_unmap_ram(vm_map_ram(pages, 2, -1), 2);
	before = searches();
	for (unsigned int i = 0; i < 4 * VMAP_BLOCK_USABLE; i++) /* and nothing has become clean there since */
		vm_unmap_ram(vm_map_ram(pages, 2, -1), 2);
	assert_in_range(searches() - before, 0, 2 * 8);
	for (unsigned int i = 1; i < BLOCKS * VMAP_BLOCK_USABLE; i += 2)
		vm_unmap_ram((void *)half[i], 1);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

/* A block in which nothing waits is visited by no purge, and loses its mark when it is recycled. */
static void no_mark_without_dirty_pages(void **state)
{
	static vaddr_t maps[2 * VMAP_BLOCK_MOST];
	struct vmap_block_stats before, after;
	struct vmap_block *block;

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < VMAP_BLOCK_USABLE; i++)
		maps[i] = (vaddr_t)vm_map_ram(pages, 1, -1);
	vm_unmap_ram((void *)maps[7], 1);
	block = xa_load(&vmap_blocks, block_index(maps[7]));
	assert_true(block->marked);
	maps[7] = (vaddr_t)vm_map_ram(pages, 1, -1); /* in a second block: the first one waits */
	assert_int_not_equal(maps[7], 0);
	assert_true(block->marked);
	flush_tlb_all();
	for (unsigned int i = 0; i < VMAP_BLOCK_USABLE; i++) /* comes round to the first block, and beyond */
		maps[VMAP_BLOCK_USABLE + i] = (vaddr_t)vm_map_ram(pages, 1, -1);
	assert_false(block->marked);
	vmap_block_stats(&before);
	vm_unmap_aliases();
	vmap_block_stats(&after);
	assert_int_equal(after.visits, before.visits);
	for (unsigned int i = 0; i < 2 * VMAP_BLOCK_USABLE; i++)
		vm_unmap_ram((void *)maps[i], 1);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

/* Another CPU's cursor comes back when space is short, and that CPU goes on with another one. */
static void revoked_cursor(void **state)
{
	struct vmap_block_info info;
	void *first, *second;

	(void)state;
	vmap_block_keeper.reclaim();
	host_run_on(2);
	first = vm_map_ram(pages, 3, -1);
	host_run_on(0);
	vmap_revoke();
	assert_true(vmap_block_next((vaddr_t)first, &info));
	assert_int_equal(info.clean, VMAP_BLOCK_USABLE - 3);
	assert_int_equal(per_cpu(vmap_queue, 2).limit, 0);
	assert_int_equal(vmap_block_check(), 0);
	host_run_on(2);
	second = vm_map_ram(pages, 1, -1);
	assert_ptr_equal(second, (char *)first + 3 * PAGE_SIZE);
	vm_unmap_ram(first, 3);
	vm_unmap_ram(second, 1);
	host_run_on(0);
	assert_true(vmap_block_keeper.reclaim());
	assert_false(vmap_block_next(0, &info));
	assert_int_equal(vmalloc_check(), 0);
}

/* A CPU has used its cursor up, and all of that block is clean again: the CPU still looks there, so the block stays. */
static void current_block_stays(void **state)
{
	static void *maps[2 * VMAP_BLOCK_MOST];

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < 2 * VMAP_BLOCK_USABLE; i++)
		maps[i] = vm_map_ram(pages, 1, -1);
	for (unsigned int i = 0; i < 2 * VMAP_BLOCK_USABLE; i++) {
		vm_unmap_ram(maps[i], 1);
		if (i == VMAP_BLOCK_USABLE - 1)
			vm_unmap_aliases();
	}
	vm_unmap_aliases();
	assert_ptr_equal(xa_load(&vmap_blocks, block_index((vaddr_t)maps[VMAP_BLOCK_USABLE])),
			 per_cpu(vmap_queue, 0).current_block);
	vm_unmap_ram(vm_map_ram(pages, 1, -1), 1);
	assert_int_equal(vmalloc_check(), 0);
}

static int setup(void **state)
{
	(void)state;
	vm_machine(256ull << 20, 0x25);
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_match_the_model),
		cmocka_unit_test(few_searches_among_half_empty_blocks),
		cmocka_unit_test(no_mark_without_dirty_pages),
		cmocka_unit_test(revoked_cursor),
		cmocka_unit_test(current_block_stays),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
