/* SPDX-License-Identifier: MIT */
/* ioremap and memory types on the real machine. */
#include "tests/kernel/handlers.h"
#include "places.h"

#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/memtype.h>
#include <arch/pgtable.h>
#include <asm/mtrr.h>
#include <kernel/cmdline.h>
#include <kernel/bug.h>
#include <kernel/ktest.h>
#include <kernel/smp.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/ioremap.h>
#include <mm/memblock.h>
#include <mm/memtype.h>
#include <mm/page_alloc.h>

#define DEVICE 0xd0000000u /* nothing answers there; nobody reads it */

static struct pgtable_leaf leaf_of(const void *addr)
{
	return pgtable_query(&kernel_pgtable, (vaddr_t)addr);
}

static enum memtype type_of(const void *addr)
{
	struct pgtable_leaf leaf = leaf_of(addr);

	return pte_memtype(leaf.pte, leaf.level);
}

static void check_types(void *io, enum memtype type, unsigned long size)
{
	if (!EXPECT(io))
		return;
	for (unsigned long at = 0; at < size; at += PAGE_SIZE * 17) {
		EXPECT_EQ(type_of((char *)io + at), type);
		EXPECT_EQ(leaf_of((char *)io + at).phys, DEVICE + at);
	}
	iounmap(io);
}

KTEST(ioremap, each_type_in_small_and_large_leaves)
{
	enum memtype wc = cpu_has(FEATURE_PAT) ? MEMTYPE_WC : MEMTYPE_UC_MINUS;

	for (unsigned int i = 0; i < 2; i++) {
		unsigned long size = i ? 8ul << 20 : PAGE_SIZE;

		check_types(ioremap(DEVICE, size), MEMTYPE_UC_MINUS, size);
		check_types(ioremap_uc(DEVICE, size), MEMTYPE_UC, size);
		check_types(ioremap_wc(DEVICE, size), wc, size);
		check_types(ioremap_wt(DEVICE, size), MEMTYPE_WT, size);
		check_types(ioremap_cache(DEVICE, size), MEMTYPE_WB, size);
		check_types(ioremap_prot(DEVICE, size, pgprot_writethrough(PAGE_KERNEL_RO)), MEMTYPE_WT, size);
	}
}

static void check_cpu(void *arg)
{
	if (!arch_memtype_check())
		atomic_inc(arg);
}

KTEST(ioremap, every_cpu_knows_the_same_types)
{
	atomic_t differ = { 0 };

	on_each_cpu(check_cpu, &differ, true);
	EXPECT_EQ(atomic_read(&differ), 0);
}

KTEST(ioremap, two_types_for_one_frame_are_refused)
{
	char *io = ioremap(DEVICE, 3 * PAGE_SIZE), *same = ioremap(DEVICE + PAGE_SIZE, PAGE_SIZE);

	EXPECT(io && same);
	EXPECT(!ioremap_cache(DEVICE + 3 * PAGE_SIZE - 1, 2));
	EXPECT(!ioremap_wt(DEVICE, 1));
	EXPECT(!memremap(DEVICE, 1, MEMREMAP_WB | MEMREMAP_WT));
	iounmap(io);
	EXPECT(!ioremap_wt(DEVICE + PAGE_SIZE, 1)); /* `same` is still there */
	iounmap(same);
	io = ioremap_wt(DEVICE, 3 * PAGE_SIZE);
	EXPECT(io);
	iounmap(io);
	EXPECT_EQ(memtype_check(), 0);
}

KTEST(ioremap, interior_iounmap_changes_nothing)
{
	char *io = ioremap(DEVICE, 3 * PAGE_SIZE);

	ASSERT(io);
	warn_expected(true);
	iounmap(io + PAGE_SIZE);
	warn_expected(false);
	EXPECT_EQ(leaf_of(io).phys, DEVICE);
	EXPECT_EQ(leaf_of(io + PAGE_SIZE).phys, DEVICE + PAGE_SIZE);
	EXPECT(!ioremap_wt(DEVICE, 1));
	iounmap(io);
	EXPECT(!leaf_of(io).present);
}

KTEST(ioremap, memremap_of_ram)
{
	struct page *page = alloc_page(GFP_KERNEL), *high = alloc_page(GFP_KERNEL | __GFP_HIGHMEM);
	phys_addr_t phys = page ? page_to_phys(page) : 0;

	ASSERT(page && high);
	EXPECT(memremap(phys + 5, 10, MEMREMAP_WB) == (char *)phys_to_virt(phys) + 5);
	memunmap((char *)phys_to_virt(phys) + 5);
	warn_expected(true);
	EXPECT(!memremap(phys, PAGE_SIZE, MEMREMAP_WT | MEMREMAP_WC));
	if (page_to_phys(high) >= arch_lowmem_limit())
		EXPECT(!memremap(page_to_phys(high), PAGE_SIZE, MEMREMAP_WB));
	else
		EXPECT(memremap(page_to_phys(high), PAGE_SIZE, MEMREMAP_WB) == phys_to_virt(page_to_phys(high)));
	warn_expected(false);
	__free_page(page);
	__free_page(high);
}

/*
 * The rule of mm/kva/io/ioremap.c: whatever is reserved is outside of the direct map, so no attribute there has to
 * follow.
 */
KTEST(ioremap, nothing_mapped_is_in_the_direct_map)
{
	struct memtype_info info = { 0 };
	void *io = ioremap_wc(DEVICE, 16 * PAGE_SIZE);
	unsigned int seen = 0;

	while (memtype_next(&info)) {
		EXPECT(!memblock_overlaps_ram(info.start, info.end));
		for (u64 phys = info.start; phys < min(info.end, arch_lowmem_limit()); phys += PAGE_SIZE)
			EXPECT(!leaf_of(phys_to_virt((phys_addr_t)phys)).present);
		seen++;
	}
	EXPECT(seen && io);
	iounmap(io);
}

#define NUMBER(page) (0x70617400u + (page))

/* The bit at 12 is a type, not an address: what a large leaf wrote is where small ones find it. */
KTEST(ioremap, large_leaf_of_another_type_leads_to_its_frames)
{
	unsigned long size = pt_level_size(2);
	u64 phys = left_out_ram(size, size);
	char *io;

	if (!phys)
		KTEST_SKIP(NO_LEFT_OUT_RAM);
	io = ioremap_wc((phys_addr_t)phys, size);
	ASSERT(io);
	EXPECT_EQ(leaf_of(io).level, pt_leaf_allowed(2) ? 2 : 1);
	for (unsigned int i = 0; i < size >> PAGE_SHIFT; i++)
		*(volatile u32 *)(io + i * PAGE_SIZE) = NUMBER(i);
	iounmap(io);
	for (unsigned int i = 0; i < size >> PAGE_SHIFT; i += 7) {
		io = ioremap_wc((phys_addr_t)phys + i * PAGE_SIZE, PAGE_SIZE);
		ASSERT(io);
		EXPECT_EQ(leaf_of(io).level, 1);
		EXPECT_EQ(*(volatile u32 *)io, NUMBER(i));
		iounmap(io);
	}
}

/* Firmware's MTRRs, as if one more were there: one megabyte of another type. */
KTEST(museum, m63_mtrr_inside_a_large_page)
{
	unsigned long big = pt_level_size(2);
	struct mtrr_state saved = mtrr_state, one_more;
	char *io;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (cmdline_has("nohugeiomap"))
		KTEST_SKIP("nohugeiomap");
	io = ioremap(DEVICE, 3 * big);
	EXPECT(io && leaf_of(io + big).level == 2);
	iounmap(io);
	mtrr_begin(&one_more, 1, 1 << 11 | MTRR_WB);
	mtrr_add(&one_more, (DEVICE + big) | MTRR_WC, (0xfffffffffull & ~0xfffffull) | 1 << 11);
	REPLACE_HANDLER(mtrr_state = one_more);
	io = ioremap(DEVICE, 3 * big);
	REPLACE_HANDLER(mtrr_state = saved);
	ASSERT(io);
	EXPECT_EQ(leaf_of(io).level, 2);
	EXPECT_EQ(leaf_of(io + big).level, 1);
	EXPECT_EQ(leaf_of(io + 2 * big - PAGE_SIZE).level, 1);
	EXPECT_EQ(leaf_of(io + 2 * big).level, 2);
	iounmap(io);
}
