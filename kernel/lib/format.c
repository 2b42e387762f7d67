/* SPDX-License-Identifier: MIT */
/* printf into memory. Each conversion: parse it into a struct spec, fetch its argument, write it padded. */
#include "format_internal.h"

#include <lib/errno.h>
#include <lib/format.h>
#include <lib/math.h>
#include <lib/string.h>

#define INT_MAX	     0x7fffffff
#define LOWEST_VALID 4096 /* addresses below are NULL with a small offset */

/* Limits the count far below its overflow; n is never more than that limit either. */
static void advance(struct sink *out, size_t n)
{
	out->len = min(out->len + n, (size_t)-1 / 2);
}

void put_text(struct sink *out, const char *text, size_t n)
{
	if (out->len < out->size)
		memcpy(out->buf + out->len, text, min(n, out->size - out->len));
	advance(out, n);
}

/* Text up to the next conversion or the end, which is returned. Such pieces are short: a call would cost more. */
static const char *put_plain(struct sink *out, const char *fmt)
{
	size_t room = out->len < out->size ? out->size - out->len : 0, n = 0;
	char *to = room ? out->buf + out->len : NULL;

	for (; fmt[n] && fmt[n] != '%'; n++)
		if (n < room)
			to[n] = fmt[n];
	advance(out, n);
	return fmt + n;
}

/* The width may be any number; only characters that fit cost time. */
static void pad_some(struct sink *out, char c, size_t n)
{
	if (out->len < out->size)
		memset(out->buf + out->len, c, min(n, out->size - out->len));
	advance(out, n);
}

static inline void pad(struct sink *out, char c, s64 n)
{
	if (n > 0)
		pad_some(out, c, (size_t)n);
}

void put_padded(struct sink *out, const struct spec *spec, const char *text, size_t n)
{
	s64 blank = spec->width - (s64)n;

	pad(out, ' ', spec->left ? 0 : blank);
	put_text(out, text, n);
	pad(out, ' ', spec->left ? blank : 0);
}

static const char *name_of_bad(const void *ptr)
{
	if (!ptr)
		return "(null)";
	return (vaddr_t)ptr < LOWEST_VALID || IS_ERR(ptr) ? "(efault)" : NULL;
}

void put_string(struct sink *out, const struct spec *spec, const char *s)
{
	const char *bad = name_of_bad(s);

	s = bad ? bad : s;
	put_padded(out, spec, s, strnlen(s, spec->precision < 0 ? (size_t)-1 : (size_t)spec->precision));
}

bool put_bad_pointer(struct sink *out, const struct spec *spec, const void *ptr)
{
	const char *bad = name_of_bad(ptr);

	if (bad)
		put_padded(out, spec, bad, strlen(bad));
	return bad;
}

/* What is more than a long goes digit by digit on 32 bits, where a division of it is a function. */
static char *write_decimal(char *end, u64 value)
{
	unsigned long rest;
	u32 digit;

	for (; value > ~0ul; *--end = (char)('0' + digit))
		value = div_u64_rem(value, 10, &digit);
	for (rest = (unsigned long)value; rest; rest /= 10)
		*--end = (char)('0' + rest % 10);
	return end;
}

static __always_inline char *write_bits(char *end, u64 value, unsigned int bits, const char *digits)
{
	for (; value; value >>= bits)
		*--end = digits[value & ((1u << bits) - 1)];
	return end;
}

/* Write the digits so that they end before `end`. Returns their start. 0 gives no digits. */
static char *write_digits(char *end, u64 value, unsigned int base, bool upper)
{
	switch (base) {
	case 8: return write_bits(end, value, 3, "01234567");
	case 16: return write_bits(end, value, 4, upper ? "0123456789ABCDEF" : "0123456789abcdef");
	default: return write_decimal(end, value);
	}
}

/* Zero padding goes between prefix and digits. A precision replaces it. */
static void put_number_padded(struct sink *out, const struct spec *spec, const char *start, size_t digits,
			      const char *prefix)
{
	size_t prefix_len = strlen(prefix);
	s64 zeros = max(spec->precision, spec->precision < 0 ? 1 : 0) - (s64)digits, blank;

	if (spec->zero && !spec->left && spec->precision < 0)
		zeros = max(zeros, spec->width - (s64)(prefix_len + digits));
	zeros = max(zeros, (s64)0);
	blank = spec->width - (s64)(prefix_len + digits) - zeros;
	pad(out, ' ', spec->left ? 0 : blank);
	put_text(out, prefix, prefix_len);
	pad(out, '0', zeros);
	put_text(out, start, digits);
	pad(out, ' ', spec->left ? blank : 0);
}

void put_number(struct sink *out, const struct spec *spec, u64 value, unsigned int base, const char *prefix)
{
	char buf[24];
	char *end = buf + sizeof(buf), *start = write_digits(end, value, base, spec->upper);
	s64 digits = end - start;

	if (value && spec->width <= digits && spec->precision <= digits && !*prefix)
		put_text(out, start, (size_t)digits); /* as most numbers: nothing is missing */
	else
		put_number_padded(out, spec, start, (size_t)digits, prefix);
}

static void put_signed(struct sink *out, const struct spec *spec, s64 value)
{
	const char *sign = spec->plus ? "+" : spec->space ? " " : "";
	u64 magnitude = value < 0 ? -(u64)value : (u64)value;

	put_number(out, spec, magnitude, 10, value < 0 ? "-" : sign);
}

static const char *parse_flags(const char *p, struct spec *spec)
{
	for (;; p++) {
		switch (*p) {
		case '-': spec->left = true; break;
		case '0': spec->zero = true; break;
		case '+': spec->plus = true; break;
		case ' ': spec->space = true; break;
		case '#': spec->alternate = true; break;
		default: return p;
		}
	}
}

/* Reads all digits; a number that is too large becomes the largest one. */
static int parse_int(const char **p)
{
	int n = 0;

	for (; is_digit(**p); ++*p)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, **p - '0', &n))
			n = INT_MAX;
	return n;
}

static const char *parse_length(const char *p, struct spec *spec)
{
	spec->length = LENGTH_INT;
	switch (*p) {
	case 'h':
		spec->length = p[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
		return p[1] == 'h' ? p + 2 : p + 1;
	case 'l':
		spec->length = p[1] == 'l' ? LENGTH_LONG_LONG : LENGTH_LONG;
		return p[1] == 'l' ? p + 2 : p + 1;
	case 'z':
	case 't':
		spec->length = LENGTH_LONG; /* size_t and its like: as wide as a long on every target */
		return p + 1;
	case 'j':
	case 'q':
	case 'L': /* for integers too, as in gcc and all C libraries */
		spec->length = LENGTH_LONG_LONG;
		return p + 1;
	default:
		return p;
	}
}

/* va_list may be an array type, which cannot be passed on by address; inside a structure it can. */
struct arguments {
	va_list list;
};

static const char *parse_width(const char *p, struct spec *spec, struct arguments *args)
{
	spec->has_width = *p == '*' || is_digit(*p);
	if (*p != '*') {
		spec->width = parse_int(&p);
		return p;
	}
	spec->width = va_arg(args->list, int);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = spec->width < -INT_MAX ? INT_MAX : -spec->width;
	}
	return p + 1;
}

static const char *parse_precision(const char *p, struct spec *spec, struct arguments *args)
{
	if (*p != '.')
		return p;
	if (*++p == '*') {
		spec->precision = max(va_arg(args->list, int), -1);
		return p + 1;
	}
	spec->precision = parse_int(&p);
	return p;
}

static const char *parse_spec(const char *p, struct spec *spec, struct arguments *args)
{
	*spec = (struct spec){ .precision = -1 };
	if (*p < 'A') { /* as flags, digits, '.' and '*' are, and no letter */
		p = parse_flags(p, spec);
		p = parse_width(p, spec, args);
		p = parse_precision(p, spec, args);
	}
	return parse_length(p, spec);
}

static s64 fetch_signed(const struct spec *spec, struct arguments *args)
{
	switch (spec->length) {
	case LENGTH_CHAR: return (s8)va_arg(args->list, int);
	case LENGTH_SHORT: return (s16)va_arg(args->list, int);
	case LENGTH_INT: return va_arg(args->list, int);
	case LENGTH_LONG: return va_arg(args->list, long);
	default: return va_arg(args->list, s64);
	}
}

static u64 fetch_unsigned(const struct spec *spec, struct arguments *args)
{
	switch (spec->length) {
	case LENGTH_CHAR: return (u8)va_arg(args->list, unsigned int);
	case LENGTH_SHORT: return (u16)va_arg(args->list, unsigned int);
	case LENGTH_INT: return va_arg(args->list, unsigned int);
	case LENGTH_LONG: return va_arg(args->list, unsigned long);
	default: return va_arg(args->list, u64);
	}
}

/* With # an octal number begins with 0. True: neither the precision nor the value gives one. */
static bool needs_octal_zero(const struct spec *spec, u64 value)
{
	int digits = (int)(fls64(value) + 2) / 3;

	return value ? spec->precision <= digits : !spec->precision;
}

static void put_unsigned(struct sink *out, struct spec *spec, char conversion, struct arguments *args)
{
	u64 value = fetch_unsigned(spec, args);

	switch (conversion) {
	case 'o':
		put_number(out, spec, value, 8, spec->alternate && needs_octal_zero(spec, value) ? "0" : "");
		break;
	case 'u':
		put_number(out, spec, value, 10, "");
		break;
	default:
		spec->upper = conversion == 'X';
		put_number(out, spec, value, 16, !spec->alternate || !value ? "" : spec->upper ? "0X" : "0x");
	}
}

static void put_char(struct sink *out, const struct spec *spec, struct arguments *args)
{
	char c = (char)va_arg(args->list, int);

	put_padded(out, spec, &c, 1);
}

/* Write one conversion; p is just behind its '%'. Returns what follows it. NULL: it is unknown. */
static const char *put_conversion(struct sink *out, const char *p, struct arguments *args)
{
	struct spec spec;

	if (*p == '%') {
		put_text(out, p, 1);
		return p + 1;
	}
	p = parse_spec(p, &spec, args);
	switch (*p) {
	case 'd':
	case 'i':
		put_signed(out, &spec, fetch_signed(&spec, args));
		break;
	case 'c':
		if (spec.length != LENGTH_INT)
			return NULL; /* the kernel has no wide characters and strings */
		put_char(out, &spec, args);
		break;
	case 's':
		if (spec.length != LENGTH_INT)
			return NULL;
		put_string(out, &spec, va_arg(args->list, const char *));
		break;
	case 'p':
		return put_pointer(out, &spec, p + 1, va_arg(args->list, const void *));
	case 'n':
		(void)va_arg(args->list, void *);
		break;
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		put_unsigned(out, &spec, *p, args);
		break;
	default:
		return NULL;
	}
	return p + 1;
}

void put_format(struct sink *out, const char *fmt, va_list args)
{
	struct arguments copy;

	va_copy(copy.list, args);
	while (fmt && *(fmt = put_plain(out, fmt))) {
		const char *next = put_conversion(out, fmt + 1, &copy);

		if (!next)
			put_text(out, fmt, strlen(fmt));
		fmt = next;
	}
	va_end(copy.list);
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink out = { buf, size, 0 };

	put_format(&out, fmt, args);
	if (size)
		buf[min(out.len, size - 1)] = '\0';
	return (int)min(out.len, (size_t)INT_MAX);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int len = vsnprintf(buf, size, fmt, args);

	if ((size_t)len < size)
		return len;
	return size ? (int)size - 1 : 0;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
