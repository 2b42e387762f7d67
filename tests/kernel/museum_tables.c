/* SPDX-License-Identifier: MIT */
/* Historic bugs of page tables: ranges, torn reads, races for a table. */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/cpu.h>
#include <kernel/schedule_point.h>
#include <mm/ioremap.h>

/* --- 64, 65: ioremap's sizes and ranges ----------------------------------------------------------------------------------- */

KTEST(museum, m64_ioremap_size_with_offset)
{
	phys_addr_t phys = 0xfec00fff;
	char __iomem *p = ioremap(phys, 2);

	ASSERT(p);
	EXPECT_EQ(offset_in_page(p), 0xfff);
	EXPECT_EQ(vmalloc_to_pfn(p), 0xfec00);
	EXPECT_EQ(vmalloc_to_pfn(p + 1), 0xfec01);
	EXPECT_EQ(get_vm_area_size(find_vm_area(p)), 2 * PAGE_SIZE);
	iounmap(p);
	EXPECT(!ioremap(phys, 0));
	EXPECT(!ioremap((phys_addr_t)-1 - (PAGE_SIZE - 1), 2 * PAGE_SIZE));
	EXPECT(!ioremap(phys, -1ul));
}

KTEST(museum, m65_ioremap_range_must_be_the_area)
{
	struct vm_struct *io = get_vm_area(2 * PAGE_SIZE, VM_IOREMAP), *map = get_vm_area(2 * PAGE_SIZE, VM_MAP);
	vaddr_t addr;

	ASSERT(io && map);
	addr = (vaddr_t)io->addr;
	EXPECT_EQ(ioremap_page_range(addr, addr + PAGE_SIZE, 0xfec00000, PAGE_KERNEL_NOCACHE), -ERANGE);
	EXPECT_EQ(ioremap_page_range(addr + PAGE_SIZE, addr + 2 * PAGE_SIZE, 0xfec00000, PAGE_KERNEL_NOCACHE), -ERANGE);
	EXPECT_EQ(ioremap_page_range((vaddr_t)map->addr, (vaddr_t)map->addr + 2 * PAGE_SIZE, 0xfec00000,
				     PAGE_KERNEL_NOCACHE), -EINVAL);
	EXPECT_EQ(ioremap_page_range(addr, addr + 2 * PAGE_SIZE, 0xfec00000, PAGE_KERNEL_NOCACHE), 0);
	EXPECT_EQ(vmalloc_to_pfn((void *)(addr + PAGE_SIZE)), 0xfec01);
	free_vm_area(io);
	free_vm_area(map);
}

/* What is mapped in the area stays, whichever leaves the second call would use. */
KTEST(museum, m65_ioremap_range_over_a_mapping)
{
	struct vm_struct *io = get_vm_area(8ul << 20, VM_IOREMAP);
	vaddr_t addr, end;

	ASSERT(io);
	addr = (vaddr_t)io->addr;
	end = addr + (8ul << 20);
	EXPECT_EQ(ioremap_page_range(addr, end, 0xd0001000, PAGE_KERNEL_NOCACHE), 0);
	EXPECT_EQ(ioremap_page_range(addr, end, 0xd0000000, PAGE_KERNEL_NOCACHE), -EBUSY);
	EXPECT_EQ(ioremap_page_range(addr, end, 0xd0003000, PAGE_KERNEL_NOCACHE), -EBUSY);
	EXPECT_EQ(vmalloc_to_pfn((void *)addr), 0xd0001);
	EXPECT_EQ(vmalloc_to_pfn((void *)(end - 1)), 0xd0800);
	free_vm_area(io);
}

/* --- 73: an entry of two words must not be seen torn ------------------------------------------------------------------------ */

#define TORN_READS 100000

static pte_t torn_entry;
static bool torn_stop;

/* Two values whose halves all differ (with a 32-bit entry the upper one falls away and the test is an easy one). */
static pte_t torn_value(unsigned int i)
{
	u64 value = i ? 0x0000000a5555a063ull : 0x000000055aaaa0e3ull;

	return __pte((pteval_t)value);
}

static void flip_entry(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; !READ_ONCE(torn_stop); i++)
		pte_xchg(&torn_entry, torn_value(i & 1));
}

KTEST(museum, m73_torn_read_of_an_entry)
{
	struct worker other;
	unsigned long torn = 0;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	torn_entry = torn_value(0);
	torn_stop = false;
	ASSERT(worker_start(&other, another_cpu(), false));
	worker_post(&other, flip_entry, NULL);
	for (unsigned int i = 0; i < TORN_READS; i++) {
		pte_t pte = pte_read(&torn_entry);

		torn += pte.val != torn_value(0).val && pte.val != torn_value(1).val;
	}
	WRITE_ONCE(torn_stop, true);
	worker_stop(&other);
	EXPECT_EQ(torn, 0);
}

/* --- 76: two CPUs want the same table ------------------------------------------------------------------------------------------ */

struct side {
	const struct piece *piece;
	vaddr_t from;
	int err;
};

static void map_side(void *arg)
{
	struct side *s = arg;

	s->err = piece_map(s->piece, s->from, s->from + PAGE_SIZE, PAGE_SHIFT);
}

static void race_for_table(struct piece *p, struct worker *other)
{
	struct side left = { p, 0, 1 }, right = { p, PAGE_SIZE, 1 };
	unsigned long tables;

	tables = pgtable_kernel_pages();
	sched_hold("pgtable:install");
	worker_post(other, map_side, &left);
	if (EXPECT(sched_wait_held("pgtable:install", 2000)))
		map_side(&right);
	sched_release("pgtable:install");
	worker_wait(other);
	EXPECT_EQ(left.err, 0);
	EXPECT_EQ(right.err, 0);
	EXPECT_EQ(pgtable_query(&kernel_pgtable, p->addr).phys, page_to_phys(p->block));
	EXPECT_EQ(pgtable_query(&kernel_pgtable, p->addr + PAGE_SIZE).phys, page_to_phys(p->block) + PAGE_SIZE);
	EXPECT_EQ(pgtable_kernel_pages(), tables + 1);
	piece_unmap(p, 0, 2 * PAGE_SIZE);
}

KTEST(museum, m76_two_cpus_install_one_table)
{
	struct worker other;
	struct piece p;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages, so an old table cannot be taken away first");
	ASSERT(worker_start(&other, another_cpu(), true));
	if (piece_get(&p))
		race_for_table(&p, &other);
	piece_put(&p);
	worker_stop(&other);
}

/* --- 81: what is flushed is what was asked -------------------------------------------------------------------------------------- */

static void flush_pages(vaddr_t start, unsigned long n)
{
	unsigned long seq = tlb_log_seq();
	struct tlb_log_entry entry;

	flush_tlb_kernel_range(start, start + n * PAGE_SIZE);
	EXPECT_EQ(tlb_log_seq(), seq + 1);
	ASSERT(tlb_log_read(seq + 1, &entry));
	EXPECT_EQ(entry.all, n > TLB_FLUSH_CEILING);
	if (!entry.all) {
		EXPECT_EQ(entry.start, start);
		EXPECT_EQ(entry.end, start + n * PAGE_SIZE);
	}
}

KTEST(museum, m81_flushed_range_is_the_requested_one)
{
	static const unsigned int sizes[] = { 1, 2, 33, 34, 35 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		flush_pages(VMALLOC_START + 0x40000, sizes[i]);
	for (unsigned int n = 1; n < 40; n += 6) {
		unsigned long seq;
		vaddr_t addr = (vaddr_t)vmalloc(n * PAGE_SIZE);

		ASSERT(addr);
		seq = tlb_log_seq();
		vfree((void *)addr);
		EXPECT(tlb_log_covers(seq, addr, addr + n * PAGE_SIZE));
	}
}
