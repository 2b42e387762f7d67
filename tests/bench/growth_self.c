/* SPDX-License-Identifier: MIT */
/* Stretches of known length, to test that what looks for them sees them (tests/qemu/bench.t). */
#include "tests/bench/growth.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/preempt.h>

/* With -icount the cycle counter counts instructions. */
static void execute(u64 instructions)
{
	u64 start = arch_cycles();

	while (arch_cycles() - start < instructions)
		;
}

static void preempt_off(unsigned long size, unsigned long i __maybe_unused)
{
	preempt_disable();
	execute(size);
	preempt_enable();
}

static void irqs_off(unsigned long size, unsigned long i __maybe_unused)
{
	unsigned long flags;

	local_irq_save(flags);
	execute(size);
	local_irq_restore(flags);
}

/* Preemption goes off while interrupts are off, and stays off when these come on again: one stretch. */
static void both(unsigned long size, unsigned long i __maybe_unused)
{
	unsigned long flags;

	local_irq_save(flags);
	execute(size / 2);
	preempt_disable();
	local_irq_restore(flags);
	execute(size / 2);
	preempt_enable();
}

/* Two stretches of half the size are none of the whole size. */
static void in_two(unsigned long size, unsigned long i)
{
	preempt_off(size / 2, i);
	preempt_off(size / 2, i);
}

/* The count is nested: the stretch ends at the outer end. */
static void nested(unsigned long size, unsigned long i)
{
	preempt_disable();
	preempt_off(size / 2, i);
	execute(size / 2);
	preempt_enable();
}

#define KNOWN(op) { #op, { 3000, 30000 }, op, .calls = 2 }

static const struct growth curves[] = {
	KNOWN(preempt_off), KNOWN(irqs_off), KNOWN(both), KNOWN(in_two), KNOWN(nested),
};

KTEST(bench_self, stretches)
{
	growth_run(curves, sizeof(curves) / sizeof(curves[0]));
}
