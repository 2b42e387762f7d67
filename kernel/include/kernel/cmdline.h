/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line. Options are declared where they are used. Undeclared words are reported.
 *
 *	CMDLINE_OPTION(vmalloc, "vmalloc=SIZE", "size of vmalloc space (32-bit)");
 *	const char *v = cmdline_value("vmalloc");
 */
#pragma once

#include <lib/compiler.h>

struct cmdline_option {
	const char *name, *usage, *help;
};
#define CMDLINE_OPTION(_id, _usage, _help) \
	static const struct cmdline_option cmdline_option_##_id __table_entry(".cmdline") = { #_id, _usage, _help }

/* Keep a copy of the line. Quotes group words ("a b"). Call first. */
void cmdline_init(const char *line);

/* The whole line as it was given. */
const char *cmdline_text(void);

/* Text after "name=" ("" for the bare word), or NULL if absent. The last occurrence wins. Names compare exactly. */
const char *cmdline_value(const char *name);
bool cmdline_has(const char *name);
/* "64M" -> bytes; `otherwise` if absent; a malformed value is reported and counts as absent. */
u64 cmdline_size(const char *name, u64 otherwise);
u64 cmdline_number(const char *name, u64 otherwise);
/* The same with an upper limit: a number larger than `most` is reported and counts as `most`. */
u64 cmdline_count(const char *name, u64 otherwise, u64 most);

/* Print a warning line for each word that no CMDLINE_OPTION declares. */
void cmdline_report_unknown(void);
/* Print all options with their help. */
void cmdline_help(void);
