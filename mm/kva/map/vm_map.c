/* SPDX-License-Identifier: MIT */
/*
 * Mappings into stretches of vmalloc space.
 *
 * A function that walks opens one scope (arch/mmu_sync.h), walks, and closes the scope on every path: what a failed
 * walk has changed is carried to the processes and flushed too. vm_map_pages_in() walks in its caller's scope.
 * Functions that use known entries of a range need no scope: every process already has the tables of these. The entries
 * of a new range are known too if its tables exist. So a walk maps only the first range of a table, and every range
 * that is larger than what one table maps.
 */
#include "mm/kva/map/map.h"

#include <mm/memtype.h>

struct map_pages {
	struct page **next;
	vaddr_t end; /* pages below it are mapped */
	pgprot_t prot;
};

static bool in_window(struct page_window window, const struct page *page)
{
	return page_window_index(window, page) < window.nr;
}

unsigned long vm_fill_on(pte_t *ptep, struct page **pages, unsigned long count, unsigned long done, pgprot_t prot,
			 int *err)
{
	struct page_window window = page_window_now(&page_windows[0]), other = page_window_now(&page_windows[1]);

	for (*err = 0; done < count;
	     done += vm_fill_in_window(ptep + done, pages + done, count - done, &window, prot)) {
		if (!in_window(window, pages[done])) { /* most likely it lies in the window before this one */
			swap(window, other);
			if (!in_window(window, pages[done])) /* a fragment, or RAM in more than two pieces */
				window = page_find_window(pages[done]);
		}
		*err = !pte_empty(ptep + done) ? -EBUSY : !in_window(window, pages[done]) ? -EINVAL : 0;
		if (*err)
			break;
	}
	return done;
}

static int map_page_run(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct map_pages *map = ctx;
	int err = 0;
	unsigned long done = vm_fill_on(ptep, map->next, n, 0, map->prot, &err);

	map->next += done;
	map->end = addr + (done << PAGE_SHIFT);
	WARN_ONCE(err == -EBUSY, "vmalloc: something is mapped at %lx already", map->end);
	return err;
}

static void unmap_in_scope(struct mmu_update *u, vaddr_t start, vaddr_t end)
{
	if (start == end)
		return;
	pgtable_unmap(&kernel_pgtable, u, start, end);
	tlb_batch_add(&u->tlb, start, end);
}

int vm_map_pages(vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot, gfp_t gfp)
{
	struct map_pages map = { .next = pages, .end = start, .prot = pgprot_supported(prot) };
	vaddr_t end = start + (count << PAGE_SHIFT);
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	u.gfp = gfp & __GFP_NOWAIT;
	err = pgtable_for_each_run(&kernel_pgtable, &u, start, end, true, map_page_run, &map);
	schedule_point("vmalloc:mapped");
	if (err)
		unmap_in_scope(&u, start, map.end);
	arch_update_kernel_mappings_end(&u);
	return err;
}

int vm_map_pages_in(struct mmu_update *u, vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot)
{
	struct map_pages map = { .next = pages, .end = start, .prot = pgprot_supported(prot) };

	return pgtable_for_each_run(&kernel_pgtable, u, start, start + (count << PAGE_SHIFT), true, map_page_run, &map);
}

int vm_map_phys(vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot, unsigned int max_shift)
{
	struct mmu_update u;
	int err;

	if (max_shift > PAGE_SHIFT)
		pgtable_clear_tables(&kernel_pgtable, start, end, max_shift);
	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, phys, prot, max_shift);
	schedule_point("vmalloc:mapped");
	if (err)
		unmap_in_scope(&u, start, end);
	arch_update_kernel_mappings_end(&u);
	return err;
}

void vm_unmap(vaddr_t start, vaddr_t end)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	unmap_in_scope(&u, start, end);
	schedule_point("vmalloc:unmapped");
	arch_update_kernel_mappings_end(&u);
}

void vm_unmap_noflush(vaddr_t start, vaddr_t end)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	pgtable_unmap(&kernel_pgtable, &u, start, end);
	arch_update_kernel_mappings_end(&u);
}

/* --- ranges whose entries are known ------------------------------------------------------------------------------ */

/* The address where the second table of the range begins. */
static vaddr_t table_border(const struct vm_range *range)
{
	unsigned long size = pt_level_size(2);

	return ALIGN_DOWN(range->start, size) + size;
}

/*
 * If the tables of the range exist, keep pointers to its entries. Only a range that one table could cover has any: it
 * never has a large leaf, so its tables stay.
 */
static void learn_entries(struct vm_range *range)
{
	vaddr_t border = table_border(range);
	pte_t *more;

	if (vm_range_size(range) > pt_level_size(2))
		return;
	if (border - range->start >= vm_range_size(range)) {
		range->ptes = pgtable_entries(&kernel_pgtable, range->start, range->end, PAGE_SHIFT);
		return;
	}
	more = pgtable_entries(&kernel_pgtable, border, range->end, PAGE_SHIFT);
	if (more)
		range->ptes = pgtable_entries(&kernel_pgtable, range->start, border, PAGE_SHIFT);
	range->more_ptes = range->ptes ? more : NULL;
}

static __noinline int map_and_learn(struct vm_range *range, vaddr_t start, struct page **pages, unsigned long count,
				    pgprot_t prot, gfp_t gfp)
{
	int err = vm_map_pages(start, pages, count, prot, gfp);

	if (!err)
		learn_entries(range);
	return err;
}

int vm_map_undo(vaddr_t start, unsigned long done, int err)
{
	vaddr_t end = start + (done << PAGE_SHIFT);

	WARN_ONCE(err == -EBUSY, "vmalloc: something is mapped at %lx already", end);
	vm_unmap(start, end);
	return err;
}

int vm_map_entries_on(pte_t *ptes, vaddr_t start, struct page **pages, unsigned long count, unsigned long done,
		      pgprot_t prot)
{
	int err;

	done = vm_fill_on(ptes, pages, count, done, pgprot_supported(prot), &err);
	schedule_point("vmalloc:mapped");
	return err ? vm_map_undo(start, done, err) : 0;
}

/* The entries of *count pages from `offset` on. If they lie in two tables, *count becomes the number in the first. */
static pte_t *entries_at(const struct vm_range *range, unsigned long offset, unsigned long *count)
{
	unsigned long before;

	if (!range->more_ptes)
		return range->ptes + offset;
	before = (table_border(range) - range->start) >> PAGE_SHIFT;
	if (offset >= before)
		return range->more_ptes + (offset - before);
	*count = min(*count, before - offset);
	return range->ptes + offset;
}

static __noinline int map_over_border(struct vm_range *range, unsigned long offset, struct page **pages,
				      unsigned long count, pgprot_t prot)
{
	vaddr_t start = range->start + (offset << PAGE_SHIFT), end = start + (count << PAGE_SHIFT);
	struct map_pages map = { .next = pages, .end = start, .prot = prot };
	int err = 0;

	while (map.end != end && !err) {
		unsigned long n = (end - map.end) >> PAGE_SHIFT;
		pte_t *ptep = entries_at(range, (map.end - range->start) >> PAGE_SHIFT, &n);

		err = map_page_run(&map, ptep, map.end, n);
	}
	if (err)
		vm_unmap(start, map.end);
	return err;
}

int vm_range_map_slow(struct vm_range *range, unsigned long offset, struct page **pages, unsigned long count,
		      pgprot_t prot, gfp_t gfp)
{
	if (!range->ptes)
		learn_entries(range);
	if (!range->ptes)
		return map_and_learn(range, range->start + (offset << PAGE_SHIFT), pages, count, prot, gfp);
	if (range->more_ptes)
		return map_over_border(range, offset, pages, count, pgprot_supported(prot));
	return vm_map_entries(range->ptes + offset, range->start + (offset << PAGE_SHIFT), pages, count, prot);
}

void vm_range_learn_leaves(struct vm_range *range)
{
	vaddr_t end = range->end - PAGE_SIZE;
	unsigned long n = (end - range->start) >> range->shift;
	pte_t *leaves;

	if (!IS_ALIGNED(range->start | end, 1UL << range->shift))
		return;
	leaves = pgtable_entries(&kernel_pgtable, range->start, end, range->shift);
	while (leaves && n && pte_leaf(pte_peek(leaves + n - 1), 2))
		n--;
	range->leaves = n ? NULL : leaves;
}

int vm_range_map_leaves(struct vm_range *range, unsigned long first, unsigned long n, phys_addr_t phys, pgprot_t prot)
{
	unsigned long done = pgtable_fill(range->leaves + first, n, phys, pgprot_supported(prot), range->shift);

	schedule_point("vmalloc:mapped");
	return likely(done == n) ? 0 : vm_map_undo(range->start, (first + done) << (range->shift - PAGE_SHIFT), -EBUSY);
}

/* The entries are not known: map with a walk, and then keep the pointer to them. */
static int map_phys_slow(struct vm_range *range, unsigned long bytes, phys_addr_t phys, pgprot_t prot,
			 unsigned int max_shift)
{
	int err;

	range->leaves = NULL;
	err = vm_map_phys(range->start, range->start + bytes, phys, prot, max_shift);
	if (err)
		return err;
	if (range->shift)
		vm_range_learn_leaves(range);
	else
		learn_entries(range);
	return 0;
}

int vm_range_map_phys(struct vm_range *range, unsigned long bytes, phys_addr_t phys, pgprot_t prot,
		      unsigned int max_shift)
{
	unsigned long count = bytes >> PAGE_SHIFT, done, n;

	if (!range->ptes && range->leaves && memtype_each_uniform(phys, bytes, 1ull << range->shift))
		return vm_range_map_leaves(range, 0, bytes >> range->shift, phys, prot);
	if (unlikely(!range->ptes))
		return map_phys_slow(range, bytes, phys, prot, max_shift);
	prot = pgprot_supported(prot);
	for (done = 0; done < count; done += n) {
		unsigned long run = count - done;
		pte_t *ptep = entries_at(range, done, &run);

		n = pgtable_fill(ptep, run, phys + ((phys_addr_t)done << PAGE_SHIFT), prot, PAGE_SHIFT);
		if (n < run)
			return vm_map_undo(range->start, done + n, -EBUSY);
	}
	return 0;
}

static __noinline void clear_over_border(struct vm_range *range)
{
	unsigned long count = vm_range_size(range) >> PAGE_SHIFT;

	for (unsigned long offset = 0, n; offset < count; offset += n) {
		pte_t *ptep;

		n = count - offset;
		ptep = entries_at(range, offset, &n);
		pte_clear_run(ptep, n);
	}
}

void vm_range_unmap_slow(struct vm_range *range)
{
	if (range->ptes)
		clear_over_border(range);
	else if (range->leaves)
		pte_clear_run(range->leaves, vm_range_size(range) >> range->shift);
	else
		vm_unmap_noflush(range->start, range->end);
}

static int touch_run(void *ctx __maybe_unused, pte_t *ptep __maybe_unused, vaddr_t addr __maybe_unused,
		     unsigned long n __maybe_unused)
{
	return 0;
}

int vm_range_prepare(struct vm_range *range)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, range->start, range->end);
	err = pgtable_for_each_run(&kernel_pgtable, &u, range->start, range->end, true, touch_run, NULL);
	arch_update_kernel_mappings_end(&u);
	if (!err)
		learn_entries(range);
	return err;
}
