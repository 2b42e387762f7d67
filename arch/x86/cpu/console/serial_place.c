/* SPDX-License-Identifier: MIT */
/* Parsing the value of serial=, and naming a place in messages. */
#include <arch/layout.h>
#include <asm/serial.h>
#include <lib/format.h>
#include <lib/parse.h>
#include <lib/string.h>

static const struct {
	const char *word;
	struct serial_place place;
} places[] = {
	{ "com1", { SERIAL_PORT, SERIAL_COM1, 1, 0 } },
	{ "com2", { SERIAL_PORT, 0x2f8, 1, 0 } },
	{ "com3", { SERIAL_PORT, 0x3e8, 1, 0 } },
	{ "com4", { SERIAL_PORT, 0x2e8, 1, 0 } },
	{ "pci", { SERIAL_PCI, 0, 1, 0 } },
};

/* Does `text` begin with `word`, and does nothing follow but a comma? */
static bool is_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) == 0 && (!text[len] || text[len] == ',');
}

/* A number behind `prefix`, up to the end or a comma. */
static bool number_after(const char *text, const char *prefix, u64 *number)
{
	char digits[24];
	size_t len = strlen(prefix), n = 0;

	if (strncmp(text, prefix, len) != 0)
		return false;
	for (text += len; text[n] && text[n] != ',' && n + 1 < sizeof(digits); n++)
		digits[n] = text[n];
	digits[n] = 0;
	return (!text[n] || text[n] == ',') && !kstrtou64(digits, 0, number);
}

static bool parse_address(const char *word, struct serial_place *place)
{
	*place = (struct serial_place){ .kind = SERIAL_MEMORY, .stride = 1 };
	if (number_after(word, "mmio:", &place->address))
		return true;
	place->stride = 4;
	if (number_after(word, "mmio32:", &place->address))
		return true;
	*place = (struct serial_place){ .kind = SERIAL_PORT, .stride = 1 };
	return strncmp(word, "0x", 2) == 0 && number_after(word, "", &place->address);
}

static bool parse_place(const char *word, struct serial_place *place)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (is_word(word, places[i].word)) {
			*place = places[i].place;
			return true;
		}
	return parse_address(word, place);
}

/* A 16550 divides 115200 by a whole number of 16 bits. */
static bool parse_baud(const char *word, unsigned int *baud)
{
	const char *comma = strchr(word, ',');
	u64 number = SERIAL_MAX_BAUD;

	if (comma && kstrtou64(comma + 1, 0, &number))
		return false;
	if (!number || number > SERIAL_MAX_BAUD || SERIAL_MAX_BAUD % (u32)number ||
	    SERIAL_MAX_BAUD / (u32)number > 0xffff)
		return false;
	*baud = (unsigned int)number;
	return true;
}

bool serial_place_fits(const struct serial_place *place)
{
	u64 limit = place->kind == SERIAL_PORT ? 0x10000 : arch_phys_limit();

	return place->address && place->address <= limit - SERIAL_REGISTERS * place->stride;
}

const char *serial_parse(const char *word, struct serial_place *place)
{
	if (!parse_place(word, place))
		return "it is none of com1, com2, com3, com4, 0xPORT, mmio:ADDR, mmio32:ADDR, pci";
	if (!parse_baud(word, &place->baud))
		return "the speed is not 115200 or a whole part of it";
	if (place->kind != SERIAL_PCI && !serial_place_fits(place))
		return "no registers can be there";
	return NULL;
}

void serial_name(char *name, const struct serial_place *place)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (place->kind == SERIAL_PORT && places[i].place.kind == SERIAL_PORT &&
		    place->address == places[i].place.address) {
			scnprintf(name, SERIAL_NAME_BYTES, "COM%u", (unsigned int)i + 1);
			return;
		}
	if (place->kind == SERIAL_PCI)
		scnprintf(name, SERIAL_NAME_BYTES, "a serial card");
	else
		scnprintf(name, SERIAL_NAME_BYTES, "%s %#llx", place->kind == SERIAL_PORT ? "I/O port" : "memory at",
			  place->address);
}
