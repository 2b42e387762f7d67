/* SPDX-License-Identifier: MIT */
/* ioremap in ranges with a past, and beside others: known entries, tables that are shared, a page in the way. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <arch/mmu_sync.h>
#include <mm/ioremap.h>

#define RAM    (256ull << 20)
#define DEVICE (1ull << 30) /* physical; nobody's RAM */

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	return 0;
}

static void assert_shows(const char *io, u64 phys, unsigned int pages)
{
	assert_non_null(io);
	for (unsigned int i = 0; i < pages; i++)
		assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + i * PAGE_SIZE).phys == phys + i * PAGE_SIZE);
	assert_false(pgtable_query(&kernel_pgtable, (vaddr_t)io + pages * PAGE_SIZE).present);
}

/* A range whose entries are known from its life as a vmalloc area is filled without a walk. */
static void a_range_that_was_vmallocs(void **state)
{
	char *p[64], *io;

	(void)state;
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = vmalloc(3 * PAGE_SIZE);
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
			vfree(p[i]);
		flush_tlb_all();
		vfree(vmalloc(7 * PAGE_SIZE)); /* its search takes back what is flushed */
	}
	io = ioremap((phys_addr_t)DEVICE, 3 * PAGE_SIZE);
	assert_shows(io, DEVICE, 3);
	iounmap(io);
	assert_false(pgtable_query(&kernel_pgtable, (vaddr_t)io).present);
}

static bool crosses(const char *p, unsigned int pages)
{
	vaddr_t table = pt_level_size(2), start = (vaddr_t)p;

	return ALIGN_DOWN(start, table) != ALIGN_DOWN(start + (pages - 1) * PAGE_SIZE, table);
}

#define PAGES 5u /* and the guard: a size that fills no table evenly */

/* The next ioremap of PAGES pages will have a range that was vmalloc's, and lies in two tables. */
static char *offer_crossing(void)
{
	static unsigned int unused = PAGES + 5; /* pages: a size that no cache has */
	static char *p[600];
	unsigned int n = 0;
	char *found;

	do
		p[n] = vmalloc(PAGES * PAGE_SIZE);
	while (!crosses(p[n], PAGES) && ++n < ARRAY_SIZE(p));
	assert_true(n < ARRAY_SIZE(p));
	found = p[n];
	vfree(found);
	flush_tlb_all();
	vfree(vmalloc(unused++ * PAGE_SIZE)); /* its search takes back what is flushed */
	while (n)
		vfree(p[--n]); /* these are not flushed yet */
	return found;
}

static void a_range_over_a_border(void **state)
{
	char *offered, *io;

	(void)state;
	offered = offer_crossing();
	io = ioremap((phys_addr_t)DEVICE, PAGES * PAGE_SIZE);
	assert_ptr_equal(io, offered);
	assert_shows(io, DEVICE, PAGES);
	iounmap(io);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_false(pgtable_query(&kernel_pgtable, (vaddr_t)io + i * PAGE_SIZE).present);
}

/* A known entry that is not empty, in the second table: what was written before it goes, and it stays. */
static void a_known_entry_in_the_way(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);
	vaddr_t start, last;

	(void)state;
	start = (vaddr_t)offer_crossing();
	last = start + (PAGES - 1) * PAGE_SIZE;
	assert_int_equal(vm_map_pages(last, &page, 1, PAGE_KERNEL, GFP_KERNEL), 0);
	warn_expected(true);
	assert_null(ioremap((phys_addr_t)DEVICE, PAGES * PAGE_SIZE));
	warn_expected(false);
	for (vaddr_t at = start; at != last; at += PAGE_SIZE)
		assert_false(pgtable_query(&kernel_pgtable, at).present);
	assert_true(pgtable_query(&kernel_pgtable, last).phys == page_to_phys(page));
	vm_unmap(last, last + PAGE_SIZE);
	__free_page(page);
}

/* A large area that begins in the middle of a table takes no table away in which others have pages. */
static void a_table_that_others_use(void **state)
{
	static char *small[1200];
	vaddr_t table = pt_level_size(2);
	unsigned int n = 0;
	char *io, *again;

	(void)state;
	io = ioremap((phys_addr_t)(DEVICE + table / 2), 3 * table); /* begins in the second half of a table's span */
	assert_non_null(io);
	do
		small[n] = vmalloc(PAGE_SIZE); /* until one lies in the first half */
	while ((vaddr_t)small[n] < (vaddr_t)io - table / 2 && ++n < ARRAY_SIZE(small) - 1);
	n++;
	iounmap(io);
	flush_tlb_all();
	again = ioremap((phys_addr_t)(DEVICE + table / 2), 3 * table);
	assert_ptr_equal(again, io);
	for (unsigned int i = 0; i < n; i++)
		assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)small[i]).present);
	iounmap(io);
	while (n--)
		vfree(small[n]);
}

/* One page in the way is found wherever it lies. */
static void a_page_in_the_way(void **state)
{
	unsigned long table = pt_level_size(2), size = 6 * table + 5 * PAGE_SIZE;
	struct page *page = alloc_page(GFP_KERNEL);
	struct vm_struct *area = get_vm_area(size, VM_IOREMAP);
	vaddr_t start = (vaddr_t)area->addr, at;

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		at = start + i * table + (i ? 0 : PAGE_SIZE);
		assert_int_equal(vm_map_pages(at, &page, 1, PAGE_KERNEL, GFP_KERNEL), 0);
		assert_int_equal(ioremap_page_range(start, start + size, (phys_addr_t)DEVICE, PAGE_KERNEL), -EBUSY);
		vm_unmap(at, at + PAGE_SIZE);
		pgtable_free_tables(&kernel_pgtable, ALIGN(start, table), ALIGN_DOWN(start + size, table));
	}
	free_vm_area(area);
	__free_page(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_that_was_vmallocs),
		cmocka_unit_test(a_range_over_a_border),
		cmocka_unit_test(a_known_entry_in_the_way),
		cmocka_unit_test(a_table_that_others_use),
		cmocka_unit_test(a_page_in_the_way),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
