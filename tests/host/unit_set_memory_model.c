/* SPDX-License-Identifier: MIT */
/* set_memory_*() at random, with too little memory now and then, against a naive model of each page. */
#include "tests/host/set_memory_machine.h"

/* --- anything ----------------------------------------------------------------------------------------------------- */

#define AREAS 6
#define MOST  40

static struct {
	char *at;
	unsigned int pages;
	bool direct; /* a block of the page allocator, at its own address */
	struct look page[MOST];
} area[AREAS];

static void area_new(unsigned int i)
{
	area[i].direct = host_random_below(2);
	area[i].pages = area[i].direct ? 32 : 1 + (unsigned int)host_random_below(MOST);
	if (area[i].direct)
		area[i].at = (char *)direct_of(alloc_pages(GFP_KERNEL, 5));
	else
		area[i].at = vmalloc_32(area[i].pages * P);
	for (unsigned int n = 0; n < area[i].pages; n++)
		area[i].page[n] = (struct look){ true, true, MEMTYPE_WB };
}

static struct page *area_page(unsigned int i, unsigned int n)
{
	if (area[i].direct)
		return pfn_to_page((((vaddr_t)area[i].at - layout.direct_start) >> PAGE_SHIFT) + n);
	return find_vm_area(area[i].at)->pages[n];
}

static void area_end(unsigned int i)
{
	if (!area[i].direct) {
		vfree(area[i].at);
		return;
	}
	assert_int_equal(set_memory_p((vaddr_t)area[i].at, 32), 0);
	assert_int_equal(set_memory_rw((vaddr_t)area[i].at, 32), 0);
	assert_int_equal(set_memory_wb((vaddr_t)area[i].at, 32), 0);
	__free_pages(area_page(i, 0), 5);
}

static void area_change(unsigned int i)
{
	unsigned int from = (unsigned int)host_random_below(area[i].pages);
	unsigned int n = 1 + (unsigned int)host_random_below(area[i].pages - from),
		     what = (unsigned int)host_random_below(9);
	static int (*const change[])(unsigned long, int) = { set_memory_ro, set_memory_rw, set_memory_np, set_memory_p,
		set_memory_uc, set_memory_wc, set_memory_wb, set_memory_4k, set_memory_nx };

	inject_set(INJECT_TABLE, 1 + (unsigned int)host_random_below(6));
	if (change[what]((vaddr_t)area[i].at + from * P, (int)n))
		n = 0; /* no memory: nothing has changed */
	inject_clear(INJECT_TABLE);
	for (struct look *l = area[i].page + from; l < area[i].page + from + n; l++) {
		l->writable = what == 0 ? false : what == 1 ? true : l->writable;
		l->present = what == 2 ? false : what == 3 ? true : l->present;
		l->type = what == 4 ? MEMTYPE_UC_MINUS : what == 5 ? MEMTYPE_WC : what == 6 ? MEMTYPE_WB : l->type;
	}
}

static void check_areas(void)
{
	for (unsigned int i = 0; i < AREAS; i++)
		for (unsigned int n = 0; n < area[i].pages; n++) {
			struct page *page = area_page(i, n);
			const struct look *l = &area[i].page[n];

			for (unsigned int t = 0; t <= TREES; t++)
				assert_true(
					same(look_at(t ? &process[t - 1] : &kernel_pgtable, page_to_pfn(page)), *l));
			assert_int_equal(!(page->flags & PAGE_FLAG_DIRECT), l->present && l->writable);
			assert_int_equal(page_memtype(page), l->type);
			assert_int_equal(type_of((vaddr_t)area[i].at + n * P), l->type);
			assert_int_equal(present((vaddr_t)area[i].at + n * P), l->present);
		}
}

static void anything_against_the_model(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < AREAS; i++)
		area_new(i);
	for (unsigned int step = 0; step < 3000; step++) {
		unsigned int i = (unsigned int)host_random_below(AREAS);

		if (host_random_below(12)) {
			area_change(i);
		} else {
			area_end(i);
			area_new(i);
		}
		if (step % 16 == 0)
			check_areas();
	}
	check_areas();
	for (unsigned int i = 0; i < AREAS; i++)
		area_end(i);
	/* Whatever was free all the time is as it was, and what was changed is as it came. */
	for (unsigned long pfn = 0; pfn < min(RAM, arch_lowmem_limit()) >> PAGE_SHIFT; pfn++)
		if (pfn_valid(pfn))
			assert_true(same(look_at(&process[0], pfn), (struct look){ true, true, MEMTYPE_WB }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(anything_against_the_model, quiet),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, machine, end);
}
