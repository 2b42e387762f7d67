/* SPDX-License-Identifier: MIT */
/* Historic bugs of invalidation: too little of it, too late, for the wrong range, on too few CPUs. */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/fault.h>
#include <asm/cpuid.h>
#include <asm/cr.h>
#include <kernel/schedule_point.h>

/* --- what was flushed --------------------------------------------------------------------------------------------- */

/* Each entry of the log since `seq` is a range of pages, or everything. */
static void expect_sane_log(unsigned long seq)
{
	struct tlb_log_entry entry;

	while (++seq <= tlb_log_seq()) {
		if (!EXPECT(tlb_log_read(seq, &entry)) || entry.all)
			continue;
		EXPECT(entry.start < entry.end);
		EXPECT(IS_ALIGNED(entry.start | entry.end, PAGE_SIZE));
	}
}

/* --- one piece of address space, two blocks of memory to show there ----------------------------------------------- */

#define BLOCK_ORDER 6
#define BLOCK_PAGES (1u << BLOCK_ORDER)

static struct window {
	struct vm_struct *area;
	vaddr_t addr;
	struct page *block[2];
} window;

static u32 number_of(unsigned int block, unsigned int page)
{
	return 0x100 * (block + 1) + page;
}

static bool window_open(void)
{
	window.area = get_vm_area(BLOCK_PAGES * PAGE_SIZE, VM_MAP);
	for (unsigned int b = 0; b < 2; b++) {
		window.block[b] = alloc_pages(GFP_KERNEL, BLOCK_ORDER);
		for (unsigned int i = 0; window.block[b] && i < BLOCK_PAGES; i++)
			*(u32 *)page_address(window.block[b] + i) = number_of(b, i);
	}
	window.addr = window.area ? (vaddr_t)window.area->addr : 0;
	return EXPECT(window.area && window.block[0] && window.block[1]);
}

static void window_close(void)
{
	if (window.area)
		free_vm_area(window.area);
	for (unsigned int b = 0; b < 2; b++)
		if (window.block[b])
			__free_pages(window.block[b], BLOCK_ORDER);
}

static void window_hide(unsigned int pages)
{
	vaddr_t end = window.addr + pages * PAGE_SIZE;
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, window.addr, end);
	pgtable_unmap(&kernel_pgtable, &u, window.addr, end);
	tlb_batch_add(&u.tlb, window.addr, end);
	arch_update_kernel_mappings_end(&u);
}

static void window_show(unsigned int block, unsigned int pages)
{
	vaddr_t end = window.addr + pages * PAGE_SIZE;
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, window.addr, end);
	EXPECT_EQ(pgtable_map(&kernel_pgtable, &u, window.addr, end, page_to_phys(window.block[block]), PAGE_KERNEL,
			      PAGE_SHIFT), 0);
	arch_update_kernel_mappings_end(&u);
}

struct look {
	unsigned int block, pages;
};

/* Through this CPU's TLB, which then remembers what it has seen. */
static void look_at_window(void *arg)
{
	const struct look *look = arg;
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < look->pages; i++)
		wrong += *(volatile u32 *)(window.addr + i * PAGE_SIZE) != number_of(look->block, i);
	EXPECT_EQ(wrong, 0);
}

/* Block after block at the same addresses; everybody looks each time. */
static void alternate_blocks(struct crew *crew, unsigned int pages, unsigned int rounds)
{
	for (unsigned int round = 0; round < rounds; round++) {
		struct look look = { round & 1, pages };

		window_show(look.block, pages);
		crew_call(crew, look_at_window, &look);
		window_hide(pages);
	}
}

static struct crew crew;

/* --- 66: the range that ends before it starts --------------------------------------------------------------------- */

static void free_area(void *arg)
{
	vfree(arg);
}

/* An alias flush gets in between a vfree's unmapping and its flush, and takes what was dirty. */
static void flush_in_between(struct worker *w, void *mem)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned long seq = tlb_log_seq();
	void *ram;

	ASSERT(page);
	sched_hold("vmalloc:unmapped");
	worker_post(w, free_area, mem);
	if (EXPECT(sched_wait_held("vmalloc:unmapped", 2000))) {
		ram = vm_map_ram(&page, 1, -1);
		vm_unmap_ram(ram, 1);
		vm_unmap_aliases();
		vm_unmap_aliases();
	}
	sched_release("vmalloc:unmapped");
	worker_wait(w);
	vm_unmap_aliases();
	expect_sane_log(seq);
	EXPECT(tlb_log_covers(seq, (vaddr_t)mem, (vaddr_t)mem + 3 * PAGE_SIZE));
	__free_page(page);
}

KTEST(museum, m66_flush_of_a_range_that_ends_before_it_starts)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker w;
	void *mem = vmalloc(3 * PAGE_SIZE);

	ASSERT(mem);
	ASSERT(worker_start(&w, another_cpu(), true));
	flush_in_between(&w, mem);
	worker_stop(&w);
}

/* --- 67: INVLPG and global pages under PCIDs ---------------------------------------------------------------------- */

static bool trusted(unsigned int model)
{
	struct cpu_info cpu = { .vendor = "GenuineIntel", .family = 6, .model_nr = model, .pcid = true };

	return cpu_pcid_trusted(&cpu);
}

KTEST(museum, m67_global_pages_survive_invlpg)
{
	EXPECT(!trusted(0x97)); /* Alder Lake */
	EXPECT(!trusted(0xb7)); /* Raptor Lake */
	EXPECT(trusted(0x8f));	/* Sapphire Rapids */
	if (BITS_PER_LONG == 64)
		EXPECT_EQ((read_cr4() & CR4_PCIDE) != 0, cpu_has(FEATURE_PCID));
	if (window_open())
		WITH_CREW(crew, 2, alternate_blocks(&crew, 1, 8));
	window_close();
}

/* --- 68: what a CPU holds for the processes that it does not run -------------------------------------------------- */

/* Two processes on one CPU: each sees the window, then it changes while the other one runs, or while none does. */
static void change_behind_back(struct worker *w)
{
	for (unsigned int round = 0; round < 6; round++) {
		struct look look = { round & 1, 2 };

		window_show(look.block, look.pages);
		worker_call(&w[0], look_at_window, &look);
		worker_call(&w[1], look_at_window, &look);
		window_hide(look.pages);
	}
}

KTEST(museum, m68_kernel_flush_misses_other_address_spaces)
{
	struct worker w[2];

	ASSERT(worker_start(&w[0], another_cpu(), true));
	if (EXPECT(worker_start(&w[1], another_cpu(), true))) {
		if (window_open())
			change_behind_back(w);
		window_close();
		worker_stop(&w[1]);
	}
	worker_stop(&w[0]);
}

/* --- 71: a fault that only a TLB believes in, and real ones ------------------------------------------------------- */

static int make_writable(pte_t *ptep, unsigned long addr __maybe_unused, void *data __maybe_unused)
{
	pte_xchg(ptep, __pte(pte_read(ptep).val | PTE_RW));
	return 0;
}

struct attempt {
	void *at;
	enum probe_result result;
};

static void try_to_write(void *arg)
{
	struct attempt *a = arg;

	a->result = probe_write(a->at);
}

static enum probe_result write_there(struct worker *w, const void *at)
{
	struct attempt a = { .at = (void *)at };

	worker_call(w, try_to_write, &a);
	return a.result;
}

/*
 * The old, narrower entry is remembered there; a write must go through all the same. Nothing else is ever tried again.
 */
static void widen_unflushed(struct worker *w, void *mem)
{
	const pgprot_t none = { 0 };
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, (vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE);
	EXPECT_EQ(pgtable_protect(&kernel_pgtable, &u, (vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE, none, PROT_BIT_RW), 0);
	arch_update_kernel_mappings_end(&u);
	EXPECT_EQ(write_there(w, mem), PROBE_PROTECTION);
	EXPECT_EQ(write_there(w, (char *)mem + PAGE_SIZE), PROBE_NOT_PRESENT); /* its guard page */
	EXPECT_EQ(fault_counters().spurious, 0);
	fault_provoke_spurious(true);
	EXPECT_EQ(apply_to_existing_page_range(&init_mm, (vaddr_t)mem, PAGE_SIZE, make_writable, NULL), 0);
	EXPECT_EQ(write_there(w, mem), PROBE_OK);
	fault_provoke_spurious(false);
	flush_tlb_kernel_range((vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE);
}

KTEST(museum, m71_spurious_fault_or_real_one)
{
	struct worker w;
	void *mem = vzalloc(PAGE_SIZE);

	ASSERT(mem);
	ASSERT(worker_start(&w, another_cpu(), true));
	widen_unflushed(&w, mem);
	worker_stop(&w);
	vfree(mem);
}

/* --- 72: memory that its owner has given back --------------------------------------------------------------------- */

/* A way to a frame that its owner has given back: vm_unmap_ram's, and vm_unmap_aliases closes it. */
static void alias_window(struct worker *w)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	unsigned long seq;
	char *alias;

	ASSERT(page);
	alias = vm_map_ram(&page, 1, -1);
	if (EXPECT(alias)) {
		EXPECT_EQ(write_there(w, alias), PROBE_OK);
		seq = tlb_log_seq();
		vm_unmap_ram(alias, 1);
		vm_unmap_aliases();
		EXPECT(tlb_log_covers(seq, (vaddr_t)alias, (vaddr_t)alias + PAGE_SIZE));
		EXPECT_EQ(write_there(w, alias), PROBE_NOT_PRESENT);
	}
	__free_page(page);
}

/* The other is vfree's: open until vm_unmap_aliases, or never with quarantine. */
static void vfree_window(struct worker *w, bool with_quarantine)
{
	bool quarantine = vm_quarantine();
	char *p = vzalloc(PAGE_SIZE);

	if (!EXPECT(p))
		return;
	EXPECT_EQ(write_there(w, p), PROBE_OK);
	vm_set_quarantine(with_quarantine);
	vfree(p);
	if (!with_quarantine)
		vm_unmap_aliases();
	EXPECT_EQ(write_there(w, p), PROBE_NOT_PRESENT);
	vm_set_quarantine(quarantine);
}

KTEST(museum, m72_lazily_freed_memory_can_be_reached)
{
	KTEST_NEEDS(MM_LOGS);
	struct worker w;

	ASSERT(worker_start(&w, another_cpu(), true));
	alias_window(&w);
	vfree_window(&w, false);
	vfree_window(&w, true);
	worker_stop(&w);
}

/* --- 77: every kind of flush on every CPU, whatever the CPU has --------------------------------------------------- */

static void flush_kinds(struct crew *all)
{
	static const unsigned int pages[] = { 1, 2, TLB_FLUSH_CEILING, TLB_FLUSH_CEILING + 1, BLOCK_PAGES };

	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		struct tlb_counters before = tlb_counters(), after;

		alternate_blocks(all, pages[i], 2);
		after = tlb_counters();
		EXPECT_EQ(after.ipis - before.ipis, 2 * (num_online_cpus() - 1));
		EXPECT_EQ(after.full - before.full, pages[i] > TLB_FLUSH_CEILING ? 2 : 0);
	}
}

KTEST(museum, m77_no_shootdown_without_pcid)
{
	if (window_open())
		WITH_CREW(crew, 2, flush_kinds(&crew));
	window_close();
}

/* --- 80: an address that is used again while its flush is pending ------------------------------------------------- */

struct exact {
	vaddr_t at;
	u32 *mem;
};

static void take_exactly(void *arg)
{
	struct exact *e = arg;

	e->mem = __vmalloc_node_range(PAGE_SIZE, PAGE_SIZE, e->at, e->at + 2 * PAGE_SIZE, GFP_KERNEL, PAGE_KERNEL, 0,
				      -1, __builtin_return_address(0));
}

/* One CPU has unmapped, and nobody has flushed; another wants exactly that address. It gets it only after a flush. */
static void reuse_pending(struct worker *w, struct worker *reader)
{
	struct exact e = { .mem = NULL };
	unsigned long seq;
	u32 *old;

	if (vm_quarantine())
		KTEST_SKIP("with quarantine no flush is ever pending");
	old = vzalloc(PAGE_SIZE);
	ASSERT(old);
	e.at = (vaddr_t)old;
	worker_sees(reader, old, 0);
	seq = tlb_log_seq();
	worker_call(w, free_area, old);
	EXPECT(!tlb_log_covers(seq, e.at, e.at + PAGE_SIZE));
	take_exactly(&e);
	EXPECT(tlb_log_covers(seq, e.at, e.at + PAGE_SIZE));
	if (EXPECT(e.mem)) {
		*e.mem = 0x8000;
		worker_sees(reader, e.mem, 0x8000);
	}
	vfree(e.mem);
}

KTEST(museum, m80_mapped_again_with_the_shootdown_pending)
{
	KTEST_NEEDS(SCHED_POINTS);
	WITH_CREW(crew, 2, reuse_pending(&crew.worker[1], &crew.worker[0]));
}
