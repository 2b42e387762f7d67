/* SPDX-License-Identifier: MIT */
/*
 * Which UART is the console.
 *
 *	first of all		COM1, if it answers: it needs no memory and no command line
 *	the command line is known	serial= with an I/O port
 *	devices can be mapped	serial= with registers in memory or on a card
 *	ACPI tables are read	without serial=: the SPCR table, where servers name the port that leads to their
 *				management board
 *
 * When the console moves, the new line gets all that was said until then, out of printk's ring. A place where nobody
 * answers is said, and the console stays where it was.
 */
#include <arch/console.h>
#include <arch/init.h>
#include <asm/console_driver.h>
#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <lib/string.h>

CMDLINE_OPTION(serial, "serial=PLACE[,BAUD]", "the serial console: com1 to com4, 0xPORT, mmio:ADDR, mmio32:ADDR, pci");

static struct serial_place at; /* the console's, if there is one */
static const struct console_driver *serial_line;

const struct console_driver *serial_probe(void)
{
	static const struct serial_place com1 = { SERIAL_PORT, SERIAL_COM1, 1, SERIAL_MAX_BAUD };

	at = com1;
	serial_line = uart_probe(&com1, NULL);
	return serial_line;
}

void serial_describe(char *text, size_t size)
{
	char name[SERIAL_NAME_BYTES];

	serial_name(name, &at);
	if (at.baud)
		scnprintf(text, size, "%s, %u baud", name, at.baud);
	else
		strscpy(text, name, size);
}

/* False: the registers cannot be reached. A port needs no mapping. */
static bool map_uart(const struct serial_place *place, void **memory)
{
	*memory = NULL;
	if (place->kind == SERIAL_MEMORY)
		*memory = arch_device_mapper->map((phys_addr_t)place->address, SERIAL_REGISTERS * place->stride,
						  MEMTYPE_UC_MINUS);
	return place->kind != SERIAL_MEMORY || *memory;
}

static bool same_place(const struct serial_place *a, const struct serial_place *b)
{
	return a->kind == b->kind && a->address == b->address && a->baud == b->baud;
}

/* `why`: who wants it there. */
static void move(const struct serial_place *place, const char *why)
{
	const struct console_driver *there = NULL;
	char name[SERIAL_NAME_BYTES];
	void *memory;

	serial_name(name, place);
	if (serial_line && same_place(place, &at))
		return;
	printk("console: the serial line is %s, %u baud (%s)\n", name, place->baud, why);
	console_drain();
	if (map_uart(place, &memory))
		there = uart_probe(place, memory);
	if (!there) {
		if (memory)
			arch_device_mapper->unmap(memory);
		pr_warn("console: no UART answers at %s, so it is not used\n", name);
		return;
	}
	at = *place;
	if (!serial_line)
		console_add(there);
	serial_line = there;
	printk_replay(there->write);
}

static struct serial_place wanted; /* by serial=, as long as it waits for devices to be mapped */
static bool waits;

void arch_console_option(void)
{
	const char *word = cmdline_value("serial"), *wrong = word ? serial_parse(word, &wanted) : "it says no place";

	if (!cmdline_has("serial"))
		return;
	waits = !wrong && wanted.kind != SERIAL_PORT;
	if (wrong)
		pr_warn("serial=%s: not used, %s\n", word ? word : "", wrong);
	else if (!waits)
		move(&wanted, "serial=");
}

void serial_map(void)
{
	if (!waits)
		return;
	if (wanted.kind == SERIAL_PCI && !pci_serial_card(&wanted))
		pr_warn("serial=pci: there is no serial card\n");
	else
		move(&wanted, "serial=");
}

void serial_ask_firmware(void)
{
	struct serial_place place;

	if (!cmdline_has("serial") && acpi_serial_console(&place))
		move(&place, "SPCR");
}
