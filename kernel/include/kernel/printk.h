/* SPDX-License-Identifier: MIT */
/*
 * The kernel's voice. Every line goes to all consoles and to the log ring that `dmesg` shows.
 * Any context, NMI too (there a busy console lock is broken into after a while rather than waited for).
 */
#pragma once

#include <lib/compiler.h>

/* One or more whole lines, each stamped "[    1.234567] "; a missing '\n' is added. %p formats: see lib/format.h. */
void printk(const char *fmt, ...) __printf(1, 2);

/* Raw text without stamp, for the shell and for reports. */
void cprintf(const char *fmt, ...) __printf(1, 2);

/* One whole line at column 0 under one taking of the lock: KTAP results. A '\n' goes first if the column is not 0. */
void print_line(const char *fmt, ...) __printf(1, 2);

/* Write the ring to the consoles again. */
void dmesg_dump(void);

/* While panicking: ignore the lock. */
void printk_break_lock(void);
