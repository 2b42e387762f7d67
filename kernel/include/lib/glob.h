/* SPDX-License-Identifier: MIT */
/* Wildcards: * is any text, ? any one character; everything else means itself. */
#pragma once

#include <lib/types.h>

/* Does the whole text match? */
bool glob_match(const char *pattern, const char *text);

/* Does it match one of the patterns in a list with commas? An empty list matches nothing. */
bool glob_list_match(const char *list, const char *text);
