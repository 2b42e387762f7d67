/* SPDX-License-Identifier: MIT */
/*
 * Ways in which a program could get at what is not its own: modes of the CPU, segments, instructions that an emulator
 * runs with the kernel's rights, registers that firmware left. The programs of tests/user try it; here they are run,
 * and every CPU looked at.
 */
#include "places.h"
#include "worker.h"

#include <asm/leftovers.h>
#include <kernel/process.h>
#include <kernel/smp.h>

static void run_program(const char *name)
{
	struct process *process = process_spawn(name);

	ASSERT(process);
	EXPECT_EQ(process_wait(process), 0);
	for (unsigned int ms = 0; ms < 2000 && process_count(); ms++)
		msleep(1);
	EXPECT_EQ(process_count(), 0);
}

/* Virtual-8086 mode, which QEMU lets a program enter. */
KTEST(ring3, virtual_8086_mode)
{
	run_program("vm86");
}

KTEST(ring3, far_returns)
{
	run_program("farreturn");
}

KTEST(ring3, segments_are_its_own)
{
	run_program("segleak");
}

static const char *found[MAX_CPUS];

static void look_at_registers(void *arg __maybe_unused)
{
	found[smp_processor_id()] = leftovers_found(&boot_cpu);
}

/* With the word `leftovers` each CPU had something bad in them before. */
KTEST(ring3, nothing_left_by_firmware)
{
	unsigned int cpu;

	on_each_cpu(look_at_registers, NULL, true);
	for_each_online_cpu(cpu) {
		if (found[cpu])
			ktest_note("CPU %u: %s", cpu, found[cpu]);
		EXPECT(!found[cpu]);
	}
	run_program("waysin");
}
