/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own symbol table, as boot/symbols.awk writes it and core/backtrace.c reads it.
 *
 * It is the last section of the image, .symtab_kvasir, so that filling it in a second link step moves nothing that it
 * describes. Every number is a little-endian 32-bit word:
 *
 *	__symbols:	count				number of symbols, n
 *			addr[0] ... addr[n - 1]		offset from __image_start, ascending
 *			name[0] ... name[n - 1]		offset of the name from the end of this array
 *			names				NUL-terminated
 *
 * The first link step uses an empty table: the single word 0.
 */
#pragma once

#include <lib/types.h>

extern const u32 __symbols[];
