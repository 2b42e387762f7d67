/* SPDX-License-Identifier: MIT */
/* Looking for serial cards. The configuration space is a model: functions that are there, and nothing else. */
#include "tests/host/port/host.h"

#include <asm/io.h>
#include <asm/serial.h>
#include <lib/string.h>

#define AT(bus, device, function) ((bus) << 8 | (device) << 3 | (function))

struct function {
	unsigned int at;
	u32 class, type, bar[2], command;
};

static struct function *functions;
static unsigned int nr_functions, nr_reads;
static bool no_pci;
static u32 address;

static struct function *selected(void)
{
	for (unsigned int i = 0; i < nr_functions; i++)
		if ((address & 0xffff00) >> 8 == functions[i].at)
			return &functions[i];
	return NULL;
}

static u32 port_read(u16 port)
{
	const struct function *f = selected();

	if (port == 0xcf8)
		return no_pci ? ~0u : address;
	nr_reads++;
	if (!f || no_pci)
		return ~0u;
	switch (address & 0xff) {
	case 0x00: return 0x12345678;
	case 0x04: return f->command | 0x02b00000;
	case 0x08: return f->class << 8;
	case 0x0c: return f->type << 16;
	case 0x10: return f->bar[0];
	case 0x14: return f->bar[1];
	default: return 0;
	}
}

static void port_write(u32 value, u16 port)
{
	if (port == 0xcf8)
		address = value;
	else if (selected() && (address & 0xff) == 4)
		selected()->command = value;
}

#define inl(port)	  port_read(port)
#define outl(value, port) port_write(value, port)
#include "arch/x86/cpu/console/pci.c"

static unsigned int from;
static struct serial_place place;

static void machine_of(struct function *list, unsigned int n)
{
	functions = list;
	nr_functions = n;
	nr_reads = from = 0;
	no_pci = false;
	place = (struct serial_place){ SERIAL_PCI, 0, 1, 9600 };
}

#define MACHINE(...) machine_of((struct function[]){ __VA_ARGS__ }, ARRAY_SIZE(((struct function[]){ __VA_ARGS__ })))

static void expect_card(enum serial_kind kind, u64 at)
{
	assert_true(pci_serial_card(&from, &place));
	assert_int_equal(place.kind, kind);
	assert_int_equal(place.address, at);
	assert_int_equal(place.stride, 1);
	assert_int_equal(place.baud, 9600);
}

static void expect_no_more(void)
{
	assert_false(pci_serial_card(&from, &place));
	assert_int_equal(place.baud, 9600);
}

static void ports_and_memory(void **state)
{
	(void)state;
	MACHINE({ .at = AT(0, 0, 0), .class = 0x060000 }, { .at = AT(0, 3, 0), .class = 0x070002, .bar = { 0xc001 } });
	expect_card(SERIAL_PORT, 0xc000);
	assert_int_equal(functions[1].command, 1); /* ports are on; bits of the status are not written back */
	expect_no_more();
	MACHINE({ .at = AT(2, 31, 0), .class = 0x070002, .bar = { 0xfeb00000 }, .command = 1 });
	expect_card(SERIAL_MEMORY, 0xfeb00000);
	assert_int_equal(functions[0].command, 3);
	expect_no_more();
	MACHINE({ .at = AT(0, 4, 0), .class = 0x070002, .bar = { 0xfeb0000c, 8 } });
	if (arch_phys_limit() > 1ull << 36) {
		expect_card(SERIAL_MEMORY, 0x8feb00000);
	} else {
		expect_no_more();
		assert_int_equal(functions[0].command, 0);
	}
}

/* Another function than the first counts where the first says that there are several; without a first there is none. */
static void other_functions(void **state)
{
	(void)state;
	MACHINE({ .at = AT(0, 5, 0), .class = 0x010000, .type = 0x80 },
		{ .at = AT(0, 5, 2), .class = 0x070000, .bar = { 0xd001 } });
	expect_card(SERIAL_PORT, 0xd000);
	expect_no_more();
	MACHINE({ .at = AT(0, 5, 0), .class = 0x010000 }, { .at = AT(0, 5, 2), .class = 0x070000, .bar = { 0xd001 } });
	expect_no_more();
	MACHINE({ .at = AT(0, 5, 2), .class = 0x070000, .bar = { 0xd001 } });
	expect_no_more();
	assert_in_range(nr_reads, 1, 0x10000 / 8 * 2 + 8); /* a place without a device is looked at once */
}

/* Each card has its turn: the first one may lead nowhere. Cards without an address are passed over. */
static void several_cards(void **state)
{
	(void)state;
	MACHINE({ .at = AT(0, 1, 0), .class = 0x070002 }, { .at = AT(0, 2, 0), .class = 0x070002, .bar = { 0xc001 } },
		{ .at = AT(0, 3, 0), .class = 0x078000, .bar = { 0xc101 } },
		{ .at = AT(0, 4, 0), .class = 0x070000, .type = 0x80, .bar = { 0xc201 } },
		{ .at = AT(0, 4, 1), .class = 0x070000, .bar = { 0xc301 } });
	expect_card(SERIAL_PORT, 0xc000);
	expect_card(SERIAL_PORT, 0xc200);
	expect_card(SERIAL_PORT, 0xc300);
	expect_no_more();
	expect_no_more();
}

static void no_answer(void **state)
{
	(void)state;
	MACHINE({ .at = AT(0, 2, 0), .class = 0x070002, .bar = { 0xc001 } });
	no_pci = true;
	expect_no_more();
	assert_int_equal(nr_reads, 0);
	MACHINE({ .at = AT(0, 0, 0), .class = 0x060000 });
	expect_no_more();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_and_memory),
		cmocka_unit_test(other_functions),
		cmocka_unit_test(several_cards),
		cmocka_unit_test(no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
