/* SPDX-License-Identifier: MIT */
/* Division and bit counts without the compiler's library. */
#include <lib/math.h>

int ffs(int x)
{
	return x ? __builtin_ctz((unsigned int)x) + 1 : 0;
}

/*
 * Long division: the upper half is divided by the machine, which leaves a remainder below d; then the lower half is
 * divided bit by bit. `carry` is the bit that the shift takes off the remainder.
 */
static u64 divide_by_hand(u64 n, u32 d, u32 *rem)
{
	u32 high = (u32)(n >> 32), low = (u32)n;
	u32 r = high % d, q = 0;

	for (int bit = 31; bit >= 0; bit--) {
		u32 carry = r >> 31;

		r = r << 1 | (low >> bit & 1);
		q <<= 1;
		if (carry || r >= d) {
			r -= d;
			q |= 1;
		}
	}
	*rem = r;
	return (u64)(high / d) << 32 | q;
}

u64 div_u64_rem(u64 n, u32 d, u32 *rem)
{
	u32 r;
	u64 q;

	if (BITS_PER_LONG == 64 || n >> 32 == 0) {
		q = (unsigned long)n / d;
		r = (u32)((unsigned long)n % d);
	} else {
		q = divide_by_hand(n, d, &r);
	}
	if (rem)
		*rem = r;
	return q;
}

u64 div64_u64(u64 n, u64 d)
{
	u64 q = 0;

	if (d >> 32 == 0)
		return div_u64_rem(n, (u32)d, NULL);
	if (n < d)
		return 0;
	/* d has more than 32 bits, so the quotient has at most 32 and few steps are needed. */
	for (int shift = (int)fls64(n) - (int)fls64(d); shift >= 0; shift--) {
		if (n >> shift >= d) {
			n -= d << shift;
			q |= 1ull << shift;
		}
	}
	return q;
}
