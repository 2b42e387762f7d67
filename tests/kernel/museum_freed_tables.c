/* SPDX-License-Identifier: MIT */
/*
 * Historic bugs of tables that make room for a large leaf: each must be forgotten by every CPU's paging-structure cache
 * before its page has another use. That no page of a table is used again before the flush is the TLB oracle's to say,
 * which watches all of this; these tests look at what was flushed, and at what comes back.
 */
#include "places.h"
#include "worker.h"

#include <arch/pgtable.h>
#include <arch/tlb.h>
#include <kernel/rcupdate.h>
#include <mm/page_alloc.h>

struct region {
	struct vm_struct *area;
	vaddr_t start, end;
	struct page *page;
	unsigned int level; /* of the leaf that shall go there */
};

static struct crew crew;

static bool region_get(struct region *r, unsigned int level)
{
	unsigned long size = pt_level_size(level);

	*r = (struct region){ .level = level, .page = alloc_page(GFP_KERNEL) };
	r->area = __get_vm_area_caller(2 * size, VM_MAP, VMALLOC_START, VMALLOC_END, NULL);
	if (!EXPECT(r->page && r->area))
		return false;
	r->start = ALIGN((vaddr_t)r->area->addr, size);
	r->end = r->start + size;
	return true;
}

static void region_put(struct region *r)
{
	if (r->area)
		free_vm_area(r->area);
	if (r->page)
		__free_page(r->page);
}

static void change(const struct region *r, vaddr_t at, bool map)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, at, at + PAGE_SIZE);
	if (map)
		EXPECT_EQ(pgtable_map(&kernel_pgtable, &u, at, at + PAGE_SIZE, page_to_phys(r->page), PAGE_KERNEL,
				      PAGE_SHIFT),
			  0);
	else
		pgtable_unmap(&kernel_pgtable, &u, at, at + PAGE_SIZE);
	tlb_batch_add(&u.tlb, at, at + PAGE_SIZE);
	arch_update_kernel_mappings_end(&u);
}

/* Small pages in several tables of the region, looked at by every CPU, and gone. */
static void leave_empty_tables(const struct region *r, unsigned int tables)
{
	unsigned long step = max((r->end - r->start) / tables, pt_level_size(2));

	for (vaddr_t at = r->start; at < r->end; at += step) {
		*(u32 *)page_address(r->page) = (u32)at;
		change(r, at, true);
		if ((at - r->start) / step % DIV_ROUND_UP(tables, 16) == 0) /* everybody looks, at some of many */
			crew_sees(&crew, (void *)at, (u32)at);
		change(r, at, false);
	}
}

/* Returns how many tables went. */
static unsigned long clear_tables(const struct region *r)
{
	unsigned long before = pgtable_kernel_pages(), seq = tlb_log_seq();

	pgtable_clear_tables(&kernel_pgtable, r->start, r->end, pt_level[r->level].shift);
	EXPECT(tlb_log_covers(seq, r->start, r->end)); /* all of it: to the last byte, and no table spared */
	rcu_barrier();
	return before - pgtable_kernel_pages();
}

/* --- 52: the link is cleared, everybody forgets it, and only then the table goes ---------------------------------- */

static void one_table(struct region *r)
{
	for (unsigned int round = 0; round < 20; round++) {
		leave_empty_tables(r, 1);
		EXPECT_EQ(clear_tables(r), 1);
		change(r, r->start, true); /* a table again, most likely the same page */
		crew_sees(&crew, (void *)r->start, *(u32 *)page_address(r->page));
		change(r, r->start, false);
	}
}

KTEST(museum, m52_table_freed_before_the_flush)
{
	KTEST_NEEDS(MM_LOGS);
	struct region r = { 0 };

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (region_get(&r, 2))
		WITH_CREW(crew, 1, one_table(&r));
	region_put(&r);
}

/* --- 53: a leaf of a gigabyte takes up to 513 tables away, and the flush is for all of them ----------------------- */

static void many_tables(struct region *r)
{
	unsigned long most = (r->end - r->start) / pt_level_size(2);

	for (unsigned int tables = 1; tables <= most; tables *= 8) {
		leave_empty_tables(r, tables);
		EXPECT_EQ(clear_tables(r), tables + 1);
	}
}

KTEST(museum, m53_flush_too_small_for_the_tables)
{
	KTEST_NEEDS(MM_LOGS);
	struct region r = { 0 };

	if (pt_top() < 3 || !pt_leaf_allowed(3))
		KTEST_SKIP("this CPU has no 1 GiB pages");
	if (region_get(&r, 3))
		WITH_CREW(crew, 1, many_tables(&r));
	region_put(&r);
}

/* --- 55: what was set up for a table is taken down with it -------------------------------------------------------- */

static void cycles(struct region *r, unsigned int nr)
{
	unsigned long tables, free;

	leave_empty_tables(r, 8);
	clear_tables(r);
	tables = pgtable_kernel_pages();
	free = nr_free_pages();
	for (unsigned int i = 0; i < nr; i++) {
		leave_empty_tables(r, 8);
		clear_tables(r);
	}
	EXPECT_EQ(pgtable_kernel_pages(), tables);
	EXPECT_EQ(nr_free_pages(), free);
}

KTEST(museum, m55_tables_without_an_end)
{
	KTEST_NEEDS(MM_LOGS);
	struct region r = { 0 };
	unsigned int level = pt_top() >= 3 && pt_leaf_allowed(3) ? 3 : 2;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (region_get(&r, level))
		WITH_CREW(crew, 1, cycles(&r, 20));
	region_put(&r);
}
