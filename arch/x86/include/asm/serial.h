/* SPDX-License-Identifier: MIT */
/*
 * Which UART the serial console is, and where its registers are.
 *
 *	serial=com2		a PC's second port		serial=0x2f8	a 16550 at this I/O port
 *	serial=mmio:ADDR	registers in memory, one byte apart
 *	serial=mmio32:ADDR	four bytes apart, read as words
 *	serial=pci		the first serial card that answers
 *	serial=com1,9600	with another speed than 115200
 */
#pragma once

#include <lib/types.h>

enum serial_kind { SERIAL_PORT, SERIAL_MEMORY, SERIAL_PCI };

struct serial_place {
	enum serial_kind kind;
	u64 address;	     /* I/O port or physical address; unused for SERIAL_PCI */
	unsigned int stride; /* bytes from one register to the next */
	unsigned int baud;   /* 0: keep the firmware's speed */
};

#define SERIAL_COM1	0x3f8
#define SERIAL_MAX_BAUD 115200u
#define SERIAL_REGISTERS 8u

/* Parse the value of serial=. NULL, or text for a message that says what is wrong with it. Pure. */
const char *serial_parse(const char *word, struct serial_place *place);

/* Can all registers be reached there? Pure. */
bool serial_place_fits(const struct serial_place *place);

/* Bytes of the buffer for a place's name: "I/O port 0x2f8". */
#define SERIAL_NAME_BYTES 48
void serial_name(char *name, const struct serial_place *place);

/*
 * The place that the SPCR table names. False: there is no such table, or it names no 16550 that can be reached. After
 * acpi_init().
 */
bool acpi_serial_console(struct serial_place *place);

/*
 * Find the next PCI card of class 07 00 (serial) with an address, and switch it on. *from is where the search begins:
 * first 0; then it is behind the card that was found. The registers of a 16550 lie at the first base address.
 * place->baud stays. False: there is no such card, or no PCI.
 */
bool pci_serial_card(unsigned int *from, struct serial_place *place);
