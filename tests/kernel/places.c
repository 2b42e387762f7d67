/* SPDX-License-Identifier: MIT */
/* Finding fresh top entries and unused RAM (places.h). */
#include "places.h"

#include <kernel/boot_info.h>
#include <kernel/ktest.h>
#include <mm/memblock.h>
#include <mm/slab.h>

vaddr_t slot_size(void)
{
	return pt_level_size(pt_sync_level());
}

static pte_t slot_entry(vaddr_t addr)
{
	return pgtable_read_entry(&kernel_pgtable, addr, pt_sync_level());
}

struct vm_struct *area_at(vaddr_t start, vaddr_t end, unsigned long size, unsigned long flags)
{
	return __get_vm_area_caller(size, flags, start, end, __builtin_return_address(0));
}

/* Address space is free if an area can be had there. */
static bool slot_unused(vaddr_t slot)
{
	struct vm_struct *area = area_at(slot, slot + slot_size(), slot_size() - PAGE_SIZE, VM_MAP);

	if (area)
		free_vm_area(area);
	return area != NULL;
}

bool slot_is_fresh(vaddr_t slot)
{
	return pte_none(slot_entry(slot)) && slot_unused(slot);
}

vaddr_t fresh_slot(void)
{
	for (vaddr_t slot = ALIGN(VMALLOC_START, slot_size()); slot + slot_size() <= VMALLOC_END; slot += slot_size())
		if (slot_is_fresh(slot))
			return slot;
	return 0;
}

vaddr_t fresh_border(void)
{
	for (vaddr_t at = ALIGN(VMALLOC_START, slot_size()) + slot_size(); at + slot_size() <= VMALLOC_END;
	     at += slot_size())
		if (slot_is_fresh(at - slot_size()) && slot_is_fresh(at))
			return at;
	return 0;
}

void *vmalloc_in_fresh_slot(unsigned long size)
{
	vaddr_t slot = fresh_slot();

	if (!slot)
		return NULL;
	return __vmalloc_node_range(size, PAGE_SIZE, slot, slot + slot_size(), GFP_KERNEL, PAGE_KERNEL, 0, -1,
				    __builtin_return_address(0));
}

u64 left_out_ram(u64 size, u64 align)
{
	for (unsigned int i = 0; i < boot_info.nr_regions; i++) {
		const struct boot_region *r = &boot_info.region[i];
		u64 start = ALIGN(r->start, align), end = min(r->end, arch_phys_limit());

		if (r->kind != BOOT_MEM_RAM)
			continue;
		for (; start + size <= end; start += align)
			if (!memblock_overlaps_ram(start, start + size))
				return start;
	}
	return 0;
}

static unsigned int slots_in_vmalloc(void)
{
	return (unsigned int)((VMALLOC_END - ALIGN_DOWN(VMALLOC_START, slot_size()) + slot_size() - 1) / slot_size());
}

bool slots_snapshot(struct slot_snapshot *s)
{
	s->nr = slots_in_vmalloc();
	s->entry = kmalloc(s->nr * sizeof(pte_t), GFP_KERNEL);
	for (unsigned int i = 0; s->entry && i < s->nr; i++)
		s->entry[i] = slot_entry(ALIGN_DOWN(VMALLOC_START, slot_size()) + i * slot_size());
	return s->entry != NULL;
}

unsigned int slots_changed(const struct slot_snapshot *s)
{
	unsigned int changed = 0;

	for (unsigned int i = 0; i < s->nr; i++)
		changed += slot_entry(ALIGN_DOWN(VMALLOC_START, slot_size()) + i * slot_size()).val != s->entry[i].val;
	kfree(s->entry);
	return changed;
}

/* The parity check passes over marked entries. At a quiet moment there is none: whoever changed it has carried it. */
static unsigned int entries_still_marked(void)
{
	unsigned int marked = 0;
	vaddr_t addr = ALIGN_DOWN(layout.kernel_start, slot_size());

	do
		marked += pte_pending(slot_entry(addr));
	while ((addr += slot_size()));
	return marked;
}

void expect_parity(void)
{
	struct pgd_parity parity = pgd_parity_check();

	EXPECT_EQ(parity.differs, 0);
	EXPECT_EQ(parity.missing, 0);
	EXPECT_EQ(entries_still_marked(), 0);
}
KTEST_GUARD(carried, NULL, expect_parity);

bool piece_get(struct piece *p)
{
	p->area = area_at(VMALLOC_START, VMALLOC_END, 2 * BLOCK_SIZE, VM_IOREMAP);
	p->block = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	if (!EXPECT(p->area && p->block))
		return false;
	p->addr = ALIGN((vaddr_t)p->area->addr, BLOCK_SIZE);
	pgtable_clear_tables(&kernel_pgtable, p->addr, p->addr + BLOCK_SIZE, pt_level[2].shift); /* of earlier tests */
	return true;
}

void piece_put(struct piece *p)
{
	if (p->area)
		free_vm_area(p->area);
	if (p->block)
		__free_pages(p->block, MAX_PAGE_ORDER);
}

int piece_map(const struct piece *p, vaddr_t from, vaddr_t to, unsigned int max_shift)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, p->addr + from, p->addr + to);
	err = pgtable_map(&kernel_pgtable, &u, p->addr + from, p->addr + to, page_to_phys(p->block) + from, PAGE_KERNEL,
			  max_shift);
	arch_update_kernel_mappings_end(&u);
	return err;
}

void piece_unmap(const struct piece *p, vaddr_t from, vaddr_t to)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, p->addr + from, p->addr + to);
	pgtable_unmap(&kernel_pgtable, &u, p->addr + from, p->addr + to);
	tlb_batch_add(&u.tlb, p->addr + from, p->addr + to);
	arch_update_kernel_mappings_end(&u);
}

unsigned int level_at(vaddr_t addr)
{
	return pgtable_query(&kernel_pgtable, addr).level;
}
