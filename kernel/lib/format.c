/* SPDX-License-Identifier: MIT */
/* printf into memory: parse one conversion into a struct spec, fetch its argument, put it out padded. */
#include <lib/format.h>
#include <lib/math.h>
#include <lib/string.h>

/* Where text goes: what does not fit is counted only. */
struct sink {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, plus, space, alternate, upper;
	int width, precision; /* precision -1: none */
	int longs;	      /* -2 char, -1 short, 0 int, 1 long, 2 long long */
};

static size_t (*symbol_formatter)(char *buf, size_t len, vaddr_t addr);

void format_set_symbol_formatter(size_t (*formatter)(char *buf, size_t len, vaddr_t addr))
{
	symbol_formatter = formatter;
}

static void put(struct sink *out, char c)
{
	if (out->len < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void put_text(struct sink *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(out, text[i]);
}

static void pad(struct sink *out, char c, int n)
{
	while (n-- > 0)
		put(out, c);
}

static void put_string(struct sink *out, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? (size_t)-1 : (size_t)spec->precision;
	int n;

	if (!s)
		s = "(null)";
	n = (int)strnlen(s, max);
	pad(out, ' ', spec->left ? 0 : spec->width - n);
	put_text(out, s, (size_t)n);
	pad(out, ' ', spec->left ? spec->width - n : 0);
}

/* Write the digits so that they end before `end`; returns their start. 0 has no digits here. */
static char *write_digits(char *end, u64 value, unsigned int base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	u32 digit;

	while (value) {
		value = div_u64_rem(value, base, &digit);
		*--end = digits[digit];
	}
	return end;
}

/* prefix: sign or 0x. Zero padding stands between it and the digits; a precision replaces zero padding. */
static void put_number(struct sink *out, const struct spec *spec, u64 value, unsigned int base, const char *prefix)
{
	char buf[24];
	char *end = buf + sizeof(buf), *start = write_digits(end, value, base, spec->upper);
	int digits = (int)(end - start), prefix_len = (int)strlen(prefix);
	int zeros = max(spec->precision, spec->precision < 0 ? 1 : 0) - digits;
	int blank;

	if (spec->zero && !spec->left && spec->precision < 0)
		zeros = max(zeros, spec->width - prefix_len - digits);
	zeros = max(zeros, 0);
	blank = spec->width - prefix_len - zeros - digits;
	pad(out, ' ', spec->left ? 0 : blank);
	put_text(out, prefix, (size_t)prefix_len);
	pad(out, '0', zeros);
	put_text(out, start, (size_t)digits);
	pad(out, ' ', spec->left ? blank : 0);
}

static void put_signed(struct sink *out, const struct spec *spec, s64 value)
{
	const char *sign = spec->plus ? "+" : spec->space ? " " : "";
	u64 magnitude = value < 0 ? -(u64)value : (u64)value;

	put_number(out, spec, magnitude, 10, value < 0 ? "-" : sign);
}

static void put_hex_digits(struct sink *out, struct spec spec, u64 value, size_t bytes, const char *prefix)
{
	spec.precision = (int)(2 * bytes);
	put_number(out, &spec, value, 16, prefix);
}

static void put_symbol(struct sink *out, const struct spec *spec, vaddr_t addr)
{
	char text[96];

	if (symbol_formatter) {
		symbol_formatter(text, sizeof(text), addr);
		put_string(out, spec, text);
	} else {
		put_hex_digits(out, *spec, addr, sizeof(addr), "0x");
	}
}

/* %p and the letter that may follow it. Returns the first character that is not part of the conversion. */
static const char *put_pointer(struct sink *out, const struct spec *spec, const char *p, const void *ptr)
{
	switch (*p) {
	case 'S':
		put_symbol(out, spec, (vaddr_t)ptr);
		return p + 1;
	case 'a':
		put_hex_digits(out, *spec, *(const phys_addr_t *)ptr, sizeof(phys_addr_t), "0x");
		return p + 1;
	case 'x':
		p++;
		break;
	}
	put_hex_digits(out, *spec, (vaddr_t)ptr, sizeof(ptr), "");
	return p;
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

static int parse_int(const char **p)
{
	int n = 0;

	for (; is_digit(**p); ++*p)
		n = n * 10 + (**p - '0');
	return n;
}

static const char *parse_length(const char *p, struct spec *spec)
{
	for (;; p++) {
		switch (*p) {
		case 'h': spec->longs--; break;
		case 'l': spec->longs++; break;
		case 'z':
		case 't': spec->longs = 1; break; /* as wide as a long on every target */
		case 'j': spec->longs = 2; break;
		default: return p;
		}
	}
}

/* va_list may be an array type, which cannot be passed on by address; inside a structure it can. */
struct arguments {
	va_list list;
};

static const char *parse_spec(const char *p, struct spec *spec, struct arguments *args)
{
	*spec = (struct spec){ .precision = -1 };
	p = parse_flags(p, spec);
	if (*p == '*') {
		spec->width = va_arg(args->list, int);
		p++;
	} else {
		spec->width = parse_int(&p);
	}
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*p == '.') {
		p++;
		if (*p == '*') {
			spec->precision = va_arg(args->list, int);
			p++;
		} else {
			spec->precision = parse_int(&p);
		}
	}
	return parse_length(p, spec);
}

static s64 fetch_signed(const struct spec *spec, struct arguments *args)
{
	switch (spec->longs) {
	case -2: return (s8)va_arg(args->list, int);
	case -1: return (s16)va_arg(args->list, int);
	case 0: return va_arg(args->list, int);
	case 1: return va_arg(args->list, long);
	default: return va_arg(args->list, s64);
	}
}

static u64 fetch_unsigned(const struct spec *spec, struct arguments *args)
{
	switch (spec->longs) {
	case -2: return (u8)va_arg(args->list, unsigned int);
	case -1: return (u16)va_arg(args->list, unsigned int);
	case 0: return va_arg(args->list, unsigned int);
	case 1: return va_arg(args->list, unsigned long);
	default: return va_arg(args->list, u64);
	}
}

static void put_unsigned(struct sink *out, struct spec *spec, char conversion, struct arguments *args)
{
	u64 value = fetch_unsigned(spec, args);
	const char *prefix = "";
	unsigned int base = 10;

	if (conversion == 'o') {
		base = 8;
	} else if (conversion != 'u') {
		base = 16;
		spec->upper = conversion == 'X';
		if (spec->alternate && value)
			prefix = spec->upper ? "0X" : "0x";
	}
	put_number(out, spec, value, base, prefix);
}

/* Put one conversion, p being just behind its '%'. Returns what follows it. */
static const char *put_conversion(struct sink *out, const char *p, struct arguments *args)
{
	const char *start = p - 1;
	struct spec spec;
	char c[2] = "";

	p = parse_spec(p, &spec, args);
	switch (*p) {
	case 'd':
	case 'i':
		put_signed(out, &spec, fetch_signed(&spec, args));
		return p + 1;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(out, &spec, *p, args);
		return p + 1;
	case 'c':
		c[0] = (char)va_arg(args->list, int);
		put_string(out, &spec, c);
		return p + 1;
	case 's':
		put_string(out, &spec, va_arg(args->list, const char *));
		return p + 1;
	case 'p':
		return put_pointer(out, &spec, p + 1, va_arg(args->list, const void *));
	case '%':
		put(out, '%');
		return p + 1;
	default: /* unknown: as it stands, so that the mistake is seen */
		put_text(out, start, (size_t)(p - start));
		return p;
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink out = { buf, size, 0 };
	struct arguments copy;

	va_copy(copy.list, args);
	while (*fmt) {
		if (*fmt == '%')
			fmt = put_conversion(&out, fmt + 1, &copy);
		else
			put(&out, *fmt++);
	}
	va_end(copy.list);
	if (size)
		buf[min(out.len, size - 1)] = '\0';
	return (int)out.len;
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
