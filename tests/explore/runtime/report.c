/* SPDX-License-Identifier: MIT */
/* A run that failed, as a table: one column a CPU, a row a step, with source line and value. */
#include "tests/explore/runtime/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char fault[512];

void xp_fail(const char *format, ...)
{
	va_list args;

	if (!fault[0]) {
		va_start(args, format);
		vsnprintf(fault, sizeof(fault), format, args);
		va_end(args);
	}
	if (running != NO_AGENT)
		agents_stop();
}

/* --- names: addr2line and nm know them ---------------------------------------------------------------------- */

static char program[512];

static void find_program(void)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n < 0 ? 0 : n] = '\0';
}

/* "file.c:12" of code: the innermost line that is in no header. */
static void line_of(uintptr_t pc, char *to, size_t size)
{
	char command[700], line[300];
	FILE *f;

	snprintf(to, size, "?");
	snprintf(command, sizeof(command), "addr2line -i -e '%s' %lx 2>/dev/null", program, (unsigned long)pc - 1);
	f = pc ? popen(command, "r") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		char *name = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;

		name[strcspn(name, " \n")] = '\0';
		snprintf(to, size, "%s", name);
		if (!strstr(name, ".h:"))
			break;
	}
	if (f)
		pclose(f);
}

/* "symbol+8" of data. */
static void name_of(uintptr_t addr, char *to, size_t size)
{
	static struct { uintptr_t at; char name[60]; } symbol[4000];
	static int nr = -1;
	char line[400], type;
	int best = -1;

	if (nr < 0) {
		char command[600];
		FILE *f;

		nr = 0;
		snprintf(command, sizeof(command), "nm '%s'", program);
		f = popen(command, "r");
		while (f && nr < 4000 && fgets(line, sizeof(line), f))
			if (sscanf(line, "%lx %c %59s", &symbol[nr].at, &type, symbol[nr].name) == 3 &&
			    strchr("bBdD", type))
				nr++;
		if (f)
			pclose(f);
	}
	for (int i = 0; i < nr; i++)
		if (symbol[i].at <= addr && addr - symbol[i].at < 65536 &&
		    (best < 0 || symbol[i].at > symbol[best].at))
			best = i;
	if (best < 0)
		snprintf(to, size, "%lx", (unsigned long)addr);
	else if (addr == symbol[best].at)
		snprintf(to, size, "%s", symbol[best].name);
	else
		snprintf(to, size, "%s+%lu", symbol[best].name, (unsigned long)(addr - symbol[best].at));
}

/* --- the table ---------------------------------------------------------------------------------------------- */

static const char *verb(const struct op *op)
{
	static const char *const names[NR_OPS] = {
		[OP_START] = "begins", [OP_LOAD] = "reads", [OP_STORE] = "stores", [OP_FENCE] = "fence",
		[OP_UPDATE] = "store visible:",
		[OP_NOTE] = "touches", [OP_RELAX] = "waits on", [OP_ACQUIRE] = "takes lock", [OP_CHOOSE] = "chooses",
		[OP_SEND] = "interrupts CPU", [OP_IRQ_OFF] = "irqs off", [OP_IRQ_START] = "handler begins",
		[OP_IRQ_END] = "handler ends",
	};

	if (op->kind == OP_LOCKED)
		return op->writes ? "locked write" : "locked, but no write:";
	return names[op->kind];
}

static void print_step(const struct node *n, int i)
{
	char where[100], what[100] = "", text[300];
	const struct op *op = &n->op;

	line_of(op->pc, where, sizeof(where));
	if (op->size && op->kind != OP_SEND && op->kind != OP_IRQ_START)
		name_of(op->addr, what, sizeof(what));
	if (op->kind == OP_LOAD || op->kind == OP_LOCKED || op->kind == OP_UPDATE)
		snprintf(text, sizeof(text), "%s %s = %lx", verb(op), what, op->value);
	else if (op->kind == OP_CHOOSE || op->kind == OP_SEND)
		snprintf(text, sizeof(text), "%s %lu", verb(op), op->value);
	else
		snprintf(text, sizeof(text), "%s %s", verb(op), what);
	printf("# %4d %*s%s%s  (%s)\n", i, (int)cpu_of(n->agent) * 46, "", is_irq(n->agent) ? "irq: " : "", text,
	       where);
}

void report_schedule(const struct xp_scenario *scenario)
{
	find_program();
	printf("#      ");
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		if (scenario->cpu[cpu])
			printf("CPU %-42u", cpu);
	printf("\n");
	for (int i = 0; i < depth; i++)
		if (nodes[i].op.kind != OP_START)
			print_step(&nodes[i], i);
	for (char *at = fault; (at = strstr(at, "at 0x")); at++) {
		char where[100];

		line_of(strtoul(at + 3, NULL, 16), where, sizeof(where));
		if (strcmp(where, "??:0") && strcmp(where, "??:?"))
			printf("# %.20s: %s\n", at + 3, where);
	}
}

void schedule_text(char *to, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < depth && n < size - 20;) {
		int j = i + 1;

		if (nodes[i].choice) {
			n += (size_t)snprintf(to + n, size - n, "%u=%u ", nodes[i].agent, nodes[i].choice);
			i++;
			continue;
		}
		while (j < depth && nodes[j].agent == nodes[i].agent && !nodes[j].choice)
			j++;
		n += (size_t)snprintf(to + n, size - n, j - i > 1 ? "%u*%d " : "%u ", nodes[i].agent, j - i);
		i = j;
	}
	to[n ? n - 1 : 0] = '\0';
}
