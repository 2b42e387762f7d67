/* SPDX-License-Identifier: MIT */
/* Areas of frames that are not RAM (vmap_pfn), and areas in which the caller maps and unmaps pages (sparse areas). */
#include "mm/kva/area/area.h"

#include <mm/memtype.h>

/* --- frames without a struct page --------------------------------------------------------------------------------- */

struct map_pfns {
	const unsigned long *next;
	pgprot_t prot;
};

static int map_pfn(pte_t *pte, unsigned long addr, void *data)
{
	struct map_pfns *map = data;

	(void)addr;
	pte_store(pte, pfn_pte(*map->next++, map->prot));
	return 0;
}

/* Note the frames in the room for the page array, which has as many entries. False: no memory. */
static bool note_frames(struct vm_range *range, const unsigned long *pfns, unsigned int count)
{
	void *room = vm_range_page_array(range, GFP_KERNEL);

	if (room)
		memcpy(room, pfns, count * sizeof(*pfns));
	return room;
}

/* 0 or -errno; on failure nothing is left mapped. */
static int map_frames(const struct vm_range *range, unsigned long size, struct map_pfns *map)
{
	int err = vm_apply(range->start, size, map_pfn, map, true);

	if (err)
		vm_unmap(range->start, range->start + size);
	return err;
}

static bool pfns_foreign(const unsigned long *pfns, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		u64 phys = (u64)pfns[i] << PAGE_SHIFT;

		if (pfns[i] >= arch_phys_limit() >> PAGE_SHIFT || memblock_overlaps_ram(phys, phys + PAGE_SIZE))
			return false;
	}
	return true;
}

void *vmap_pfn(unsigned long *pfns, unsigned int count, pgprot_t prot)
{
	struct map_pfns map = { .next = pfns, .prot = pgprot_supported(pgprot_nx(prot)) };
	unsigned long size = (unsigned long)count << PAGE_SHIFT;
	enum memtype type = pgprot_memtype(prot);
	struct vm_range *range;

	might_sleep();
	if (WARN_ONCE(!count, "vmap_pfn: no frames") || count >= (VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT)
		return NULL;
	if (WARN_ONCE(!pfns_foreign(pfns, count), "vmap_pfn: one of %u frames is RAM, or out of reach", count))
		return NULL;
	range = vm_area_create_or_report("vmap_pfn", &(struct vm_area_spec){ .size = size, .caller = _RET_IP_,
		.flags = VM_IOREMAP | VM_MAP | VM_FRAMES | VM_MEMTYPE(type) });
	if (!range)
		return NULL;
	if (!note_frames(range, pfns, count) || memtype_reserve_frames(pfns, count, type))
		goto fail;
	if (map_frames(range, size, &map))
		goto fail_map;
	vm_range_publish(range);
	return (void *)range->start;

fail_map:
	memtype_free_frames(pfns, count, type);
fail:
	vm_area_destroy(range);
	return NULL;
}

/* --- sparse areas ------------------------------------------------------------------------------------------------- */

static int check_sparse(const struct vm_struct *area, vaddr_t start, vaddr_t end)
{
	vaddr_t first = (vaddr_t)area->addr;

	might_sleep();
	if (WARN_ONCE(!(area->flags & VM_SPARSE) || (area->flags & VM_FLUSH_RESET_PERMS),
		      "sparse area: flags %lx of %p are none of one", area->flags, area->addr))
		return -EINVAL;
	if (start >= end || !IS_ALIGNED(start | end, PAGE_SIZE))
		return -EINVAL;
	if ((end - start) >> PAGE_SHIFT > totalram_pages())
		return -E2BIG;
	return start < first || end > first + get_vm_area_size(area) ? -ERANGE : 0;
}

static int check_pages(struct page **pages, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		if (!pages[i])
			return -ENOMEM;
		if (!pfn_valid(page_to_pfn(pages[i])))
			return -EINVAL;
	}
	return pages_agree(pages, count, PAGE_KERNEL) ? 0 : -EINVAL;
}

static bool nothing_mapped(vaddr_t start, vaddr_t end)
{
	for (; start != end; start += PAGE_SIZE)
		if (pgtable_query(&kernel_pgtable, start).present)
			return false;
	return true;
}

int vm_area_map_pages(struct vm_struct *area, unsigned long start, unsigned long end, struct page **pages)
{
	unsigned long count = (end - start) >> PAGE_SHIFT;
	int err = check_sparse(area, start, end);

	if (!err)
		err = check_pages(pages, count);
	if (err)
		return err;
	if (!nothing_mapped(start, end)) /* checked before the first change, so existing mappings stay */
		return -EBUSY;
	return vm_map_pages(start, pages, count, PAGE_KERNEL, GFP_KERNEL);
}

void vm_area_unmap_pages(struct vm_struct *area, unsigned long start, unsigned long end)
{
	int err = check_sparse(area, start, end);

	if (!WARN_ONCE(err, "sparse area: %lx-%lx is no part of %p (error %d)", start, end, area->addr, err))
		vm_unmap(start, end);
}
