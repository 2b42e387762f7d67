/* SPDX-License-Identifier: MIT */
/* The shell's loop: prompt, line, command. */
#include "internal.h"

#include <arch/cpu.h>
#include <arch/init.h>
#include <kernel/printk.h>
#include <kernel/shell.h>
#include <kernel/task.h>
#include <lib/format.h>
#include <lib/string.h>

static char *skip_blanks(char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

/* Cut the line behind its first word, in place. Returns the rest, without blanks around it. */
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

const struct shell_command *shell_command(unsigned int n)
{
	const struct shell_command *const tables[] = { shell_commands, shell_memory_commands };

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct shell_command *c = tables[i]; c->name; c++)
			if (!n--)
				return c;
	return NULL;
}

const struct shell_command *shell_find_command(const char *name)
{
	const struct shell_command *command;

	for (unsigned int n = 0; (command = shell_command(n)); n++)
		if (strcmp(command->name, name) == 0)
			break;
	return command;
}

static void run(const struct shell_command *command, const char *name, char *argument)
{
	if (command->run_with)
		command->run_with(argument);
	else if (*argument)
		cprintf("%s takes no argument\n", name);
	else
		command->run();
}

void shell_execute(char *line, bool paged)
{
	const struct shell_command *command;
	char *name = skip_blanks(line), *argument = cut_word(name);
	bool pager;

	if (!*name)
		return;
	command = shell_find_command(name);
	if (!command) {
		cprintf("unknown command '%s'; 'help' lists all\n", name);
		return;
	}
	pager = !command->own_pace && shell_pager_begin(paged);
	run(command, name, argument);
	if (pager)
		shell_pager_end();
}

void __noreturn shell_run(void)
{
	char prompt[40], line[SHELL_LINE_MAX];

	set_priority(current, PRIORITY_HIGH); /* whatever programs do, the user can type */
	cprintf("\nType 'help' for the list of commands; Tab completes words, Page Up looks back.\n");
	for (;;) {
		snprintf(prompt, sizeof(prompt), "kvasir %s cpu%u> ", arch_mode_name(), smp_processor_id());
		shell_read_line(prompt, line);
		shell_execute(line, false);
	}
}
