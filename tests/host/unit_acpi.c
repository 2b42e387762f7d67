/* SPDX-License-Identifier: MIT */
/* Finding ACPI tables, when some are damaged, twice there, or many. (What is in them: fuzz_acpi.) */
#include "tests/host/port/host.h"

#include <asm/acpi.h>
#include <asm/serial.h>
#include <kernel/boot_info.h>
#include <lib/string.h>

#define AT   0x100000u
#define MANY 20000u

static u8 memory[1 << 20];

static void put(size_t at, u64 value, size_t size)
{
	memcpy(memory + at, &value, size);
}

static void fix_sum(size_t from, size_t size, size_t sum_at)
{
	u8 sum = 0;

	memory[sum_at] = 0;
	for (size_t i = 0; i < size; i++)
		sum += memory[from + i];
	memory[sum_at] = -sum;
}

static void put_table(size_t at, const char *signature, u32 length)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, length, 4);
	fix_sum(at, length, at + 9);
}

/* Each entry of the XSDT leads to the next of `nr` tables, which lie 64 bytes apart; beyond them to the last. */
static void start(unsigned int entries, unsigned int nr)
{
	struct boot_info boot = { .rsdp_len = 36 };
	size_t xsdt = 0x8000;

	for (unsigned int i = 0; i < entries; i++)
		put(xsdt + 36 + 8 * i, AT + 0x1000 + 64 * min(i, nr - 1), 8);
	put_table(xsdt, "XSDT", 36 + 8 * entries);
	memcpy(memory, "RSD PTR ", 8);
	put(15, 2, 1);
	put(24, AT + xsdt, 8);
	fix_sum(0, 20, 8);
	fix_sum(0, 36, 32);
	memcpy(boot.rsdp, memory, 36);
	host_device(AT, memory, sizeof(memory));
	acpi_init(&boot);
}

static int setup(void **state)
{
	(void)state;
	host_machine(64ull << 20, 1);
	memset(memory, 0, sizeof(memory));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	acpi_init(&(struct boot_info){ 0 });
	host_device_forget();
	return 0;
}

/* It hides neither the next of its name nor itself: there is a line about it. */
static void a_damaged_table_is_passed_over(void **state)
{
	const struct acpi_header *table;
	unsigned int entry = 0;

	(void)state;
	put_table(0x1000, "SSDT", 40);
	put_table(0x1040, "SSDT", 41);
	put_table(0x1080, "SSDT", 42);
	memory[0x1040 + 38]++; /* now its sum is wrong */
	host_log_clear();
	start(3, 3);
	table = acpi_next("SSDT", &entry);
	assert_int_equal(table->length, 40);
	acpi_unmap(table);
	table = acpi_next("SSDT", &entry);
	assert_int_equal(table->length, 42);
	acpi_unmap(table);
	assert_null(acpi_next("SSDT", &entry));
	assert_non_null(strstr(host_log(), "checksum"));
	memory[0x1000 + 38]++;
	table = acpi_find("SSDT");
	assert_int_equal(table->length, 42);
	acpi_unmap(table);
	assert_int_equal(host_device_maps(), 1);
}

/* Going through all of a name costs a few mappings an entry, not a walk from the beginning for each. */
static void many_tables_of_one_name(void **state)
{
	const struct acpi_header *table;
	unsigned int entry = 0, found = 0;
	unsigned long before;

	(void)state;
	put_table(0x1000, "SSDT", 40);
	start(MANY, 1);
	before = host_device_mapped();
	while ((table = acpi_next("SSDT", &entry))) {
		found++;
		acpi_unmap(table);
	}
	assert_int_equal(found, MANY);
	assert_true(host_device_mapped() - before <= 3 * MANY);
}

/* Without a root pointer there is nothing, whatever there was before. */
static void no_root_pointer(void **state)
{
	(void)state;
	put_table(0x1000, "SSDT", 40);
	start(1, 1);
	acpi_init(&(struct boot_info){ 0 });
	assert_null(acpi_find("SSDT"));
}

/* A UART at `address` of this space, with registers of `width` bits. */
static bool spcr(struct serial_place *place, u8 interface, u8 space, u8 width, u64 address, u8 baud)
{
	put(0x1000 + 36, interface, 1);
	put(0x1000 + 40, space, 1);
	put(0x1000 + 41, width, 1);
	put(0x1000 + 44, address, 8);
	put(0x1000 + 58, baud, 1);
	put_table(0x1000, "SPCR", 80);
	start(1, 1);
	return acpi_serial_console(place);
}

static void the_firmwares_console(void **state)
{
	struct serial_place place;

	(void)state;
	assert_true(spcr(&place, 0, 1, 8, 0x2f8, 7));
	assert_true(place.kind == SERIAL_PORT && place.address == 0x2f8 && place.stride == 1 && place.baud == 115200);
	assert_true(spcr(&place, 1, 0, 8, 0xfe030000, 3));
	assert_true(place.kind == SERIAL_MEMORY && place.address == 0xfe030000 && place.stride == 1 &&
		    place.baud == 9600);
	assert_true(spcr(&place, 0x12, 0, 32, 0xfe030000, 0));
	assert_true(place.kind == SERIAL_MEMORY && place.stride == 4 && place.baud == 0);
	host_log_clear();
	assert_false(spcr(&place, 0, 1, 8, 0, 7)); /* no console: nothing to say */
	assert_null(strstr(host_log(), "SPCR names"));
	assert_false(spcr(&place, 3, 0, 32, 0xfe030000, 7)); /* an ARM PL011 */
	assert_false(spcr(&place, 0, 1, 8, 0xfffe, 7));
	assert_false(spcr(&place, 0, 0, 8, ~0ull - 2, 7));
	assert_false(spcr(&place, 0, 2, 8, 0x2f8, 7));
	assert_non_null(strstr(host_log(), "no 16550"));
}

/* A table that ends before its last field. */
static void a_short_console_table(void **state)
{
	struct serial_place place;

	(void)state;
	put(0x1000 + 40, 1, 1);
	put(0x1000 + 44, 0x2f8, 8);
	put_table(0x1000, "SPCR", 58);
	start(1, 1);
	assert_false(acpi_serial_console(&place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_damaged_table_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(many_tables_of_one_name, setup, teardown),
		cmocka_unit_test_setup_teardown(no_root_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(the_firmwares_console, setup, teardown),
		cmocka_unit_test_setup_teardown(a_short_console_table, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
