/* SPDX-License-Identifier: MIT */
/* %p and the letters that may follow it (Linux: Documentation/core-api/printk-formats.rst). */
#include "format_internal.h"

#include <lib/errno.h>
#include <lib/format.h>
#include <lib/parse.h>
#include <lib/string.h>

#define SYMBOL_MAX 96 /* most bytes of a symbol with its offset */
#define BYTES_MAX  64 /* most bytes of one %*ph */

static size_t (*symbol_formatter)(char *buf, size_t len, vaddr_t addr) __ro_after_init;

void format_set_symbol_formatter(size_t (*formatter)(char *buf, size_t len, vaddr_t addr))
{
	symbol_formatter = formatter;
}

static void put_hex_digits(struct sink *out, struct spec spec, u64 value, size_t bytes, const char *prefix)
{
	spec.precision = (int)(2 * bytes);
	put_number(out, &spec, value, 16, prefix);
}

static void put_digits(struct sink *out, const struct spec *spec, const void *ptr)
{
	put_hex_digits(out, *spec, (vaddr_t)ptr, sizeof(ptr), spec->alternate ? "0x" : "");
}

/*
 * A return address is the one behind a call. If the call ends its function, that address is in the next function. So
 * the byte before it is looked up; the offset printed is still that of the address.
 */
static size_t format_return_address(char text[SYMBOL_MAX], vaddr_t addr)
{
	char *plus;
	u64 offset;

	symbol_formatter(text, SYMBOL_MAX, addr - 1);
	plus = strrchr(text, '+');
	if (!plus || kstrtou64(plus + 1, 16, &offset))
		return symbol_formatter(text, SYMBOL_MAX, addr);
	return (size_t)(plus - text) +
	       (size_t)scnprintf(plus, (size_t)(text + SYMBOL_MAX - plus), "+0x%llx", offset + 1);
}

/* kind: S with the offset; s without; B for a return address. */
static void put_symbol(struct sink *out, const struct spec *spec, vaddr_t addr, char kind)
{
	char text[SYMBOL_MAX], *plus;
	size_t n;

	if (!symbol_formatter) {
		put_hex_digits(out, *spec, addr, sizeof(addr), "0x");
		return;
	}
	n = kind == 'B' ? format_return_address(text, addr) : symbol_formatter(text, sizeof(text), addr);
	plus = kind == 's' ? strrchr(text, '+') : NULL;
	if (plus)
		n = (size_t)(plus - text);
	put_padded(out, spec, text, n);
}

static void put_physical(struct sink *out, const struct spec *spec, const phys_addr_t *addr)
{
	if (!put_bad_pointer(out, spec, addr))
		put_hex_digits(out, *spec, *addr, sizeof(*addr), "0x");
}

static void put_error(struct sink *out, const struct spec *spec, const void *ptr)
{
	const char *name = IS_ERR(ptr) ? errname((int)PTR_ERR(ptr)) : NULL;
	struct spec decimal = *spec;

	if (name)
		put_string(out, spec, name);
	else if (IS_ERR(ptr))
		put_number(out, &decimal, (u64)-PTR_ERR(ptr), 10, "-");
	else
		put_digits(out, spec, ptr);
}

/* The width is the number of bytes. */
static void put_bytes(struct sink *out, const struct spec *spec, const u8 *mem, char separator)
{
	const struct spec plain = { .precision = -1 };
	int n = spec->has_width ? min(spec->width, BYTES_MAX) : 1;

	if (n && put_bad_pointer(out, &plain, mem))
		return;
	for (int i = 0; i < n; i++) {
		if (i && separator)
			put_text(out, &separator, 1);
		put_hex_digits(out, plain, mem[i], 1, "");
	}
}

static void put_nested(struct sink *out, const struct spec *spec, const struct va_format *format)
{
	va_list args;

	if (put_bad_pointer(out, spec, format))
		return;
	va_copy(args, *format->va);
	put_format(out, format->fmt, args);
	va_end(args);
}

/* Step over one letter, if it is in `letters`. */
static const char *skip_one_of(const char *p, const char *letters)
{
	return *p && strchr(letters, *p) ? p + 1 : p;
}

static char separator_of(char letter)
{
	switch (letter) {
	case 'C': return ':';
	case 'D': return '-';
	case 'N': return 0;
	default: return ' ';
	}
}

const char *put_pointer(struct sink *out, const struct spec *spec, const char *p, const void *ptr)
{
	switch (*p) {
	case 'S':
	case 's':
	case 'B':
		put_symbol(out, spec, (vaddr_t)ptr, *p);
		return skip_one_of(skip_one_of(p + 1, "R"), "b");
	case 'a':
		put_physical(out, spec, ptr);
		return skip_one_of(p + 1, "pd");
	case 'e':
		put_error(out, spec, ptr);
		return p + 1;
	case 'h':
		put_bytes(out, spec, ptr, separator_of(p[1]));
		return skip_one_of(p + 1, "CDN");
	case 'V':
		put_nested(out, spec, ptr);
		return p + 1;
	case 'x':
	case 'K':
		put_digits(out, spec, ptr);
		return p + 1;
	default: /* as in C: the letters that follow are text */
		put_digits(out, spec, ptr);
		return p;
	}
}
