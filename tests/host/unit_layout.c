/* SPDX-License-Identifier: MIT */
/*
 * The address map for every amount of RAM and every vmalloc=: ranges in order, apart from each other, large enough for
 * what they are for, and on borders of the entries that processes copy.
 */
#include "tests/host/port/host.h"

#include <arch/pgtable.h>
#include <arch/mmu_sync.h>
#include <asm/layout.h>
#include <lib/string.h>

#include <stdlib.h>

#define MiB (1ull << 20)
#define VMALLOC_MOST_HERE (640 * MiB)
#define SIZEOF_STRUCT_PAGE (pt_top() > 3 ? 32u : 16u) /* four words of the real machine */

struct range {
	vaddr_t start, end;
};

static void assert_apart(const struct range *r, unsigned int n)
{
	vaddr_t slot = 1ul << pt_level[pt_sync_level()].shift;

	for (unsigned int i = 0; i < n; i++) {
		assert_true(r[i].start < r[i].end);
		assert_int_equal(r[i].start % PAGE_SIZE, 0);
		assert_int_equal(r[i].end % PAGE_SIZE, 0);
		for (unsigned int j = 0; j < i; j++)
			assert_true(r[i].end <= r[j].start || r[j].end <= r[i].start);
	}
	/* A process's own slot shares no entry with anybody. */
	assert_int_equal(layout.private_start % slot, 0);
	assert_int_equal(layout.private_end % slot, 0);
	for (unsigned int i = 0; i < n; i++)
		assert_true(r[i].end - 1 < layout.private_start || r[i].start >= layout.private_end ||
			    r[i].start == layout.private_start);
}

static void check_as_it_is(u64 ram_end)
{
	u64 pages = ram_end >> PAGE_SHIFT;
	const struct range ranges[] = {
		{ layout.direct_start, layout.direct_end },   { layout.vmemmap_start, layout.vmemmap_end },
		{ layout.vmalloc_start, layout.vmalloc_end }, { layout.private_start, layout.private_end },
		{ layout.fixmap_start, layout.fixmap_end },
	};

	assert_apart(ranges, ARRAY_SIZE(ranges));
	assert_true(layout.user_end <= layout.kernel_start && layout.kernel_start <= layout.direct_start);
	assert_true(layout.vmemmap_end - layout.vmemmap_start >= pages * SIZEOF_STRUCT_PAGE);
	assert_true(arch_lowmem_limit() >= min(ram_end, 96 * MiB)); /* 64 GiB, and vmalloc= as large as can be */
	assert_true(layout.direct_end - layout.direct_start >= min(ram_end, arch_lowmem_limit()));
	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++)
		assert_true(ranges[i].end <= (pt_top() > 3 ? -PAGE_SIZE : 0xfffff000)); /* where error pointers point */
}

static void check(u64 ram_end, u64 vmalloc_size)
{
	arch_init_layout(ram_end, SIZEOF_STRUCT_PAGE, vmalloc_size);
	check_as_it_is(ram_end);
}

/* Wherever the regions go, all that holds for the usual places holds there; and they do go. */
static void regions_move(void **state)
{
	vaddr_t slot = 1ul << pt_level[pt_sync_level()].shift;
	unsigned int bits = 0, moved = 0;

	(void)state;
	for (u64 ram = 16 * MiB; ram <= 4096 * MiB; ram *= 4)
		for (u64 seed = 0; seed < 200; seed++) {
			struct vm_layout usual;

			arch_init_layout(ram, SIZEOF_STRUCT_PAGE, 0);
			usual = layout;
			bits = max(bits, arch_move_layout(seed));
			check_as_it_is(ram);
			moved += layout.vmalloc_start != usual.vmalloc_start;
			assert_int_equal(layout.direct_end - layout.direct_start,
					 usual.direct_end - usual.direct_start);
			assert_int_equal(layout.vmemmap_end - layout.vmemmap_start,
					 usual.vmemmap_end - usual.vmemmap_start);
			assert_true(layout.vmalloc_end - layout.vmalloc_start >= 128 * MiB);
			assert_int_equal(layout.vmalloc_start % slot + layout.vmemmap_start % slot, 0);
			if (pt_top() > 3)
				assert_int_equal(layout.direct_start % slot, 0);
			else
				assert_int_equal(layout.direct_start, usual.direct_start);
			assert_int_equal(layout.private_start, usual.private_start);
		}
	assert_true(bits >= 5 && moved > 100);
}

static void every_amount_of_ram(void **state)
{
	(void)state;
	for (u64 ram = 8 * MiB; ram <= 80 * 1024 * MiB; ram += ram / 7 & ~(PAGE_SIZE - 1))
		for (u64 wanted = 0; wanted <= 2048 * MiB; wanted = wanted ? wanted * 2 : MiB)
			if (ram <= arch_phys_limit())
				check(ram, wanted);
}

/* vmalloc= is honoured within limits (32-bit), and more is given where lowmem is short. */
static void vmalloc_size_is_honoured(void **state)
{
	(void)state;
	if (pt_top() > 3)
		return;
	for (u64 wanted = 32 * MiB; wanted <= 640 * MiB; wanted += 20 * MiB) {
		check(1024 * MiB, wanted);
		assert_true(layout.vmalloc_end - layout.vmalloc_start >= wanted);
		assert_true(layout.vmalloc_end - layout.vmalloc_start < wanted + 16 * MiB);
	}
	check(64 * MiB, 0);
	assert_true(layout.vmalloc_end - layout.vmalloc_start > 512 * MiB);
}

/* What nobody can have becomes what comes next to it, and that is said as a person writes it. */
static void vmalloc_size_has_bounds(void **state)
{
	static const struct { u64 wanted; vaddr_t used; const char *said;
	} cases[] = {
		{ ~0ull, VMALLOC_MOST_HERE,
		  "vmalloc=18446744073709551615: it is 32 MiB at least and 640 MiB at most, using 640 MiB" },
		{ ~0ull - 4096, VMALLOC_MOST_HERE, "using 640 MiB" },
		{ 1ull << 32, VMALLOC_MOST_HERE, "vmalloc=4294967296: " },
		{ 641 * MiB, VMALLOC_MOST_HERE, "using 640 MiB" },
		{ 1, 32 * MiB, "vmalloc=1: it is 32 MiB at least and 640 MiB at most, using 32 MiB" },
		{ 32 * MiB - 1, 32 * MiB, "using 32 MiB" },
	};

	(void)state;
	if (pt_top() > 3)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		host_log_clear();
		check(1024 * MiB, cases[i].wanted);
		assert_true(layout.vmalloc_end - layout.vmalloc_start >= cases[i].used);
		assert_true(layout.vmalloc_end - layout.vmalloc_start < cases[i].used + 16 * MiB);
		assert_non_null(strstr(host_log(), cases[i].said));
	}
	host_log_clear();
	check(1024 * MiB, 33 * MiB);
	assert_string_equal(host_log(), "");
}

static void direct_map_takes_all_ram(void **state)
{
	(void)state;
	check(70 * 1024 * MiB > arch_phys_limit() ? 1024 * MiB : 70 * 1024 * MiB, 0);
	if (pt_top() > 3)
		assert_true(arch_lowmem_limit() >= 70 * 1024 * MiB);
	else
		assert_true(arch_lowmem_limit() < 1024 * MiB);
}

/* 4 and 5 levels are one program; whoever runs it says which, and must get that. */
static void levels_are_those_asked_for(void **state)
{
	const char *wanted = getenv("HOST_LEVELS");

	(void)state;
	if (wanted)
		assert_int_equal(host_levels, atoi(wanted));
	arch_init_layout(1024 * MiB, SIZEOF_STRUCT_PAGE, 0);
	assert_int_equal(pt_top(), host_levels);
	if (host_levels > 3)
		assert_int_equal(layout.direct_start, host_levels == 5 ? 0xff11000000000000 : 0xffff888000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_are_those_asked_for),
		cmocka_unit_test(every_amount_of_ram),
		cmocka_unit_test(regions_move),
		cmocka_unit_test(vmalloc_size_is_honoured), cmocka_unit_test(vmalloc_size_has_bounds),
		cmocka_unit_test(direct_map_takes_all_ram),
	};

	host_machine(1 << 20, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
