/* SPDX-License-Identifier: MIT */
/*
 * Wildcards, as Linux's glob_match(): * is any text, ? any one character, [a-z_] one of a set, [!a-z] one that is not in it
 * (a ] that comes first is a member), \ takes the meaning from what follows. Everything else means itself, an open [ too.
 */
#pragma once

#include <lib/types.h>

/* Does the whole text match? */
bool glob_match(const char *pattern, const char *text);

/* Does it match one of the patterns in a list with commas, which no pattern can have? An empty list matches nothing. */
bool glob_list_match(const char *list, const char *text);
