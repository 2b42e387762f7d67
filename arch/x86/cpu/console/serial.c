/* SPDX-License-Identifier: MIT */
/*
 * Which UART is the console.
 *
 *	at first		COM1, if it answers: it needs no memory and no command line
 *	the command line is known	serial= with an I/O port
 *	devices can be mapped	serial= with registers in memory or on a card
 *	ACPI tables are read	without serial=: the UART that the SPCR table names; on servers it leads to the
 *				management board
 *
 * When the console moves, the new UART gets the earlier output that is still in printk's ring. If no UART answers at a
 * place, a warning is printed and the console stays where it was.
 */
#include <arch/console.h>
#include <arch/init.h>
#include <asm/console_driver.h>
#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <lib/string.h>

CMDLINE_OPTION(serial, "serial=PLACE[,BAUD]", "the serial console: com1 to com4, 0xPORT, mmio:ADDR, mmio32:ADDR, pci");

static struct serial_place console_place; /* the place of the console, if there is one */
static const struct console_driver *serial_line;
static unsigned int com1_was; /* speed of COM1 before it became the console; 0: not known */

const struct console_driver *serial_probe(void)
{
	console_place = (struct serial_place){ SERIAL_PORT, SERIAL_COM1, 1, 0 };
	com1_was = uart_probe(&console_place, NULL) ? uart_speed() : 0;
	console_place.baud = SERIAL_MAX_BAUD;
	serial_line = uart_probe(&console_place, NULL);
	return serial_line;
}

static void describe_place(char *text, size_t size, const struct serial_place *place)
{
	char name[SERIAL_NAME_BYTES];

	serial_name(name, place);
	if (place->baud)
		scnprintf(text, size, "%s, %u baud", name, place->baud);
	else
		scnprintf(text, size, "%s, as fast as it is", name);
}

void serial_describe(char *text, size_t size)
{
	describe_place(text, size, &console_place);
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

/*
 * Is the console at this place already, with this speed? Speed 0 stands for the firmware's speed, com1_was; if the
 * console is at this place, place->baud gets it.
 */
static bool is_console_place(struct serial_place *place)
{
	if (!serial_line || place->kind != console_place.kind || place->address != console_place.address)
		return false;
	if (!place->baud)
		place->baud = com1_was ? com1_was : console_place.baud;
	return place->baud == console_place.baud;
}

/* `why`: what names the place, for the message. False: no UART answers there. */
static bool move_console(struct serial_place place, const char *why)
{
	const struct console_driver *there = NULL;
	char text[SERIAL_NAME_BYTES + 24];
	void *memory;

	if (is_console_place(&place))
		return true;
	describe_place(text, sizeof(text), &place);
	printk("console: the serial line is %s (%s)\n", text, why);
	console_drain();
	if (map_uart(&place, &memory))
		there = uart_probe(&place, memory);
	if (!there) {
		if (memory)
			arch_device_mapper->unmap(memory);
		serial_name(text, &place);
		pr_warn("console: no UART answers at %s, so it is not used\n", text);
		return false;
	}
	console_place = place;
	if (!console_place.baud)
		console_place.baud = uart_speed();
	if (!serial_line)
		console_add(there);
	serial_line = there;
	printk_replay(there->write);
	return true;
}

static struct serial_place wanted; /* the place that serial= names */
static bool wanted_waits;	   /* it can be used only when devices can be mapped */

void arch_console_option(void)
{
	const char *word = cmdline_value("serial"), *wrong = word ? serial_parse(word, &wanted) : "it says no place";

	if (!cmdline_has("serial"))
		return;
	wanted_waits = !wrong && wanted.kind != SERIAL_PORT;
	if (wrong)
		pr_warn("serial=%s: not used, %s\n", word ? word : "", wrong);
	else if (!wanted_waits)
		move_console(wanted, "serial=");
}

/* Use the first card on which a UART answers: a board may have a built-in one that does not. */
static void use_card(void)
{
	struct serial_place card = wanted;
	unsigned int from = 0, found = 0;

	while (pci_serial_card(&from, &card)) {
		found++;
		if (move_console(card, "serial="))
			return;
	}
	if (!found)
		pr_warn("serial=pci: there is no serial card\n");
}

void serial_map(void)
{
	if (wanted_waits && wanted.kind == SERIAL_PCI)
		use_card();
	else if (wanted_waits)
		move_console(wanted, "serial=");
}

void serial_ask_firmware(void)
{
	struct serial_place place;

	if (!cmdline_has("serial") && acpi_serial_console(&place))
		move_console(place, "SPCR");
}
