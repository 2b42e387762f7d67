/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle on the real machine: it blames what is wrong, by name, and nothing else. (All of its rules are tried
 * on the host, tests/host/unit_tlb_oracle.c. Here: is it told everything?) And the quarantine of frames.
 */
#include "places.h"
#include "worker.h"

#include <arch/tlb_oracle.h>
#include <kernel/smp.h>
#include <mm/slab.h>

#define NO_ORACLE "the oracle is off, or not built in"

/* Verdicts of a kind that the statement brings. */
#define VERDICTS(kind, statement) ({ \
	unsigned long _before; \
	oracle_expect(true); \
	_before = oracle_counters().expected[kind]; \
	statement; \
	oracle_expect(false); \
	oracle_counters().expected[kind] - _before; })

static int set_entry(pte_t *pte, unsigned long addr, void *page)
{
	(void)addr;
	pte_store(pte, pfn_pte(page_to_pfn(page), pgprot_supported(PAGE_KERNEL)));
	return 0;
}

static int clear_entry(pte_t *pte, unsigned long addr, void *unused)
{
	(void)addr;
	(void)unused;
	pte_store(pte, __pte(0));
	return 0;
}

static void set(vaddr_t addr, struct page *page)
{
	EXPECT_EQ(apply_to_page_range(&init_mm, addr, PAGE_SIZE, set_entry, page), 0);
}

static void clear(vaddr_t addr, vaddr_t end)
{
	EXPECT_EQ(apply_to_existing_page_range(&init_mm, addr, end - addr, clear_entry, NULL), 0);
}

/* Two pages of address space, two frames. */
static struct scene {
	struct vm_struct *area;
	vaddr_t addr;
	struct page *page[2];
} scene;

static bool scene_begin(void)
{
	scene.area = get_vm_area(2 * PAGE_SIZE, VM_MAP);
	scene.page[0] = alloc_page(GFP_KERNEL);
	scene.page[1] = alloc_page(GFP_KERNEL);
	scene.addr = scene.area ? (vaddr_t)scene.area->addr : 0;
	return EXPECT(scene.area && scene.page[0] && scene.page[1]);
}

static void scene_end(void)
{
	flush_tlb_all();
	if (scene.area)
		free_vm_area(scene.area);
	for (unsigned int i = 0; i < 2; i++)
		if (scene.page[i])
			__free_page(scene.page[i]);
}

/* Map, unmap, flush in some way, and map another frame there: how many verdicts does that bring? */
static unsigned long verdicts_after(void (*flush)(void))
{
	unsigned long verdicts;

	set(scene.addr, scene.page[0]);
	clear(scene.addr, scene.addr + PAGE_SIZE);
	flush();
	verdicts = VERDICTS(ORACLE_REUSED, set(scene.addr, scene.page[1]));
	clear(scene.addr, scene.addr + PAGE_SIZE);
	flush_tlb_all();
	return verdicts;
}

static void not_at_all(void) { }
static void this_range(void) { flush_tlb_kernel_range(scene.addr, scene.addr + PAGE_SIZE); }
static void the_next_page(void) { flush_tlb_kernel_range(scene.addr + PAGE_SIZE, scene.addr + 2 * PAGE_SIZE); }
static void here_only(void) { flush_tlb_local(); }

static void load_again(void *unused)
{
	(void)unused;
	pgtable_load(pgtable_current());
}

static void cr3_everywhere(void) { on_each_cpu(load_again, NULL, true); }

KTEST(oracle, a_range_mapped_anew)
{
	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	if (scene_begin()) {
		EXPECT_EQ(verdicts_after(not_at_all), 1);
		EXPECT_EQ(verdicts_after(this_range), 0);
		EXPECT_EQ(verdicts_after(the_next_page), 1);
		EXPECT_EQ(verdicts_after(flush_tlb_all), 0);
		EXPECT_EQ(verdicts_after(here_only), have_two_cpus());
	}
	scene_end();
}

/* Kernel entries are global; where the CPU cannot do that, the code must not rely on it either. */
KTEST(oracle, a_load_of_cr3_is_no_flush)
{
	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	if (scene_begin())
		EXPECT_EQ(verdicts_after(cr3_everywhere), 1);
	scene_end();
}

static void put_back(struct page *page, bool same)
{
	unsigned long records = oracle_counters().records;

	clear(scene.addr, scene.addr + PAGE_SIZE);
	EXPECT_EQ(oracle_counters().records, records + 1);
	EXPECT_EQ(VERDICTS(ORACLE_REUSED, set(scene.addr, page)), !same);
}

KTEST(oracle, the_same_mapping_again_is_harmless)
{
	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	if (scene_begin()) {
		set(scene.addr, scene.page[0]);
		put_back(scene.page[0], true);
		put_back(scene.page[1], false);
		clear(scene.addr, scene.addr + PAGE_SIZE);
	}
	scene_end();
}

static void free_scene_area(void)
{
	tlb_oracle(given_back(scene.addr, scene.addr + 2 * PAGE_SIZE));
}

KTEST(oracle, a_range_given_back)
{
	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	if (scene_begin()) {
		set(scene.addr, scene.page[0]);
		clear(scene.addr, scene.addr + PAGE_SIZE);
		EXPECT_EQ(VERDICTS(ORACLE_GIVEN_BACK, free_scene_area()), 1);
		EXPECT_EQ(VERDICTS(ORACLE_GIVEN_BACK, free_scene_area()), 0); /* told once */
	}
	scene_end();
}

/* What vm_unmap_ram leaves to vm_unmap_aliases, and to nobody else. */
KTEST(oracle, aliases_left)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *map = page ? vm_map_ram(&page, 1, -1) : NULL;

	ASSERT(map);
	vm_unmap_ram(map, 1);
	if (tlb_oracle_on()) {
		unsigned long left = VERDICTS(ORACLE_ALIAS, oracle_aliases_closed(oracle_now()));

		EXPECT_EQ(left, !vm_quarantine());
		EXPECT_EQ(VERDICTS(ORACLE_ALIAS, vm_unmap_aliases()), 0);
	}
	__free_page(page);
}

/*
 * A page of a block that was unmapped goes to nobody, another frame least of all, before a flush: the guard would hear
 * of it.
 */
KTEST(oracle, a_block_keeps_its_dirty_pages)
{
	struct page *page[2] = { alloc_page(GFP_KERNEL), alloc_page(GFP_KERNEL) };
	void *dirty[4] = { NULL }, *map;

	ASSERT(page[0] && page[1]);
	for (unsigned int i = 0; i < ARRAY_SIZE(dirty); i++) {
		map = vm_map_ram(&page[i % 2], 1, -1);
		for (unsigned int k = 0; k < i && !vm_quarantine(); k++)
			EXPECT(map != dirty[k]);
		vm_unmap_ram(map, 1);
		dirty[i] = map;
	}
	vm_unmap_aliases();
	for (unsigned int i = 0; i < 2; i++)
		__free_page(page[i]);
}

/* --- frames ------------------------------------------------------------------------------------------------------- */

/* Free a page that was mapped, and have it given out again at once. How often did that come too early? */
static unsigned long early_frames(void (*unmap)(void *map))
{
	struct page *page = alloc_page(GFP_KERNEL), *again;
	void *map = page ? vm_map_ram(&page, 1, -1) : NULL;
	unsigned long before = oracle_counters().reissued + oracle_counters().expected[ORACLE_FRAME];
	bool flags;

	if (!EXPECT(map))
		return 0;
	unmap(map);
	oracle_expect(true);
	flags = arch_local_irq_save(); /* nobody else shall get it */
	__free_page(page);
	again = alloc_page(GFP_ATOMIC);
	local_irq_restore(flags);
	oracle_expect(false);
	EXPECT(again == page);
	__free_page(again);
	vm_unmap_aliases();
	return oracle_counters().reissued + oracle_counters().expected[ORACLE_FRAME] - before;
}

static void unmap_ram(void *map) { vm_unmap_ram(map, 1); }

static void unmap_ram_and_aliases(void *map)
{
	vm_unmap_ram(map, 1);
	vm_unmap_aliases();
}

KTEST(oracle, quarantine)
{
	bool quarantine = vm_quarantine();

	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	vm_set_quarantine(false);
	EXPECT_EQ(early_frames(unmap_ram), 1);
	EXPECT_EQ(early_frames(unmap_ram_and_aliases), 0);
	vm_set_quarantine(true);
	EXPECT_EQ(early_frames(unmap_ram), 0);
	vm_set_quarantine(quarantine);
}

static void frame_too_early(void)
{
	set(scene.addr, scene.page[0]);
	clear(scene.addr, scene.addr + PAGE_SIZE);
	tlb_oracle(frames_given(page_to_pfn(scene.page[0]), 1));
}

KTEST(oracle, a_frame_given_out)
{
	bool quarantine = vm_quarantine();

	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	if (scene_begin()) {
		unsigned long reissued = oracle_counters().reissued;

		vm_set_quarantine(false);
		EXPECT_EQ(VERDICTS(ORACLE_FRAME, frame_too_early()), 0);
		EXPECT_EQ(oracle_counters().reissued, reissued + 1);
		vm_set_quarantine(true);
		EXPECT_EQ(VERDICTS(ORACLE_FRAME, frame_too_early()), 1);
		vm_set_quarantine(quarantine);
	}
	scene_end();
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

#define TOO_MANY 5000u /* more entries at once than the oracle has records */

/* It may miss something then, and says so; it never blames anybody. */
KTEST(oracle, more_than_it_can_note)
{
	struct page *page = alloc_page(GFP_KERNEL), **pages = kmalloc(TOO_MANY * sizeof(page), GFP_KERNEL);
	unsigned long overflow = oracle_counters().overflow;
	void *map;

	if (!tlb_oracle_on())
		ktest_skip(NO_ORACLE);
	if (EXPECT(page && pages)) {
		for (unsigned int i = 0; i < TOO_MANY; i++)
			pages[i] = page;
		for (unsigned int i = 0; i < 2; i++) {
			map = vmap(pages, TOO_MANY, VM_MAP, PAGE_KERNEL);
			EXPECT(map);
			vunmap(map);
		}
		EXPECT(!tlb_oracle_on() || oracle_counters().overflow > overflow);
	}
	kfree(pages);
	if (page)
		__free_page(page);
}

/* No table of the kernel's or of a process's is unknown to it: then it would be blind there. */
KTEST(oracle, knows_every_table)
{
	static struct crew crew;
	unsigned long untracked = oracle_counters().untracked;
	void *p;

	if (!tlb_oracle_on())
		KTEST_SKIP(NO_ORACLE);
	ASSERT(crew_start(&crew, 2));
	for (unsigned int i = 0; i < 8; i++) {
		p = __vmalloc_node_range(PAGE_SIZE, PAGE_SIZE, ALIGN(VMALLOC_START, 1ul << 22) + i * (4ul << 20),
					 VMALLOC_END, GFP_KERNEL, PAGE_KERNEL, 0, -1, NULL);
		EXPECT(p);
		vfree(p);
	}
	crew_stop(&crew);
	EXPECT_EQ(oracle_counters().untracked, untracked);
	EXPECT_EQ(pgtable_kernel_pages() > 0, true);
}
