/* SPDX-License-Identifier: MIT */
/*
 * The 16550's driver at ports, at bytes and at words in memory; and the words of serial=. The chip is a model: one byte
 * a register.
 */
#include "tests/host/port/host.h"

#include <asm/console_driver.h>
#include <asm/io.h>
#include <lib/string.h>

#define CHIP	0x1000 /* where its registers begin, in ports and in memory */
#define REGS	8
#define DLAB	0x80
#define LOOP	0x10

static struct chip {
	unsigned int stride, width; /* of the accesses that it answers: bytes */
	bool absent, no_fifo, stuck;
	u8 reg[REGS], divisor[2], looped;
	bool has_looped;
	char sent[64];
	unsigned int nr_sent, wrong; /* accesses beside a register or of another width */
} chip;

/* serial.c's: where the line is. */
void serial_describe(char *text, size_t size)
{
	strscpy(text, "COM1", size);
}

static bool selects(unsigned long at, unsigned int width, unsigned int *reg)
{
	bool right =
		at >= CHIP && at < CHIP + REGS * chip.stride && (at - CHIP) % chip.stride == 0 && width == chip.width;

	chip.wrong += !right;
	*reg = (unsigned int)(at - CHIP) / chip.stride;
	return right && !chip.absent;
}

static u32 chip_read(unsigned long at, unsigned int width)
{
	unsigned int reg;

	if (!selects(at, width, &reg))
		return ~0u;
	if (reg < 2 && (chip.reg[3] & DLAB))
		return chip.divisor[reg];
	if (reg == 5)
		return (chip.stuck ? 0 : 0x60) | chip.has_looped;
	if (reg == 2)
		return chip.no_fifo ? 1 : 0xc1;
	if (reg == 0) {
		chip.has_looped = false;
		return chip.looped;
	}
	return chip.reg[reg];
}

static void chip_write(u32 value, unsigned long at, unsigned int width)
{
	unsigned int reg;

	if (!selects(at, width, &reg))
		return;
	if (reg < 2 && (chip.reg[3] & DLAB)) {
		chip.divisor[reg] = (u8)value;
	} else if (reg == 0 && (chip.reg[4] & LOOP)) {
		chip.looped = (u8)value;
		chip.has_looped = true;
	} else if (reg == 0 && chip.nr_sent < sizeof(chip.sent)) {
		chip.sent[chip.nr_sent++] = (char)value;
	} else {
		chip.reg[reg] = (u8)value;
	}
}

#define inb(port)	   ((u8)chip_read(port, 1))
#define outb(value, port)  chip_write(value, port, 1)
#define readb(addr)	   ((u8)chip_read((unsigned long)(addr), 1))
#define readl(addr)	   chip_read((unsigned long)(addr), 4)
#define writeb(value, addr) chip_write(value, (unsigned long)(addr), 1)
#define writel(value, addr) chip_write(value, (unsigned long)(addr), 4)
#define cpu_relax()	    ((void)0) /* the stalled line is polled millions of times */
#include "arch/x86/cpu/console/uart.c"

static const struct console_driver *probe(enum serial_kind kind, unsigned int stride, unsigned int baud)
{
	struct serial_place place = { kind, CHIP, stride, baud };

	memset(&chip, 0, sizeof(chip));
	chip.stride = stride;
	chip.width = kind == SERIAL_MEMORY && stride == 4 ? 4 : 1;
	return uart_probe(&place, kind == SERIAL_MEMORY ? (void *)CHIP : NULL);
}

static void expect_hello(const struct console_driver *driver)
{
	assert_non_null(driver);
	driver->write("hi\n", 3);
	assert_int_equal(chip.nr_sent, 4);
	assert_memory_equal(chip.sent, "hi\r\n", 4);
	assert_int_equal(chip.reg[3], 3); /* 8N1 */
	assert_int_equal(chip.wrong, 0);
}

static void registers_at_each_distance(void **state)
{
	(void)state;
	expect_hello(probe(SERIAL_PORT, 1, 115200));
	expect_hello(probe(SERIAL_MEMORY, 1, 115200));
	expect_hello(probe(SERIAL_MEMORY, 4, 115200));
	expect_hello(probe(SERIAL_MEMORY, 2, 115200));
}

static void speed(void **state)
{
	(void)state;
	expect_hello(probe(SERIAL_PORT, 1, 9600));
	assert_int_equal(chip.divisor[0], 12);
	expect_hello(probe(SERIAL_PORT, 1, 300));
	assert_int_equal(chip.divisor[0] | chip.divisor[1] << 8, 384);
	expect_hello(probe(SERIAL_PORT, 1, 0)); /* as the firmware left it */
	assert_int_equal(chip.divisor[0] | chip.divisor[1] << 8, 0);
	assert_int_equal(uart_speed(), 0);
	chip.divisor[0] = 0x80;
	chip.divisor[1] = 1;
	assert_int_equal(uart_speed(), 300);
	assert_int_equal(chip.reg[3], 3);
}

/* Nobody is there: the console before goes on. */
static void an_empty_place(void **state)
{
	const struct console_driver *driver = probe(SERIAL_PORT, 1, 115200);
	struct serial_place elsewhere = { SERIAL_PORT, 0x2000, 1, 115200 };

	(void)state;
	assert_null(uart_probe(&elsewhere, NULL));
	chip.wrong = 0;
	expect_hello(driver);
	chip.absent = true;
	assert_null(uart_probe(&elsewhere, NULL));
}

/* A line that does not move costs one long wait, and none after it; what is written then is lost. */
static void a_stalled_line(void **state)
{
	const struct console_driver *driver = probe(SERIAL_MEMORY, 4, 115200);

	(void)state;
	chip.stuck = true;
	for (unsigned int i = 0; i < 1000; i++)
		driver->write("x", 1);
	assert_true(uart.stalled);
	chip.stuck = false;
	chip.nr_sent = 0;
	driver->write("y", 1);
	assert_memory_equal(chip.sent, "y", 1);
}

/* --- serial= ------------------------------------------------------------------------------------------------------ */

static void expect_place(const char *word, enum serial_kind kind, u64 address, unsigned int stride, unsigned int baud)
{
	struct serial_place place;

	assert_null(serial_parse(word, &place));
	assert_int_equal(place.kind, kind);
	assert_int_equal(place.address, address);
	assert_int_equal(place.stride, stride);
	assert_int_equal(place.baud, baud);
}

static void words(void **state)
{
	(void)state;
	expect_place("com1", SERIAL_PORT, 0x3f8, 1, 115200);
	expect_place("com2", SERIAL_PORT, 0x2f8, 1, 115200);
	expect_place("com4,9600", SERIAL_PORT, 0x2e8, 1, 9600);
	expect_place("0x3e8,57600", SERIAL_PORT, 0x3e8, 1, 57600);
	expect_place("pci", SERIAL_PCI, 0, 1, 115200);
	expect_place("pci,300", SERIAL_PCI, 0, 1, 300);
	expect_place("mmio:0xfe032000", SERIAL_MEMORY, 0xfe032000, 1, 115200);
	expect_place("mmio32:0xfe032000,38400", SERIAL_MEMORY, 0xfe032000, 4, 38400);
}

static void words_that_are_none(void **state)
{
	static const char *const bad[] = { "",
					   "com",
					   "com5",
					   "com1x",
					   "com1,",
					   "com1,0",
					   "com1,115201",
					   "com1,1",
					   "com1,9600,8n1",
					   "0x",
					   "0x10000",
					   "0xfffd",
					   "0x0",
					   "1016",
					   "mmio",
					   "mmio:",
					   "mmio:zz",
					   "mmio:0",
					   "mmio:0xffffffffffffffff",
					   "mmio32:0xfffffffffffffff0",
					   "mmio64:0xfe000000",
					   "pci,",
					   "pci0",
					   ",9600",
					   "0x3f8 ",
					   "0x3f80000000000000000000000000" };
	struct serial_place place;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		if (!serial_parse(bad[i], &place))
			fail_msg("\"%s\" is taken", bad[i]);
}

static void names(void **state)
{
	static const struct serial_place place[] = {
		{ SERIAL_PORT, 0x3f8, 1, 0 },
		{ SERIAL_PORT, 0x2e8, 1, 0 },
		{ SERIAL_PORT, 0xc000, 1, 0 },
		{ SERIAL_MEMORY, 0x3f8, 1, 0 },
	};
	static const char *const name[] = { "COM1", "COM4", "I/O port 0xc000", "memory at 0x3f8" };
	char text[SERIAL_NAME_BYTES];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(place); i++) {
		serial_name(text, &place[i]);
		assert_string_equal(text, name[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_at_each_distance),
		cmocka_unit_test(speed),
		cmocka_unit_test(an_empty_place),
		cmocka_unit_test(a_stalled_line),
		cmocka_unit_test(words),
		cmocka_unit_test(words_that_are_none),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
