/* SPDX-License-Identifier: MIT */
/* Address spaces: one comes and goes, a new top entry for many, many ranges in one; and reports on many areas. */
#include "tests/bench/growth.h"

#include <lib/errno.h>
#include <lib/math.h>
#include <mm/mm.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define USER_BASE 0x10000000ul

static struct mm_struct **processes, *one, *child;

static bool room_for(unsigned long nr)
{
	processes = vzalloc((nr + 1) * sizeof(*processes));
	return processes;
}

static bool make_processes(unsigned long size)
{
	if (!room_for(size))
		return false;
	for (unsigned long i = 0; i < size; i++)
		if (!(processes[i] = mm_create()))
			return false;
	return true;
}

static void end_processes(unsigned long size)
{
	for (unsigned long i = 0; processes && i < size; i++)
		if (processes[i])
			mm_destroy(processes[i]);
	vfree(processes);
	processes = NULL;
}

static void create(unsigned long size __maybe_unused, unsigned long i)
{
	processes[i] = mm_create();
	if (unlikely(!processes[i]))
		bench_fail();
}

static void destroy(unsigned long size __maybe_unused, unsigned long i)
{
	mm_destroy(processes[i]);
	processes[i] = NULL;
}

/* --- a new top entry ---------------------------------------------------------------------------------------------- */

/* What one entry of the level spans that all processes share: the top one, with PAE the one below. */
static vaddr_t shared_span(void) { return BITS_PER_LONG == 64 ? pt_level_size(pt_top()) : pt_level_size(2); }

static unsigned long next_entry; /* counted from the end of vmalloc space: never one that was used before */
static void *mapped;

/* An entry that no tree has yet: the one below the last one that was taken. */
static void map_in_new_entry(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	vaddr_t start = ALIGN_DOWN(VMALLOC_END - 1, shared_span()) - ++next_entry * shared_span();

	mapped = __vmalloc_node_range(PAGE_SIZE, PAGE_SIZE, start, start + shared_span(), GFP_KERNEL, PAGE_KERNEL, 0,
				      -1, NULL);
	if (unlikely(!mapped))
		bench_fail();
}

static void unmap_it(unsigned long size __maybe_unused, unsigned long i __maybe_unused) { vfree(mapped); }

/* --- many ranges in one process ----------------------------------------------------------------------------------- */

static bool make_one(unsigned long size __maybe_unused)
{
	one = mm_create();
	return one;
}

static void end_one(unsigned long size __maybe_unused)
{
	if (one)
		mm_destroy(one);
	one = NULL;
}

/* No two of them touch. */
static void map_range(unsigned long size __maybe_unused, unsigned long i)
{
	if (unlikely(mm_map_anonymous(one, USER_BASE + 2 * i * PAGE_SIZE, PAGE_SIZE)))
		bench_fail();
}

static void map_range_anywhere(unsigned long size __maybe_unused, unsigned long i)
{
	if (unlikely(mm_map_anywhere(one, PAGE_SIZE, i & 1 ? VM_READ : VM_READ | VM_WRITE) < 0))
		bench_fail();
}

static bool make_ranges(unsigned long size)
{
	if (!make_one(size))
		return false;
	for (unsigned long i = 0; i < size; i++)
		map_range(size, i);
	return true;
}

static void fork(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	child = mm_fork(one);
	if (unlikely(!child))
		bench_fail();
}

static void end_child(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	if (child)
		mm_destroy(child);
}

/* --- reports ------------------------------------------------------------------------------------------------------ */

static void count_line(void *lines, const char *line __maybe_unused) { ++*(unsigned long *)lines; }

static void report(unsigned long size, unsigned long i __maybe_unused)
{
	unsigned long lines = 0;

	vmallocinfo(count_line, &lines);
	if (unlikely(lines < size))
		bench_fail();
}

static bool live(unsigned long size) { return growth_fill(size, 0); }
static void dead(unsigned long size __maybe_unused) { growth_empty(); }

static const struct growth curves[] = {
	{ "mm_create", { 200 }, create, .setup = room_for, .teardown = end_processes },
	{ "mm_destroy", { 200 }, destroy, .setup = make_processes, .teardown = end_processes },
	{ "new_top_entry_processes", { 0, 100, 1000, 3000 }, map_in_new_entry, .calls = 3, .after = unmap_it,
	  .setup = make_processes, .teardown = end_processes },
	{ "mmap_fixed_all", { 100, 1000, 6000 }, map_range, .setup = make_one, .teardown = end_one },
	{ "mmap_anywhere_all", { 100, 1000, 6000 }, map_range_anywhere, .setup = make_one, .teardown = end_one },
	{ "fork_ranges", { 100, 1000, 6000 }, fork, .calls = 1, .after = end_child, .setup = make_ranges,
	  .teardown = end_one },
	{ "vmallocinfo_lines", { 100, 1000, 10000 }, report, .calls = 2, .setup = live, .teardown = dead },
};
GROWTH_CURVES(mm, curves)

/* --- memory of an area -------------------------------------------------------------------------------------------- */

static unsigned long pages_free(void)
{
	drain_page_lists();
	slab_shrink();
	return nr_free_pages();
}

/* Bytes that an area of one page costs beside its page; tables are not counted. */
KTEST(bench_growth, bytes)
{
	const unsigned long nr = 10000;
	unsigned long before, tables;

	if (!growth_wanted("area_1p_bytes", nr))
		return;
	ASSERT(growth_fill(0, nr));
	before = pages_free();
	tables = pgtable_kernel_pages();
	for (unsigned long i = 0; i < nr; i++)
		if (!EXPECT(growth_live[i] = vmap(&growth_page, 1, VM_MAP, PAGE_KERNEL)))
			break;
	before -= pages_free() + (pgtable_kernel_pages() - tables);
	growth_note("area_1p_bytes", nr, (before << PAGE_SHIFT) / nr);
	growth_empty();
	vmalloc_shrink();
}
