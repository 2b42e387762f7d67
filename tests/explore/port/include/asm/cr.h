/* SPDX-License-Identifier: MIT */
/* CR3 and CR4 are the explorer's (port/cr3.c). */
#pragma once

#include <asm/cr_bits.h>

unsigned long read_cr3(void);
void write_cr3(unsigned long value);
static inline unsigned long read_cr4(void) { return CR4_PGE; }
/* Without CR4_PGE this drops everything; the write behind it, which sets the bit again, changes nothing. */
void write_cr4(unsigned long value);
