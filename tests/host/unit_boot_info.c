/* SPDX-License-Identifier: MIT */
/*
 * Tags of the boot loader for which there is no room: each entry of a memory map that is there counts, and what is
 * missing is counted.
 */
#include "tests/host/port/host.h"

#include <boot/info_max.h>
#include <kernel/boot_info.h>
#include <lib/errno.h>
#include <lib/string.h>

#include <stdlib.h>

#define MIB (1ull << 20)

static u8 *tags; /* exactly BOOT_INFO_MAX bytes: the address sanitizer sees a look behind them */
static struct boot_info info;
static const char *why;

static int setup(void **state)
{
	(void)state;
	tags = calloc(1, BOOT_INFO_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(tags);
	return 0;
}

static void put32(u32 pos, u32 value)
{
	memcpy(tags + pos, &value, sizeof(value));
}

static void put64(u32 pos, u64 value)
{
	memcpy(tags + pos, &value, sizeof(value));
}

/* A tag's head, and of a map the size of an entry. */
static u32 put_head(u32 pos, u32 type, u32 size, u32 entry_size)
{
	put32(pos, type);
	put32(pos + 4, size);
	put32(pos + 8, entry_size);
	return pos + (entry_size ? 16 : 8);
}

/* Pages with a hole behind each, as many as there is room for. */
static unsigned int fill_with_entries(u32 pos)
{
	unsigned int n = 0;

	for (; pos + 24 <= BOOT_INFO_MAX; pos += 24, n++) {
		put64(pos, MIB + n * 8192ull);
		put64(pos + 8, 4096);
		put32(pos + 16, 1);
	}
	return n;
}

static int parse(u32 total)
{
	put32(0, total);
	return multiboot2_parse(tags, BOOT_INFO_MAX, &info, &why);
}

static void a_map_is_read_as_far_as_it_came(void **state)
{
	const u32 total = BOOT_INFO_MAX + 240000;
	unsigned int there;

	(void)state;
	put_head(8, 6, total - 8 - 8, 24);
	there = fill_with_entries(24);
	assert_int_equal(parse(total), 0);
	assert_int_equal(info.unread, 240000);
	assert_int_equal(info.nr_regions, BOOT_MAX_REGIONS);
	assert_int_equal(info.left_out, there - BOOT_MAX_REGIONS);
}

/* Whatever else is there in part only is passed over. */
static void another_tag_is_not_read_in_part(void **state)
{
	const u32 text = BOOT_INFO_MAX - 16;

	(void)state;
	put32(put_head(8, 6, 16 + 24, 24) + 16, 1);
	put64(24 + 8, MIB);
	put_head(48, 9, text - 48, 0); /* the sections of an ELF file */
	put_head(text, 1, 4096, 0);
	memset(tags + text + 8, 'x', 8);
	assert_int_equal(parse(text + 4096), 0);
	assert_int_equal(info.nr_regions, 2);
	assert_string_equal(info.cmdline, "");
}

/* The room ends between two tags, or within the head of one. */
static void the_end_is_missing(void **state)
{
	(void)state;
	for (u32 rest = 0; rest <= 8; rest += 4) {
		put32(put_head(8, 6, 16 + 24, 24) + 16, 1);
		put64(24 + 8, MIB);
		put_head(48, 9, BOOT_INFO_MAX - rest - 48, 0);
		if (rest)
			put32(BOOT_INFO_MAX - rest, 17);
		if (rest == 8)
			put32(BOOT_INFO_MAX - 4, 4800);
		assert_int_equal(parse(BOOT_INFO_MAX + 100), 0);
		assert_int_equal(info.unread, 100);
	}
	put_head(48, 9, BOOT_INFO_MAX - 48, 0);
	assert_int_equal(parse(BOOT_INFO_MAX), -EINVAL); /* nothing was cut: the loader forgot it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_map_is_read_as_far_as_it_came, setup, teardown),
		cmocka_unit_test_setup_teardown(another_tag_is_not_read_in_part, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_is_missing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
