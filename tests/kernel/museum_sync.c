/* SPDX-License-Identifier: MIT */
/* Historic bugs of carrying kernel entries to processes. Each test is named after its entry in tests/README.md. */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/fault.h>
#include <kernel/inject.h>
#include <kernel/schedule_point.h>
#include <mm/ioremap.h>
#include <mm/memblock.h>

static void *vmalloc_at(vaddr_t start, vaddr_t end, unsigned long size)
{
	return __vmalloc_node_range(size, PAGE_SIZE, start, end, GFP_KERNEL, PAGE_KERNEL, 0, -1,
				    __builtin_return_address(0));
}

static struct crew crew;

/* --- 37: a sync on every purge (an 80 % slower benchmark): only a new top entry is a reason ----------------------- */

#define CYCLES	  8000
#define CYCLES_MS 400

static void vmalloc_and_vfree(unsigned int pages)
{
	void *p = vmalloc(pages * PAGE_SIZE);

	EXPECT(p);
	vfree(p);
}

/* The first rounds may go into new address space; then it is the same that comes back, through purges too. */
KTEST(museum, m37_sync_on_every_purge)
{
	struct tlb_counters flushes;
	unsigned long calls;
	unsigned int done;
	u64 start;

	for (unsigned int i = 0; i < 2000; i++)
		vmalloc_and_vfree(1);
	calls = sync_counters().calls;
	flushes = tlb_counters();
	start = arch_uptime_ms();
	for (done = 0; done < CYCLES && arch_uptime_ms() - start < CYCLES_MS; done++) {
		vmalloc_and_vfree(1);
		if (done % 256 == 0)
			vm_unmap_aliases();
	}
	calls = sync_counters().calls - calls;
	EXPECT_EQ(calls, 0);
	EXPECT(tlb_counters().full + tlb_counters().ranged > flushes.full + flushes.ranged);
	ktest_note("%u cycles, %lu flushes, %lu syncs", done,
		   tlb_counters().full + tlb_counters().ranged - flushes.full - flushes.ranged, calls);
}

/* --- 38: a sync must leave a process's private slots alone ------------------------------------------------------- */

static void check_private(struct worker *w, struct page *page, u32 value)
{
	*(volatile u32 *)page_address(page) = value;
	worker_sees(w, (void *)layout.private_start, value);
}

static void private_slots(struct page *a, struct page *b)
{
	struct pgtable *one = &crew.worker[0].mm->pgtable, *two = &crew.worker[1].mm->pgtable;
	void *p;

	ASSERT_EQ(pgtable_map_private(one, layout.private_start, page_to_phys(a), PAGE_KERNEL), 0);
	ASSERT_EQ(pgtable_map_private(two, layout.private_start, page_to_phys(b), PAGE_KERNEL), 0);
	EXPECT(!(pgtable_query(one, layout.private_start).pte.val & PTE_GLOBAL)); /* it must go when CR3 does */
	p = fresh_slot() ? vmalloc_in_fresh_slot(PAGE_SIZE) : NULL;
	vfree(p);
	p = vmalloc_at(VMALLOC_END - 16 * PAGE_SIZE, VMALLOC_END, PAGE_SIZE);
	EXPECT(p);
	check_private(&crew.worker[0], a, 0xaaaa);
	check_private(&crew.worker[1], b, 0xbbbb);
	vfree(p);
	pgtable_unmap_private(one, layout.private_start);
	pgtable_unmap_private(two, layout.private_start);
}

KTEST(museum, m38_sync_wiped_private_slot)
{
	struct page *a = alloc_page(GFP_KERNEL), *b = alloc_page(GFP_KERNEL);

	ASSERT(a && b);
	WITH_CREW(crew, 2, private_slots(a, b));
	__free_page(a);
	__free_page(b);
}

/* --- 39: device frames have no struct page ------------------------------------------------------------------------ */

KTEST(museum, m39_sync_of_frames_without_struct_page)
{
	phys_addr_t device = 0xfec00000; /* the I/O APIC's and the local APIC's four megabytes */
	void __iomem *p;

	ASSERT(!pfn_valid(device >> PAGE_SHIFT));
	ASSERT(crew_start(&crew, 2));
	p = ioremap(device, 4ul << 20);
	if (EXPECT(p)) {
		EXPECT_EQ(vmalloc_to_pfn(p), device >> PAGE_SHIFT);
		EXPECT(!vmalloc_to_page(p));
		expect_parity();
		iounmap(p);
	}
	expect_parity();
	crew_stop(&crew);
}

/* --- 40: the second CPU finds the entry present before it is everywhere ------------------------------------------- */

struct neighbour {
	vaddr_t start, end;
	void *mem;
	bool readable;
};

static void map_neighbour(void *arg)
{
	struct neighbour *n = arg;

	n->mem = vmalloc_at(n->start, n->end, PAGE_SIZE);
	n->readable = n->mem && probe_write(n->mem) == PROBE_OK;
}

/* The first worker stands before its sync; the second maps below the same top entry and uses it. */
static void race_for_slot(vaddr_t slot)
{
	struct neighbour first = { .start = slot, .end = slot + 4 * PAGE_SIZE };
	struct neighbour second = { .start = slot + 8 * PAGE_SIZE, .end = slot + 16 * PAGE_SIZE };

	sched_hold("sync:before");
	worker_post(&crew.worker[1], map_neighbour, &first);
	if (EXPECT(sched_wait_held("sync:before", 2000))) {
		worker_call(&crew.worker[0], map_neighbour, &second);
		EXPECT(second.readable);
	}
	sched_release("sync:before");
	worker_wait(&crew.worker[1]);
	EXPECT(first.readable);
	expect_parity();
	vfree(first.mem);
	vfree(second.mem);
}

KTEST(museum, m40_area_returned_before_the_other_cpus_sync)
{
	KTEST_NEEDS(SCHED_POINTS);
	vaddr_t slot = fresh_slot();

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (!slot)
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 2, race_for_slot(slot));
}

/* --- 41: a walk through an absent top entry ----------------------------------------------------------------------- */

KTEST(museum, m41_walk_over_absent_top_entry)
{
	vaddr_t slot = fresh_slot();
	struct pgtable_leaf leaf;

	if (!slot)
		KTEST_SKIP(NO_FRESH_SLOT);
	leaf = pgtable_query(&kernel_pgtable, slot + 5 * PAGE_SIZE);
	EXPECT(!leaf.present);
	EXPECT_EQ(leaf.level, pt_sync_level());
	EXPECT(!vmalloc_to_page((void *)(slot + 5 * PAGE_SIZE)));
	EXPECT_EQ(vmalloc_to_pfn((void *)(slot + 5 * PAGE_SIZE)), 0);
	EXPECT_EQ(pgtable_read_entry(&kernel_pgtable, slot, 1).val, 0);
}

/* --- 42: the map function that forgot to report what it changed --------------------------------------------------- */

static int set_one_pte(pte_t *pte, unsigned long addr, void *data)
{
	(void)addr;
	pte_store(pte, pfn_pte(page_to_pfn(data), pgprot_supported(PAGE_KERNEL)));
	return 0;
}

static int clear_one_pte(pte_t *pte, unsigned long addr, void *data)
{
	(void)addr;
	(void)data;
	pte_store(pte, __pte(0));
	return 0;
}

static void apply_in_fresh_slot(struct page *page)
{
	vaddr_t slot = fresh_slot();
	struct vm_struct *area;

	if (!slot)
		KTEST_SKIP(NO_FRESH_SLOT);
	area = area_at(slot, slot + 4 * PAGE_SIZE, 2 * PAGE_SIZE, VM_MAP);
	ASSERT(area);
	*(volatile u32 *)page_address(page) = 0x4242;
	EXPECT_EQ(apply_to_page_range(&init_mm, slot, 2 * PAGE_SIZE, set_one_pte, page), 0);
	expect_parity();
	crew_sees(&crew, (void *)(slot + PAGE_SIZE), 0x4242);
	EXPECT_EQ(apply_to_existing_page_range(&init_mm, slot, 2 * PAGE_SIZE, clear_one_pte, NULL), 0);
	flush_tlb_kernel_range(slot, slot + 2 * PAGE_SIZE);
	free_vm_area(area);
}

KTEST(museum, m42_apply_to_page_range_reports_changes)
{
	struct page *page = alloc_page(GFP_KERNEL);

	ASSERT(page);
	WITH_CREW(crew, 2, apply_in_fresh_slot(page));
	__free_page(page);
}

/* --- 43: the error path must carry what it changed ---------------------------------------------------------------- */

static int touch_pte(pte_t *pte, unsigned long addr, void *data)
{
	(void)pte;
	(void)addr;
	(void)data;
	return 0;
}

/* An operation on the pages on either side of the border; its n-th table cannot be had. True: it has failed. */
static bool fail_at_border(vaddr_t border, unsigned int nth, bool apply)
{
	vaddr_t start = border - PAGE_SIZE;
	struct vm_struct *area = NULL;
	void *p = NULL;
	int err = 0;

	if (apply) {
		area = area_at(start, border + slot_size(), 2 * PAGE_SIZE, VM_MAP);
		if (!EXPECT(area))
			return false;
	}
	inject_set(INJECT_TABLE, nth);
	if (apply)
		err = apply_to_page_range(&init_mm, start, 2 * PAGE_SIZE, touch_pte, NULL);
	else
		p = vmalloc_at(start, border + slot_size(), 2 * PAGE_SIZE);
	inject_clear(INJECT_TABLE);
	expect_parity(); /* before anybody else comes by and carries what was left */
	vfree(p);
	if (area)
		free_vm_area(area);
	return apply ? err != 0 : !p;
}

static void use_border(vaddr_t border, u32 value)
{
	u32 *p = vmalloc_at(border - PAGE_SIZE, border + slot_size(), 2 * PAGE_SIZE);

	ASSERT(p);
	p[0] = p[PAGE_SIZE / sizeof(*p)] = value;
	crew_sees(&crew, &p[0], value);
	crew_sees(&crew, &p[PAGE_SIZE / sizeof(*p)], value);
	vfree(p);
}

/* Without the first table nothing has changed. The last one that is missing here is the first of the upper slot. */
static void fail_everywhere(bool apply)
{
	for (unsigned int nth = 2; nth <= pt_sync_level(); nth++) {
		vaddr_t border = fresh_border();

		if (!border)
			break;
		EXPECT(fail_at_border(border, nth, apply));
		use_border(border, 0x4300 + nth);
	}
}

KTEST(museum, m43_error_path_skips_sync)
{
	KTEST_NEEDS(FAULT_INJECT);
	if (!fresh_border())
		KTEST_SKIP(NO_FRESH_SLOT);
	if (CONFIG_KASAN)
		KTEST_SKIP("the shadow needs tables too, and takes the one that cannot be had");
	WITH_CREW(crew, 2, {
		fail_everywhere(false);
		fail_everywhere(true);
	});
}

/* --- 47: waiting for the list of trees while somebody waits for this CPU's answer --------------------------------- */

/* A scope that has changed nothing does not call the hook, so it is called here. */
static void sync_many_times(void *arg)
{
	vaddr_t slot = *(vaddr_t *)arg;

	for (unsigned int i = 0; i < 25; i++) {
		arch_sync_kernel_mappings(slot, slot + PAGE_SIZE);
		pgd_parity_check();
	}
}

static void flush_many_times(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 25; i++)
		flush_tlb_all();
}

static void list_against_flush(vaddr_t slot)
{
	worker_post(&crew.worker[0], flush_many_times, NULL);
	for (unsigned int i = 1; i < crew.nr; i++)
		worker_post(&crew.worker[i], i & 1 ? sync_many_times : flush_many_times, &slot);
	for (unsigned int i = 0; i < crew.nr; i++)
		worker_wait(&crew.worker[i]);
}

KTEST(museum, m47_list_lock_against_flush)
{
	WITH_CREW(crew, 2, list_against_flush(VMALLOC_START));
}

/* --- 48: a top entry that is a table stays one -------------------------------------------------------------------- */

KTEST(museum, m48_top_entries_are_only_added)
{
	void *p = fresh_slot() ? vmalloc_in_fresh_slot(PAGE_SIZE) : NULL;
	vaddr_t slot = (vaddr_t)p;
	pte_t before;

	if (!p)
		KTEST_SKIP(NO_FRESH_SLOT);
	before = pgtable_read_entry(&kernel_pgtable, slot, pt_sync_level());
	vfree(p);
	vm_unmap_aliases();
	EXPECT_EQ(pgtable_read_entry(&kernel_pgtable, slot, pt_sync_level()).val, before.val);
	p = vmalloc_at(slot, slot + slot_size(), PAGE_SIZE);
	EXPECT(p);
	EXPECT_EQ(pgtable_read_entry(&kernel_pgtable, slot, pt_sync_level()).val, before.val);
	vfree(p);
}

/* --- 50: a new tree against a sync -------------------------------------------------------------------------------- */

static void create_process(void *arg)
{
	*(struct mm_struct **)arg = mm_create();
}

static void new_tree_race(vaddr_t slot)
{
	struct neighbour n = { .start = slot, .end = slot + 4 * PAGE_SIZE };
	struct mm_struct *mm = NULL;

	sched_hold("pgd:copied");
	worker_post(&crew.worker[1], create_process, &mm);
	if (EXPECT(sched_wait_held("pgd:copied", 2000))) {
		worker_post(&crew.worker[2], map_neighbour, &n); /* waits for the lock, with interrupts on */
		msleep(20);
	}
	sched_release("pgd:copied");
	worker_wait(&crew.worker[1]);
	worker_wait(&crew.worker[2]);
	EXPECT(mm && n.readable);
	expect_parity();
	if (mm)
		EXPECT_EQ(pgtable_read_entry(&mm->pgtable, slot, pt_sync_level()).val,
			  pgtable_read_entry(&kernel_pgtable, slot, pt_sync_level()).val);
	vfree(n.mem);
	if (mm)
		mm_destroy(mm);
}

KTEST(museum, m50_new_tree_races_sync)
{
	KTEST_NEEDS(SCHED_POINTS);
	vaddr_t slot = fresh_slot();

	if (num_online_cpus() < 3)
		KTEST_SKIP("needs three CPUs");
	if (!slot)
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 3, new_tree_race(slot));
}

/* --- 79: sizes just below and above what one entry spans ---------------------------------------------------------- */

static void straddle(unsigned int level)
{
	vaddr_t span = pt_level_size(level);
	vaddr_t base = level == pt_sync_level() ? fresh_border() : fresh_slot() ? fresh_slot() + span : 0;
	u32 *p;

	if (!base)
		return;
	p = vmalloc_at(base - 2 * PAGE_SIZE, base + 4 * PAGE_SIZE, 4 * PAGE_SIZE);
	ASSERT(p);
	for (unsigned int i = 0; i < 4; i++) {
		p[i * PAGE_SIZE / sizeof(u32)] = 0x7900 + level * 16 + i;
		crew_sees(&crew, &p[i * PAGE_SIZE / sizeof(u32)], 0x7900 + level * 16 + i);
	}
	vfree(p);
}

KTEST(museum, m79_directory_is_no_snapshot)
{
	if (!fresh_border())
		KTEST_SKIP(NO_FRESH_SLOT);
	ASSERT(crew_start(&crew, 2));
	for (unsigned int level = 2; level <= pt_sync_level(); level++)
		straddle(level);
	crew_stop(&crew);
}

/* --- 82: mapping from inside a process lands in the reference ----------------------------------------------------- */

static void map_and_leave(void *arg)
{
	struct neighbour *n = arg;

	map_neighbour(n);
}

KTEST(museum, m82_kernel_tables_belong_to_the_reference)
{
	vaddr_t slot = fresh_slot();
	struct neighbour n = { .start = slot, .end = slot + 4 * PAGE_SIZE };

	if (!slot)
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 2, worker_call(&crew.worker[1], map_and_leave, &n));
	ASSERT(n.readable);
	EXPECT(pgtable_query(&kernel_pgtable, (vaddr_t)n.mem).present);
	*(volatile u32 *)n.mem = 0x8200; /* the process is gone; the mapping is not */
	vfree(n.mem);
}
