/* SPDX-License-Identifier: MIT */
/*
 * Rights, memory types and presence under Linux's names. This file decides which ranges may change; direct_map.c
 * changes them. All checks come before the first change, so a refusal changes nothing. A large leaf of vmalloc space
 * changes as a whole or not at all.
 */
#include "mm/kva/map/direct_map.h"
#include "mm/kva/map/map.h"

/* --- which ranges ------------------------------------------------------------------------------------------------- */

/* Is each page mapped by a leaf that lies wholly inside? ram: and is its frame RAM? 0, -EFAULT, -EINVAL. */
static int check_leaves(vaddr_t start, vaddr_t end, bool ram)
{
	vaddr_t size;

	for (vaddr_t addr = start; addr < end; addr += size) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);

		if (!leaf.present && !pte_hidden(leaf.pte))
			return -EFAULT;
		size = pt_level_size(leaf.level);
		if (!IS_ALIGNED(addr, size) || end - addr < size)
			return -EINVAL;
		if (ram && !pfn_valid(pte_pfn(pte_show(leaf.pte)) & ~((size >> PAGE_SHIFT) - 1)))
			return -EINVAL;
	}
	return 0;
}

static int check_area(struct vm_struct *area, vaddr_t start, vaddr_t end, const struct map_change *change)
{
	int err;

	if (end - start > (vaddr_t)area->addr + get_vm_area_size(area) - start)
		return -EINVAL;
	err = check_leaves(start, end, change->type);
	if (!err && change->follow)
		area->flags |= VM_DIRECT_CHANGED; /* if the change fails, this costs a check when the area goes */
	return err;
}

/* RAM that is not online has no owner who could ask for a change. Frames that are no RAM are skipped. */
static int check_direct(vaddr_t start, vaddr_t end)
{
	for (; start != end; start += PAGE_SIZE) {
		u64 phys = start - layout.direct_start;

		if (!pfn_valid(to_pfn(phys)) && memblock_overlaps_ram(phys, phys + PAGE_SIZE))
			return -EINVAL;
	}
	return 0;
}

static bool inside(vaddr_t start, unsigned long bytes, vaddr_t first, vaddr_t end)
{
	return start >= first && start < end && bytes <= end - start;
}

static int check(vaddr_t start, unsigned long bytes, const struct map_change *change)
{
	struct vm_struct *area;

	if (inside(start, bytes, layout.direct_start, layout.direct_end))
		return check_direct(start, start + bytes);
	if (inside(start, bytes, layout.image_start, layout.image_end))
		return 0;
	area = vm_range_area(start);
	return area ? check_area(area, start, start + bytes, change) : -EINVAL;
}

static int change(unsigned long addr, int numpages, const struct map_change *change)
{
	unsigned long bytes = (unsigned long)numpages << PAGE_SHIFT;
	int err;

	might_sleep();
	if (numpages <= 0 || !IS_ALIGNED(addr, PAGE_SIZE) || bytes >> PAGE_SHIFT != (unsigned long)numpages)
		return -EINVAL;
	err = check(addr, bytes, change);
	return err ? err : map_change_range(addr, addr + bytes, change);
}

/* --- rights ------------------------------------------------------------------------------------------------------- */

static int change_bits(unsigned long addr, int numpages, pgprot_t set, pgprot_t clear)
{
	bool only_nx = (set.val | clear.val) == PROT_BIT_NX.val;

	return change(addr, numpages, &(struct map_change){ .set = set, .clear = clear, .follow = !only_nx });
}

int set_memory_ro(unsigned long addr, int numpages)
{
	return change_bits(addr, numpages, MAP_NO_BITS, PROT_BIT_RW);
}

int set_memory_rw(unsigned long addr, int numpages)
{
	return change_bits(addr, numpages, PROT_BIT_RW, MAP_NO_BITS);
}

int set_memory_x(unsigned long addr, int numpages)
{
	return change_bits(addr, numpages, MAP_NO_BITS, PROT_BIT_NX);
}

int set_memory_nx(unsigned long addr, int numpages)
{
	return change_bits(addr, numpages, PROT_BIT_NX, MAP_NO_BITS);
}

int set_memory_rox(unsigned long addr, int numpages)
{
	int err = set_memory_ro(addr, numpages);

	return err ? err : set_memory_x(addr, numpages);
}

int set_memory_np(unsigned long addr, int numpages)
{
	return change_bits(addr, numpages, MAP_NO_BITS, PROT_BIT_PRESENT);
}

int set_memory_p(unsigned long addr, int numpages)
{
	return change_bits(addr, numpages, PROT_BIT_PRESENT, MAP_NO_BITS);
}

int set_memory_4k(unsigned long addr, int numpages)
{
	return change(addr, numpages, &(struct map_change){ .follow = true, .small = true });
}

/* --- memory types ------------------------------------------------------------------------------------------------- */

static int change_type(unsigned long addr, int numpages, enum memtype type)
{
	return change(addr, numpages,
		      &(struct map_change){ .set = pgprot_set_memtype(MAP_NO_BITS, type),
					    .clear = MAP_TYPE_BITS,
					    .follow = true,
					    .type = true });
}

int set_memory_uc(unsigned long addr, int numpages)
{
	return change_type(addr, numpages, MEMTYPE_UC_MINUS);
}

int set_memory_wc(unsigned long addr, int numpages)
{
	return change_type(addr, numpages, MEMTYPE_WC);
}

int set_memory_wb(unsigned long addr, int numpages)
{
	return change_type(addr, numpages, MEMTYPE_WB);
}

/* --- the direct map alone ----------------------------------------------------------------------------------------- */

int set_direct_map_valid_noflush(struct page *page, unsigned int nr, bool valid)
{
	vaddr_t start = layout.direct_start + (vaddr_t)page_to_phys(page);
	struct map_change change = { .no_flush = true };

	if (page->zone == ZONE_HIGHMEM || !nr)
		return 0;
	(valid ? &change.set : &change.clear)->val = PROT_BIT_PRESENT.val | PROT_BIT_RW.val;
	return map_change_range(start, start + ((vaddr_t)nr << PAGE_SHIFT), &change);
}

int set_direct_map_invalid_noflush(struct page *page)
{
	return set_direct_map_valid_noflush(page, 1, false);
}

int set_direct_map_default_noflush(struct page *page)
{
	return set_direct_map_valid_noflush(page, 1, true);
}

bool kernel_page_present(struct page *page)
{
	return page->zone != ZONE_HIGHMEM &&
	       pgtable_query(&kernel_pgtable, layout.direct_start + (vaddr_t)page_to_phys(page)).present;
}

void set_vm_flush_reset_perms(void *addr)
{
	struct vm_struct *area = vm_range_area((vaddr_t)addr);

	if (area && area->addr == addr)
		area->flags |= VM_FLUSH_RESET_PERMS;
}
