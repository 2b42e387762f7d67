/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic for which the compiler would call a library that a freestanding kernel does not have: 64-bit division on
 * 32-bit targets, counting bits. Linux's names and numbering.
 */
#pragma once

#include <lib/compiler.h>

/* Lowest / highest set bit of a long, from 0. The argument must not be 0. */
static inline unsigned long __ffs(unsigned long x) { return (unsigned long)__builtin_ctzl(x); }
static inline unsigned long __fls(unsigned long x) { return BITS_PER_LONG - 1 - (unsigned long)__builtin_clzl(x); }

/* Lowest / highest set bit, from 1; 0 when there is none. */
int ffs(int x);
static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static inline int fls64(u64 x)
{
	u32 high = (u32)(x >> 32);

	return high ? 32 + fls(high) : fls((u32)x);
}

/* Number of set bits. */
static inline unsigned int hweight32(u32 x)
{
	x -= (x >> 1) & 0x55555555u; /* add neighbouring fields of 1, 2, 4 bits, then all bytes by one multiplication */
	x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0fu;
	return (x * 0x01010101u) >> 24;
}
static inline unsigned long hweight64(u64 x)
{
	if (BITS_PER_LONG == 32)
		return hweight32((u32)x) + hweight32((u32)(x >> 32));
	x -= (x >> 1) & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned long)((x * 0x0101010101010101u) >> 56);
}
static inline unsigned long hweight_long(unsigned long x)
{
	return BITS_PER_LONG == 64 ? hweight64(x) : hweight32((u32)x);
}

/* Logarithm to base 2, rounded down; -1 for 0. */
static inline int ilog2(u64 x) { return fls64(x) - 1; }
/* The same, rounded up; 0 for 0 and 1. */
static inline int order_base_2(u64 x) { return x > 1 ? fls64(x - 1) : 0; }

static inline u64 rounddown_pow_of_two(u64 x) { return 1ull << ilog2(x); }	 /* x != 0 */
static inline u64 roundup_pow_of_two(u64 x) { return 1ull << order_base_2(x); } /* x <= 2^63 */

/* n / d, remainder in *rem (may be NULL). d must not be 0. */
u64 div_u64_rem(u64 n, u32 d, u32 *rem);
static inline u64 div_u64(u64 n, u32 d) { return div_u64_rem(n, d, NULL); }
u64 div64_u64(u64 n, u64 d);
