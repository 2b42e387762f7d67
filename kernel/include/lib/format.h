/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, into memory. Any context. As in C, and with Linux's letters behind %p:
 *
 *	%d %i %u %x %X %o %c %s %%	flags 0 - + space #, width, .precision, * for both; lengths hh h l ll L q z t j
 *	%n	takes its argument, and writes nothing anywhere
 *	%p %px %pK	a pointer as all its hexadecimal digits, without 0x; %#p: with 0x
 *	%pS %ps %pB	symbol+0xoffset of a text address; without the offset; of a return address
 *	%pa[pd]	the physical address behind a phys_addr_t *, whose width the target decides: 0x and all digits
 *	%pe	an ERR_PTR's name, as -ENOENT; the digits of any other pointer
 *	%*ph[CDN]	width bytes (64 at most) in hexadecimal, between them a space, (C) colon, (D) dash, (N) nothing
 *	%pV	a struct va_format *: its text, formatted
 *
 * For %s, %pa, %ph and %pV a null pointer prints as (null), any other into the first or the last page as (efault):
 * these pages are never mapped. A conversion that is not in the list, and all that follows it, is printed as it is,
 * since the types of the arguments are unknown from there on. Widths and precisions over INT_MAX are INT_MAX.
 */
#pragma once

#include <lib/compiler.h>

/*
 * Write at most `size` bytes, with the NUL (nothing if size is 0). Returns the length of the whole text: if that is >=
 * size, the text was cut. A text longer than INT_MAX gives INT_MAX. (In C: a negative number, which no caller in a
 * kernel expects.)
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* The same, but returns the length that was written: for chains of appends. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* A format and its arguments as one argument, for %pV. */
struct va_format {
	const char *fmt;
	va_list *va;
};

/* The function behind %pS: symbol_format of <kernel/backtrace.h>, set at boot; until then %pS prints digits. */
void format_set_symbol_formatter(size_t (*formatter)(char *buf, size_t len, vaddr_t addr));
