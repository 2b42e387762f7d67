/* SPDX-License-Identifier: MIT */
/* Fault injection by caller: compares the functions on the stack with a glob. */
#include <kernel/backtrace.h>
#include <kernel/inject.h>
#include <lib/glob.h>
#include <lib/string.h>

bool inject_called_by(const char *glob)
{
	struct backtrace trace;
	char name[64];

	backtrace_take(&trace, (vaddr_t)_RET_IP_, (vaddr_t)__builtin_frame_address(0));
	for (unsigned int i = 0; i < trace.nr; i++) {
		char *plus;

		symbol_format(name, sizeof(name), trace.entry[i].pc);
		plus = strchr(name, '+');
		if (plus)
			*plus = '\0';
		if (glob_match(glob, name))
			return true;
	}
	return false;
}
