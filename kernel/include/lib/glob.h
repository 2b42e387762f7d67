/* SPDX-License-Identifier: MIT */
/*
 * Wildcards, as in Linux's glob_match(): * is any text; ? is any one character; [a-z_] is one of a set, [!a-z] one that
 * is not in it (a ] that comes first is a member); \ makes the next character literal. Anything else is literal, an
 * open [ too.
 */
#pragma once

#include <lib/types.h>

/* Does the whole text match? */
bool glob_match(const char *pattern, const char *text);

/*
 * Does the text match one of the patterns in a comma-separated list? Patterns have no commas. An empty list matches
 * nothing.
 */
bool glob_list_match(const char *list, const char *text);
