/* SPDX-License-Identifier: MIT */
/*
 * Console output and input, and the ways to end a run.
 */
#pragma once

#include <lib/compiler.h>

struct boot_info;

/* Find and set up the UART. Needs nothing, so it may run first. Without a console, text that is written is dropped. */
void arch_console_early_init(void);

/* If serial= names an I/O port, use the UART there. After cmdline_init(). */
void arch_console_option(void);

/*
 * Set up the screen that the loader left (VGA text, or framebuffer and font module), the keyboard, and the UART that
 * serial= names if its registers must be mapped.
 */
void arch_console_init(const struct boot_info *boot);

/*
 * To be called when a panic begins, also one inside another. Looks for the UART if there is no console yet. The second
 * time it removes the console that was being written to, since it has failed.
 */
void arch_console_panic(void);

/* Write bytes to every console. Any context; the caller serialises (printk's lock). '\n' is enough for a new line. */
void arch_console_write(const char *text, size_t len);

/* The consoles that are written to, for people: "COM1, 115200 baud; framebuffer 1024x768x32, 128x48 characters". */
void arch_console_describe(char *text, size_t size);
bool arch_console_has_keyboard(void);

/* --- the screen alone; the caller serialises these too (<kernel/printk.h>) --- */

/* The characters of a line, and the number of last lines that are always visible. False: there is no screen. */
bool arch_console_size(unsigned int *cols, unsigned int *lines);

/* Scroll all text away. The next text begins at the top of an empty screen. */
void arch_console_page(void);

/* Show text that has scrolled away: go back (pages < 0) or forward by so many pages. The next text ends it. */
void arch_console_look_back(int pages);

/*
 * The side, in pixels, of the largest square that fits to the right of the first `cols` columns. 0: none fits, or this
 * is a text screen.
 */
unsigned int arch_console_room(unsigned int cols);

/*
 * Draw a square of side x side modules to the right of the first `cols` columns, with a border of `border` white
 * modules, as large as it fits. The caller has checked that one pixel a module fits. The picture stays until text comes
 * into its place or the screen scrolls.
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
