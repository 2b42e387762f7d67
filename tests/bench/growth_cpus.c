/* SPDX-License-Identifier: MIT */
/* What all CPUs together execute for a shootdown and a call on each, while all but one are idle. */
#include "tests/bench/growth.h"

#include <arch/tlb.h>
#include <kernel/smp.h>

static void shootdown(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	flush_tlb_kernel_range(VMALLOC_START, VMALLOC_START + PAGE_SIZE);
}

static void nothing(void *arg __maybe_unused) { }

static void call_each(unsigned long size __maybe_unused, unsigned long i __maybe_unused)
{
	on_each_cpu(nothing, NULL, 1);
}

/* The size is the number of CPUs: it is the machine's. */
KTEST(bench_growth, cpus)
{
	const unsigned long cpus = num_online_cpus();
	const struct growth curves[] = {
		{ "shootdown_1p_cpus", { cpus }, shootdown, .calls = 1000, .warm = 100 },
		{ "on_each_cpu_cpus", { cpus }, call_each, .calls = 1000, .warm = 100 },
	};

	growth_run(curves, sizeof(curves) / sizeof(curves[0]));
}
