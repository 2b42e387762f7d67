/* SPDX-License-Identifier: MIT */
/* The kernel's own map: rights, holes and guard pages. */
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/mmu_sync.h>
#include <asm/layout.h>
#include <asm/stack.h>
#include <kernel/ktest.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>

static int some_data = 1;
static const int some_constant = 2;

static void some_text(void)
{
	some_data++;
}

KTEST(paging, text_is_not_writable)
{
	EXPECT_EQ(probe_read((void *)some_text, NULL), PROBE_OK);
	EXPECT_EQ(probe_write((void *)some_text), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(phys_to_virt(image_to_phys((void *)some_text))), PROBE_PROTECTION);
}

KTEST(paging, constants_are_not_writable)
{
	EXPECT_EQ(probe_write((void *)&some_constant), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(phys_to_virt(image_to_phys(&some_constant))), PROBE_PROTECTION);
}

KTEST(paging, data_is_not_executable)
{
	if (!cpu_has(FEATURE_NX))
		KTEST_SKIP("this CPU has no NX bit");
	EXPECT_EQ(probe_write(&some_data), PROBE_OK);
	EXPECT_EQ(probe_exec(&some_data), PROBE_PROTECTION);
	EXPECT_EQ(probe_exec((void *)&some_constant), PROBE_PROTECTION);
	EXPECT_EQ(probe_exec(phys_to_virt(image_to_phys((void *)some_text))),
		  IMAGE_IN_DIRECT_MAP ? PROBE_OK : PROBE_PROTECTION);
}

KTEST(paging, nothing_at_zero)
{
	EXPECT_EQ(probe_read(NULL, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_write((void *)8), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_read((void *)(vaddr_t)IMAGE_PHYS, NULL), PROBE_NOT_PRESENT); /* the boot identity map */
}

KTEST(paging, guard_pages_under_the_image_stacks)
{
	const struct guarded_stack *s = (const struct guarded_stack *)__stacks_start;

	EXPECT((const char *)s < __stacks_end);
	for (; (const char *)s < __stacks_end; s++) {
		EXPECT_EQ(probe_read(s->guard, NULL), PROBE_NOT_PRESENT);
		EXPECT_EQ(probe_read(s->guard + PAGE_SIZE - 1, NULL), PROBE_NOT_PRESENT);
		EXPECT_EQ(probe_read(s->stack, NULL), PROBE_OK);
	}
}

/* The direct map shows RAM and nothing else: no hole, no device, not under a large leaf either. */
KTEST(paging, direct_map_is_ram_only)
{
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);
	u64 end = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (ram[i].start > end && end < arch_lowmem_limit())
			EXPECT(!pgtable_query(&kernel_pgtable, (vaddr_t)phys_to_virt((phys_addr_t)end)).present);
		if (ram[i].start >= arch_lowmem_limit())
			break;
		EXPECT(pgtable_query(&kernel_pgtable, (vaddr_t)phys_to_virt((phys_addr_t)ram[i].start)).present);
		end = ram[i].end;
	}
	if (end < arch_lowmem_limit()) /* behind the last RAM */
		EXPECT(!pgtable_query(&kernel_pgtable, (vaddr_t)phys_to_virt((phys_addr_t)end)).present);
	EXPECT(!pgtable_query(&kernel_pgtable, (vaddr_t)phys_to_virt(0xa0000)).present);
}

struct wx {
	vaddr_t addr;
	unsigned int leaves, writable_and_executable;
};

/* Walk every leaf of the kernel's half. */
KTEST(paging, nothing_is_writable_and_executable)
{
	struct wx sum = { .addr = layout.kernel_start };

	if (!cpu_has(FEATURE_NX))
		KTEST_SKIP("this CPU has no NX bit");
	do {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, sum.addr);
		vaddr_t span = pt_level_size(leaf.level);

		sum.leaves += leaf.present;
		sum.writable_and_executable += leaf.present && pte_writable(leaf.pte) && !(leaf.pte.val & PTE_NX);
		sum.addr = (sum.addr & ~(span - 1)) + span;
	} while (sum.addr);
	EXPECT(sum.leaves > 0);
	EXPECT_EQ(sum.writable_and_executable, 0);
}

KTEST(paging, parity_of_all_trees)
{
	struct pgd_parity parity = pgd_parity_check();

	EXPECT_EQ(parity.differs, 0);
	EXPECT_EQ(parity.missing, 0);
}
