/* SPDX-License-Identifier: MIT */
/* Numbers in text. */
#pragma once

#include <lib/types.h>

/*
 * Read all of s as a number, of a base up to 16. It may begin with a plus sign and end with one '\n'; in base 16 it may
 * begin with "0x". Base 0: detect it from the prefix, "0x" for 16, "0" for 8, otherwise 10 (Linux: kstrtou64). 0;
 * -EINVAL: not a number of that base, or something follows; -ERANGE: does not fit. *result is set on success only.
 */
int kstrtou64(const char *s, unsigned int base, u64 *result);

/*
 * "64M": a number (decimal, or hexadecimal after "0x") and perhaps one of K M G T P E, a power of 1024 each.
 * *end is the first character behind it; it is `s` if there is no number or it does not fit (value 0). Unlike Linux's
 * memparse() it takes no octal numbers, and a number that is too large does not wrap.
 */
u64 parse_size(const char *s, const char **end);
