/* SPDX-License-Identifier: MIT */
/* Historic bugs of page tables: ranges, torn reads, races for a table. */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/rcupdate.h>
#include <kernel/schedule_point.h>
#include <mm/ioremap.h>

/* --- 64, 65: ioremap's sizes and ranges --------------------------------------------------------------------------- */

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
	warn_expected(true);
	if ((phys_addr_t)arch_phys_limit()) /* of a type that can name it */
		EXPECT(!ioremap((phys_addr_t)arch_phys_limit() - PAGE_SIZE, 2 * PAGE_SIZE));
	warn_expected(false);
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

/* --- 73: an entry of two words must not be seen torn -------------------------------------------------------------- */

#define TORN_CHANGES 300000 /* that the reader must have seen: two CPUs that run one after the other prove nothing */
#define TORN_MS	     250   /* as long as CPUs that take turns may need for one change */
#define TORN_MOST_MS 10000 /* on a busy host */

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

static void read_while_flipping(struct worker *other)
{
	unsigned long torn = 0, changes = 0;
	u64 start = arch_uptime_ms();
	pte_t last = torn_value(0);

	torn_entry = last;
	torn_stop = false;
	worker_post(other, flip_entry, NULL);
	while (changes < TORN_CHANGES && arch_uptime_ms() - start < (changes ? TORN_MS : TORN_MOST_MS)) {
		pte_t pte = pte_read(&torn_entry);

		torn += pte.val != torn_value(0).val && pte.val != torn_value(1).val;
		changes += pte.val != last.val;
		last = pte;
	}
	WRITE_ONCE(torn_stop, true);
	worker_wait(other);
	EXPECT_EQ(torn, 0);
	EXPECT(changes > 0);
}

KTEST(museum, m73_torn_read_of_an_entry)
{
	struct worker other;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&other, another_cpu(), false));
	read_while_flipping(&other);
	worker_stop(&other);
}

/* --- 74: a table for every address up to the one that is mapped, until memory was gone ---------------------------- */

/* The last one, so that as much as can be lies below. */
static vaddr_t highest_fresh_slot(void)
{
	vaddr_t slot = ALIGN_DOWN(VMALLOC_END, slot_size()) - slot_size();

	for (; slot >= VMALLOC_START; slot -= slot_size())
		if (slot_is_fresh(slot))
			return slot;
	return 0;
}

/* A page between lo and hi takes so many new tables. */
static void *page_for_tables(vaddr_t lo, vaddr_t hi, unsigned long expected)
{
	unsigned long tables;
	void *p;

	rcu_barrier(); /* earlier tables are gone */
	tables = pgtable_kernel_pages();
	p = __vmalloc_node_range(PAGE_SIZE, PAGE_SIZE, lo, hi, GFP_KERNEL, PAGE_KERNEL, 0, -1,
				 __builtin_return_address(0));
	EXPECT(p);
	EXPECT_EQ(pgtable_kernel_pages() - tables, expected);
	return p;
}

/* One a level on the way to the first page, and so to the second from the level where their ways part. */
KTEST(museum, m74_tables_for_the_gap)
{
	vaddr_t slot = highest_fresh_slot(), half = slot_size() / 2;
	void *low, *high;

	if (!slot)
		KTEST_SKIP(NO_FRESH_SLOT);
	if (CONFIG_KASAN)
		KTEST_SKIP("the shadow of the page needs tables too");
	high = page_for_tables(slot + half, slot + slot_size(), pt_sync_level() - 1);
	low = page_for_tables(slot, slot + half, pt_sync_level() - 2);
	vfree(low);
	vfree(high);
}

/* --- 76: two CPUs want the same table ----------------------------------------------------------------------------- */

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

	rcu_barrier(); /* earlier tests' tables are gone */
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
	KTEST_NEEDS(SCHED_POINTS);
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

/* --- 78: the log says what was asked; whether a CPU has done it only that CPU's reads can tell -------------------- */

struct touch {
	char *at[2];
	unsigned int pages, present;
};

/* Needs a worker on the reference tables: loading another CR3 would drop what is to be found. */
static void touch_pages(void *arg)
{
	struct touch *t = arg;

	t->present = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(t->at); i++)
		for (unsigned int k = 0; t->at[i] && k < t->pages; k++)
			t->present += probe_read(t->at[i] + k * PAGE_SIZE, NULL) == PROBE_OK;
}

static void vfree_is_noticed(struct worker *other, unsigned int pages)
{
	struct touch t = { .at = { vmalloc(pages * PAGE_SIZE) }, .pages = pages };

	ASSERT(t.at[0]);
	worker_call(other, touch_pages, &t);
	EXPECT_EQ(t.present, pages);
	vfree(t.at[0]);
	vm_unmap_aliases();
	worker_call(other, touch_pages, &t);
	EXPECT_EQ(t.present, 0);
}

static struct page *ram_page;

static void map_ram(void *arg)
{
	*(char **)arg = vm_map_ram(&ram_page, 1, -1);
}

static void unmap_ram(void *arg)
{
	vm_unmap_ram(arg, 1);
}

/* One flush of two ranges: the blocks of two CPUs. */
static void alias_flush_is_noticed(struct worker *other)
{
	struct touch t = { .pages = 1 };

	ram_page = alloc_page(GFP_KERNEL);
	ASSERT(ram_page);
	map_ram(&t.at[0]);
	worker_call(other, map_ram, &t.at[1]);
	worker_call(other, touch_pages, &t);
	EXPECT_EQ(t.present, 2);
	vm_unmap_aliases();
	unmap_ram(t.at[0]);
	worker_call(other, unmap_ram, t.at[1]);
	vm_unmap_aliases();
	worker_call(other, touch_pages, &t);
	EXPECT_EQ(t.present, 0);
	__free_page(ram_page);
}

struct hiding {
	bool hidden, flushed, early;
};

static void hide(void *arg)
{
	struct hiding *h = arg;
	bool flags = arch_local_irq_save();

	WRITE_ONCE(h->hidden, true);
	for (unsigned int us = 0; us < 20000 && !READ_ONCE(h->flushed); us += 10)
		arch_udelay(10);
	h->early = READ_ONCE(h->flushed);
	local_irq_restore(flags);
}

/* A flush is over when every CPU has answered, also one that does not hear for a while. */
static void flush_waits(struct worker *other)
{
	struct hiding h = { false };

	if (!have_two_cpus())
		return;
	worker_post(other, hide, &h);
	while (!READ_ONCE(h.hidden))
		cpu_relax();
	flush_tlb_all();
	WRITE_ONCE(h.flushed, true);
	worker_wait(other);
	EXPECT(!h.early);
}

KTEST(museum, m78_other_cpus_forget)
{
	static const unsigned int sizes[] = { 1, 2, 33, 34 };
	struct worker other;

	ASSERT(worker_start(&other, another_cpu(), false));
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		vfree_is_noticed(&other, sizes[i]);
	alias_flush_is_noticed(&other);
	flush_waits(&other);
	worker_stop(&other);
}

/* --- 83: with quarantine, a page is free only when no CPU can reach it any more ----------------------------------- */

static void do_vfree(void *p)
{
	vfree(p);
}

static void look_before_flush(struct worker *other, char *p)
{
	struct page *page = vmalloc_to_page(p);

	sched_hold("tlb:flush");
	worker_post(other, do_vfree, p);
	if (EXPECT(sched_wait_held("tlb:flush", 2000)))
		EXPECT_EQ(page->state, PAGE_USED);
	sched_release("tlb:flush");
	worker_wait(other);
	EXPECT(page->state != PAGE_USED);
}

KTEST(museum, m83_pages_freed_before_the_flush)
{
	bool quarantine = vm_quarantine();
	struct worker other;
	char *p;

	KTEST_NEEDS(SCHED_POINTS);
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&other, another_cpu(), true));
	p = vmalloc(2 * PAGE_SIZE);
	vm_set_quarantine(true);
	if (EXPECT(p))
		look_before_flush(&other, p);
	vm_set_quarantine(quarantine);
	worker_stop(&other);
}

/* --- 81: what is flushed is what was asked ------------------------------------------------------------------------ */

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

/* Ranges that touch become one, in whichever order they come. */
static void flush_merged(vaddr_t start)
{
	vaddr_t middle = start + PAGE_SIZE, end = start + 3 * PAGE_SIZE;

	for (unsigned int backwards = 0; backwards < 2; backwards++) {
		unsigned long seq = tlb_log_seq();
		struct tlb_batch batch;

		tlb_batch_init(&batch);
		tlb_batch_add(&batch, backwards ? middle : start, backwards ? end : middle);
		tlb_batch_add(&batch, backwards ? start : middle, backwards ? middle : end);
		tlb_batch_flush(&batch);
		EXPECT_EQ(tlb_log_seq(), seq + 1);
		EXPECT(tlb_log_covers(seq, start, end));
	}
}

KTEST(museum, m81_flushed_range_is_the_requested_one)
{
	KTEST_NEEDS(MM_LOGS);
	static const unsigned int sizes[] = { 1, 2, 33, 34, 35 };

	bool quarantine = vm_quarantine();

	flush_merged(VMALLOC_START + 0x40000);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		flush_pages(VMALLOC_START + 0x40000, sizes[i]);
	vm_set_quarantine(true); /* then vfree flushes, and no more than its own */
	for (unsigned int n = 1; n < 40; n += 6) {
		unsigned long seq;
		vaddr_t addr = (vaddr_t)vmalloc(n * PAGE_SIZE);

		ASSERT(addr);
		seq = tlb_log_seq();
		vfree((void *)addr);
		EXPECT(tlb_log_covers(seq, addr, addr + n * PAGE_SIZE));
	}
	vm_set_quarantine(quarantine);
}
