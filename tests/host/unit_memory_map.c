/* SPDX-License-Identifier: MIT */
/* A memory map with more regions than there is room for: what stays, what is left out, and that it is counted. */
#include "tests/host/port/host.h"

#include "boot/memory_map.h"

#include <lib/string.h>

#include <stdlib.h>

#define MIB (1ull << 20)

struct entry {
	u64 start, len;
	enum boot_mem_kind kind;
};

static struct boot_info info;

static bool decode(const u8 *entry, u64 *start, u64 *end, enum boot_mem_kind *kind)
{
	const struct entry *e = (const struct entry *)entry;

	*start = e->start;
	*end = e->start + e->len;
	*kind = e->kind;
	return e->len;
}

static void resolve(const struct entry *entries, u32 count)
{
	const struct memory_map map = {
		.entries = (const u8 *)entries, .count = count, .entry_size = sizeof(*entries), .decode = decode,
	};

	memset(&info, 0, sizeof(info));
	memory_map_resolve(&map, 1, &info);
}

static u64 ram_kept(void)
{
	u64 kept = 0;

	for (unsigned int i = 0; i < info.nr_regions; i++)
		if (info.region[i].kind == BOOT_MEM_RAM)
			kept += info.region[i].end - info.region[i].start;
	return kept;
}

static int by_size(const void *a, const void *b)
{
	const struct entry *one = a, *two = b;

	return one->len < two->len ? 1 : one->len > two->len ? -1 : 0;
}

/* A loader that cuts out bad pages: a thousand regions are as much RAM as fits, and low memory, where CPUs start. */
static void a_thousand_regions(void **state)
{
	static struct entry many[2000];
	u64 wanted = 4096, all = 4096, pos = MIB;

	(void)state;
	many[0] = (struct entry){ 0, 4096, BOOT_MEM_RAM };
	for (unsigned int i = 1; i < 1000; i++) {
		many[i] = (struct entry){ pos, (1 + i * 7919 % 1009) * 4096, BOOT_MEM_RAM };
		all += many[i].len;
		pos += many[i].len + 4096;
	}
	for (unsigned int i = 1000; i < 2000; i++)
		many[i] = (struct entry){ many[i - 1000].start + many[i - 1000].len, 4096, BOOT_MEM_RESERVED };
	resolve(many, ARRAY_SIZE(many));
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	assert_int_equal(info.region[0].start, 0);
	for (unsigned int i = 1; i < info.nr_regions; i++)
		assert_true(info.region[i].kind == BOOT_MEM_RAM && info.region[i].start >= info.region[i - 1].end);
	qsort(many + 1, 999, sizeof(many[0]), by_size);
	for (unsigned int i = 1; i < BOOT_MAX_REGIONS; i++)
		wanted += many[i].len;
	assert_int_equal(ram_kept(), wanted);
	assert_int_equal(info.ram_left_out, all - wanted);
	assert_int_equal(info.left_out, 2000 - BOOT_MAX_REGIONS);
}

/* While there is room nothing is left out; what is no RAM goes first. */
static void reserved_ones_go_first(void **state)
{
	static struct entry some[BOOT_MAX_REGIONS + 3];
	unsigned int nr = ARRAY_SIZE(some);

	(void)state;
	for (unsigned int i = 0; i < nr; i++)
		some[i] = (struct entry){ 2 * MIB + i * 8192, 4096, i % 50 == 7 ? BOOT_MEM_ACPI : BOOT_MEM_RAM };
	resolve(some, BOOT_MAX_REGIONS);
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	assert_int_equal(info.left_out, 0);
	resolve(some, nr);
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	assert_int_equal(info.left_out, 3);
	assert_int_equal(info.ram_left_out, 0);
	assert_int_equal(ram_kept(), (nr - (nr + 42) / 50) * 4096ull);
}

/*
 * A map that has RAM through to the end: there is none between 640 KiB and 1 MiB. What is something else there stays
 * it.
 */
static void no_ram_where_roms_are(void **state)
{
	static const struct entry all[] = { { 0, 64 * MIB, BOOT_MEM_RAM } };
	static const struct entry some[] = { { 0, MIB, BOOT_MEM_RAM }, { 0xe0000, 0x10000, BOOT_MEM_ACPI } };
	static const struct entry within[] = { { 0, 0x9fc00, BOOT_MEM_RAM }, { 0xb2500, 2 * MIB, BOOT_MEM_RAM } };

	(void)state;
	resolve(all, 1);
	assert_int_equal(info.nr_regions, 3);
	assert_true(info.region[0].end == 0xa0000 && info.region[2].start == MIB &&
		    info.region[2].kind == BOOT_MEM_RAM);
	assert_int_equal(info.region[1].kind, BOOT_MEM_RESERVED);
	assert_int_equal(info.ram_in_hole, 0x60000);
	resolve(some, 2);
	assert_int_equal(ram_kept(), 0xa0000);
	assert_int_equal(info.nr_regions, 4);
	assert_true(info.region[2].start == 0xe0000 && info.region[2].kind == BOOT_MEM_ACPI);
	assert_int_equal(info.ram_in_hole, 0x50000);
	resolve(within, 2);
	assert_int_equal(info.nr_regions, 3);
	assert_int_equal(info.region[0].end, 0x9f000);
	assert_true(info.region[1].start == 0xb3000 && info.region[1].end == MIB &&
		    info.region[1].kind == BOOT_MEM_RESERVED);
	assert_true(info.region[2].start == MIB && info.region[2].end == 2 * MIB + 0xb2000);
	assert_int_equal(info.ram_in_hole, MIB - 0xb2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_regions),
		cmocka_unit_test(reserved_ones_go_first),
		cmocka_unit_test(no_ram_where_roms_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
