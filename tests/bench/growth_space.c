/* SPDX-License-Identifier: MIT */
/* The search for address space among many holes, one more area beside many, and the worst of many calls. */
#include "tests/bench/growth.h"

#include "mm/kva/area/area.h"

#define HOLE_MOST 16u /* pages, guard page included */
#define MANY	  100000ul

static struct vm_range **ranges;
static unsigned long nr_ranges;
static void *last;

static struct vm_range *range_of(unsigned long pages, unsigned long align)
{
	const struct vm_request rq = {
		.size = pages << PAGE_SHIFT, .align = align, .lo = VMALLOC_START, .hi = VMALLOC_END,
		.kind = VM_RANGE_AREA,
	};

	return vm_range_alloc(&rq);
}

static void free_range_at(unsigned long i)
{
	if (ranges[i])
		vm_range_free(ranges[i]);
	ranges[i] = NULL;
}

/* 2 * size ranges of one page up to HOLE_MOST side by side, and every other one a hole again. */
static bool make_holes(unsigned long size)
{
	nr_ranges = 2 * size;
	ranges = vzalloc(nr_ranges * sizeof(*ranges));
	if (!ranges)
		return false;
	for (unsigned long i = 0; i < nr_ranges; i++)
		if (!(ranges[i] = range_of(1 + bench_random(HOLE_MOST), PAGE_SIZE)))
			return false;
	for (unsigned long i = 0; i < nr_ranges; i += 2)
		free_range_at(i);
	return true;
}

static void fill_holes(unsigned long size __maybe_unused)
{
	for (unsigned long i = 0; ranges && i < nr_ranges; i++)
		free_range_at(i);
	vfree(ranges);
	ranges = NULL;
}

/* A range of 1 to HOLE_MOST pages comes and goes: it fits into one of the holes. */
static void alloc_plain(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	struct vm_range *range = range_of(1 + bench_random(HOLE_MOST), PAGE_SIZE);

	if (unlikely(!range))
		return bench_fail();
	vm_range_free(range);
}

static void alloc_behind(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	struct vm_range *range = range_of(4 * HOLE_MOST, PAGE_SIZE);

	if (unlikely(!range))
		return bench_fail();
	vm_range_free(range);
}

static void alloc_aligned(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	struct vm_range *range = range_of(1 + bench_random(HOLE_MOST), 2ul << 20);

	if (unlikely(!range))
		return bench_fail();
	vm_range_free(range);
}

/* --- many live areas ---------------------------------------------------------------------------------------------- */

static bool live(unsigned long size) { return growth_fill(size, 2000); }
static bool none_live(unsigned long size) { return growth_fill(0, size); }
static void dead(unsigned long size __maybe_unused) { growth_empty(); }

static void one_more(unsigned long size, unsigned long i)
{
	growth_live[size + i] = vmap(&growth_page, 1, VM_MAP, PAGE_KERNEL);
	if (unlikely(!growth_live[size + i]))
		bench_fail();
}

static void free_one(unsigned long size __maybe_unused, unsigned long i)
{
	vunmap(growth_live[i]);
	growth_live[i] = NULL;
}

static bool all_live(unsigned long size) { return growth_fill(size, 0); }

static void pair(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	char *p = vmalloc(PAGE_SIZE);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vfree(p);
}

/* --- the worst of many -------------------------------------------------------------------------------------------- */

static void alloc_last(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	last = vmalloc(PAGE_SIZE);
}

static void free_last(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	vfree(last);
}

static void map_last(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	last = vm_map_ram(&growth_page, 1, -1);
}

static void unmap_last(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	vm_unmap_ram(last, 1);
}

#define HOLES(name, op) { name, { 10, 1000, 10000, 100000 }, op, .calls = 2000, .warm = 100, .setup = make_holes, \
			  .teardown = fill_holes, .most32 = 6000 }
#define LIVE .setup = live, .teardown = dead, .most32 = 10000
#define WORST(name, op, ...) { name, { MANY }, op, .calls = MANY, .warm = 2000, .setup = none_live, .teardown = dead, \
			       __VA_ARGS__ }

static const struct growth curves[] = {
	HOLES("range_holes_plain", alloc_plain),
	HOLES("range_holes_behind", alloc_behind),
	HOLES("range_holes_aligned", alloc_aligned),
	{ "vmap_1p_live", { 100, 1000, 10000, 100000, 1000000 }, one_more, .calls = 1000, LIVE },
	{ "vunmap_1p_all", { 100, 1000, 10000, 100000 }, free_one, .setup = all_live, .teardown = dead,
	  .most32 = 10000 },
	{ "vmalloc_1p_live", { 100, 1000, 10000, 100000, 1000000 }, pair, .calls = 2000, .warm = 2000, LIVE },
	WORST("worst_vmalloc_1p", alloc_last, .after = free_last),
	WORST("worst_vfree_1p", free_last, .before = alloc_last),
	WORST("worst_vm_map_ram_1p", map_last, .after = unmap_last),
};
GROWTH_CURVES(space, curves)
