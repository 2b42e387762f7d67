/* SPDX-License-Identifier: MIT */
/*
 * Memory that EFI keeps for a special purpose: no RAM, whether its map stands alone or beside one in which GRUB calls
 * it available. And what else there is of two maps.
 */
#include "tests/host/port/host.h"

#include <kernel/boot_info.h>
#include <lib/string.h>

#define MiB (1ull << 20)
#define SP  0x40000 /* EFI_MEMORY_SP */

static u8 tags[1024] __aligned(8);
static u32 used;
static struct boot_info info;

static void put(u64 value, size_t size)
{
	memcpy(tags + used, &value, size);
	used += (u32)size;
}

static void bios_entry(u64 start, u64 len)
{
	put(start, 8);
	put(len, 8);
	put(1, 8);
}

static void efi_entry(u64 start, u64 len, u32 type, u64 attributes)
{
	put(type, 8);
	put(start, 8);
	put(0, 8);
	put(len >> 12, 8);
	put(0xf | attributes, 8);
}

static void header(u32 type, u32 entries, u32 entry_size)
{
	put(type, 4);
	put(16 + entries * entry_size, 4);
	put(entry_size, 8);
}

static const char *why;

static int finish(void)
{
	put(0, 4);
	put(8, 4);
	memcpy(tags, &used, 4);
	return multiboot2_parse(tags, used, &info, &why);
}

static void parse(bool both)
{
	used = 8;
	if (both) {
		header(6, 2, 24);
		bios_entry(MiB, 63 * MiB);
		bios_entry(80 * MiB, 4 * MiB);
	}
	header(17, 5, 40);
	efi_entry(MiB, 31 * MiB, 7, 0);
	efi_entry(32 * MiB, 8 * MiB, 7, SP);
	efi_entry(40 * MiB, 24 * MiB, 7, 0);
	efi_entry(64 * MiB, MiB, 6, SP); /* firmware's own anyway */
	efi_entry(80 * MiB, 4 * MiB, 7, 0);
	assert_int_equal(finish(), 0);
}

static void no_ram_in_either_map(void **state)
{
	(void)state;
	for (unsigned int both = 0; both < 2; both++) {
		parse(both);
		assert_int_equal(info.nr_regions, both ? 4 : 5);
		assert_true(info.region[0].start == MiB && info.region[0].end == 32 * MiB);
		assert_int_equal(info.region[1].kind, BOOT_MEM_RESERVED);
		assert_true(info.region[2].start == 40 * MiB && info.region[2].end == 64 * MiB);
		assert_int_equal(info.region[2].kind, BOOT_MEM_RAM);
		assert_int_equal(info.ram_soft_reserved, 8 * MiB);
		assert_int_equal(info.dropped_entries, 0);
	}
}

/* One megabyte of RAM in a map that has entries. */
static int parse_with(unsigned int in_bios, unsigned int in_efi)
{
	used = 8;
	header(6, in_bios, 24);
	for (unsigned int i = 0; i < in_bios; i++)
		bios_entry(MiB, MiB);
	used = ALIGN(used, 8);
	header(17, in_efi, 40);
	for (unsigned int i = 0; i < in_efi; i++)
		efi_entry(MiB, MiB, 7, 0);
	return finish();
}

/* A map without entries is as good as none, and does not hide the other. */
static void one_map_is_empty(void **state)
{
	(void)state;
	for (unsigned int bios = 0; bios < 2; bios++) {
		assert_int_equal(parse_with(bios, !bios), 0);
		assert_int_equal(info.nr_regions, 1);
		assert_true(info.region[0].start == MiB && info.region[0].end == 2 * MiB);
		assert_int_equal(info.region[0].kind, BOOT_MEM_RAM);
	}
	assert_true(parse_with(0, 0) != 0);
	assert_non_null(strstr(why, "no RAM"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_ram_in_either_map),
		cmocka_unit_test(one_map_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
