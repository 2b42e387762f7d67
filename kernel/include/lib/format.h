/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, into memory. Any context.
 *
 *	%d %i %u %x %X %o %c %s %%	flags 0 - + space #, width, .precision, * for both; lengths hh h l ll z t j
 *	%p %px	a pointer as all its hexadecimal digits, without 0x
 *	%pS	symbol+0xoffset of a text address
 *	%pa	the physical address behind a phys_addr_t *, whose width the target decides: 0x and all digits
 *
 * A conversion that is not in the list is printed as it stands. A NULL string prints as (null).
 */
#pragma once

#include <lib/compiler.h>

/*
 * Write at most `size` bytes, the closing NUL included (none if size is 0). Returns the length that the whole text has,
 * so it was cut if the result is >= size.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* The same, returning the length that was written: what chains of appends need. */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* Who knows symbols, for %pS: symbol_format of <kernel/backtrace.h>, handed in at boot; till then %pS prints digits. */
void format_set_symbol_formatter(size_t (*formatter)(char *buf, size_t len, vaddr_t addr));
