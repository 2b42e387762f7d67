/* SPDX-License-Identifier: MIT */
/* Numbers in text. */
#pragma once

#include <lib/types.h>

/*
 * The whole of s as a number, of a base up to 16. A plus sign may stand in front and one '\n' at the end, "0x" before the
 * digits of base 16; base 0 is 16 after "0x", 8 after another 0, else 10 (Linux: kstrtou64).
 * 0; -EINVAL: not a number of that base, or something follows; -ERANGE: does not fit. *result is set on success only.
 */
int kstrtou64(const char *s, unsigned int base, u64 *result);

/*
 * "64M": a number (decimal, or hexadecimal after "0x") and perhaps one of K M G T P E, a power of 1024 each.
 * *end is the first character that is not part of it; it is `s` when there is no number or it does not fit (value 0).
 * Not Linux's memparse(), which takes octal numbers and lets what does not fit wrap around.
 */
u64 parse_size(const char *s, const char **end);
