/* SPDX-License-Identifier: MIT */
/* What the files of the shell share: the shape of a command, the tables of commands, the line editor. */
#pragma once

#include <lib/compiler.h>

#define SHELL_LINE_MAX 128 /* bytes of one line, NUL included */

/* A command takes nothing (run), or the rest of its line, which it may cut up (run_with; "" when there is none). */
struct shell_command {
	const char *name, *argument, *help;
	void (*run)(void);
	void (*run_with)(char *argument);
};

/* Each ends with an entry without name. */
extern const struct shell_command shell_commands[];	   /* the machine, the tests, the shell itself */
extern const struct shell_command shell_memory_commands[]; /* memory and page tables */

/* Show the prompt and let the user type one line; it comes without its end of line, perhaps empty. Thread context. */
void shell_read_line(const char *prompt, char line[SHELL_LINE_MAX]);
