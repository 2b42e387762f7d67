/* SPDX-License-Identifier: MIT */
/*
 * Mapping a highmem page for a short time. Every CPU has its own slots in the fixmap window, used as a stack:
 *
 *	fixmap_start | CPU 0: slot 0 .. 14, (unused) | CPU 1: slot 0 .. 14, (unused) | ...
 *
 * The page-table entries of all slots are looked up once, at boot. So mapping is one store. Unmapping is a store and an
 * invalidation on this CPU only, because no other CPU uses these addresses. (Another CPU may read ahead through the
 * slot and keep a translation. It never uses that, because it only uses its own slots.)
 */
#include "mm/page/page_internal.h"

static pte_t *kmap_pte[MAX_CPUS]; /* entry of the CPU's slot 0; the others follow in the same table */
static DEFINE_PER_CPU(unsigned int, kmap_depth);

static_assert(KMAP_STRIDE * MAX_CPUS * 4096 <= 4 << 20, "the fixmap window has 4 MiB");

static vaddr_t slot_addr(unsigned int cpu, unsigned int slot)
{
	return layout.fixmap_start + ((vaddr_t)(cpu * KMAP_STRIDE + slot) << PAGE_SHIFT);
}

void *kmap_local_page(struct page *page)
{
	unsigned int cpu, slot;

	if (page->zone != ZONE_HIGHMEM)
		return page_address(page);
	preempt_disable(); /* until kunmap_local(): the slot belongs to the CPU */
	/* An interrupt between these lines does no harm: at its end the depth is what it was. */
	cpu = smp_processor_id();
	slot = this_cpu(kmap_depth)++;
	if (slot >= KMAP_SLOTS)
		panic("kmap_local_page: CPU %u has %u pages mapped already", cpu, slot);
	pte_store(kmap_pte[cpu] + slot,
		  pfn_pte(page_to_pfn(page), pgprot_supported(pgprot_set_memtype(PAGE_KERNEL, page_memtype(page)))));
	return (void *)slot_addr(cpu, slot);
}

void kunmap_local(const void *addr)
{
	vaddr_t page_addr = PAGE_ALIGN_DOWN((vaddr_t)addr);
	unsigned int cpu, slot;

	if (page_addr < layout.fixmap_start || page_addr >= layout.fixmap_end)
		return; /* lowmem */
	cpu = smp_processor_id();
	slot = this_cpu(kmap_depth) - 1;
	if (page_addr != slot_addr(cpu, slot))
		panic("kunmap_local(%p): CPU %u has to unmap %lx (slot %u) first", addr, cpu, slot_addr(cpu, slot),
		      slot);
	pte_store(kmap_pte[cpu] + slot, (pte_t) { });
	flush_tlb_local_page(page_addr);
	this_cpu(kmap_depth) = slot;
	preempt_enable();
}

static int remember_entries(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	unsigned int cpu = (unsigned int)((addr - layout.fixmap_start) >> PAGE_SHIFT) / KMAP_STRIDE;

	(void)ctx;
	for (; n && cpu < MAX_CPUS; cpu++, ptep += KMAP_STRIDE, n -= min(n, (unsigned long)KMAP_STRIDE))
		kmap_pte[cpu] = ptep;
	return 0;
}

void highmem_init(void)
{
	vaddr_t start = layout.fixmap_start, end = slot_addr(MAX_CPUS - 1, KMAP_SLOTS);
	struct mmu_update u;
	int err;

	if (memblock_end_of_ram() <= arch_lowmem_limit())
		return;
	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_for_each_run(&kernel_pgtable, &u, start, end, true, remember_entries, NULL);
	arch_update_kernel_mappings_end(&u);
	if (err)
		panic("no page tables for the kmap slots: error %d", err);
}
