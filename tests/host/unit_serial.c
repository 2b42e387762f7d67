/* SPDX-License-Identifier: MIT */
/* Which UART becomes the console, and at what speed. Where one answers is data. */
#include "tests/host/port/host.h"

#include <arch/console.h>
#include <arch/init.h>
#include <asm/console_driver.h>
#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <lib/string.h>

static u64 answers[4];		  /* where UARTs are */
static unsigned int speed, found; /* of the one that is written to; of each before anybody set it */
static u64 cards[4], table;	  /* ports of serial cards; of the SPCR table */
static unsigned int table_baud;
static const char *word; /* of serial= */
static unsigned int nr_replayed, nr_added;

static const struct console_driver *test_uart_probe(const struct serial_place *place, void *memory)
{
	static const struct console_driver driver = { .name = "serial" };

	(void)memory;
	for (unsigned int i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i] == place->address) {
			speed = place->baud ? place->baud : found;
			return &driver;
		}
	return NULL;
}

static bool test_card(unsigned int *from, struct serial_place *place)
{
	if (*from == ARRAY_SIZE(cards) || !cards[*from])
		return false;
	*place = (struct serial_place){ SERIAL_PORT, cards[(*from)++], 1, place->baud };
	return true;
}

static bool test_table(struct serial_place *place)
{
	*place = (struct serial_place){ SERIAL_PORT, table, 1, table_baud };
	return table;
}

static unsigned int test_speed(void) { return speed; }
static void test_replay(void (*write)(const char *text, size_t len)) { (void)write, nr_replayed++; }
static void test_add(const struct console_driver *driver) { (void)driver, nr_added++; }
static void test_drain(void) { }
static const char *test_value(const char *name) { return strcmp(name, "serial") == 0 ? word : NULL; }

#define uart_probe	    test_uart_probe
#define uart_speed	    test_speed
#define pci_serial_card	    test_card
#define acpi_serial_console test_table
#define printk_replay	    test_replay
#define console_add	    test_add
#define console_drain	    test_drain
#define cmdline_value	    test_value
#define cmdline_has(name)   (test_value(name) != NULL)
#define serial_describe	    test_describe
#include "arch/x86/cpu/console/serial.c"

static char console[80];

/* A boot, up to the firmware's tables. */
static void boot(void)
{
	host_log_clear();
	nr_replayed = nr_added = 0;
	wanted_waits = false;
	serial_probe();
	arch_console_option();
	serial_map();
	serial_ask_firmware();
	serial_describe(console, sizeof(console));
	assert_true(!serial_line || console_place.baud == speed);
}

static void machine(u64 first, u64 second, unsigned int baud)
{
	answers[0] = first;
	answers[1] = second;
	found = baud;
	memset(cards, 0, sizeof(cards));
	table = 0;
	word = NULL;
}

/* What the table says, but its speed: "as it is". Nothing is said twice, unless the speed has changed. */
static void the_firmwares_speed(void **state)
{
	(void)state;
	machine(0x3f8, 0x2f8, 115200);
	table = 0x3f8;
	table_baud = 0;
	boot();
	assert_string_equal(console, "COM1, 115200 baud");
	assert_int_equal(nr_replayed, 0);
	found = 9600; /* who reads there has not seen what was sent faster */
	boot();
	assert_string_equal(console, "COM1, 9600 baud");
	assert_int_equal(nr_replayed, 1);
	found = 0; /* a UART that does not tell */
	boot();
	assert_string_equal(console, "COM1, 115200 baud");
	assert_int_equal(nr_replayed, 0);
	table_baud = 57600;
	boot();
	assert_string_equal(console, "COM1, 57600 baud");
	table = 0x2f8;
	table_baud = 0;
	found = 19200;
	boot();
	assert_string_equal(console, "COM2, 19200 baud");
	assert_int_equal(nr_replayed, 1);
	found = 0;
	boot();
	assert_string_equal(console, "COM2, as fast as it is");
	speed = 0;
}

static void a_word_counts_more(void **state)
{
	(void)state;
	machine(0x3f8, 0x2f8, 9600);
	table = 0x2f8;
	word = "com1";
	boot();
	assert_string_equal(console, "COM1, 115200 baud");
	assert_int_equal(nr_replayed, 0);
	word = "com2,300";
	boot();
	assert_string_equal(console, "COM2, 300 baud");
	word = "com4"; /* nobody */
	boot();
	assert_string_equal(console, "COM1, 115200 baud");
	assert_non_null(strstr(host_log(), "no UART answers at COM4, so it is not used"));
}

/* The first one that answers, be it the last card. */
static void cards_that_lead_nowhere(void **state)
{
	(void)state;
	machine(0x3f8, 0xc200, 9600);
	cards[0] = 0xc000, cards[1] = 0xc100, cards[2] = 0xc200;
	word = "pci";
	boot();
	assert_string_equal(console, "I/O port 0xc200, 115200 baud");
	cards[2] = 0;
	boot();
	assert_string_equal(console, "COM1, 115200 baud");
	assert_non_null(strstr(host_log(), "no UART answers at I/O port 0xc100"));
	cards[0] = 0;
	boot();
	assert_string_equal(console, "COM1, 115200 baud");
	assert_non_null(strstr(host_log(), "serial=pci: there is no serial card"));
	answers[0] = 0;
	cards[0] = 0xc200; /* no COM1 either: it is one console more */
	boot();
	assert_string_equal(console, "I/O port 0xc200, 115200 baud");
	assert_int_equal(nr_added, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_firmwares_speed),
		cmocka_unit_test(a_word_counts_more),
		cmocka_unit_test(cards_that_lead_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
