/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, into memory. Any context. As in C, and with Linux's letters behind %p:
 *
 *	%d %i %u %x %X %o %c %s %%	flags 0 - + space #, width, .precision, * for both; lengths hh h l ll L q z t j
 *	%n	takes its argument, and writes nothing anywhere
 *	%p %px %pK	a pointer as all its hexadecimal digits, without 0x; with it after %#
 *	%pS %ps %pB	symbol+0xoffset of a text address; without the offset; of a return address
 *	%pa[pd]	the physical address behind a phys_addr_t *, whose width the target decides: 0x and all digits
 *	%pe	an ERR_PTR's name, as -ENOENT; the digits of any other pointer
 *	%*ph[CDN]	as many bytes as the width says (64 at most), in hexadecimal; between them a space, a colon, a dash, nothing
 *	%pV	a struct va_format *: its text, formatted
 *
 * What a pointer of %s, %pa, %ph or %pV cannot be prints as (null), or (efault): the first page and the last are never
 * mapped. After a conversion that is not in the list nobody knows which argument is whose: it and all that follows are
 * printed as they stand, and no argument is touched. Widths and precisions over INT_MAX are INT_MAX.
 */
#pragma once

#include <lib/compiler.h>

/*
 * Write at most `size` bytes, the closing NUL included (none if size is 0). Returns the length that the whole text has,
 * so it was cut if the result is >= size. A text longer than INT_MAX has INT_MAX. (C says: a negative number, which no
 * caller in a kernel awaits.)
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* The same, returning the length that was written: what chains of appends need. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* A format and its arguments as one argument, for %pV. */
struct va_format {
	const char *fmt;
	va_list *va;
};

/* Who knows symbols, for %pS: symbol_format of <kernel/backtrace.h>, handed in at boot; till then %pS prints digits. */
void format_set_symbol_formatter(size_t (*formatter)(char *buf, size_t len, vaddr_t addr));
