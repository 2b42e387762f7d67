/* SPDX-License-Identifier: MIT */
/* Shared by format.c and format_pointer.c: the output, and one conversion's flags. */
#pragma once

#include <lib/compiler.h>

/* The output. Text that does not fit is only counted. */
struct sink {
	char *buf;
	size_t size, len;
};

enum length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG };

struct spec {
	bool left, zero, plus, space, alternate, upper;
	bool has_width;
	int width, precision; /* precision -1: none */
	enum length length;
};

/* format.c */
void put_text(struct sink *out, const char *text, size_t n);
/* n bytes, padded to the width. */
void put_padded(struct sink *out, const struct spec *spec, const char *text, size_t n);
/* A string that ends with NUL or after `precision` bytes. A bad pointer prints as its name. */
void put_string(struct sink *out, const struct spec *spec, const char *s);
/* prefix: sign, 0 or 0x. */
void put_number(struct sink *out, const struct spec *spec, u64 value, unsigned int base, const char *prefix);
void put_format(struct sink *out, const char *fmt, va_list args);
/* Can ptr not be read? Then (null) or (efault) has been written. */
bool put_bad_pointer(struct sink *out, const struct spec *spec, const void *ptr);

/* format_pointer.c: p is just behind "%p". Returns what follows the conversion. */
const char *put_pointer(struct sink *out, const struct spec *spec, const char *p, const void *ptr);
