/* SPDX-License-Identifier: MIT */
/*
 * The devices behind arch/console.h. A driver's probe function answers NULL when its hardware is not there; console.c
 * then never hears of it. Calls are serialised by printk's lock, save in a panic: a driver must stay inside its buffers
 * whatever another CPU does to its state meanwhile.
 */
#pragma once

#include <asm/serial.h>
#include <kernel/boot_info.h>

struct console_driver {
	const char *name;
	void (*describe)(char *text, size_t size); /* NULL: the name says it */
	/* Each may be NULL: what the device cannot do. */
	void (*write)(const char *text, size_t len);
	int (*getc)(void);   /* next byte or -1; never waits */
	void (*drain)(void); /* wait, not for ever, until every byte has left the machine */
};

/*
 * The 16550 at `place`, 8N1, from now on the one that is written to; memory: where its registers are mapped, NULL for
 * ports. NULL: nobody answers there, and the one before stays. Needs nothing.
 */
const struct console_driver *uart_probe(const struct serial_place *place, void *memory);

/* How fast the one is that is written to, by its own registers. 0: they say nothing that could be. */
unsigned int uart_speed(void);

/* The serial line: COM1, until serial= or the firmware's tables move it (serial.c). */
const struct console_driver *serial_probe(void);
/* Where it is and how fast. */
void serial_describe(char *text, size_t size);
/* What serial= says of registers in memory and of cards. Needs arch_device_mapper. */
void serial_map(void);
/* The SPCR table, where there is no serial=. After acpi_init(). */
void serial_ask_firmware(void);

/* One console more. NULL: none. */
void console_add(const struct console_driver *driver);

/* A PS/2 keyboard behind an i8042, polled. */
const struct console_driver *keyboard_probe(void);

/* The screen that the loader left. Prints why, if there is one that cannot be used. Needs arch_device_mapper. */
const struct console_driver *screen_probe(const struct boot_info *boot);

/* Wait until everything written has left the machine; before power off. */
void console_drain(void);
