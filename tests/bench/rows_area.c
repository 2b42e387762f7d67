/* SPDX-License-Identifier: MIT */
/* vmalloc and vfree: alone, at random, and among many live areas. */
#include "tests/bench/bench.h"

#include <mm/vmalloc.h>

#define LIVE 15000
#define RING 1000

static void *live[LIVE];

static __always_inline void vmalloc_touch_vfree(unsigned long pages)
{
	char *p = vmalloc(pages << PAGE_SHIFT);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vfree(p);
}

BENCH_OP(vmalloc_vfree)
{
	vmalloc_touch_vfree(arg);
}

BENCH_OP(vmalloc_huge_vfree)
{
	char *p = vmalloc_huge(arg << PAGE_SHIFT, GFP_KERNEL);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vfree(p);
}

BENCH_OP(vmalloc_random)
{
	vmalloc_touch_vfree(1 + bench_random((u32)arg));
}

static void *alloc_touched(unsigned long pages)
{
	char *p = vmalloc(pages << PAGE_SHIFT);

	if (p)
		bench_touch(p);
	return p;
}

/* 100 pages and one page live together, as in a loop over a long list of busy areas. */
BENCH_OP(two_among_live)
{
	void *a = alloc_touched(100), *b = alloc_touched(1);

	if (unlikely(!a || !b))
		bench_fail();
	vfree(a);
	vfree(b);
}

BENCH_OP(to_page_of_live)
{
	if (unlikely(!vmalloc_to_page(live[bench_random(LIVE)])))
		bench_fail();
}

BENCH_OP(replace_one)
{
	void **slot = &live[bench_random(RING)];

	vfree(*slot);
	*slot = alloc_touched(1 + bench_random(16));
	if (unlikely(!*slot))
		bench_fail();
}

/* `arg` areas of 1 to `most` pages. */
static bool fill(unsigned long nr, u32 most)
{
	for (unsigned long i = 0; i < nr; i++)
		if (!(live[i] = alloc_touched(1 + bench_random(most))))
			return false;
	return true;
}

static bool fill_live(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	return fill(LIVE, 1);
}

static bool fill_ring(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	return fill(RING, 16);
}

static void free_live(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned long i = 0; i < LIVE; i++) {
		vfree(live[i]);
		live[i] = NULL;
	}
	vmalloc_shrink(); /* what 15,000 areas leave in caches is not the next row's to clear away */
}

static const struct bench rows[] = {
	{ "vmalloc_1p", vmalloc_vfree, .arg = 1 },
	{ "vmalloc_2p", vmalloc_vfree, .arg = 2 },
	{ "vmalloc_4p", vmalloc_vfree, .arg = 4 },
	{ "vmalloc_16p", vmalloc_vfree, .arg = 16 },
	{ "vmalloc_100p", vmalloc_vfree, .arg = 100 },
	{ "vmalloc_256p", vmalloc_vfree, .arg = 256, .n = 500 },
	{ "vmalloc_1024p", vmalloc_vfree, .arg = 1024, .n = 100 },
	{ "vmalloc_16384p", vmalloc_vfree, .arg = 16384, .n = 10 },
	{ "vmalloc_huge_512p", vmalloc_huge_vfree, .arg = 512, .n = 500 },
	{ "vmalloc_huge_1024p", vmalloc_huge_vfree, .arg = 1024, .n = 300 },
	{ "vmalloc_random_1_100p", vmalloc_random, .arg = 100 },
	{ "busy_15000_100p+1p", two_among_live, .setup = fill_live, .teardown = free_live },
	{ "vmalloc_to_page_15000", to_page_of_live, .setup = fill_live, .teardown = free_live },
	{ "steady_state_ring_1000", replace_one, .setup = fill_ring, .teardown = free_live },
};
BENCH_ROWS(areas, rows)
