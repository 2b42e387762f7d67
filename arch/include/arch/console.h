/* SPDX-License-Identifier: MIT */
/*
 * Bytes in and out, and the ways to end. Everything returns at once when the hardware is missing.
 */
#pragma once

#include <lib/compiler.h>

struct boot_info;

/* Find and set up the UART. Needs nothing, may run first of all. Text goes nowhere while there is none. */
void arch_console_early_init(void);

/* The command line is known: serial= may name an I/O port. */
void arch_console_option(void);

/* Set up the screen that the loader left (VGA text, or framebuffer and font module), and the keyboard. */
void arch_console_init(const struct boot_info *boot);

/*
 * A panic begins, or another inside it: look for the UART if there is no console yet; leave out one that failed since
 * the last call.
 */
void arch_console_panic(void);

/* Write bytes to every console. Any context; the caller serialises (printk's lock). '\n' is enough for a new line. */
void arch_console_write(const char *text, size_t len);

/* What text goes to and comes from, for people: "COM1, 115200 baud; framebuffer 1024x768x32". */
void arch_console_describe(char *text, size_t size);
bool arch_console_has_keyboard(void);

/* --- the screen alone; the caller serialises these too (<kernel/printk.h>) --- */

/* How many characters a line has, and how many of the last lines are always to be seen. False: there is none. */
bool arch_console_size(unsigned int *cols, unsigned int *lines);

/* What is written next stands at the top of an empty screen. */
void arch_console_page(void);

/* Show what has scrolled away: so many pages further back (< 0) or forth. The next text ends it. */
void arch_console_look_back(int pages);

/*
 * How many pixels there are for the side of a square to the right of the first `cols` columns. 0: none, as on a screen
 * of text.
 */
unsigned int arch_console_room(unsigned int cols);

/*
 * Draw a square of side x side modules there, as large as there is room for, with a border of `border` white modules;
 * it has to fit. It stays until text comes into its place or the screen scrolls.
 */
void arch_console_picture(unsigned int cols, unsigned int side, unsigned int border,
			  bool (*dark)(unsigned int x, unsigned int y));

/* --- */

/* Next byte typed on the serial line or the keyboard, or -1. Any thread context. */
int arch_console_getc(void);

/* Did the last byte come from the keyboard of a machine with a screen? */
bool arch_console_typed_at_screen(void);

/* Is this QEMU, and is its debug-exit device there? */
bool arch_in_qemu(void);

/*
 * End the run. exit: QEMU's debug-exit port with `code` if it is really there, else power off; halts when neither
 * works.
 */
void __noreturn arch_exit(unsigned int code);
void __noreturn arch_power_off(void);
void __noreturn arch_reboot(void);
