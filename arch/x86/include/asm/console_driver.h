/* SPDX-License-Identifier: MIT */
/*
 * The devices behind arch/console.h. A driver's probe function returns NULL when its hardware is not there. printk's
 * lock serialises the calls, except in a panic. So a driver must stay inside its buffers whatever another CPU does to
 * its state meanwhile.
 */
#pragma once

#include <asm/serial.h>
#include <kernel/boot_info.h>

struct console_driver {
	const char *name;
	void (*describe)(char *text, size_t size); /* NULL: the name is the description */
	/* Each of these may be NULL, if the device cannot do it. */
	void (*write)(const char *text, size_t len);
	int (*getc)(void);   /* next byte or -1; never waits */
	void (*drain)(void); /* wait, not for ever, until every byte has left the machine */
};

/*
 * Set up the 16550 at `place` (8N1) and drive it from now on. memory: where its registers are mapped, NULL for ports.
 * NULL: no UART answers there, and the former one stays. Needs nothing else.
 */
const struct console_driver *uart_probe(const struct serial_place *place, void *memory);

/* The speed of the UART in use, by its registers. 0: they have no valid speed. */
unsigned int uart_speed(void);

/* The serial line: COM1, until serial= or the firmware's tables move it (serial.c). */
const struct console_driver *serial_probe(void);
/* The place and the speed of the serial line. */
void serial_describe(char *text, size_t size);
/* If serial= names registers in memory or a card, move the serial line there. Needs arch_device_mapper. */
void serial_map(void);
/* Without serial=, move the serial line to the UART that the SPCR table names. After acpi_init(). */
void serial_ask_firmware(void);

/* Add a console. NULL: do nothing. */
void console_add(const struct console_driver *driver);

/* A PS/2 keyboard behind an i8042, polled. */
const struct console_driver *keyboard_probe(void);

/* The screen that the loader set up. If it cannot be used, a message says why. Needs arch_device_mapper. */
const struct console_driver *screen_probe(const struct boot_info *boot);

/* Wait until everything written has left the machine; before power off. */
void console_drain(void);
