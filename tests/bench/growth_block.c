/* SPDX-License-Identifier: MIT */
/* vm_map_ram beside many blocks that are half empty, and vm_unmap_aliases of many blocks. */
#include "tests/bench/growth.h"

#include "mm/kva/block/vmap_block.h"

#define LONG_RUN 64u

static struct page *pages[LONG_RUN]; /* always the same */
static void **maps;		     /* one for each page of the blocks */
static unsigned long nr_maps;
static void *last;

/* Unmap every `step`-th map from `first` on. */
static void unmap_some(unsigned long first, unsigned long step)
{
	for (unsigned long i = first; maps && i < nr_maps; i += step)
		if (maps[i]) {
			vm_unmap_ram(maps[i], 1);
			maps[i] = NULL;
		}
}

/* `size` blocks, all of whose pages are live, each by itself. */
static bool fill_blocks(unsigned long size)
{
	nr_maps = size * VMAP_BLOCK_USABLE;
	maps = vzalloc((nr_maps + 1) * sizeof(*maps));
	pages[0] = alloc_page(GFP_KERNEL);
	for (unsigned int i = 1; i < LONG_RUN; i++)
		pages[i] = pages[0];
	if (!maps || !pages[0])
		return false;
	for (unsigned long i = 0; i < nr_maps; i++)
		if (!(maps[i] = vm_map_ram(pages, 1, -1)))
			return false;
	return true;
}

static void empty_blocks(unsigned long size __maybe_unused)
{
	unmap_some(0, 1);
	vfree(maps);
	if (pages[0])
		__free_page(pages[0]);
	maps = NULL;
	pages[0] = NULL;
}

/* Every other page is live, the rest is clean. */
static bool half_empty(unsigned long size)
{
	bool good = fill_blocks(size);

	unmap_some(0, 2);
	vm_unmap_aliases();
	return good;
}

/* Every other page is live, the rest is dirty. */
static bool half_dirty(unsigned long size)
{
	bool good = fill_blocks(size);

	vm_unmap_aliases();
	unmap_some(0, 2);
	return good;
}

static bool one_dirty(unsigned long size)
{
	bool good = fill_blocks(size);

	vm_unmap_aliases();
	unmap_some(7, VMAP_BLOCK_USABLE);
	return good;
}

static void map_two(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	last = vm_map_ram(pages, 2, -1);
}

static void unmap_two(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	if (!last)
		return bench_fail();
	vm_unmap_ram(last, 2);
}

static void long_run(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	void *p = vm_map_ram(pages, LONG_RUN, -1);

	if (unlikely(!p))
		return bench_fail();
	vm_unmap_ram(p, LONG_RUN);
}

static void aliases(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	vm_unmap_aliases();
}

#define BLOCKS(most) .teardown = empty_blocks, .most32 = (most)

static const struct growth curves[] = {
	{ "vm_map_ram_2p_half_empty", { 0, 10, 100, 1000, 10000 }, map_two, .calls = 1, .after = unmap_two,
	  .setup = half_empty, BLOCKS(50) },
	{ "vm_map_ram_64p_half_empty", { 0, 10, 100, 1000, 10000 }, long_run, .calls = 500, .setup = half_empty,
	  BLOCKS(50) },
	{ "unmap_aliases_half_dirty", { 10, 100, 1000 }, aliases, .calls = 1, .setup = half_dirty, BLOCKS(50) },
	{ "unmap_aliases_one_dirty", { 10, 100, 1000 }, aliases, .calls = 1, .setup = one_dirty, BLOCKS(50) },
};
GROWTH_CURVES(blocks, curves)
