/* SPDX-License-Identifier: MIT */
/* The keyboard's driver: is there one, and what do keys say? Its controller is a model. */
#include "tests/host/port/host.h"

#include <asm/console_driver.h>
#include <asm/io.h>
#include <lib/string.h>

#define FULL 1u /* in the status */

static struct controller {
	u8 status;	    /* what is always set in it; 0xff: an empty bus */
	bool answers;	    /* to commands */
	u8 config, command; /* command: waits for its byte */
	u8 out[64];
	unsigned int nr_out;
} controller;

static void give(u8 byte)
{
	controller.out[controller.nr_out++] = byte;
}

static u8 take(void)
{
	u8 byte = controller.out[0];

	memmove(controller.out, controller.out + 1, sizeof(controller.out) - 1);
	controller.nr_out -= controller.nr_out > 0;
	return byte;
}

static u8 port_read(u16 port)
{
	if (port == 0x64)
		return controller.status | (controller.nr_out ? FULL : 0);
	return controller.nr_out ? take() : controller.status;
}

static void port_write(u8 value, u16 port)
{
	if (!controller.answers)
		return;
	if (port == 0x60 && controller.command == 0x60)
		controller.config = value;
	if (port == 0x64 && value == 0x20)
		give(controller.config);
	controller.command = port == 0x64 ? value : 0;
}

#define inb(port)	  port_read(port)
#define outb(value, port) port_write(value, port)
#define cpu_relax()	  ((void)0)
#include "arch/x86/cpu/console/keyboard.c"

static const struct console_driver *probe(u8 status, bool answers)
{
	controller = (struct controller){ .status = status, .answers = answers, .config = 0x33 };
	return keyboard_probe();
}

static void is_there_one(void **state)
{
	(void)state;
	assert_null(probe(0xff, false));
	assert_null(probe(0x00, false)); /* an empty bus too, of some machines */
	assert_null(probe(0x02, false)); /* a controller that never takes anything */
	assert_non_null(probe(0x00, true));
	assert_non_null(probe(0x1c, true));
	assert_int_equal(controller.config, 0x60); /* keyboard on, mouse off, translated, no interrupts */
	assert_non_null(probe(0x1c, false)); /* firmware's imitation, that knows no commands */
}

static void expect_keys(const u8 *scan, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		give(scan[i]);
	for (; *text; text++)
		assert_int_equal(keyboard_getc(), *text);
	assert_int_equal(keyboard_getc(), -1);
}

#define EXPECT_KEYS(text, ...) expect_keys((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), text)

static void keys(void **state)
{
	(void)state;
	assert_non_null(probe(0x1c, true));
	EXPECT_KEYS("a", 0x1e, 0x9e);
	EXPECT_KEYS("A", 0x2a, 0x1e, 0x9e, 0xaa);
	EXPECT_KEYS("\3", 0x1d, 0x2e, 0xae, 0x9d);
	EXPECT_KEYS("B", 0x3a, 0xba, 0x30, 0xb0, 0x3a, 0xba);
	EXPECT_KEYS("\033[A\033[5~", 0xe0, 0x48, 0xe0, 0xc8, 0x49, 0xc9);
	EXPECT_KEYS("/\n", 0xe0, 0x35, 0xe0, 0xb5, 0xe0, 0x1c, 0xe0, 0x9c);
	EXPECT_KEYS("b", 0xe0, 0x2a, 0x30, 0xb0); /* the shift that comes with other keys is none */
}

/* A controller that is never empty holds nobody. */
static void never_empty(void **state)
{
	(void)state;
	assert_non_null(probe(0x1c, true));
	controller.status |= FULL;
	assert_int_equal(keyboard_getc(), -1);
	controller.status = 0x3d; /* from the mouse */
	assert_int_equal(keyboard_getc(), -1);
	controller.status = 0xff;
	assert_int_equal(keyboard_getc(), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_there_one),
		cmocka_unit_test(keys),
		cmocka_unit_test(never_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
