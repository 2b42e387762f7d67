/* SPDX-License-Identifier: MIT */
/*
 * The shadow of vmalloc space (theory: README.md).
 *
 *	hole | enters: gets pages, poisoned | used: what was asked for is 0 | freed: poisoned | leaves: 0 | hole
 *
 * A page of shadow describes eight pages, so it may belong to several ranges, and to holes. A new one is all 0, and a
 * range sets the shadow of its own addresses only.
 */
#include "mm/kva/area/area.h"

#include <mm/kasan.h>

#define SHADOW_PAGE (KASAN_GRANULE * PAGE_SIZE) /* so many bytes does a page of shadow describe */

/* A range of more than that (only ioremap has such) has no shadow: the shadow would take all memory. */
static bool has_shadow(const struct vm_range *range)
{
	return vm_range_size(range) >> PAGE_SHIFT <= totalram_pages() / 2;
}

/* --- pages of shadow ---------------------------------------------------------------------------------------------- */

static atomic_long_t nr_pages;

unsigned long kasan_shadow_pages(void)
{
	return (unsigned long)atomic_long_read(&nr_pages);
}

struct supply {
	struct page *page; /* the next one, allocated and cleared */
	bool short_of;	   /* there was none when it was needed */
};

/* Another CPU may fill the same entry for a neighbouring range: one of the pages is left over then. */
static int fill_entries(void *ctx, pte_t *ptep, vaddr_t addr __maybe_unused, unsigned long n)
{
	for (struct supply *s = ctx; n; n--, ptep++) {
		if (!pte_none(pte_read(ptep)))
			continue;
		if (!s->page)
			s->page = alloc_pages_uninjected(GFP_NOWAIT | __GFP_NOWARN | __GFP_ZERO, 0);
		if (!s->page)
			return -ENOMEM;
		if (pte_cmpxchg(ptep, __pte(0), pfn_pte(page_to_pfn(s->page), pgprot_supported(PAGE_KERNEL)))) {
			atomic_long_inc(&nr_pages);
			s->page = NULL;
		}
	}
	return 0;
}

static int populate_once(vaddr_t start, vaddr_t end, struct supply *s)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_for_each_run(&kernel_pgtable, &u, start, end, true, fill_entries, s);
	arch_update_kernel_mappings_end(&u);
	return err;
}

/* Where memory is short, RAM may come online for a page that is asked for outside of the walk. */
static int populate(vaddr_t start, vaddr_t end, gfp_t gfp)
{
	struct supply s = { .page = NULL };
	int err = populate_once(start, end, &s);

	while (err == -ENOMEM && !s.page && (s.page = alloc_pages_uninjected(gfp | __GFP_NOWARN | __GFP_ZERO, 0)))
		err = populate_once(start, end, &s);
	if (s.page)
		__free_page(s.page);
	return err;
}

int kasan_range_enters(const struct vm_range *range, gfp_t gfp)
{
	int err;

	if (!has_shadow(range))
		return 0;
	err = populate(ALIGN_DOWN(kasan_shadow_of(range->start), PAGE_SIZE),
		       ALIGN(kasan_shadow_of(range->end), PAGE_SIZE), gfp & (__GFP_NOWAIT | __GFP_NORETRY));
	if (!err)
		kasan_poison((void *)range->start, vm_range_size(range), KASAN_VMALLOC_FREE);
	return err;
}

/* --- states of a range -------------------------------------------------------------------------------------------- */

/* What the user of an area may access: what was asked for; all but the guard if that is not known. */
static unsigned long usable(const struct vm_range *range)
{
	unsigned long all = vm_range_size(range) - PAGE_SIZE;

	if (range->kind == VM_RANGE_RAM)
		return (unsigned long)range->own.nr_pages << PAGE_SHIFT;
	if (range->area->flags & VM_NO_GUARD)
		return vm_range_size(range);
	if (range->area->flags & VM_ALLOC && PAGE_ALIGN(range->area->requested_size) == range->area->size - PAGE_SIZE)
		return range->area->requested_size;
	return all;
}

void kasan_range_used(const struct vm_range *range)
{
	if (!has_shadow(range) || range->kind == VM_RANGE_BLOCK)
		return;
	kasan_give((void *)range->start, usable(range), vm_range_size(range), KASAN_VMALLOC);
}

void kasan_range_freed(const struct vm_range *range)
{
	if (has_shadow(range))
		kasan_take((void *)range->start, vm_range_size(range), KASAN_VMALLOC_FREE);
}

void kasan_range_leaves(const struct vm_range *range)
{
	if (has_shadow(range))
		kasan_unpoison((void *)range->start, vm_range_size(range));
}

/* --- giving shadow back ------------------------------------------------------------------------------------------- */

#define TOGETHER 64u /* pages that one flush covers */

struct taken {
	unsigned int nr;
	struct page *page[TOGETHER];
};

static int clear_entries(void *ctx, pte_t *ptep, vaddr_t addr __maybe_unused, unsigned long n)
{
	for (struct taken *t = ctx; n && t->nr < TOGETHER; n--, ptep++) {
		pte_t old = pte_read(ptep);

		if (pte_none(old))
			continue;
		pte_store(ptep, __pte(0));
		t->page[t->nr++] = pfn_to_page(pte_pfn(old));
	}
	return 0;
}

/* Clear the entries, flush, free. Returns how many: TOGETHER means that there may be more. */
static unsigned int release_some(vaddr_t start, vaddr_t end)
{
	struct taken taken = { .nr = 0 };
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	pgtable_for_each_run(&kernel_pgtable, &u, start, end, false, clear_entries, &taken);
	if (taken.nr)
		tlb_batch_add(&u.tlb, start, end);
	arch_update_kernel_mappings_end(&u);
	tlb_oracle(given_back(start, end));
	for (unsigned int i = 0; i < taken.nr; i++)
		__free_page(taken.page[i]);
	atomic_long_add(-(long)taken.nr, &nr_pages);
	return taken.nr;
}

void kasan_release(vaddr_t start, vaddr_t end)
{
	start = ALIGN(start, SHADOW_PAGE);
	end = ALIGN_DOWN(end, SHADOW_PAGE);
	while (start < end && release_some(kasan_shadow_of(start), kasan_shadow_of(end)) == TOGETHER)
		;
}
