/* SPDX-License-Identifier: MIT */
/*
 * RAM that comes online when it is needed: how much at boot, when more, from which zone, out of which margin, and what
 * becomes of memory maps full of holes. The machine may have any size, because untouched memory costs nothing.
 */
#include "tests/host/mm_machine.h"

#include <kernel/inject.h>
#include <kernel/preempt.h>

#define GIB (1024 * MIB)

static struct boot_info boot;

static void add_ram(u64 start, u64 end)
{
	boot.region[boot.nr_regions++] = (struct boot_region) { start, end, BOOT_MEM_RAM };
}

static int setup(void **state)
{
	(void)state;
	memset(&boot, 0, sizeof(boot));
	host_set_feature(FEATURE_HUGE_2M, true);
	return 0;
}

static struct zone_stats stats(enum zone_id zone)
{
	struct zone_stats s;

	zone_stats(zone, &s);
	return s;
}

static unsigned long present(void)
{
	return stats(ZONE_DMA32).present + stats(ZONE_NORMAL).present + stats(ZONE_HIGHMEM).present;
}

static unsigned long offline(void)
{
	return stats(ZONE_DMA32).offline + stats(ZONE_NORMAL).offline + stats(ZONE_HIGHMEM).offline;
}

/* Pages that are free, or that the kernel's page tables have taken: what stays the same when RAM comes online. */
static unsigned long free_or_tables(void)
{
	return nr_free_pages() + pgtable_kernel_pages();
}

/* Allocated pages, chained through lru. */
static LIST_HEAD(taken);

static unsigned long take_all(gfp_t gfp, unsigned int order, unsigned long limit)
{
	unsigned long n = 0;
	struct page *page;

	while (n < limit && (page = alloc_pages(gfp | __GFP_NOWARN, order))) {
		list_add(&page->lru, &taken);
		n++;
	}
	return n;
}

static void give_back(void)
{
	while (!list_empty(&taken)) {
		struct page *page = list_first_entry(&taken, struct page, lru);

		list_del(&page->lru);
		__free_pages(page, page->order);
	}
}

/* --- how much, and when ----------------------------------------------------------------------------------------- */

static u64 large_ram(void) { return host_levels == 2 ? 3 * GIB : host_levels == 3 ? 8 * GIB : 70 * GIB; }

static void boot_brings_little_online(void **state)
{
	u64 ram = large_ram();

	(void)state;
	mm_machine(ram, 2);
	assert_int_equal(totalram_pages(), ram >> PAGE_SHIFT);
	assert_true(present() >= 500 * MIB >> PAGE_SHIFT);
	assert_true(present() <= 800 * MIB >> PAGE_SHIFT);
	assert_true(offline() + present() >= ram / 100 * 98 >> PAGE_SHIFT);
	assert_true(pfn_valid(100 * MIB >> PAGE_SHIFT));
	assert_false(pfn_valid((ram - PAGE_SIZE) >> PAGE_SHIFT)); /* RAM, but not yet online */
	assert_false(pfn_valid(ram >> PAGE_SHIFT));
	assert_false(pfn_valid(~0ul));
	assert_int_equal(page_alloc_check(), 0);
}

/* It goes on as long as one section's struct pages follow the other's, and every page in it exists. */
static void check_window(struct page_window window)
{
	struct page *page = window.first, *end = page + window.nr;
	struct page_window next;

	assert_true(window.nr > 0);
	for (; page < end; page = next.first + next.nr) {
		next = page_find_window(page);
		assert_ptr_equal(next.first, page);
		assert_true(next.nr > 0);
	}
	assert_ptr_equal(page, end);
	next = page_find_window(end);
	assert_true(!next.nr || next.first != end);
}

static void all_memory_can_be_had(void **state)
{
	unsigned long before, n;

	(void)state;
	mm_machine(min(large_ram(), 20 * GIB), 2); /* each of its pages is written to */
	check_window(*page_main_window());
	before = free_or_tables();
	n = take_all(__GFP_HIGHMEM, MAX_PAGE_ORDER, ~0ul);
	n = (n << MAX_PAGE_ORDER) + take_all(__GFP_HIGHMEM, 0, ~0ul);
	assert_int_equal(nr_free_pages(), 0);
	assert_int_equal(offline(), 0);
	assert_int_equal(n + pgtable_kernel_pages(), before);
	check_window(*page_main_window());
	give_back();
	assert_int_equal(free_or_tables(), before);
	assert_int_equal(page_alloc_check(), 0);
}

/*
 * Whoever may not wait, or has interrupts off, or is a handler, gets what is there and brings nothing online. Nobody
 * judges the contexts, as in a release build and before there are threads.
 */
static void not_in_every_context(void **state)
{
	unsigned long before;
	bool irqs;

	(void)state;
	mm_machine(large_ram(), 1);
	before = offline();
	take_all(GFP_NOWAIT | __GFP_HIGHMEM, 0, ~0ul);
	preempt_set_schedule(NULL);
	irqs = arch_local_irq_save();
	assert_int_equal(take_all(GFP_KERNEL, 0, ~0ul), 0);
	local_irq_restore(irqs);
	host_trap_depth = 1;
	assert_int_equal(take_all(GFP_KERNEL, 0, ~0ul), 0);
	host_trap_depth = 0;
	assert_int_equal(offline(), before);
	assert_int_equal(take_all(__GFP_HIGHMEM, 0, 1), 1);
	assert_true(offline() < before);
	give_back();
	assert_int_equal(page_alloc_check(), 0);
}

/* Again and again nothing is left but the margin; it suffices for going online, with a table for every small page. */
static void margin_suffices(void **state)
{
	(void)state;
	host_set_feature(FEATURE_HUGE_2M, false);
	mm_machine(large_ram(), 1);
	for (int i = 0; i < 8; i++) {
		unsigned long before = offline();

		take_all(GFP_NOWAIT | __GFP_HIGHMEM, 0, ~0ul);
		assert_int_equal(take_all(__GFP_HIGHMEM, 0, 1), 1);
		assert_true(offline() < before);
	}
	give_back();
	assert_int_equal(page_alloc_check(), 0);
}

/* A large block may come out of fresh memory when what is online is in pieces. */
static void fragmented_memory_gets_fresh(void **state)
{
	struct page *page;

	(void)state;
	mm_machine(large_ram(), 1);
	take_all(GFP_NOWAIT | __GFP_HIGHMEM, 0, ~0ul);
	page = alloc_pages(__GFP_HIGHMEM, MAX_PAGE_ORDER);
	assert_non_null(page);
	__free_pages(page, MAX_PAGE_ORDER);
	give_back();
}

/* The table pages of going online are not to be had: nothing breaks, and the next attempt works. */
static void failing_is_harmless(void **state)
{
	unsigned long before;

	(void)state;
	host_set_feature(FEATURE_HUGE_2M, false);
	mm_machine(large_ram(), 1);
	do { /* until a section needs a table */
		before = offline();
		take_all(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_RESERVE, 0, ~0ul); /* the margin as well */
	} while (take_all(__GFP_HIGHMEM, 0, 1));
	assert_int_equal(offline(), before);
	give_back();
	assert_int_equal(page_alloc_check(), 0);
	take_all(__GFP_HIGHMEM, MAX_PAGE_ORDER, 700);
	assert_true(offline() < before);
	give_back();
	assert_int_equal(page_alloc_check(), 0);
}

/* The struct pages of everything that is online lie in frames that are nobody else's: reserved, and each used once. */
static void check_array_frames(u64 ram)
{
	u8 *used = test_calloc(ram >> PAGE_SHIFT, 1);

	for (u64 pfn = 0; pfn < ram >> PAGE_SHIFT; pfn += PAGE_SIZE / sizeof(struct page)) {
		struct pgtable_leaf leaf;

		if (!pfn_valid((unsigned long)pfn))
			continue;
		leaf = pgtable_query(&kernel_pgtable, layout.vmemmap_start + (vaddr_t)pfn * sizeof(struct page));
		assert_true(leaf.present);
		assert_int_equal(phys_to_page(leaf.phys)->state, PAGE_RESERVED);
		assert_int_equal(used[leaf.phys >> PAGE_SHIFT]++, 0);
	}
	test_free(used);
}

static void array_has_frames_of_its_own(void **state)
{
	u64 ram = host_levels == 2 ? 3 * GIB : 6 * GIB;

	(void)state;
	mm_machine(ram, 1);
	check_array_frames(ram);
	take_all(__GFP_HIGHMEM, 0, ~0ul);
	assert_int_equal(offline(), 0);
	check_array_frames(ram);
	give_back();
}

/* An armed injection is meant for the caller's own tables, not for those of memory that happens to come online. */
static void injection_is_not_used_up(void **state)
{
	unsigned long before;

	(void)state;
	mm_machine(large_ram(), 1);
	before = offline();
	inject_set(INJECT_TABLE, 1);
	take_all(__GFP_HIGHMEM, MAX_PAGE_ORDER, 400);
	assert_true(offline() < before);
	assert_int_equal(inject_clear(INJECT_TABLE), 1);
	give_back();
}

/* --- zones ------------------------------------------------------------------------------------------------------ */

static void zones_by_request(void **state)
{
	struct page *low, *normal, *high;

	(void)state;
	mm_machine(large_ram(), 1);
	low = alloc_pages(__GFP_DMA32, 0);
	normal = alloc_pages(GFP_KERNEL, 0);
	high = alloc_pages(__GFP_HIGHMEM, 0);
	assert_true((u64)page_to_pfn(low) << PAGE_SHIFT < 4 * GIB);
	assert_true(page_to_phys(normal) < arch_lowmem_limit());
	assert_ptr_equal(page_address(normal), phys_to_virt(page_to_phys(normal)));
	if (host_levels > 3) {
		/* low memory is kept for those who need it */
		assert_true((u64)page_to_pfn(normal) << PAGE_SHIFT >= 4 * GIB);
		assert_int_equal(stats(ZONE_HIGHMEM).present, 0);
	} else {
		assert_true(page_to_phys(high) >= arch_lowmem_limit());
		assert_null(page_address(high));
	}
	__free_page(low);
	__free_page(normal);
	__free_page(high);
}

/* A gap below 4 GiB, as every PC has one: the RAM above it has a window of its own, the main one with 64 bits. */
static void a_window_on_each_side_of_4_gib(void **state)
{
	struct page *page;

	(void)state;
	if (host_levels == 2)
		skip();
	add_ram(0, 3 * GIB);
	add_ram(4 * GIB, 6 * GIB);
	mm_machine_map(&boot, 6 * GIB, 1);
	assert_int_equal(page_windows[1].nr, 0);
	assert_ptr_equal(page_main_window(), &page_windows[0]);
	check_window(page_windows[0]);
	do {
		page = alloc_page(__GFP_HIGHMEM);
		assert_non_null(page);
		list_add(&page->lru, &taken);
	} while (page_to_pfn(page) < (unsigned long)(4 * GIB >> PAGE_SHIFT));
	for (unsigned int i = 0; i < PAGE_WINDOWS; i++)
		check_window(page_windows[i]);
	assert_ptr_equal(page_windows[1].first, pfn_to_page((unsigned long)(4 * GIB >> PAGE_SHIFT)));
	assert_true(page_window_index(page_windows[1], page) < page_windows[1].nr);
	assert_true(page_windows[0].first + page_windows[0].nr <= pfn_to_page((unsigned long)(3 * GIB >> PAGE_SHIFT)));
	assert_ptr_equal(page_main_window(), &page_windows[sizeof(long) == 8]);
	take_all(__GFP_HIGHMEM, MAX_PAGE_ORDER, ~0ul);
	assert_int_equal(page_windows[1].nr, (unsigned long)(2 * GIB >> PAGE_SHIFT));
	assert_int_equal(page_windows[0].nr, (unsigned long)(3 * GIB >> PAGE_SHIFT));
	give_back();
}

/* Highmem pages never reach a lowmem request by way of the per-CPU lists. */
static void lists_keep_zones_apart(void **state)
{
	(void)state;
	mm_machine(large_ram(), 1);
	for (int round = 0; round < 200; round++) {
		take_all(__GFP_HIGHMEM, 0, host_random_below(100));
		for (unsigned long n = host_random_below(100); n; n--) {
			struct page *page = alloc_page(GFP_KERNEL);

			assert_non_null(page_address(page));
			list_add(&page->lru, &taken);
		}
		give_back();
	}
}

/* --- odd memory maps -------------------------------------------------------------------------------------------- */

/* A page is in a window if it is valid, and nothing else is. */
static void check_window_of(unsigned long pfn)
{
	struct page_window window = page_find_window(pfn_to_page(pfn));
	unsigned long first = page_to_pfn(window.first);

	assert_int_equal(window.nr != 0, pfn_valid(pfn));
	assert_true(!window.nr || pfn - first < window.nr);
	for (unsigned long i = 0; pfn == first && i < window.nr; i++)
		assert_true(pfn_valid(first + i));
}

static void check_valid_is_ram(u64 end)
{
	for (u64 addr = 0; addr < end; addr += PAGE_SIZE) {
		if (pfn_valid((unsigned long)(addr >> PAGE_SHIFT)))
			assert_true(memblock_is_ram(addr, addr + PAGE_SIZE));
		if (!host_random_below(32))
			check_window_of((unsigned long)(addr >> PAGE_SHIFT));
	}
}

static void holes_have_no_pages(void **state)
{
	(void)state;
	add_ram(0, 640 << 10);
	add_ram(MIB, 33 * MIB + 3 * PAGE_SIZE);
	add_ram(34 * MIB, 61 * MIB);
	add_ram(62 * MIB + PAGE_SIZE, 62 * MIB + 2 * PAGE_SIZE);
	mm_machine_map(&boot, 64 * MIB, 1);
	for (u64 addr = 0; addr < 80 * MIB; addr += PAGE_SIZE)
		assert_int_equal(pfn_valid((unsigned long)(addr >> PAGE_SHIFT)),
				 memblock_is_ram(addr, addr + PAGE_SIZE));
	check_valid_is_ram(80 * MIB);
	assert_ptr_equal(page_windows[0].first, pfn_to_page(MIB >> PAGE_SHIFT)); /* the longest */
	assert_int_equal(page_find_window(NULL).nr, 0);
	assert_int_equal(page_find_window((void *)-64ul).nr, 0);
	take_all(GFP_NOWAIT, 0, ~0ul);
	give_back();
	assert_int_equal(page_alloc_check(), 0);
}

/* Sections with a page or two, or with nothing but reserved memory, do no harm. */
static void crumbs_are_left_out(void **state)
{
	unsigned long before;

	(void)state;
	add_ram(0, 64 * MIB);
	add_ram(300 * MIB, 300 * MIB + PAGE_SIZE);
	add_ram(600 * MIB, 600 * MIB + 3 * PAGE_SIZE);
	add_ram(1000 * MIB, 1000 * MIB + PAGE_SIZE);
	add_ram(1023 * MIB, 1023 * MIB + PAGE_SIZE);
	add_ram(1100 * MIB, 1101 * MIB);
	mm_machine_map(&boot, 1200 * MIB, 1);
	before = free_or_tables();
	take_all(__GFP_HIGHMEM, 0, ~0ul);
	check_valid_is_ram(1200 * MIB);
	assert_int_equal(nr_free_pages(), 0);
	give_back();
	assert_int_equal(free_or_tables(), before);
	assert_int_equal(page_alloc_check(), 0);
}

static void random_maps(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		u64 pos = MIB, top = 1536 * MIB;
		unsigned long before;

		boot.nr_regions = 0;
		add_ram(0, 600 << 10);
		add_ram(MIB, 16 * MIB);
		for (pos = 16 * MIB; pos < top && boot.nr_regions < 60;) {
			u64 end = pos + (1 + host_random_below(host_random_below(2) ? 40000 : 40)) * PAGE_SIZE;

			add_ram(pos, min(end, top));
			pos = end + host_random_below(5000) * PAGE_SIZE;
		}
		mm_machine_map(&boot, top, 2);
		before = free_or_tables();
		take_all(__GFP_HIGHMEM, (unsigned int)host_random_below(4), ~0ul);
		take_all(__GFP_HIGHMEM, 0, ~0ul);
		check_valid_is_ram(top);
		assert_int_equal(nr_free_pages(), 0);
		give_back();
		assert_int_equal(free_or_tables(), before);
		drain_page_lists();
		assert_int_equal(page_alloc_check(), 0);
	}
}

/*
 * Before there are sections no frame has a page, and no pointer is formed to find that out (the sanitizer would tell).
 */
static void asked_before_all(void **state)
{
	(void)state;
	for (unsigned int shift = 0; shift < BITS_PER_LONG; shift++)
		assert_false(pfn_valid(1ul << shift));
	assert_false(pfn_valid(~0ul));
	assert_int_equal(page_find_window((struct page *)((vaddr_t)vmemmap + 100000 * sizeof(struct page))).nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_before_all),
		cmocka_unit_test_setup(boot_brings_little_online, setup),
		cmocka_unit_test_setup(all_memory_can_be_had, setup),
		cmocka_unit_test_setup(not_in_every_context, setup),
		cmocka_unit_test_setup(margin_suffices, setup),
		cmocka_unit_test_setup(array_has_frames_of_its_own, setup),
		cmocka_unit_test_setup(fragmented_memory_gets_fresh, setup),
		cmocka_unit_test_setup(failing_is_harmless, setup),
		cmocka_unit_test_setup(injection_is_not_used_up, setup),
		cmocka_unit_test_setup(zones_by_request, setup),
		cmocka_unit_test_setup(a_window_on_each_side_of_4_gib, setup),
		cmocka_unit_test_setup(lists_keep_zones_apart, setup),
		cmocka_unit_test_setup(holes_have_no_pages, setup),
		cmocka_unit_test_setup(crumbs_are_left_out, setup),
		cmocka_unit_test_setup(random_maps, setup),
	};

	return cmocka_run_group_tests_name("page_online", tests, NULL, NULL);
}
