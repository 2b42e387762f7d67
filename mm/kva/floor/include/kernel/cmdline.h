/* SPDX-License-Identifier: MIT */
/* There is no command line: every option is absent. */
#pragma once

#include <lib/compiler.h>

#define CMDLINE_OPTION(id, usage, help) static_assert(sizeof(usage help), "an option")

static inline bool cmdline_has(const char *name __maybe_unused) { return false; }
static inline const char *cmdline_value(const char *name __maybe_unused) { return NULL; }
