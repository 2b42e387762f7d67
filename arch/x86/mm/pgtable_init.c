/* SPDX-License-Identifier: MIT */
/*
 * The reference tables, as they are made at boot:
 *
 *	image	text r-x | read-only data r-- | init's data rw-, then r-- | data rw- | stacks rw-, a hole below each |
 *		bss rw- | symbols r--
 *	direct	lowmem and nothing else, rw-, with the largest leaves. Where the image lies: on i386 the image's own
 *		rights; on x86_64 the same, but nothing is x, and init's data is r-- from the start
 *
 * Nothing is writable and executable (without NX all is executable), and address 0 is not mapped.
 */
#include "internal.h"

#include <arch/cpu.h>
#include <arch/init.h>
#include <asm/boot.h>
#include <asm/layout.h>
#include <asm/stack.h>
#include <asm/tlb.h>
#include <asm/trap.h>
#include <kernel/printk.h>
#include <lib/errno.h>

struct vm_layout layout __ro_after_init;
static pte_t reference_root[PT_ENTRIES] __aligned(PAGE_SIZE);
struct pgtable kernel_pgtable = { .root = reference_root, .serial = 1 };

phys_addr_t image_to_phys(const void *virt)
{
	return (phys_addr_t)((vaddr_t)virt - IMAGE_BASE);
}

struct image_part arch_image_part(phys_addr_t phys)
{
	const struct { const char *start; bool text, constant; } parts[] = {
		{ __image_start, false, false },
		{ __text_start, true, true },
		{ __rodata_start, false, true }, /* and the data that only boot writes */
		{ __data_start, false, false },
		{ __symbols_start, false, true },
		{ __symbols_end, false, false },
	};
	struct image_part part = { .end = image_to_phys(__image_start) };

	for (unsigned int i = 0; i < ARRAY_SIZE(parts) && phys >= part.end; i++) {
		const char *end = i + 1 < ARRAY_SIZE(parts) ? parts[i + 1].start : NULL;

		part = (struct image_part){ end ? image_to_phys(end) : ~(phys_addr_t)0, parts[i].text,
					    parts[i].constant };
	}
	return part;
}

/* Boot-time mapping: no caller could handle an error. */
static void map_or_panic(vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot)
{
	struct mmu_update u;
	int err;

	if (start >= end)
		return;
	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, phys, prot, pt_level[pt_top()].shift);
	arch_update_kernel_mappings_end(&u);
	if (err)
		panic("cannot map %lx-%lx: %s (error %d)", start, end,
		      err == -ENOMEM ? "nothing is free for page tables in the RAM that is mapped so far"
				     : "something is mapped there",
		      err);
}

static void map_image(const char *start, const char *end, pgprot_t prot)
{
	map_or_panic((vaddr_t)start, (vaddr_t)end, image_to_phys(start), prot);
}

static void map_stacks(void)
{
	const struct guarded_stack *s = (const struct guarded_stack *)__stacks_start;

	for (; (const char *)s < __stacks_end; s++)
		map_image((const char *)s->stack, (const char *)(s + 1), PAGE_KERNEL);
}

void pgtable_init_image(bool huge_leaves)
{
	pt_large_leaves = huge_leaves;
	if (cpu_has(FEATURE_NX))
		pte_supported |= PTE_NX;
	if (cpu_has(FEATURE_GLOBAL))
		pte_supported |= PTE_GLOBAL;
	if (cpu_has(FEATURE_PAT))
		pte_supported |= PTE_PAT;
	tlb_oracle(tree_new(&kernel_pgtable));
	tlb_init();
	map_image(__text_start, __text_end, PAGE_KERNEL_ROX);
	map_image(__rodata_start, __rodata_end, PAGE_KERNEL_RO);
	map_image(__init_data_start, __init_data_end, PAGE_KERNEL);
	map_image(__data_start, __stacks_start, PAGE_KERNEL);
	map_stacks();
	map_image(__stacks_end, __data_end, PAGE_KERNEL);
	map_image(__symbols_start, __symbols_end, PAGE_KERNEL_RO);
}

static void map_direct(u64 start, u64 end, pgprot_t prot)
{
	if (start < end)
		map_or_panic((vaddr_t)phys_to_virt((phys_addr_t)start),
			     (vaddr_t)phys_to_virt((phys_addr_t)(end - 1)) + 1, (phys_addr_t)start, prot);
}

/* On i386 the image's own map is this part of the direct map, and exists already. */
static void map_direct_image(u64 start, u64 end)
{
	for (u64 next; start < end && !IMAGE_IN_DIRECT_MAP; start = next) {
		struct image_part part = arch_image_part((phys_addr_t)start);

		next = min(end, (u64)part.end);
		map_direct(start, next, part.constant ? PAGE_KERNEL_RO : PAGE_KERNEL);
	}
}

void pgtable_map_direct(u64 start, u64 end)
{
	u64 image_start = image_to_phys(__image_start), image_end = image_to_phys(__image_end);

	end = min(end, arch_lowmem_limit());
	map_direct(start, min(end, image_start), PAGE_KERNEL);
	map_direct_image(max(start, image_start), min(end, image_end));
	map_direct(max(start, image_end), end, PAGE_KERNEL);
}

void pgtable_protect_image(void)
{
	vaddr_t start = (vaddr_t)__init_data_start, end = (vaddr_t)__init_data_end;
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_protect(&kernel_pgtable, &u, start, end, __pgprot(0), PROT_BIT_RW);
	arch_update_kernel_mappings_end(&u);
	BUG_ON(err); /* the range has leaves of its own */
}

void pgtable_init_done(void)
{
	kernel_pgtable.root_phys = image_to_phys(reference_root); /* 0 until now: these tables are not in use yet */
	pgtable_load(&kernel_pgtable);
	flush_tlb_local();
	arch_set_reference_cr3((unsigned long)kernel_pgtable.root_phys);
}
