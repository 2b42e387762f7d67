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
#include <kernel/process.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <lib/string.h>

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

static void cmd_ps(void)
{
	sched_dump();
	if (process_count())
		process_dump();
}

static void list_programs(void)
{
	const char *name;

	cprintf("programs:");
	for (unsigned int n = 0; (name = program_name(n)); n++)
		cprintf(" %s", name);
	cprintf("\n");
}

static void cmd_run(char *name)
{
	struct process *process = *name ? process_spawn(name) : NULL;
	int status;

	if (!process) {
		if (*name)
			cprintf("there is no program '%s', or no memory for it; ", name);
		list_programs();
		return;
	}
	status = process_wait(process);
	if (status < EXIT_KILLED)
		cprintf("%s ended with status %d\n", name, status);
	else
		cprintf("%s was killed, reason %d\n", name, status - EXIT_KILLED);
}

static void print_features(void)
{
	static const struct { enum cpu_feature feature; const char *name; } features[] = {
		{ FEATURE_HUGE_2M, "huge-2m" }, { FEATURE_HUGE_1G, "huge-1g" }, { FEATURE_NX, "nx" },
		{ FEATURE_GLOBAL, "global" }, { FEATURE_PAT, "pat" },	{ FEATURE_LA57, "la57" },	{ FEATURE_SMEP, "smep" },
		{ FEATURE_SMAP, "smap" },	{ FEATURE_X2APIC, "x2apic" },	{ FEATURE_HYPERVISOR, "hypervisor" },
		{ FEATURE_PCID, "pcid" },	{ FEATURE_INVPCID, "invpcid" },
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

/* "on GLOB,...", "off", "dump". Recording stops for a dump. */
static void cmd_trace(char *what)
{
	if (strcmp(what, "off") == 0) {
		trace_release();
	} else if (strcmp(what, "dump") == 0) {
		trace_stop();
		trace_dump();
	} else if (strncmp(what, "on", 2) == 0 && (what[2] == ' ' || !what[2])) {
		if (trace_start(what[2] ? what + 3 : "*"))
			cprintf("no event has such a name, or there is no memory\n");
	} else {
		cprintf("trace on [GLOB,...], trace off, or trace dump\n");
	}
}

const struct shell_command shell_commands[] = {
	{ "help", "", "this list", .run = cmd_help },
	{ "test", "[GLOB,...]", "run the tests that match \"suite.name\" (all)", .run_with = cmd_test },
	{ "ps", "", "threads and the address spaces they run on; processes", .run = cmd_ps },
	{ "run", "[NAME]", "run a program in ring 3, wait for its end; without a name: list them", .run_with = cmd_run },
	{ "cpus", "", "processors and what they can do", .run = cmd_cpus },
	{ "trace", "on [GLOB]|off|dump", "record events; print what was recorded", .run_with = cmd_trace },
	{ "dmesg", "", "the kernel's log", .run = dmesg_dump },
	{ "reboot", "", "start the machine again", .run = arch_reboot },
	{ "poweroff", "", "switch the machine off", .run = arch_power_off },
	{ 0 },
};
