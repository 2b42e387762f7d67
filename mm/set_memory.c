/* SPDX-License-Identifier: MIT */
/*
 * The rights of mappings in vmalloc space. Everything is looked at before the first change, so a refusal changes nothing;
 * a large leaf changes as a whole or not at all. The range is the caller's: nobody else maps or unmaps it meanwhile.
 */
#include "vm_internal.h"

/* Is every page of the range mapped, by leaves that lie wholly inside? */
static int check_leaves(vaddr_t start, vaddr_t end)
{
	vaddr_t size;

	for (vaddr_t addr = start; addr < end; addr += size) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);

		if (!leaf.present)
			return -EFAULT;
		size = pt_level_size(leaf.level);
		if (!IS_ALIGNED(addr, size) || end - addr < size)
			return -EINVAL;
	}
	return 0;
}

static bool inside_one_area(vaddr_t start, unsigned long pages)
{
	const struct vm_struct *area = vm_range_area(start);

	return area && pages <= ((vaddr_t)area->addr + get_vm_area_size(area) - start) >> PAGE_SHIFT;
}

static int change(vaddr_t start, int numpages, pgprot_t set, pgprot_t clear)
{
	struct mmu_update u;
	vaddr_t end;
	int err;

	might_sleep();
	if (numpages <= 0 || !IS_ALIGNED(start, PAGE_SIZE) || !inside_one_area(start, (unsigned long)numpages))
		return -EINVAL;
	end = start + ((unsigned long)numpages << PAGE_SHIFT);
	err = check_leaves(start, end);
	if (err)
		return err;
	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_protect(&kernel_pgtable, &u, start, end, set, clear);
	arch_update_kernel_mappings_end(&u);
	return err;
}

#define NOTHING ((pgprot_t){ 0 })

int set_memory_ro(unsigned long addr, int numpages)
{
	return change(addr, numpages, NOTHING, PROT_BIT_RW);
}

int set_memory_rw(unsigned long addr, int numpages)
{
	return change(addr, numpages, PROT_BIT_RW, NOTHING);
}

int set_memory_x(unsigned long addr, int numpages)
{
	return change(addr, numpages, NOTHING, PROT_BIT_NX);
}

int set_memory_nx(unsigned long addr, int numpages)
{
	return change(addr, numpages, PROT_BIT_NX, NOTHING);
}

int set_memory_rox(unsigned long addr, int numpages)
{
	int err = set_memory_ro(addr, numpages);

	return err ? err : set_memory_x(addr, numpages);
}

void set_vm_flush_reset_perms(void *addr)
{
	struct vm_struct *area = vm_range_area((vaddr_t)addr);

	if (area && area->addr == addr)
		area->flags |= VM_FLUSH_RESET_PERMS;
}
