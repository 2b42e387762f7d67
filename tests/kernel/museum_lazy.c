/* SPDX-License-Identifier: MIT */
/* Historic bugs of lazy MMU mode: nesting, sleeping, moving, and leaving it open. */
#include "places.h"
#include "worker.h"

#include <arch/lazy_mmu.h>
#include <mm/slab.h>

#define PAGES 12

static bool in_mode_or_scope(void)
{
	return arch_lazy_mmu()->pt || arch_lazy_mmu()->scope;
}

static void lazy_end(void)
{
	EXPECT(!in_mode_or_scope());
}
KTEST_GUARD(lazy, NULL, lazy_end);

/* Mapped pages, and where their entries are: kernel tables stay where they are while something is mapped there. */
static struct mapped {
	char *mem;
	pte_t *ptep[PAGES];
} mapped;

static int note_entry(pte_t *ptep, unsigned long addr, void *data)
{
	struct mapped *m = data;

	m->ptep[(addr - (vaddr_t)m->mem) >> PAGE_SHIFT] = ptep;
	return 0;
}

static bool map_a_few(struct mapped *m)
{
	m->mem = vzalloc(PAGES * PAGE_SIZE);
	return EXPECT(m->mem) &&
	       EXPECT_EQ(apply_to_page_range(&init_mm, (vaddr_t)m->mem, PAGES * PAGE_SIZE, note_entry, m), 0);
}

static vaddr_t page_at(const struct mapped *m, unsigned int i)
{
	return (vaddr_t)m->mem + i * PAGE_SIZE;
}

/* Read-only, by entries that are present: somebody may remember the old ones. */
static void forbid_writing(const struct mapped *m, unsigned int i)
{
	pte_t pte = pte_read(m->ptep[i]);

	pgtable_set_ptes(&kernel_pgtable, page_at(m, i), m->ptep[i], __pte(pte.val & ~PTE_RW), 1);
}

static bool writable(const struct mapped *m, unsigned int i)
{
	return pgtable_query(&kernel_pgtable, page_at(m, i)).pte.val & PTE_RW;
}

/* --- 8a: pgtable_set_ptes() inside the mode ----------------------------------------------------------------------- */

static void change_in_mode(const struct mapped *m, unsigned int first, unsigned int n)
{
	unsigned long seq = tlb_log_seq();

	lazy_mmu_enter(&kernel_pgtable);
	for (unsigned int i = first; i < first + n; i++) {
		forbid_writing(m, i);
		EXPECT(!writable(m, i));
		EXPECT(lazy_mmu_active());
	}
	EXPECT_EQ(tlb_log_seq(), seq);
	lazy_mmu_leave(&kernel_pgtable);
	EXPECT(!lazy_mmu_active());
}

static void change_twice_in_a_scope(const struct mapped *m)
{
	unsigned long seq = tlb_log_seq();
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, page_at(m, 0), page_at(m, 9));
	change_in_mode(m, 0, 8);
	change_in_mode(m, 8, 1);
	EXPECT_EQ(tlb_log_seq(), seq);
	arch_update_kernel_mappings_end(&u);
	EXPECT_EQ(tlb_log_seq(), seq + 1);
	EXPECT(tlb_log_covers(seq, page_at(m, 0), page_at(m, 9)));
}

KTEST(museum, m08a_nested_through_set_ptes)
{
	KTEST_NEEDS(MM_LOGS);
	unsigned long seq;

	if (map_a_few(&mapped)) {
		change_twice_in_a_scope(&mapped);
		seq = tlb_log_seq();
		change_in_mode(&mapped, 9, 2);
		EXPECT_EQ(tlb_log_seq(), seq + 1);
		EXPECT(tlb_log_covers(seq, page_at(&mapped, 9), page_at(&mapped, 11)));
		forbid_writing(&mapped, 11); /* outside the mode: at once */
		EXPECT(tlb_log_covers(seq + 1, page_at(&mapped, 11), page_at(&mapped, 12)));
	}
	vfree(mapped.mem);
}

/* --- 8b: a callback that sleeps and allocates --------------------------------------------------------------------- */

static int write_sleep_allocate(pte_t *ptep, unsigned long addr, void *data)
{
	pte_t pte = pfn_pte(page_to_pfn(data), pgprot_supported(PAGE_KERNEL));
	void *object = kmalloc(100, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);

	EXPECT(lazy_mmu_active());
	pgtable_set_ptes(&kernel_pgtable, addr, ptep, pte, 1);
	EXPECT_EQ(pte_read(ptep).val, pte.val);
	msleep(1);
	EXPECT(lazy_mmu_active());
	*(volatile u32 *)addr = 0x8b00;
	EXPECT_EQ(*(volatile u32 *)page_address(data), 0x8b00);
	if (EXPECT(page))
		__free_page(page);
	kfree(object);
	return 0;
}

KTEST(museum, m08b_sleeping_and_allocating_inside)
{
	struct vm_struct *area = get_vm_area(2 * PAGE_SIZE, VM_MAP);
	struct page *page = alloc_page(GFP_KERNEL);

	if (EXPECT(area && page))
		EXPECT_EQ(apply_to_page_range(&init_mm, (vaddr_t)area->addr, 2 * PAGE_SIZE, write_sleep_allocate, page),
			  0);
	if (area)
		free_vm_area(area);
	if (page)
		__free_page(page);
}

/* --- 8c: preempted inside, and moved ------------------------------------------------------------------------------ */

struct traveller {
	const struct mapped *m;
	unsigned long seq;
	bool inside, go_on;
};

/* Pages 0 to 2, then preempted and moved, then page 3. */
static void travel(void *arg)
{
	struct traveller *t = arg;

	lazy_mmu_enter(&kernel_pgtable);
	for (unsigned int i = 0; i < 3; i++)
		forbid_writing(t->m, i);
	WRITE_ONCE(t->inside, true);
	while (!READ_ONCE(t->go_on))
		cpu_relax();
	EXPECT(lazy_mmu_active());
	forbid_writing(t->m, 3);
	lazy_mmu_leave(&kernel_pgtable);
}

/* Pages 5 and 6, by another thread on the CPU where the traveller was stopped. */
static void pass_by(void *arg)
{
	struct traveller *t = arg;

	EXPECT(!lazy_mmu_active());
	change_in_mode(t->m, 5, 2);
}

static void preempt_and_move(const struct mapped *m, struct worker *first, struct worker *second)
{
	struct traveller t = { .m = m, .seq = tlb_log_seq() };

	set_priority(second->task, PRIORITY_HIGH);
	worker_post(first, travel, &t);
	while (!READ_ONCE(t.inside))
		msleep(1);
	worker_call(second, pass_by, &t);
	EXPECT(tlb_log_covers(t.seq, page_at(m, 5), page_at(m, 7)));
	EXPECT_EQ(tlb_log_seq(), t.seq + 1); /* nobody has flushed the traveller's pages, nor will a switch */
	for (unsigned int i = 0; i < 3; i++)
		EXPECT(!writable(m, i));
	EXPECT_EQ(set_affinity_cpu(first->task, another_cpu()), 0);
	WRITE_ONCE(t.go_on, true);
	worker_wait(first);
	EXPECT_EQ(tlb_log_seq(), t.seq + 2);
	EXPECT(tlb_log_covers(t.seq + 1, page_at(m, 0), page_at(m, 4)));
}

KTEST(museum, m08c_preempted_and_moved_inside)
{
	KTEST_NEEDS(MM_LOGS);
	struct worker first, second;

	if (!map_a_few(&mapped)) {
		vfree(mapped.mem);
		return;
	}
	ASSERT(worker_start(&first, smp_processor_id(), true));
	if (EXPECT(worker_start(&second, smp_processor_id(), true))) {
		preempt_and_move(&mapped, &first, &second);
		worker_stop(&second);
	}
	worker_stop(&first);
	vfree(mapped.mem);
}

/* --- 45: kernel memory that is new, touched inside ---------------------------------------------------------------- */

static void map_in_fresh_slot(void *arg)
{
	*(u32 **)arg = vmalloc_in_fresh_slot(PAGE_SIZE);
}

struct visit {
	struct worker *mapper;
	u32 *fresh;
	bool inside, has_mapped;
};

/* The fresh slot comes into being while this process's thread is inside the mode; its tree has it all the same. */
static int touch_fresh(pte_t *ptep __maybe_unused, unsigned long addr __maybe_unused, void *data)
{
	struct visit *v = data;

	if (v->fresh)
		return 0;
	WRITE_ONCE(v->inside, true);
	while (!READ_ONCE(v->has_mapped))
		msleep(1);
	EXPECT(lazy_mmu_active());
	if (v->fresh)
		WRITE_ONCE(*v->fresh, 0x4545);
	return 0;
}

static void visit_entries(void *arg)
{
	EXPECT_EQ(apply_to_page_range(&init_mm, (vaddr_t)mapped.mem, PAGES * PAGE_SIZE, touch_fresh, arg), 0);
}

static void touch_inside(struct worker *visitor, struct worker *mapper)
{
	struct visit v = { .mapper = mapper };

	worker_post(visitor, visit_entries, &v);
	while (!READ_ONCE(v.inside))
		msleep(1);
	worker_call(mapper, map_in_fresh_slot, &v.fresh);
	WRITE_ONCE(v.has_mapped, true);
	worker_wait(visitor);
	expect_parity();
	if (EXPECT(v.fresh))
		EXPECT_EQ(*v.fresh, 0x4545);
	vfree(v.fresh);
}

KTEST(museum, m45_fresh_memory_touched_inside)
{
	static struct crew crew;

	if (!fresh_slot())
		KTEST_SKIP(NO_FRESH_SLOT);
	if (map_a_few(&mapped))
		WITH_CREW(crew, 2, touch_inside(&crew.worker[1], &crew.worker[0]));
	vfree(mapped.mem);
}

/* --- 70: an error inside ------------------------------------------------------------------------------------------ */

struct failing {
	struct page *page;
	unsigned int left;
};

static int fail_third(pte_t *ptep, unsigned long addr, void *data)
{
	struct failing *f = data;

	if (!--f->left)
		return -EINVAL;
	pgtable_set_ptes(&kernel_pgtable, addr, ptep, pfn_pte(page_to_pfn(f->page), pgprot_supported(PAGE_KERNEL)), 1);
	return 0;
}

static int clear_entry(pte_t *ptep, unsigned long addr, void *data __maybe_unused)
{
	pgtable_set_ptes(&kernel_pgtable, addr, ptep, __pte(0), 1);
	return 0;
}

static void fail_then_map(struct vm_struct *area, struct page *page)
{
	struct failing f = { .page = page, .left = 3 };
	vaddr_t addr = (vaddr_t)area->addr;
	unsigned long seq;

	EXPECT_EQ(apply_to_page_range(&init_mm, addr, 4 * PAGE_SIZE, fail_third, &f), -EINVAL);
	EXPECT(!in_mode_or_scope());
	EXPECT(pgtable_query(&kernel_pgtable, addr + PAGE_SIZE).present);
	EXPECT(!pgtable_query(&kernel_pgtable, addr + 2 * PAGE_SIZE).present);
	seq = tlb_log_seq();
	EXPECT_EQ(apply_to_existing_page_range(&init_mm, addr, 4 * PAGE_SIZE, clear_entry, NULL), 0);
	EXPECT(tlb_log_covers(seq, addr, addr + 2 * PAGE_SIZE));
	EXPECT(!pgtable_query(&kernel_pgtable, addr).present);
}

KTEST(museum, m70_left_on_error)
{
	KTEST_NEEDS(MM_LOGS);
	struct vm_struct *area = get_vm_area(4 * PAGE_SIZE, VM_MAP);
	struct page *page = alloc_page(GFP_KERNEL), *pages[] = { page, page, NULL };
	u32 *map;

	ASSERT(area && page);
	EXPECT(!vmap(pages, 3, VM_MAP, PAGE_KERNEL));
	EXPECT(!in_mode_or_scope());
	fail_then_map(area, page);
	free_vm_area(area);
	map = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	if (EXPECT(map)) {
		WRITE_ONCE(map[0], 0x7000);
		EXPECT_EQ(*(volatile u32 *)page_address(page), 0x7000);
	}
	vunmap(map);
	__free_page(page);
}
