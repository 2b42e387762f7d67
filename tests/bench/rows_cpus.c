/* SPDX-License-Identifier: MIT */
/*
 * What has to be done on all CPUs, while the others are idle. With -icount all CPUs advance one clock, so the ticks are
 * the instructions of all of them together.
 */
#include "tests/bench/bench.h"

#include <arch/tlb.h>
#include <kernel/smp.h>
#include <mm/vmalloc.h>

static vaddr_t page;

BENCH_OP(shootdown)
{
	flush_tlb_kernel_range(page, page + PAGE_SIZE);
}

static bool map_page(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	page = (vaddr_t)vmalloc(PAGE_SIZE);
	return page;
}

static void unmap_page(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	vfree((void *)page);
}

static void nothing(void *arg __maybe_unused)
{
}

BENCH_OP(call_all)
{
	on_each_cpu(nothing, NULL, true);
}

static const struct bench rows[] = {
	{ "shootdown_1p", shootdown, .n = 1000, .setup = map_page, .teardown = unmap_page },
	{ "on_each_cpu", call_all, .n = 1000 },
};
BENCH_ROWS(cpus, rows)
