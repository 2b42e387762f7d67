/* SPDX-License-Identifier: MIT */
/* What the checks of undefined behaviour saw (CONFIG=ubsan; kernel/sanitize/ubsan.c). */
#pragma once

#include <lib/compiler.h>

/* The last report, for tests. In other builds there is no such object. */
struct ubsan_report {
	const char *kind, *file;
	unsigned int line;
};
extern struct ubsan_report ubsan_last __weak;
