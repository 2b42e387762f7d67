/* SPDX-License-Identifier: MIT */
/* Commands about the machine, the tests and the shell itself. */
#include "internal.h"

#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <kernel/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/printk.h>
#include <kernel/task.h>

static void print_help(const struct shell_command *table)
{
	for (; table->name; table++)
		cprintf("  %-12s %-14s %s\n", table->name, table->argument, table->help);
}

static void cmd_help(void)
{
	print_help(shell_commands);
	print_help(shell_memory_commands);
}

static void cmd_test(char *globs)
{
	ktest_run(globs);
}

static void print_features(void)
{
	static const struct { enum cpu_feature feature; const char *name; } features[] = {
		{ FEATURE_HUGE_2M, "huge-2m" }, { FEATURE_HUGE_1G, "huge-1g" }, { FEATURE_NX, "nx" },
		{ FEATURE_GLOBAL, "global" },	{ FEATURE_LA57, "la57" },	{ FEATURE_SMEP, "smep" },
		{ FEATURE_SMAP, "smap" },	{ FEATURE_X2APIC, "x2apic" },	{ FEATURE_HYPERVISOR, "hypervisor" },
	};

	cprintf("features:");
	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
		if (cpu_has(features[i].feature))
			cprintf(" %s", features[i].name);
	cprintf("\n");
}

static void cmd_cpus(void)
{
	unsigned int cpu;

	cprintf("%s, paging mode %s\n", cpu_name(), arch_mode_name());
	print_features();
	cprintf("online:");
	for_each_online_cpu(cpu)
		cprintf(" cpu%u%s", cpu, cpu == smp_processor_id() ? " (this one)" : "");
	cprintf("\nup for %llu ms\n", arch_uptime_ms());
}

const struct shell_command shell_commands[] = {
	{ "help", "", "this list", .run = cmd_help },
	{ "test", "[GLOB,...]", "run the tests that match \"suite.name\" (all)", .run_with = cmd_test },
	{ "ps", "", "threads and the address spaces they run on", .run = sched_dump },
	{ "cpus", "", "processors and what they can do", .run = cmd_cpus },
	{ "dmesg", "", "the kernel's log", .run = dmesg_dump },
	{ "reboot", "", "start the machine again", .run = arch_reboot },
	{ "poweroff", "", "switch the machine off", .run = arch_power_off },
	{ 0 },
};
