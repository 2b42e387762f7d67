/* SPDX-License-Identifier: MIT */
/*
 * mm/page/memblock.c against one byte a page: after every random operation the whole map is compared, as seen through
 * memblock_next_free() and through the arrays.
 */
#include "tests/host/port/host.h"

#include <kernel/boot_info.h>
#include <kernel/cmdline.h>
#include <lib/string.h>
#include <mm/memblock.h>

#define RAM_PAGES 4096u
#define RAM_BYTES ((u64)RAM_PAGES << PAGE_SHIFT)

enum { NO_RAM, FREE, TAKEN };
static u8 model[RAM_PAGES];

static struct boot_info boot;

static void add_region(u64 start_page, u64 end_page, enum boot_mem_kind kind)
{
	boot.region[boot.nr_regions++] =
		(struct boot_region) { start_page << PAGE_SHIFT, end_page << PAGE_SHIFT, kind };
}

static void model_set(u64 start_page, u64 end_page, u8 from, u8 to)
{
	for (u64 i = start_page; i < end_page && i < RAM_PAGES; i++)
		if (model[i] == from)
			model[i] = to;
}

/* Random regions with gaps, and firmware memory among them. Page 0 is RAM: it must never be given out all the same. */
static void random_map(u64 limit)
{
	u64 page = 0;

	memset(model, NO_RAM, sizeof(model));
	boot.nr_regions = 0;
	while (page < RAM_PAGES && boot.nr_regions < 40) {
		u64 end = min(page + 1 + host_random_below(300), (u64)RAM_PAGES);
		enum boot_mem_kind kind = host_random_below(4) ? BOOT_MEM_RAM : BOOT_MEM_ACPI;

		add_region(page, end, kind);
		if (kind == BOOT_MEM_RAM)
			model_set(page, min(end, limit), NO_RAM, FREE);
		page = end + host_random_below(3) * host_random_below(50);
	}
	model_set(0, 1, FREE, TAKEN);
}

static void init(const char *cmdline, u64 limit)
{
	cmdline_init(cmdline);
	memblock_init(&boot, limit);
}

static int setup(void **state)
{
	(void)state;
	host_machine(RAM_BYTES, 1);
	memset(&boot, 0, sizeof(boot));
	return 0;
}

static void check_free_ranges(void)
{
	u64 pos, end, page = 0;

	for (pos = 0; memblock_next_free(&pos, &end, ~0ull); pos = end) {
		assert_true(pos < end && end <= RAM_BYTES);
		for (; page < pos >> PAGE_SHIFT; page++)
			assert_int_not_equal(model[page], FREE);
		for (; page < end >> PAGE_SHIFT; page++)
			assert_int_equal(model[page], FREE);
	}
	for (; page < RAM_PAGES; page++)
		assert_int_not_equal(model[page], FREE);
}

static void check_sorted(unsigned int (*regions)(const struct memblock_region **))
{
	const struct memblock_region *r;
	unsigned int n = regions(&r);

	for (unsigned int i = 0; i < n; i++) {
		assert_true(r[i].start < r[i].end);
		assert_true(i == 0 || r[i - 1].end < r[i].start);
	}
}

static void check_ram(void)
{
	u64 bytes = 0, last = 0;

	check_sorted(memblock_ram);
	for (u64 page = 0; page < RAM_PAGES; page++) {
		bool is_ram = model[page] != NO_RAM;
		u64 start = page << PAGE_SHIFT;

		assert_int_equal(memblock_is_ram(start, start + PAGE_SIZE), is_ram);
		assert_int_equal(memblock_overlaps_ram(start + 1, start + 2), is_ram);
		bytes += is_ram ? PAGE_SIZE : 0;
		last = is_ram ? start + PAGE_SIZE : last;
	}
	assert_int_equal(memblock_ram_size(), bytes);
	assert_int_equal(memblock_end_of_ram(), last);
}

/* The first place at which the model has room: what memblock_alloc must find. 0 = none. */
static u64 model_fit(u64 pages, u64 align, u64 below)
{
	for (u64 base = 0; base + pages <= below; base += align) {
		u64 n = 0;

		while (n < pages && base + n < RAM_PAGES && model[base + n] == FREE)
			n++;
		if (n == pages)
			return base;
	}
	return 0;
}

static void random_alloc(void)
{
	u64 pages = 1 + host_random_below(20), align = 1ull << host_random_below(5);
	u64 below = 1 + host_random_below(RAM_PAGES + 1000);
	u64 expect = model_fit(pages, align, min(below, (u64)RAM_PAGES));
	u64 got = memblock_alloc(pages << PAGE_SHIFT, align << PAGE_SHIFT, below << PAGE_SHIFT);

	assert_int_equal(got >> PAGE_SHIFT, expect);
	if (got)
		model_set(expect, expect + pages, FREE, TAKEN);
}

static void random_reserve(void)
{
	u64 start = host_random_below(RAM_PAGES), end = start + host_random_below(30);

	memblock_reserve((start << PAGE_SHIFT) + (end > start ? host_random_below(PAGE_SIZE) : 0), end << PAGE_SHIFT);
	model_set(start, end, FREE, TAKEN);
}

static void random_operations(void **state)
{
	(void)state;
	for (int round = 0; round < 40; round++) {
		u64 limit = host_random_below(4) ? RAM_PAGES : 1 + host_random_below(RAM_PAGES);

		random_map(limit);
		init("", limit << PAGE_SHIFT);
		check_ram();
		check_free_ranges();
		for (int i = 0; i < 60; i++) {
			host_random_below(2) ? random_alloc() : random_reserve();
			check_free_ranges();
		}
		check_sorted(memblock_reserved);
	}
}

/* Limits of next_free cut a stretch, and a start inside one begins there. */
static void free_range_is_clipped(void **state)
{
	u64 pos = 10 << PAGE_SHIFT, end;

	(void)state;
	add_region(4, 100, BOOT_MEM_RAM);
	init("", RAM_BYTES);
	assert_true(memblock_next_free(&pos, &end, 50 << PAGE_SHIFT));
	assert_int_equal(pos >> PAGE_SHIFT, 10);
	assert_int_equal(end >> PAGE_SHIFT, 50);
	pos = 50 << PAGE_SHIFT;
	assert_false(memblock_next_free(&pos, &end, 50 << PAGE_SHIFT));
}

static void limits_are_reported(void **state)
{
	(void)state;
	add_region(0, 1024, BOOT_MEM_RAM);
	add_region(1024, 1280, BOOT_MEM_RESERVED);
	add_region(1280, 3328, BOOT_MEM_RAM);
	host_log_clear();
	init("mem=4M", 8ull << 20);
	assert_int_equal(memblock_end_of_ram(), 4ull << 20);
	assert_true(strstr(host_log(), "8 MiB")); /* above 8 MiB: 5 MiB cannot be addressed */
	assert_true(strstr(host_log(), "mem="));

	host_log_clear();
	init("", RAM_BYTES);
	assert_string_equal(host_log(), "");
}

static void low_allocations_are_zeroed(void **state)
{
	u64 page;

	(void)state;
	memset(phys_to_virt(0), 0xff, 64 << PAGE_SHIFT);
	add_region(0, 64, BOOT_MEM_RAM);
	init("", RAM_BYTES);
	page = memblock_table_alloc(GFP_KERNEL);
	assert_true(page != 0 && page < arch_boot_reach());
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(((u8 *)phys_to_virt((phys_addr_t)page))[i], 0);
}

/*
 * Tables lie where RAM is mapped: at first below what the boot tables show, then further up, while a module fills all
 * below.
 */
static void tables_follow_the_map(void **state)
{
	u64 reach, table;

	(void)state;
	reach = arch_boot_reach();
	host_machine(reach + RAM_BYTES, 1);
	add_region(0, (reach + RAM_BYTES) >> PAGE_SHIFT, BOOT_MEM_RAM);
	init("", reach + RAM_BYTES);
	memblock_reserve(0, reach + 5 * PAGE_SIZE);
	assert_int_equal(memblock_table_alloc(GFP_KERNEL), 0);
	memblock_mapped(reach + 5 * PAGE_SIZE);
	assert_int_equal(memblock_table_alloc(GFP_KERNEL), 0);
	memblock_mapped(reach + 6 * PAGE_SIZE);
	memset(phys_to_virt((phys_addr_t)(reach + 5 * PAGE_SIZE)), 0xff, PAGE_SIZE);
	table = memblock_table_alloc(GFP_KERNEL);
	assert_int_equal(table, reach + 5 * PAGE_SIZE);
	assert_int_equal(*(u8 *)phys_to_virt((phys_addr_t)table), 0);
	assert_int_equal(memblock_table_alloc(GFP_KERNEL), 0);
	memblock_mapped(reach + 8 * PAGE_SIZE);
	memblock_mapped(reach); /* it never shrinks */
	assert_int_equal(memblock_table_alloc(GFP_KERNEL), reach + 6 * PAGE_SIZE);
}

/* Every second page reserved: one more region than there is room for is a panic, one that merges is not. */
static void full_array_panics(void **state)
{
	(void)state;
	add_region(0, RAM_PAGES, BOOT_MEM_RAM);
	init("", RAM_BYTES);
	for (u64 i = 1; i < MEMBLOCK_MAX; i++)
		memblock_reserve(2 * i << PAGE_SHIFT, (2 * i + 1) << PAGE_SHIFT);
	memblock_reserve(3ull << PAGE_SHIFT, 4ull << PAGE_SHIFT);
	memblock_reserve(3000ull << PAGE_SHIFT, 3001ull << PAGE_SHIFT);
	assert_true(PANICS(memblock_reserve(3100ull << PAGE_SHIFT, 3101ull << PAGE_SHIFT)));
}

static void closed_is_closed(void **state)
{
	(void)state;
	add_region(0, RAM_PAGES, BOOT_MEM_RAM);
	init("", RAM_BYTES);
	memblock_close();
	assert_true(PANICS(memblock_reserve(0, PAGE_SIZE)));
	assert_true(PANICS((void)memblock_alloc(PAGE_SIZE, PAGE_SIZE, RAM_BYTES)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(random_operations, setup),
		cmocka_unit_test_setup(free_range_is_clipped, setup),
		cmocka_unit_test_setup(limits_are_reported, setup),
		cmocka_unit_test_setup(low_allocations_are_zeroed, setup),
		cmocka_unit_test_setup(tables_follow_the_map, setup),
		cmocka_unit_test_setup(full_array_panics, setup),
		cmocka_unit_test_setup(closed_is_closed, setup),
	};

	return cmocka_run_group_tests_name("memblock", tests, NULL, NULL);
}
