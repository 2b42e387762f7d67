/* SPDX-License-Identifier: MIT */
/* Words for completion with Tab. */
#include "internal.h"

#include <kernel/ktest.h>
#include <kernel/process.h>

const char *shell_command_names(unsigned int n)
{
	const struct shell_command *command = shell_command(n);

	return command ? command->name : NULL;
}

const char *shell_program_names(unsigned int n)
{
	return program_name(n);
}

/* Suites, with a dot behind each, and all tests. */
const char *shell_test_names(unsigned int n)
{
	static char text[128];

	return ktest_name(n, text, sizeof(text)) ? text : NULL;
}
