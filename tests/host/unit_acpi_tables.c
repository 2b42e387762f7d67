/* SPDX-License-Identifier: MIT */
/*
 * What FADT, MADT and the tables before ACPI say, in the forms in which real firmware has been seen to say it. The
 * sizes and values are those of machines.
 */
#include "tests/host/port/host.h"

#include <asm/acpi.h>
#include <asm/mptable.h>
#include <lib/string.h>

static u8 memory[0x10000];
static size_t used;

static void put(size_t at, u64 value, size_t size)
{
	memcpy(memory + at, &value, size);
}

static void begin(size_t size)
{
	memset(memory, 0, sizeof(memory));
	used = size;
}

/* --- FADT --------------------------------------------------------------------------------------------------------- */

enum { FADT_BYTES = 276, V1_BYTES = 116, PM1A = 64, PM1B = 68, PM_TIMER = 76, FLAGS = 112, RESET = 116, X_DSDT = 140,
       X_PM1A = 172, X_PM1B = 184, X_PM_TIMER = 208, SLEEP = 244 };
#define RESET_SUPPORTED	 (1u << 10)
#define HARDWARE_REDUCED (1u << 20)

static struct acpi_fixed fixed;

static void put_address(size_t at, u8 space, u64 address)
{
	put(at, space, 1);
	put(at + 1, 16, 1);
	put(at + 4, address, 8);
}

static void decode_fadt(size_t len)
{
	u8 *copy = test_malloc(len);

	memcpy(copy, memory, len);
	acpi_decode_fadt((const struct acpi_header *)copy, len, &fixed);
	test_free(copy);
}

#define IS_PORT(a, port) ((a).space == ACPI_SPACE_IO && (a).address == (port))

/* Notebooks of 2019 to 2022: PM1a_CNT_BLK is 0, and X_PM1a_CNT_BLK says where the register is. */
static void the_newer_field_alone(void **state)
{
	(void)state;
	begin(FADT_BYTES);
	put_address(X_PM1A, 1, 0x1804);
	put_address(X_PM_TIMER, 1, 0x1808);
	decode_fadt(FADT_BYTES);
	assert_true(IS_PORT(fixed.pm1a, 0x1804));
	assert_true(IS_PORT(fixed.pm_timer, 0x1808));
	assert_int_equal(fixed.pm1b.address, 0);
}

/* Where both say something the newer one is right; one that cannot be used does not count. */
static void the_newer_field_wins(void **state)
{
	static const struct { u8 space; u64 address; u64 wanted;
	} cases[] = {
		{ 1, 0x1804, 0x1804 }, { 0, 0xfed80804, 0xfed80804 }, { 1, 0, 0x404 },      { 1, 0x10000, 0x404 },
		{ 0, 0, 0x404 },       { 0, ~0ull, 0x404 },           { 2, 0x1804, 0x404 }, { 0x7f, 0x1804, 0x404 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(FADT_BYTES);
		put(PM1A, 0x404, 4);
		put(PM1B, 0x504, 4);
		put(PM_TIMER, 0x408, 4);
		put(40, 0x1000, 4);
		put(X_DSDT, 0x7fff0000, 8);
		put_address(X_PM1A, cases[i].space, cases[i].address);
		decode_fadt(FADT_BYTES);
		assert_int_equal(fixed.pm1a.address, cases[i].wanted);
		assert_int_equal(fixed.pm1a.space, cases[i].wanted == 0xfed80804 ? ACPI_SPACE_MEMORY : ACPI_SPACE_IO);
		assert_true(IS_PORT(fixed.pm1b, 0x504) && IS_PORT(fixed.pm_timer, 0x408));
		assert_int_equal(fixed.dsdt[0], 0x7fff0000);
		assert_int_equal(fixed.dsdt[1], 0x1000);
	}
}

/* A table of ACPI 1.0 ends before the newer fields: what lies behind it is not looked at. */
static void a_table_of_the_first_version(void **state)
{
	(void)state;
	begin(FADT_BYTES);
	put(PM1A, 0x404, 4);
	put_address(X_PM1A, 1, 0x1804);
	decode_fadt(V1_BYTES);
	assert_true(IS_PORT(fixed.pm1a, 0x404));
	assert_int_equal(fixed.reset.address, 0);
}

/* Hardware-reduced machines have a sleep register instead, or none. */
static void hardware_reduced(void **state)
{
	(void)state;
	begin(FADT_BYTES);
	put(FLAGS, HARDWARE_REDUCED | RESET_SUPPORTED, 4);
	put(PM1A, 0x404, 4);
	put_address(X_PM1A, 1, 0x1804);
	put_address(SLEEP, 0, 0xfec00800);
	put_address(RESET, 1, 0xcf9);
	decode_fadt(FADT_BYTES);
	assert_true(fixed.hardware_reduced && !fixed.pm1a.address && !fixed.pm_timer.address);
	assert_true(fixed.sleep.space == ACPI_SPACE_MEMORY && fixed.sleep.address == 0xfec00800);
	assert_true(IS_PORT(fixed.reset, 0xcf9));
	put_address(SLEEP, 0x7f, 0x600);
	decode_fadt(FADT_BYTES);
	assert_int_equal(fixed.sleep.address, 0);
	decode_fadt(SLEEP); /* a table that ends before it */
	assert_int_equal(fixed.sleep.address, 0);
}

/* --- MADT --------------------------------------------------------------------------------------------------------- */

static struct acpi_cpus cpus;

static void apic(u8 id, u32 flags)
{
	put(used, 0x0800, 2);
	put(used + 3, id, 1);
	put(used + 4, flags, 4);
	used += 8;
}

static void x2apic(u32 id, u32 flags)
{
	put(used, 0x1009, 2);
	put(used + 4, id, 4);
	put(used + 8, flags, 4);
	used += 16;
}

static void decode_madt(void)
{
	u8 *copy = test_malloc(used);

	memcpy(copy, memory, used);
	acpi_decode_madt((const struct acpi_header *)copy, used, &cpus);
	test_free(copy);
	begin(44);
}

/* A message to such a CPU goes to all of them: INIT for ever. */
static void ids_of_everybody_are_nobodys(void **state)
{
	(void)state;
	begin(44);
	apic(0, 1);
	apic(0xff, 1);
	x2apic(0xffffffff, 1);
	decode_madt();
	assert_true(cpus.nr == 1 && cpus.apic_id[0] == 0 && cpus.dropped == 0);
	apic(0xff, 1); /* nor does it make those of the other kind doubtful */
	x2apic(3, 1);
	decode_madt();
	assert_true(cpus.nr == 1 && cpus.apic_id[0] == 3);
}

/* CPUs that are not there, in small x2APIC ids beside those that are. */
static void small_x2apic_ids(void **state)
{
	(void)state;
	begin(44);
	x2apic(2, 1);
	apic(0, 1);
	apic(1, 1);
	x2apic(254, 1);
	x2apic(255, 1);
	x2apic(0x1000, 1);
	decode_madt();
	assert_true(cpus.nr == 4 && cpus.apic_id[0] == 0 && cpus.apic_id[1] == 1 && cpus.apic_id[2] == 255 &&
		    cpus.apic_id[3] == 0x1000);
	for (u32 i = 0; i < 4; i++) /* Meteor Lake: no other kind */
		x2apic(i * 2, 1);
	apic(8, 0);
	decode_madt();
	assert_true(cpus.nr == 4 && cpus.apic_id[3] == 6);
}

/* Beyond the limit too, each CPU is one. */
static void each_cpu_counts_once(void **state)
{
	(void)state;
	begin(44);
	for (u32 round = 0; round < 2; round++)
		for (u32 i = 0; i < MAX_CPUS + 10; i++)
			apic((u8)i, 1);
	for (u32 i = 0; i < 20; i++)
		x2apic(i < 10 ? i : 0x200 + i % 2, 1);
	decode_madt();
	assert_int_equal(cpus.nr, MAX_CPUS);
	assert_int_equal(cpus.dropped, 12);
}

/* --- MultiProcessor Specification --------------------------------------------------------------------------------- */

static void mp_cpu(u8 id, u8 flags)
{
	put(used + 1, id, 1);
	put(used + 3, flags, 1);
	used += 20;
}

/* Two Pentiums, one that is off, buses and wires between them, and what is no CPU's id. */
static void a_board_without_acpi(void **state)
{
	u8 *copy;

	(void)state;
	begin(44);
	put(36, 0xfee00000, 4);
	mp_cpu(1, 3);
	put(used, 1, 1); /* a bus */
	used += 8;
	mp_cpu(0, 1);
	mp_cpu(2, 0);
	mp_cpu(0xff, 1);
	mp_cpu(1, 1);
	put(34, 6, 2);
	mp_cpu(5, 1); /* one more than the header counts */
	for (size_t len = used; len >= 44; len--) {
		copy = test_malloc(len);
		memcpy(copy, memory, len);
		mptable_decode(copy, len, &cpus);
		test_free(copy);
		assert_int_equal(cpus.nr, (len >= 64) + (len >= 92));
	}
	assert_int_equal(cpus.apic_phys, 0xfee00000);
}

/* Two packages of three cores: four ids each, of which a table has one. */
static void the_others_of_a_package(void **state)
{
	(void)state;
	begin(44);
	mp_cpu(0, 3);
	mp_cpu(4, 1);
	mp_cpu(253, 1);
	put(34, 3, 2);
	mptable_decode(memory, used, &cpus);
	mptable_add_siblings(&cpus, 1);
	assert_int_equal(cpus.nr, 3);
	mptable_add_siblings(&cpus, 3);
	assert_int_equal(cpus.nr, 11); /* 255 is everybody */
	assert_true(cpus.apic_id[0] == 0 && cpus.apic_id[1] == 4 && cpus.apic_id[3] == 1 && cpus.apic_id[10] == 254);
	mptable_add_siblings(&cpus, 0);
	assert_int_equal(cpus.nr, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newer_field_alone),
		cmocka_unit_test(the_newer_field_wins),
		cmocka_unit_test(a_table_of_the_first_version),
		cmocka_unit_test(hardware_reduced),
		cmocka_unit_test(ids_of_everybody_are_nobodys),
		cmocka_unit_test(small_x2apic_ids),
		cmocka_unit_test(each_cpu_counts_once),
		cmocka_unit_test(a_board_without_acpi),
		cmocka_unit_test(the_others_of_a_package),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
