/* SPDX-License-Identifier: MIT */
/* There is no command line: every option is absent. */
#pragma once

#include <lib/compiler.h>

#define CMDLINE_OPTION(id, usage, help) static_assert(sizeof(usage help), "an option")

struct cmdline_option {
	const char *name, *usage, *help;
};

static inline bool cmdline_has(const char *name __maybe_unused) { return false; }
static inline const char *cmdline_value(const char *name __maybe_unused) { return NULL; }
static inline u64 cmdline_number(const char *name __maybe_unused, u64 otherwise) { return otherwise; }
static inline u64 cmdline_count(const char *name __maybe_unused, u64 otherwise, u64 most __maybe_unused)
{
	return otherwise;
}
