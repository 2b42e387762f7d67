/* SPDX-License-Identifier: MIT */
/*
 * Printing. Lines of printk() and print_line() go to all consoles and to the log ring that `dmesg` shows; other text
 * goes to the consoles alone. Any context, NMI too (a handler waits only a while for a busy console, then prints all
 * the same).
 */
#pragma once

#include <lib/compiler.h>

/* One or more whole lines, each stamped "[    1.234567] "; a missing '\n' is added. %p formats: see lib/format.h. */
void printk(const char *fmt, ...) __printf(1, 2);

/*
 * Linux's names of levels. All lines are printed; those that report a problem of the machine (KERN_WARNING and above)
 * are also counted. pr_fmt(): a file may define a prefix for its lines.
 */
#define KERN_PROBLEM "\001"
#define KERN_EMERG   KERN_PROBLEM
#define KERN_ALERT   KERN_PROBLEM
#define KERN_CRIT    KERN_PROBLEM
#define KERN_ERR     KERN_PROBLEM
#define KERN_WARNING KERN_PROBLEM
#define KERN_NOTICE  ""
#define KERN_INFO    ""
#define KERN_DEBUG   ""
#define KERN_CONT    ""
#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define pr_emerg(fmt, ...)  printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...)  printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...)   printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)    printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)   printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)   printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
/* Checked by the compiler, never printed: like Linux without DEBUG. */
#define pr_debug(fmt, ...)  do { if (0) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__); } while (0)

/* Number of messages of level KERN_WARNING and above so far, without those during a test run. */
unsigned long printk_problems(void);

/* The first of them, as much as fits into a line of a screen; "": none. */
const char *printk_first_problem(void);

/* Raw text without stamp, for the shell and for reports. */
void cprintf(const char *fmt, ...) __printf(1, 2);

/*
 * Set a function that cprintf() and dmesg_dump() call before they print, in their context. If it returns true, it has
 * printed or dropped the text itself. NULL: none.
 */
void cprintf_set_pager(bool (*takes)(const char *text, size_t len));

/* One whole line at column 0, for KTAP. Begins with '\n' if the column is not 0. */
void print_line(const char *fmt, ...) __printf(1, 2);

/* Print bytes of the process with this number (> 0), marked as <kernel/program_text.h> says. */
void print_program(int pid, const char *text, size_t len);

/* The screen's functions of <arch/console.h>, under printk's lock. */
void console_page(void);
void console_look_back(int pages);
void console_picture(unsigned int cols, unsigned int side, unsigned int border,
		     bool (*dark)(unsigned int x, unsigned int y));

/* Write the ring to the consoles again. */
void dmesg_dump(void);
/* Write the ring to a console that was found after these lines were printed. */
void printk_replay(void (*write)(const char *text, size_t len));

/* While panicking: ignore the lock, and print at once. */
void printk_break_lock(void);
