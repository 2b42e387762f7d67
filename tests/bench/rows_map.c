/* SPDX-License-Identifier: MIT */
/* Mapping pages that exist: vm_map_ram, vmap, and closing the aliases that vm_unmap_ram leaves open. */
#include "tests/bench/bench.h"

#include <mm/vmalloc.h>

#define FRAMES	   256	 /* real pages; longer maps repeat them */
#define MAP_MOST   65536
#define LIVE_MOST  2000
#define LIVE_PAGES 32

static struct page **pages; /* MAP_MOST of them */
static void *live[LIVE_MOST];

BENCH_OP(ram)
{
	void *p = vm_map_ram(pages, (unsigned int)arg, -1);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vm_unmap_ram(p, (unsigned int)arg);
}

BENCH_OP(map)
{
	void *p = vmap(pages, (unsigned int)arg, VM_MAP, PAGE_KERNEL);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vunmap(p);
}

BENCH_OP(aliases_clean)
{
	vm_unmap_aliases();
}

BENCH_OP(aliases_dirty)
{
	void *p = vm_map_ram(pages, 1, -1);

	if (unlikely(!p))
		return bench_fail();
	vm_unmap_ram(p, 1);
	vm_unmap_aliases();
}

static bool get_pages(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	pages = vmalloc(MAP_MOST * sizeof(*pages));
	if (!pages)
		return false;
	for (unsigned long i = 0; i < MAP_MOST; i++) {
		pages[i] = i < FRAMES ? alloc_page(GFP_KERNEL) : pages[i % FRAMES];
		if (!pages[i])
			return false;
	}
	return true;
}

static void put_pages(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned long i = 0; pages && i < FRAMES && pages[i]; i++)
		__free_page(pages[i]);
	vfree(pages);
	pages = NULL;
}

/* `arg` live maps; nothing is dirty. */
static bool get_live(unsigned long arg, unsigned long n)
{
	if (!get_pages(arg, n))
		return false;
	for (unsigned long i = 0; i < arg; i++)
		if (!(live[i] = vm_map_ram(pages, LIVE_PAGES, -1)))
			return false;
	vm_unmap_aliases();
	return true;
}

static void put_live(unsigned long arg, unsigned long n)
{
	for (unsigned long i = 0; i < arg; i++) {
		if (live[i])
			vm_unmap_ram(live[i], LIVE_PAGES);
		live[i] = NULL;
	}
	put_pages(arg, n);
}

#define RAM(name, count)       { name, ram, count, .setup = get_pages, .teardown = put_pages }
#define MAP(name, count, nr)   { name, map, count, nr, .setup = get_pages, .teardown = put_pages }
#define ALIASES(name, op, nr)  { name, op, nr, .setup = get_live, .teardown = put_live }

static const struct bench rows[] = {
	RAM("vm_map_ram_1p", 1),
	RAM("vm_map_ram_2p", 2),
	RAM("vm_map_ram_4p", 4),
	RAM("vm_map_ram_8p", 8),
	RAM("vm_map_ram_16p", 16),
	RAM("vm_map_ram_32p", 32),
	RAM("vm_map_ram_64p", 64),
	RAM("vm_map_ram_256p", 256),
	MAP("vmap_1p", 1, 0),
	MAP("vmap_16p", 16, 0),
	MAP("vmap_256p", 256, 0),
	MAP("vmap_65536p", 65536, 10),
	ALIASES("unmap_aliases_clean_0", aliases_clean, 0),
	ALIASES("unmap_aliases_1dirty_0", aliases_dirty, 0),
	ALIASES("unmap_aliases_clean_100", aliases_clean, 100),
	ALIASES("unmap_aliases_1dirty_100", aliases_dirty, 100),
	ALIASES("unmap_aliases_clean_2000", aliases_clean, 2000),
	ALIASES("unmap_aliases_1dirty_2000", aliases_dirty, 2000),
};
BENCH_ROWS(maps, rows)
