/* SPDX-License-Identifier: MIT */
/* set_memory_*(): which other mappings follow; memory types and their books; how pages come back to what is usual. */
#include "tests/host/set_memory_machine.h"

#include "mm/kva/area/area.h"

/* --- what follows ------------------------------------------------------------------------------------------------- */

/* The alias of each page of an area: as `what` says. */
#define ALIASES(area, nr, what) ({ \
	bool _all = true; \
	for (unsigned int _i = 0; _i < (nr); _i++) { \
		vaddr_t alias = direct_of(find_vm_area(area)->pages[_i]); \
		_all &= (what); \
	} \
	_all; })

static void alias_follows(void **state)
{
	struct vm_balance balance = vm_balance();
	char *p = vmalloc_32(5 * P);
	vaddr_t at = (vaddr_t)p;

	(void)state;
	assert_int_equal(set_memory_x(at, 5), 0);
	assert_true(executable(at) && ALIASES(p, 5, !executable(alias) || !PTE_NX));
	assert_int_equal(set_memory_nx(at, 5), 0);
	assert_true(ALIASES(p, 5, writable(alias)));
	assert_int_equal(pages_marked, 0);
	assert_int_equal(set_memory_ro(at, 5), 0);
	assert_true(!writable(at) && ALIASES(p, 5, !writable(alias) && small(alias)));
	assert_int_equal(pages_marked, 5);
	assert_int_equal(set_memory_rw(at + P, 4), 0);
	assert_true(ALIASES(p, 5, writable(alias) == (alias != direct_of(find_vm_area(p)->pages[0]))));
	assert_int_equal(set_memory_rox(at, 5), 0);
	assert_true(ALIASES(p, 5, !writable(alias) && (!executable(alias) || !PTE_NX)));
	assert_int_equal(set_memory_np(at, 5), 0);
	assert_true(!present(at) && !vmalloc_to_page(p) && ALIASES(p, 5, !present(alias)));
	assert_true(ALIASES(p, 5, pte_pfn(leaf_at(alias).pte) != (alias - layout.direct_start) >> PAGE_SHIFT));
	assert_int_equal(set_memory_p(at, 5), 0);
	assert_true(present(at) && ALIASES(p, 5, present(alias)));
	assert_ptr_equal(vmalloc_to_page(p), find_vm_area(p)->pages[0]);
	vfree(p); /* rights and all */
	assert_balance(balance);
}

static void types_and_their_books(void **state)
{
	struct vm_balance balance = vm_balance();
	char *p = vmalloc_32(3 * P), *q;
	struct page *pages[3], *fresh;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		pages[i] = vmalloc_to_page(p + i * P);
	host_flushed_bytes = 0;
	assert_int_equal(set_memory_uc((vaddr_t)p, 3), 0);
	assert_int_equal(host_flushed_bytes, 3 * P);
	assert_true(type_of((vaddr_t)p) == MEMTYPE_UC_MINUS && ALIASES(p, 3, type_of(alias) == MEMTYPE_UC_MINUS));
	assert_int_equal(pages_retyped, 3);
	assert_null(vm_map_ram(pages, 3, -1));
	assert_null(vmap(pages, 3, VM_MAP, PAGE_KERNEL));
	warn_expected(true);
	assert_null(memremap(page_to_phys(pages[2]), 8, MEMREMAP_WB));
	warn_expected(false);
	q = vmap(pages, 3, VM_MAP, pgprot_noncached(PAGE_KERNEL));
	assert_non_null(q);
	vunmap(q);
	assert_int_equal(set_memory_wc((vaddr_t)p, 3), 0); /* any after any */
	assert_null(vmap(pages, 3, VM_MAP, pgprot_noncached(PAGE_KERNEL)));
	host_flushed_bytes = 0;
	assert_int_equal(set_memory_wb((vaddr_t)p, 3), 0);
	assert_int_equal(host_flushed_bytes, 0);
	assert_int_equal(pages_retyped, 0);
	vm_unmap_ram(vm_map_ram(pages, 3, -1), 3);
	fresh = alloc_page(GFP_KERNEL);
	assert_null(vmap(&fresh, 1, VM_MAP, pgprot_writecombine(PAGE_KERNEL))); /* it is write-back */
	__free_page(fresh);
	assert_int_equal(set_memory_wc((vaddr_t)p + P, 1), 0);
	vfree(p);
	assert_balance(balance);
}

/* Old CPUs empty all caches, each its own. */
static void caches_without_clflush(void **state)
{
	void *p = vmalloc_32(3 * P);

	(void)state;
	host_clflush = false;
	host_cache_flushes = 0;
	assert_int_equal(set_memory_uc((vaddr_t)p, 3), 0);
	host_clflush = true;
	assert_int_equal(host_cache_flushes, 4);
	vfree(p);
}

/* What was cached before a page was taken away is not cached when it comes back with another type. */
static void caches_of_a_page_that_is_not_present(void **state)
{
	vaddr_t p = (vaddr_t)vmalloc_32(3 * P);

	(void)state;
	assert_int_equal(set_memory_np(p + P, 1), 0);
	host_cache_flushes = 0;
	assert_int_equal(set_memory_uc(p, 3), 0);
	assert_int_equal(host_cache_flushes, 4);
	assert_int_equal(set_memory_p(p + P, 1), 0);
	vfree((void *)p);
}

static void write_combining_without_pat(void **state)
{
	pteval_t all = pte_supported;
	void *p = vmalloc_32(P);

	(void)state;
	pte_supported &= ~PTE_PAT;
	assert_int_equal(set_memory_wc((vaddr_t)p, 1), 0);
	assert_int_equal(type_of((vaddr_t)p), MEMTYPE_UC_MINUS);
	assert_int_equal(page_memtype(vmalloc_to_page(p)), MEMTYPE_UC_MINUS);
	pte_supported = all;
	vfree(p);
}

static void vfree_and_vrealloc_restore(void **state)
{
	char *p = vmalloc_32(4 * P);
	struct page *page = vmalloc_to_page(p + 3 * P);

	(void)state;
	assert_int_equal(set_memory_ro((vaddr_t)p, 4), 0);
	assert_int_equal(set_memory_uc((vaddr_t)p, 4), 0);
	p = vrealloc(p, 2 * P, GFP_KERNEL | __GFP_ZERO); /* writes to it, and frees a part */
	assert_non_null(p);
	assert_true(writable(direct_of(page)) && type_of(direct_of(page)) == MEMTYPE_WB);
	assert_true(writable((vaddr_t)p) && type_of((vaddr_t)p) == MEMTYPE_WB);
	assert_int_equal(set_memory_np((vaddr_t)p + P, 1), 0);
	page = find_vm_area(p)->pages[1];
	vfree(p);
	assert_true(present(direct_of(page)));
	p = vmalloc_huge(2 * pt_level_size(2), GFP_KERNEL | __GFP_DMA32);
	assert_non_null(p);
	assert_int_equal(set_memory_ro((vaddr_t)p, (int)(pt_level_size(2) >> PAGE_SHIFT)), 0);
	page = vmalloc_to_page(p + P);
	assert_false(writable(direct_of(page)));
	vfree(p);
	assert_true(writable(direct_of(page)));
}

/* A page that is not as it came is not taken back. */
static void free_of_a_changed_page_is_refused(void **state)
{
	struct page *block = alloc_pages(GFP_KERNEL, 2);
	unsigned long nr = nr_free_pages();

	(void)state;
	assert_int_equal(set_memory_ro(direct_of(block) + P, 1), 0);
	nr = nr_free_pages();
	warn_expected(true);
	__free_pages(block, 2);
	warn_expected(false);
	assert_int_equal(nr_free_pages(), nr);
	split_page(block, 2);
	warn_expected(true);
	__free_page(block + 1);
	warn_expected(false);
	assert_int_equal(nr_free_pages(), nr);
	assert_int_equal(set_memory_rw(direct_of(block) + P, 1), 0);
	for (unsigned int i = 0; i < 4; i++)
		__free_page(block + i);
	assert_int_equal(nr_free_pages(), nr + 4);
}

static void the_direct_map_alone(void **state)
{
	char *p = vmalloc_32(P), buf[4];
	struct page *page = vmalloc_to_page(p);
	unsigned long seq;

	(void)state;
	assert_true(kernel_page_present(page));
	assert_int_equal(set_memory_4k(direct_of(page), 1), 0);
	seq = tlb_log_seq();
	assert_int_equal(set_direct_map_invalid_noflush(page), 0);
	assert_int_equal(tlb_log_seq(), seq);
	flush_tlb_kernel_range(direct_of(page), direct_of(page) + P);
	assert_true(!kernel_page_present(page) && present((vaddr_t)p) && writable((vaddr_t)p));
	assert_int_equal(vread(buf, p, 4), 4); /* which looks through the direct map */
	assert_int_equal(set_direct_map_default_noflush(page), 0);
	assert_int_equal(set_direct_map_valid_noflush(page, 1, false), 0);
	assert_int_equal(set_direct_map_valid_noflush(page, 1, true), 0);
	assert_true(kernel_page_present(page) && writable(direct_of(page)));
	flush_tlb_kernel_range(direct_of(page), direct_of(page) + P);
	assert_int_equal(pages_marked, 0);
	vfree(p);
}

static void wrong_ranges(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned long pfns[2] = { DEVICE >> PAGE_SHIFT, (DEVICE >> PAGE_SHIFT) + 1 };
	char *io = vmap_pfn(pfns, 2, pgprot_noncached(PAGE_KERNEL));
	vaddr_t at = direct_of(page);

	(void)state;
	assert_int_equal(set_memory_uc(at + 1, 1), -EINVAL);
	assert_int_equal(set_memory_uc(at, 0), -EINVAL);
	assert_int_equal(set_memory_uc(at, -1), -EINVAL);
	assert_int_equal(set_memory_uc(P, 1), -EINVAL);
	assert_int_equal(set_memory_uc(layout.direct_end - P, 2), -EINVAL);
	assert_int_equal(set_memory_np(layout.vmemmap_start, 1), -EINVAL);
	assert_int_equal(set_memory_np((vaddr_t)io, 3), -EINVAL);
	assert_int_equal(set_memory_wc((vaddr_t)io, 1), -EINVAL); /* a device's type is reserved */
	assert_int_equal(set_memory_ro((vaddr_t)io, 1), 0);
	assert_int_equal(set_memory_np((vaddr_t)io, 1), 0);
	vunmap(io);
	assert_int_equal(set_memory_uc(direct(HOLE_START >> PAGE_SHIFT), 4), 0); /* no RAM, no leaf */
	assert_int_equal(pages_marked, 0);
	__free_page(page);
}

/* Frames of highmem have no alias, and a type all the same. */
static void highmem_has_no_alias(void **state)
{
	struct page *page;
	void *p;

	(void)state;
	if (arch_lowmem_limit() >= RAM)
		return;
	page = alloc_page(GFP_KERNEL | __GFP_HIGHMEM);
	assert_true(page && page->zone == ZONE_HIGHMEM);
	p = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	assert_int_equal(set_memory_uc((vaddr_t)p, 1), 0);
	assert_int_equal(page_memtype(page), MEMTYPE_UC_MINUS);
	assert_int_equal(set_direct_map_invalid_noflush(page), 0);
	assert_false(kernel_page_present(page));
	assert_int_equal(set_memory_ro((vaddr_t)p, 1), 0);
	assert_int_equal(set_memory_wb((vaddr_t)p, 1), 0);
	vunmap(p);
	__free_page(page);
}

/* --- frames of devices: whoever maps them ------------------------------------------------------------------------- */

/* One way to map a device's frame: NULL is a refusal. */
static void *by_ioremap(enum memtype type)
{
	return ioremap_prot((phys_addr_t)DEVICE, P, pgprot_set_memtype(PAGE_KERNEL, type));
}

static void end_ioremap(void *p) { iounmap(p); }

static void *by_pfn(enum memtype type)
{
	unsigned long pfns[3] = { (DEVICE >> PAGE_SHIFT) + 7, (DEVICE >> PAGE_SHIFT) + 3, DEVICE >> PAGE_SHIFT };

	return vmap_pfn(pfns, 3, pgprot_set_memtype(PAGE_KERNEL, type));
}

static void end_pfn(void *p) { vunmap(p); }

static void *by_range(enum memtype type)
{
	struct vm_struct *area = get_vm_area(P, VM_IOREMAP);
	vaddr_t at = (vaddr_t)area->addr;
	int err = ioremap_page_range(at, at + P, (phys_addr_t)DEVICE, pgprot_set_memtype(PAGE_KERNEL, type));

	assert_true(!err || err == -EBUSY);
	if (!err)
		return area;
	free_vm_area(area);
	return NULL;
}

static void end_range(void *p) { free_vm_area(p); }

static void *by_memremap(enum memtype type)
{
	return memremap((phys_addr_t)DEVICE, P,
			type == MEMTYPE_WB   ? MEMREMAP_WB
			: type == MEMTYPE_WT ? MEMREMAP_WT
					     : MEMREMAP_WC);
}

static void end_memremap(void *p) { memunmap(p); }

static const struct {
	void *(*map)(enum memtype type);
	void (*end)(void *p);
} ways[] = { { by_ioremap, end_ioremap }, { by_pfn, end_pfn }, { by_range, end_range }, { by_memremap, end_memremap } };

/*
 * Each way after each other, with types that agree and that do not: the second of another type is refused, and leaves
 * nothing.
 */
static void one_type_a_frame_whoever_maps_it(void **state)
{
	const enum memtype types[] = { MEMTYPE_WB, MEMTYPE_WT, MEMTYPE_WC };
	struct vm_balance balance = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(ways) * ARRAY_SIZE(ways) * 9; i++) {
		unsigned int a = i / 9 % ARRAY_SIZE(ways), b = i / 9 / ARRAY_SIZE(ways);
		enum memtype first = types[i % 3], second = types[i / 3 % 3];
		void *one = ways[a].map(first), *two = ways[b].map(second);

		assert_non_null(one);
		if ((first == second) != (two != NULL))
			fail_msg("way %u as %s, then way %u as %s: %p", a, memtype_name(first), b, memtype_name(second),
				 two);
		if (two)
			ways[b].end(two);
		ways[a].end(one);
		assert_true(memtype_agrees(DEVICE >> PAGE_SHIFT, second));
	}
	assert_balance(balance);
}

/* The type of frames that were cached is free only when no CPU can read ahead through their old mapping. */
static void frames_are_forgotten_before_their_type(void **state)
{
	unsigned long seq;
	void *p = by_pfn(MEMTYPE_WB);

	(void)state;
	seq = tlb_log_seq();
	vunmap(p);
	assert_true(tlb_log_covers(seq, (vaddr_t)p, (vaddr_t)p + 3 * P));
	p = by_ioremap(MEMTYPE_WC);
	assert_non_null(p);
	iounmap(p);
}

static int map_device(pte_t *pte, unsigned long addr __maybe_unused, void *prot)
{
	pte_store(pte, pfn_pte(DEVICE >> PAGE_SHIFT, pgprot_supported(*(pgprot_t *)prot)));
	return 0;
}

/* What a caller writes by himself is looked at as well. */
static void apply_to_page_range_is_looked_at(void **state)
{
	struct vm_struct *area = get_vm_area(P, VM_MAP);
	pgprot_t wb = PAGE_KERNEL, uc = pgprot_noncached(PAGE_KERNEL);
	void *io = by_ioremap(MEMTYPE_UC_MINUS);

	(void)state;
	assert_int_equal(apply_to_page_range(&init_mm, (vaddr_t)area->addr, P, map_device, &uc), 0);
	vm_unmap((vaddr_t)area->addr, (vaddr_t)area->addr + P);
	host_log_clear();
	warn_expected(true);
	assert_int_equal(apply_to_page_range(&init_mm, (vaddr_t)area->addr, P, map_device, &wb), 0);
	warn_expected(false);
	assert_non_null(strstr(host_log(), "has another memory type"));
	free_vm_area(area);
	iounmap(io);
}

/* RAM that is not write-back, by the ways that are always write-back, and the other way round. */
static void ram_by_every_way(void **state)
{
	struct vm_struct *area = get_vm_area(2 * P, VM_SPARSE);
	vaddr_t at = (vaddr_t)area->addr;
	struct page *page = alloc_page(GFP_KERNEL);

	(void)state;
	assert_int_equal(set_memory_uc(direct_of(page), 1), 0);
	assert_int_equal(vm_area_map_pages(area, at, at + P, &page), -EINVAL);
	warn_expected(true);
	assert_int_equal(memtype_reserve(page_to_phys(page), page_to_phys(page) + P, MEMTYPE_UC_MINUS), -EBUSY);
	assert_null(__vmalloc_node_range(P, 1, VMALLOC_START, VMALLOC_END, GFP_KERNEL, pgprot_noncached(PAGE_KERNEL), 0,
					 -1, NULL));
	warn_expected(false);
	assert_int_equal(set_memory_wb(direct_of(page), 1), 0);
	assert_int_equal(vm_area_map_pages(area, at, at + P, &page), 0);
	free_vm_area(area);
	__free_page(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(alias_follows, quiet),
		cmocka_unit_test_teardown(types_and_their_books, quiet),
		cmocka_unit_test_teardown(caches_without_clflush, quiet),
		cmocka_unit_test_teardown(caches_of_a_page_that_is_not_present, quiet),
		cmocka_unit_test_teardown(write_combining_without_pat, quiet),
		cmocka_unit_test_teardown(vfree_and_vrealloc_restore, quiet),
		cmocka_unit_test_teardown(free_of_a_changed_page_is_refused, quiet),
		cmocka_unit_test_teardown(the_direct_map_alone, quiet),
		cmocka_unit_test_teardown(wrong_ranges, quiet),
		cmocka_unit_test_teardown(highmem_has_no_alias, quiet),
		cmocka_unit_test_teardown(one_type_a_frame_whoever_maps_it, quiet),
		cmocka_unit_test_teardown(frames_are_forgotten_before_their_type, quiet),
		cmocka_unit_test_teardown(apply_to_page_range_is_looked_at, quiet),
		cmocka_unit_test_teardown(ram_by_every_way, quiet),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, machine, end);
}
