/* SPDX-License-Identifier: MIT */
/* The shell's loop: prompt, line, command. */
#include "internal.h"

#include <arch/cpu.h>
#include <arch/init.h>
#include <kernel/printk.h>
#include <kernel/shell.h>
#include <lib/format.h>
#include <lib/string.h>

static char *skip_blanks(char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

/* Cut the line behind its first word, in place; the value is what follows, without blanks around it. */
static char *cut_word(char *line)
{
	size_t len = strlen(line);
	char *end = line;

	while (len && line[len - 1] == ' ')
		line[--len] = '\0';
	while (*end && *end != ' ')
		end++;
	if (*end)
		*end++ = '\0';
	return skip_blanks(end);
}

static const struct shell_command *find_command(const struct shell_command *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static void execute(const char *name, char *argument)
{
	const struct shell_command *command = find_command(shell_commands, name);

	if (!command)
		command = find_command(shell_memory_commands, name);
	if (!command)
		cprintf("unknown command '%s'; 'help' lists all\n", name);
	else if (command->run_with)
		command->run_with(argument);
	else if (*argument)
		cprintf("%s takes no argument\n", name);
	else
		command->run();
}

void __noreturn shell_run(void)
{
	char prompt[40], line[SHELL_LINE_MAX];

	cprintf("\nType 'help' for the list of commands.\n");
	for (;;) {
		char *name, *argument;

		snprintf(prompt, sizeof(prompt), "kvasir %s cpu%u> ", arch_mode_name(), smp_processor_id());
		shell_read_line(prompt, line);
		name = skip_blanks(line);
		argument = cut_word(name);
		if (*name)
			execute(name, argument);
	}
}
