/* SPDX-License-Identifier: MIT */
/* Numbers in text. */
#include <lib/parse.h>
#include <lib/compiler.h>
#include <lib/errno.h>

/* 0 to 15, or a number larger than any base. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10) : ~0u;
}

static bool has_hex_prefix(const char *s)
{
	return s[0] == '0' && (s[1] | 0x20) == 'x' && digit_value(s[2]) < 16;
}

/* Read digits from *s on, and move *s behind them. 0, -EINVAL, -ERANGE. */
static int scan_number(const char **s, unsigned int base, u64 *result)
{
	const char *p = *s;
	u64 value = 0;

	if (digit_value(*p) >= base)
		return -EINVAL;
	for (; digit_value(*p) < base; p++) {
		if (__builtin_mul_overflow(value, (u64)base, &value) ||
		    __builtin_add_overflow(value, (u64)digit_value(*p), &value))
			return -ERANGE;
	}
	*s = p;
	*result = value;
	return 0;
}

int kstrtou64(const char *s, unsigned int base, u64 *result)
{
	u64 value;
	int err;

	s += *s == '+';
	if (!base)
		base = has_hex_prefix(s) ? 16 : *s == '0' ? 8 : 10;
	if (base == 16 && has_hex_prefix(s))
		s += 2;
	err = scan_number(&s, base, &value);
	if (err)
		return err;
	s += *s == '\n';
	if (*s)
		return -EINVAL;
	*result = value;
	return 0;
}

/* The shift of the unit c (K: 10, M: 20, ...); 0: c is no unit. */
static unsigned int unit_shift(char c)
{
	static const char units[] = "kmgtpe";

	for (unsigned int i = 0; units[i]; i++)
		if ((c | 0x20) == units[i])
			return 10 * (i + 1);
	return 0;
}

u64 parse_size(const char *s, const char **end)
{
	bool hex = has_hex_prefix(s);
	const char *p = hex ? s + 2 : s;
	unsigned int shift;
	u64 value;

	*end = s;
	if (scan_number(&p, hex ? 16 : 10, &value))
		return 0;
	shift = unit_shift(*p);
	if (shift) {
		if (value << shift >> shift != value)
			return 0;
		p++;
	}
	*end = p;
	return value << shift;
}
