/* SPDX-License-Identifier: MIT */
/*
 * PCI, as much as a serial card needs: find a function by its class, and read its first base address. (PCI Local Bus
 * specification 3.0, chapter 6; configuration mechanism 1.)
 */
#include <asm/io.h>
#include <asm/serial.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

#define PCI_ID	      0x00 /* lower half: vendor; all ones: no function is here */
#define PCI_COMMAND   0x04
#define PCI_CLASS     0x08 /* class, subclass, interface, revision: from the highest byte down */
#define PCI_TYPE      0x0c /* bit 23: the device may have functions 1 to 7 too */
#define PCI_BAR0      0x10
#define PCI_BAR1      0x14

#define COMMAND_IO     1u
#define COMMAND_MEMORY 2u
#define SEVERAL	       (1u << 23)
#define BAR_IO	       1u
#define BAR_64	       4u
#define CLASS_SERIAL   0x0700u

#define FUNCTIONS 0x10000u /* a function's number is bus << 8 | device << 3 | function */

static u32 config_read(unsigned int function, unsigned int reg)
{
	outl(CONFIG_ENABLE | function << 8 | reg, CONFIG_ADDRESS);
	return inl(CONFIG_DATA);
}

static void config_write(unsigned int function, unsigned int reg, u32 value)
{
	outl(CONFIG_ENABLE | function << 8 | reg, CONFIG_ADDRESS);
	outl(value, CONFIG_DATA);
}

static bool pci_present(void)
{
	outl(CONFIG_ENABLE, CONFIG_ADDRESS);
	return inl(CONFIG_ADDRESS) == CONFIG_ENABLE;
}

/* Find the function's registers, and switch on its ports or its memory. False: this machine cannot reach them. */
static bool first_address(unsigned int function, struct serial_place *place)
{
	u32 bar = config_read(function, PCI_BAR0);
	bool io = bar & BAR_IO;

	*place = (struct serial_place){ io ? SERIAL_PORT : SERIAL_MEMORY, bar & ~(io ? 3u : 15u), 1, 0 };
	if (!io && (bar & BAR_64))
		place->address |= (u64)config_read(function, PCI_BAR1) << 32;
	if (!serial_place_fits(place))
		return false;
	config_write(function, PCI_COMMAND,
		     (config_read(function, PCI_COMMAND) & 0xffff) | (io ? COMMAND_IO : COMMAND_MEMORY));
	return true;
}

static bool function_present(unsigned int function)
{
	return (config_read(function, PCI_ID) & 0xffff) != 0xffff;
}

/* The next function to look at. If a device has no function 0, or only that one, its other seven are skipped. */
static unsigned int next_function(unsigned int function)
{
	bool several = function & 7 || (function_present(function) && config_read(function, PCI_TYPE) & SEVERAL);

	return function + (several ? 1 : 8);
}

bool pci_serial_card(unsigned int *from, struct serial_place *place)
{
	unsigned int baud = place->baud, function = *from;
	bool found = false;

	for (; function < FUNCTIONS && pci_present() && !found; function = next_function(function))
		found = function_present(function) && config_read(function, PCI_CLASS) >> 16 == CLASS_SERIAL &&
			first_address(function, place);
	*from = function;
	place->baud = baud;
	return found;
}
