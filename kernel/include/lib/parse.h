/* SPDX-License-Identifier: MIT */
/* Numbers in text, under Linux's names. */
#pragma once

#include <lib/types.h>

/*
 * The whole of s as a number: base 10, 16 ("0x" allowed), or 0 = 16 after "0x", else 10.
 * 0; -EINVAL: not a number of that base or something follows; -ERANGE: does not fit. *result is set on success only.
 */
int kstrtou64(const char *s, unsigned int base, u64 *result);

/*
 * "64M": a number (decimal, or hexadecimal after "0x") and perhaps one of K M G T P E, a power of 1024 each.
 * *end is the first character that is not part of it; it is `s` when there is no number or it does not fit (value 0).
 */
u64 memparse(const char *s, const char **end);
