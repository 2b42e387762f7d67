/* SPDX-License-Identifier: MIT */
/*
 * Device memory into vmalloc space, with the largest leaves that address, frame and CPU allow.
 *
 * A leaf needs an address and a frame that lie equally within its size. The frame is given, so the address is chosen: at
 * the same offset from an aligned address as the frame. A place where small pages were mapped before may still have
 * their (empty) tables, over which no leaf goes; they are removed first.
 */
#include "vm_internal.h"

#include <mm/ioremap.h>

CMDLINE_OPTION(nohugeiomap, "nohugeiomap", "ioremap uses small pages only");

/* Is there room for a whole leaf of `size` bytes in [start, end)? start may be an address or a frame. */
static bool has_whole(u64 start, u64 end, u64 size)
{
	return ALIGN(start, size) >= start && ALIGN(start, size) + size <= end;
}

/* log2 of the largest leaf that occurs in [phys, phys + bytes) when addresses are chosen well. */
static unsigned int largest_leaf(u64 phys, unsigned long bytes)
{
	if (cmdline_has("nohugeiomap"))
		return PAGE_SHIFT;
	for (unsigned int level = pt_top(); level > 1; level--)
		if (pt_leaf_allowed(level) && has_whole(phys, phys + bytes, pt_level_size(level)))
			return ilog2(pt_level_size(level));
	return PAGE_SHIFT;
}

/* Map with leaves up to 1 << shift bytes; address and frame agree modulo that. The range is the caller's and empty. */
static int map_device(vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot, unsigned int shift)
{
	if (shift > PAGE_SHIFT)
		pgtable_clear_tables(&kernel_pgtable, start, end, shift);
	return vm_map_phys(start, end, phys, prot, shift);
}

/* Is nothing mapped in [start, end)? Steps over what is empty at an upper level as a whole. */
static bool range_empty(vaddr_t start, vaddr_t end)
{
	vaddr_t size;

	for (vaddr_t addr = start; addr < end; addr = ALIGN_DOWN(addr, size) + size) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);

		if (leaf.present)
			return false;
		size = pt_level_size(leaf.level);
	}
	return true;
}

int ioremap_page_range(vaddr_t addr, vaddr_t end, phys_addr_t phys, pgprot_t prot)
{
	struct vm_struct *area = find_vm_area((void *)addr);
	unsigned int shift;

	if (!area || !(area->flags & VM_IOREMAP) || !IS_ALIGNED(phys, (phys_addr_t)PAGE_SIZE))
		return -EINVAL;
	if (addr != (vaddr_t)area->addr || end != addr + get_vm_area_size(area))
		return -ERANGE;
	if (!range_empty(addr, end)) /* before the first change: what is mapped stays */
		return -EBUSY;
	for (shift = largest_leaf(phys, end - addr); shift > PAGE_SHIFT; shift--)
		if (!((addr ^ (vaddr_t)phys) & ((1UL << shift) - 1)))
			break;
	return map_device(addr, end, phys, prot, shift);
}

/* Is [phys, phys + size) something that may be reached as a device? */
static bool may_map(phys_addr_t phys, unsigned long size, vaddr_t caller)
{
	u64 first = ALIGN_DOWN((u64)phys, PAGE_SIZE), last = (u64)phys + size - 1;

	if (!size || size > VMALLOC_END - VMALLOC_START || last < phys || last >= arch_phys_limit())
		return false;
	if (!memblock_overlaps_ram(first, ALIGN(last + 1, PAGE_SIZE)))
		return true;
	printk("ioremap: 0x%llx-0x%llx is RAM in use, refused for %pS\n", (u64)phys, last, (void *)caller);
	return false;
}

static void __iomem *map(phys_addr_t phys, unsigned long size, pgprot_t prot, vaddr_t caller)
{
	unsigned long offset = (unsigned long)phys & ~PAGE_MASK, bytes;
	phys_addr_t base = phys - offset;
	struct vm_area_spec spec = { .flags = VM_IOREMAP, .caller = caller };
	struct vm_range *range;
	unsigned int shift;

	if (!may_map(phys, size, caller))
		return NULL;
	spec.size = bytes = PAGE_ALIGN(size + offset);
	shift = largest_leaf(base, bytes);
	spec.align = 1UL << shift;
	spec.skew = (unsigned long)base & (spec.align - 1);
	range = vm_area_create(&spec);
	if (!range && shift > PAGE_SHIFT) { /* no aligned place is left */
		shift = PAGE_SHIFT;
		spec.align = spec.skew = 0;
		range = vm_area_create(&spec);
	}
	if (!range)
		return NULL;
	range->area->phys_addr = base;
	if (map_device(range->start, range->start + bytes, base, prot, shift)) {
		vm_area_destroy(range);
		return NULL;
	}
	vm_range_publish(range);
	return (char *)range->start + offset;
}

void __iomem *ioremap(phys_addr_t phys, unsigned long size)
{
	return map(phys, size, PAGE_KERNEL_NOCACHE, _RET_IP_);
}

void __iomem *ioremap_cache(phys_addr_t phys, unsigned long size)
{
	return map(phys, size, PAGE_KERNEL, _RET_IP_);
}

void iounmap(const volatile void __iomem *addr)
{
	const void *start = (const void *)PAGE_ALIGN_DOWN((vaddr_t)addr);
	struct vm_range *range = addr ? vm_area_claim(start, VM_IOREMAP, "iounmap") : NULL;

	if (range)
		vm_area_retire(range);
}
