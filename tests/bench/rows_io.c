/* SPDX-License-Identifier: MIT */
/* ioremap of addresses where the machine of the benchmark (1 GiB of RAM) has neither RAM nor devices. */
#include "tests/bench/bench.h"

#include <mm/ioremap.h>

#define NOTHING_THERE ((phys_addr_t)(BITS_PER_LONG == 64 ? 64ull << 30 : 2ull << 30))

/* arg: log2 of the size, because 16G is no 32-bit number. */
BENCH_OP(io)
{
	void *p = ioremap(NOTHING_THERE, 1ul << arg);

	if (unlikely(!p))
		return bench_fail();
	iounmap(p);
}

static const struct bench rows[] = {
	{ "ioremap_4K", io, .arg = 12 },
	{ "ioremap_2M", io, .arg = 21, .n = 500 },
	{ "ioremap_16M", io, .arg = 24, .n = 200 },
	{ "ioremap_1G", io, .arg = 30, .wide = true },
	{ "ioremap_16G", io, .arg = 34, .wide = true },
};
BENCH_ROWS(io, rows)
