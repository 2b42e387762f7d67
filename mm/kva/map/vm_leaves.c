/* SPDX-License-Identifier: MIT */
/*
 * Large leaves over pages: which pages can have one, and mapping them. Theory: area/vm_huge.c.
 *
 * A new range may have empty tables where a leaf is to go. pgtable_clear_tables() first unlinks them, carries that to
 * every process, flushes, and frees them.
 */
#include "mm/kva/map/map.h"

#define LEAF_LEVEL 2

CMDLINE_OPTION(nohugevmalloc, "nohugevmalloc", "vmalloc and vmap use small pages only");

static bool small_only __ro_after_init;

void vm_leaves_init(void)
{
	small_only = cmdline_has("nohugevmalloc");
}

unsigned int vm_leaf_order(void)
{
	return small_only || !pt_leaf_allowed(LEAF_LEVEL) ? 0 : ilog2(pt_level_size(LEAF_LEVEL)) - PAGE_SHIFT;
}

/* Are the pages one aligned block of RAM, in order? The pointers may be invalid. */
static bool is_block(struct page **pages, unsigned int order)
{
	const struct page *first = pages[0];
	struct page_window window = page_find_window(first);
	unsigned long n = 1ul << order, at = page_window_index(window, first), i;

	if (at >= window.nr || n > window.nr - at || !IS_ALIGNED(page_to_pfn(first), n))
		return false;
	for (i = 0; i < n && pages[i] == first + i; i++)
		;
	return i == n;
}

struct huge_map {
	struct page **pages; /* from `start` on */
	vaddr_t start;
	pgprot_t prot;
	unsigned int order;
	bool sure; /* the pages of each leaf are known to be a block */
};

/* Map [addr, end), which does not reach over a border between leaves. */
static int map_slot(const struct huge_map *m, struct mmu_update *u, vaddr_t addr, vaddr_t end)
{
	struct page **pages = m->pages + ((addr - m->start) >> PAGE_SHIFT);
	unsigned long leaf = PAGE_SIZE << m->order;

	if (end - addr == leaf && (m->sure || is_block(pages, m->order)))
		return pgtable_map(&kernel_pgtable, u, addr, end, page_to_phys(pages[0]), m->prot,
				   m->order + PAGE_SHIFT);
	return vm_map_pages_in(u, addr, pages, (end - addr) >> PAGE_SHIFT, m->prot);
}

int vm_map_leaves(vaddr_t start, vaddr_t end, struct page **pages, pgprot_t prot, unsigned int order, bool sure)
{
	const struct huge_map m = { .pages = pages, .start = start, .prot = prot, .order = order, .sure = sure };
	unsigned long leaf = PAGE_SIZE << order;
	struct mmu_update u;
	int err = 0;

	pgtable_clear_tables(&kernel_pgtable, start, end, order + PAGE_SHIFT);
	arch_update_kernel_mappings_begin(&u, start, end);
	for (vaddr_t addr = start, next; addr != end && !err; addr = next) {
		next = min(ALIGN_DOWN(addr, leaf) + leaf, end);
		err = map_slot(&m, &u, addr, next);
	}
	schedule_point("vmalloc:mapped");
	if (err) {
		pgtable_unmap(&kernel_pgtable, &u, start, end);
		tlb_batch_add(&u.tlb, start, end);
	}
	arch_update_kernel_mappings_end(&u);
	return err;
}

bool vm_pages_have_block(struct page **pages, unsigned long count, unsigned int order, unsigned long skew)
{
	unsigned long n = 1ul << order, at = (n - (skew >> PAGE_SHIFT)) & (n - 1);

	for (; at + n <= count; at += n)
		if (pages[at + 1] == pages[at] + 1 && is_block(pages + at, order))
			return true;
	return false;
}
