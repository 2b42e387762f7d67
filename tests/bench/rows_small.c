/* SPDX-License-Identifier: MIT */
/* What the memory layer stands on: pages, small objects, the xarray. */
#include "tests/bench/bench.h"

#include <kernel/xarray.h>
#include <mm/slab.h>

static DEFINE_XARRAY(array);

BENCH_OP(alloc_page_free)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (unlikely(!page))
		bench_fail();
	else
		__free_page(page);
}

BENCH_OP(kmalloc_free)
{
	kfree(kmalloc(64, GFP_KERNEL));
}

BENCH_OP(xa_store_next)
{
	xa_store(&array, i, xa_mk_value(i), GFP_KERNEL);
}

BENCH_OP(xa_load_next)
{
	if (unlikely(!xa_load(&array, i)))
		bench_fail();
}

BENCH_OP(xa_erase_next)
{
	xa_erase(&array, i);
}

static bool xa_fill(unsigned long arg __maybe_unused, unsigned long n)
{
	xa_store_next(0, n);
	return xa_load(&array, n - 1) != NULL;
}

static void xa_clear(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	xa_destroy(&array);
}

static const struct bench rows[] = {
	{ .name = "alloc_page", .run = alloc_page_free },
	{ .name = "kmalloc_64", .run = kmalloc_free },
	{ "xa_store_dense", xa_store_next, .teardown = xa_clear, .cold = true },
	{ "xa_load_dense", xa_load_next, .setup = xa_fill, .teardown = xa_clear },
	{ "xa_erase_dense", xa_erase_next, .setup = xa_fill, .teardown = xa_clear, .cold = true },
};
BENCH_ROWS(small, rows)
