/* SPDX-License-Identifier: MIT */
/* Historic bugs of large leaves: coming, going, and what stood there before. */
#include "places.h"
#include "worker.h"

#include <kernel/rcupdate.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <mm/ioremap.h>

/* --- 36, 54: a large leaf comes, goes, and a table follows at the same address, and the other way round ----------- */

static struct crew crew;

static void stamp(struct page *block, u32 value)
{
	for (unsigned int i = 0; i < 1u << MAX_PAGE_ORDER; i++)
		*(volatile u32 *)page_address(block + i) = value + i;
}

static void alternate(struct piece *p, unsigned int first_shift, unsigned int second_shift)
{
	for (unsigned int round = 0; round < 6; round++) {
		unsigned int shift = round & 1 ? second_shift : first_shift;

		stamp(p->block, 0x1000 * round);
		if (shift > PAGE_SHIFT)
			pgtable_clear_tables(&kernel_pgtable, p->addr, p->addr + BLOCK_SIZE, shift);
		ASSERT_EQ(piece_map(p, 0, BLOCK_SIZE, shift), 0);
		EXPECT_EQ(level_at(p->addr), shift > PAGE_SHIFT && pt_leaf_allowed(2) ? 2 : 1);
		expect_parity();
		crew_sees(&crew, (void *)(p->addr + 5 * PAGE_SIZE), 0x1000 * round + 5);
		piece_unmap(p, 0, BLOCK_SIZE);
		expect_parity();
	}
}

KTEST(museum, m36_unmap_not_carried)
{
	struct piece p;

	if (piece_get(&p))
		WITH_CREW(crew, 2, alternate(&p, pt_level[2].shift, PAGE_SHIFT));
	piece_put(&p);
}

KTEST(museum, m54_table_replaced_by_leaf_in_every_process)
{
	struct piece p;

	if (piece_get(&p))
		WITH_CREW(crew, 2, alternate(&p, PAGE_SHIFT, pt_level[2].shift));
	piece_put(&p);
}

/* --- 51: 4K, unmapped, then a large leaf at the same address: the old table must go, and nothing stale remain ----- */

static void small_then_large(struct piece *p, struct worker *other)
{
	unsigned long seq;

	ASSERT_EQ(piece_map(p, 0, BLOCK_SIZE, PAGE_SHIFT), 0);
	EXPECT_EQ(level_at(p->addr), 1);
	EXPECT_EQ(probe_read((void *)p->addr, NULL), PROBE_OK);
	piece_unmap(p, 0, BLOCK_SIZE);
	seq = tlb_log_seq();
	pgtable_clear_tables(&kernel_pgtable, p->addr, p->addr + BLOCK_SIZE, pt_level[2].shift);
	EXPECT(tlb_log_covers(seq, p->addr, p->addr + BLOCK_SIZE));
	ASSERT_EQ(piece_map(p, 0, BLOCK_SIZE, pt_level[2].shift), 0);
	EXPECT_EQ(level_at(p->addr), 2);
	(void)other;
	piece_unmap(p, 0, BLOCK_SIZE);
}

KTEST(museum, m51_small_then_large_leaks_table)
{
	KTEST_NEEDS(MM_LOGS);
	struct piece p;
	unsigned long tables;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (piece_get(&p)) {
		small_then_large(&p, NULL);
		rcu_barrier();
		tables = pgtable_kernel_pages();
		for (unsigned int i = 0; i < 50; i++)
			small_then_large(&p, NULL);
		rcu_barrier();
		EXPECT_EQ(pgtable_kernel_pages(), tables);
	}
	piece_put(&p);
}

/* --- 56: a leaf must not land on a table -------------------------------------------------------------------------- */

KTEST(museum, m56_leaf_over_a_table)
{
	struct piece p;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (piece_get(&p) && EXPECT_EQ(piece_map(&p, 0, PAGE_SIZE, PAGE_SHIFT), 0)) {
		EXPECT_EQ(piece_map(&p, 0, BLOCK_SIZE, pt_level[2].shift), -EBUSY);
		EXPECT_EQ(level_at(p.addr), 1);
		piece_unmap(&p, 0, BLOCK_SIZE);
		EXPECT_EQ(piece_map(&p, 0, BLOCK_SIZE, pt_level[2].shift), 0); /* falls back to 4K under the table */
		EXPECT_EQ(level_at(p.addr), 1);
		piece_unmap(&p, 0, BLOCK_SIZE);
	}
	piece_put(&p);
}

/* --- 57: the page behind an address inside a large leaf ----------------------------------------------------------- */

KTEST(museum, m57_vmalloc_to_page_inside_a_leaf)
{
	struct piece p;
	unsigned long byte = BLOCK_SIZE / 4 * 3 + 123;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (piece_get(&p) && EXPECT_EQ(piece_map(&p, 0, BLOCK_SIZE, pt_level[2].shift), 0)) {
		EXPECT_EQ(level_at(p.addr), 2);
		EXPECT(vmalloc_to_page((void *)(p.addr + byte)) == p.block + (byte >> PAGE_SHIFT));
		EXPECT_EQ(vmalloc_to_pfn((void *)(p.addr + byte)), page_to_pfn(p.block) + (byte >> PAGE_SHIFT));
		piece_unmap(&p, 0, BLOCK_SIZE);
	}
	piece_put(&p);
}

KTEST(museum, m57_vmalloc_to_pfn_inside_a_gigabyte)
{
	u64 phys = left_out_ram(1ull << 30, 1ull << 30);
	unsigned long byte = (3ul << 20) + 5;
	char *map;

	if (!cpu_has(FEATURE_HUGE_1G))
		KTEST_SKIP("this CPU has no 1 GiB pages");
	if (!phys)
		KTEST_SKIP(NO_LEFT_OUT_RAM);
	map = ioremap_cache((phys_addr_t)phys, 1ul << 30);
	ASSERT(map);
	EXPECT_EQ(level_at((vaddr_t)map), 3);
	EXPECT_EQ(vmalloc_to_pfn(map + byte), (phys + byte) >> PAGE_SHIFT);
	iounmap(map);
}
