/* SPDX-License-Identifier: MIT */
/* Commands about the machine, the tests and the shell itself. */
#include "internal.h"

#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <kernel/backtrace.h>
#include <kernel/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/longest.h>
#include <kernel/printk.h>
#include <kernel/process.h>
#include <kernel/summary.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <lib/glob.h>
#include <lib/parse.h>
#include <lib/string.h>

static void cmd_more(char *line)
{
	if (*line)
		shell_execute(line, true);
	else
		cprintf("more COMMAND: space shows a page, Enter a line, q ends it\n");
}

#define HELP_COLUMN 38
#define HELP_WIDTH  (79 - HELP_COLUMN)

/* The number of bytes of the text that fit into one line without cutting a word. */
static size_t fitting(const char *text)
{
	size_t len = strlen(text), n = HELP_WIDTH;

	if (len <= HELP_WIDTH)
		return len;
	while (n && text[n] != ' ')
		n--;
	return n ? n : HELP_WIDTH;
}

static void cmd_help(void)
{
	const struct shell_command *c;

	for (unsigned int n = 0; (c = shell_command(n)); n++) {
		const char *text = c->help;
		size_t len = fitting(text);

		cprintf("  %-16s %-18s %.*s\n", c->name, c->argument, (int)len, text);
		while (*(text += len)) {
			text += *text == ' ';
			len = fitting(text);
			cprintf("%*s%.*s\n", HELP_COLUMN, "", (int)len, text);
		}
	}
}

/* With normal priority, as at boot: at a high one a test would keep other threads from running. */
static void cmd_test(char *globs)
{
	set_priority(current, PRIORITY_NORMAL);
	ktest_run(globs);
	set_priority(current, PRIORITY_HIGH);
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

static void tell_end(const char *name, int status)
{
	if (status < EXIT_KILLED)
		cprintf("%s ended with status %d\n", name, status);
	else if (status == EXIT_KILLED + KILL_INTERRUPT)
		cprintf("%s was stopped\n", name);
	else
		cprintf("%s was killed, reason %d\n", name, status - EXIT_KILLED);
}

/* Wait until the process has ended. Ctrl-C kills it and all its descendants. */
static void wait_for_end(struct process *process)
{
	while (!process_has_ended(process)) {
		if (shell_interrupted()) {
			cprintf("^C\n");
			process_kill_job(process->pid, KILL_INTERRUPT);
			return;
		}
		msleep(1);
	}
}

static bool is_program(const char *name)
{
	const char *known;

	for (unsigned int n = 0; (known = program_name(n)); n++)
		if (strcmp(known, name) == 0)
			return true;
	return false;
}

static void run_program(const char *name, bool wait)
{
	struct process *process = process_spawn(name);
	int pid;

	if (!process) {
		cprintf("no memory for it, or too many processes (%u of %u)\n", process_count(), process_limit());
		return;
	}
	pid = process->pid;
	if (wait) {
		wait_for_end(process);
		tell_end(name, process_wait(process));
	} else {
		process_detach(process);
		cprintf("%s is process %d\n", name, pid);
	}
}

/* "NAME", "NAME &", "NAME&" */
static void cmd_run(char *name)
{
	size_t len = strlen(name);
	bool behind = len && name[len - 1] == '&';

	while (len && (name[len - 1] == '&' || name[len - 1] == ' '))
		name[--len] = '\0';
	if (is_program(name)) {
		run_program(name, !behind);
		return;
	}
	if (*name)
		cprintf("there is no program '%s'; ", name);
	list_programs();
}

/* "12", or "%12" for the whole job. */
static void cmd_kill(char *text)
{
	bool job = *text == '%';
	u64 number;

	if (kstrtou64(text + job, 10, &number) || !number || number > 0x7fffffff)
		cprintf("a process's number, or %% and a job's; 'ps' shows them\n");
	else if (job ? !process_kill_job((int)number, KILL_INTERRUPT) : process_kill((int)number) != 0)
		cprintf("there is no %s %llu\n", job ? "job" : "process", number);
}

static void print_features(void)
{
	static const struct { enum cpu_feature feature; const char *name;
	} features[] = {
		{ FEATURE_HUGE_2M, "huge-2m" }, { FEATURE_HUGE_1G, "huge-1g" },
		{ FEATURE_NX, "nx" },           { FEATURE_GLOBAL, "global" },
		{ FEATURE_PAT, "pat" },         { FEATURE_LA57, "la57" },
		{ FEATURE_SMEP, "smep" },       { FEATURE_SMAP, "smap" },
		{ FEATURE_X2APIC, "x2apic" },   { FEATURE_HYPERVISOR, "hypervisor" },
		{ FEATURE_PCID, "pcid" },       { FEATURE_INVPCID, "invpcid" },
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

/* "on GLOB,...", "off", "dump", "-m". Recording stops for a dump. */
static void cmd_trace(char *what)
{
	if (strcmp(what, "off") == 0) {
		trace_release();
	} else if (strcmp(what, "dump") == 0) {
		trace_stop();
		trace_dump();
	} else if (strcmp(what, "-m") == 0) {
		trace_stop();
		trace_machine();
	} else if (strncmp(what, "on", 2) == 0 && (what[2] == ' ' || !what[2])) {
		if (trace_start(what[2] ? what + 3 : "*"))
			cprintf("no event has such a name, or there is no memory\n");
	} else {
		cprintf("trace on [GLOB,...], trace off, trace dump, or trace -m\n");
	}
}

/* They check everything at once, for tests only. */
#define EXEMPT "*_check,*_check.*,*parity*,tlb_oracle*,oracle_*"

static void print_longest(const struct longest *l)
{
	char place[64], *plus;

	symbol_format(place, sizeof(place), l->until);
	plus = strchr(place, '+');
	if (plus)
		*plus = '\0';
	cprintf("%10llu cycles, %lu times: %s, until %s%s\n", l->cycles, l->times, l->lock, place,
		glob_list_match(EXEMPT, place) ? " (a checker)" : "");
}

static void cmd_longest(char *argument)
{
	struct longest l;

	if (strcmp(argument, "-c") == 0)
		longest_forget();
	else if (*argument)
		cprintf("nothing, or -c to forget them\n");
	else if (!longest_get(0, &l))
		cprintf("no stretch under spinlocks of more than %u cycles%s\n", LONGEST_BOUND,
			CONFIG_DEBUG_LOCKS ? "" : ": this build does not look");
	else
		for (unsigned int n = 0; longest_get(n, &l); n++)
			print_longest(&l);
}

const struct shell_command shell_commands[] = {
	{ "help", "", "this list", .run = cmd_help },
	{ "test", "[GLOB,...]", "run the tests that match \"suite.name\" (all)", .run_with = cmd_test,
	  .words = shell_test_names, .own_pace = true },
	{ "ps", "", "threads and the address spaces they run on; processes", .run = cmd_ps },
	{ "run", "[NAME [&]]",
	  "run a program, wait for its end (Ctrl-C stops it; not with &); without a name: list them",
	  .run_with = cmd_run, .words = shell_program_names, .own_pace = true },
	{ "more", "COMMAND", "its text a page at a time, as always at the keyboard: space, Enter, q",
	  .run_with = cmd_more, .words = shell_command_names, .own_pace = true },
	{ "kill", "PID|%JOB", "end a process; or a job, which is all that came from one 'run'", .run_with = cmd_kill },
	{ "cpus", "", "processors and what they can do", .run = cmd_cpus },
	{ "trace", "on|off|dump|-m", "record events (on [GLOB]); print what was recorded; -m: for programs",
	  .run_with = cmd_trace },
	{ "longest", "[-c]", "the longest stretches under spinlocks (debug builds); -c: forget them",
	  .run_with = cmd_longest },
	{ "summary", "", "what was shown before the first prompt", .run = summary_show },
	{ "dmesg", "", "the kernel's log", .run = dmesg_dump },
	{ "reboot", "", "start the machine again", .run = arch_reboot },
	{ "poweroff", "", "switch the machine off", .run = arch_power_off },
	{ 0 },
};
