/* SPDX-License-Identifier: MIT */
/*
 * Physical memory on the real machine: what the host ring cannot show. All CPUs at once; RAM that comes online under
 * processes that are older than it; highmem through real page tables. And around every test: no page is lost.
 */
#include "worker.h"

#include <arch/context.h>
#include <arch/mmu_sync.h>
#include <kernel/rcupdate.h>
#include <lib/string.h>
#include <mm/highmem.h>
#include <mm/kasan.h>
#include <mm/slab.h>

/* --- around every test: pages are free, or in slabs, or kernel page tables, as many as before --------------------- */

static unsigned long pages_before;

static unsigned long pages_accounted(void)
{
	rcu_barrier();
	return nr_free_pages() + slab_pages() + pgtable_kernel_pages() + kasan_pages();
}

static void pages_begin(void)
{
	pages_before = pages_accounted();
}

static void pages_end(void)
{
	EXPECT_EQ(pages_accounted(), pages_before);
}
KTEST_GUARD(pages, pages_begin, pages_end);

/* --- all CPUs at once --------------------------------------------------------------------------------------------- */

#define CHURN_SLOTS  64
#define CHURN_ROUNDS 4000

static unsigned int churn_errors;

/* Numbers of its own for each CPU. */
static u32 next_random(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static bool page_is_mine(struct page *page, u32 mark)
{
	u32 *word = kmap_local_page(page);
	bool mine = word[0] == mark && word[PAGE_SIZE / sizeof(u32) - 1] == mark;

	kunmap_local(word);
	return mine;
}

static void mark_page(struct page *page, u32 mark)
{
	u32 *word = kmap_local_page(page);

	word[0] = word[PAGE_SIZE / sizeof(u32) - 1] = mark;
	kunmap_local(word);
}

static void churn_pages(void *unused)
{
	u32 random = 12345 + smp_processor_id(), mark = 0xc0de0000 + smp_processor_id();
	struct page *slot[CHURN_SLOTS] = { NULL };

	(void)unused;
	for (unsigned int round = 0; round < CHURN_ROUNDS + CHURN_SLOTS; round++) {
		struct page **p =
			&slot[round < CHURN_ROUNDS ? next_random(&random) % CHURN_SLOTS : round - CHURN_ROUNDS];
		unsigned int order = next_random(&random) % 3;

		if (*p) {
			if (!page_is_mine(*p, mark))
				__atomic_fetch_add(&churn_errors, 1, __ATOMIC_RELAXED);
			put_page(*p);
			*p = NULL;
		} else if (round < CHURN_ROUNDS && (*p = alloc_pages(__GFP_HIGHMEM | __GFP_NOWARN, order))) {
			mark_page(*p, mark);
		}
	}
}

static void churn_objects(void *unused)
{
	u32 random = 54321 + smp_processor_id();
	u8 mark = (u8)(0x80 + smp_processor_id()), *slot[CHURN_SLOTS] = { NULL };

	(void)unused;
	for (unsigned int round = 0; round < CHURN_ROUNDS + CHURN_SLOTS; round++) {
		u8 **p = &slot[round < CHURN_ROUNDS ? next_random(&random) % CHURN_SLOTS : round - CHURN_ROUNDS];
		size_t size = 1 + next_random(&random) % 600;

		if (*p) {
			if ((*p)[0] != mark || (*p)[ksize(*p) - 1] != mark)
				__atomic_fetch_add(&churn_errors, 1, __ATOMIC_RELAXED);
			kfree(*p);
			*p = NULL;
		} else if (round < CHURN_ROUNDS && (*p = kmalloc(size, GFP_KERNEL))) {
			(*p)[0] = (*p)[ksize(*p) - 1] = mark;
		}
	}
}

static void churn(void (*fn)(void *))
{
	struct crew crew;

	ASSERT(crew_start(&crew, 2));
	churn_errors = 0;
	crew_call(&crew, fn, NULL);
	crew_stop(&crew);
	EXPECT_EQ(churn_errors, 0);
	EXPECT_EQ(page_alloc_check(), 0);
	EXPECT_EQ(slab_check(), 0);
}

KTEST(memory, pages_on_all_cpus)
{
	churn(churn_pages);
}

KTEST(memory, objects_on_all_cpus)
{
	churn(churn_objects);
}

static void leave_pages_on_list(void *unused)
{
	struct page *pages[16];

	(void)unused;
	free_page_array(pages, alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages));
}

/* A page freed on one CPU lies on that CPU's list; it can be had all the same when nothing else is left. */
KTEST(memory, exhaustion_collects_every_list)
{
	struct list_head taken = LIST_HEAD_INIT(taken);
	struct page *page;
	unsigned long n = 0;
	struct crew crew;

	if (nr_free_pages() > 256ul << (20 - PAGE_SHIFT))
		KTEST_SKIP("more than 256 MiB to fill");
	WITH_CREW(crew, 2, crew_call(&crew, leave_pages_on_list, NULL));
	while ((page = alloc_page(__GFP_HIGHMEM | __GFP_NOWARN))) {
		list_add(&page->lru, &taken);
		n++;
	}
	EXPECT_EQ(nr_free_pages(), 0);
	while (!list_empty(&taken)) {
		page = list_first_entry(&taken, struct page, lru);
		list_del(&page->lru);
		__free_page(page);
	}
	EXPECT(n > 0);
	EXPECT_EQ(page_alloc_check(), 0);
}

/* --- RAM that comes online ---------------------------------------------------------------------------------------- */

static unsigned long pages_offline(void)
{
	struct zone_stats s;
	unsigned long sum = 0;

	for (enum zone_id z = 0; z < NR_ZONES; z++) {
		zone_stats(z, &s);
		sum += s.offline;
	}
	return sum;
}

static void read_page_struct(void *arg)
{
	u8 byte;

	EXPECT_EQ(probe_read(arg, &byte), PROBE_OK);
}

#define FRESH_PAGES (640ul << (20 - PAGE_SHIFT)) /* more than what one shared entry describes with PAE */

/* A struct page in a fresh part of the array is there in every process, before anybody gets its frame. */
KTEST(memory, fresh_page_structs_are_everywhere)
{
	unsigned long before = pages_offline();
	struct list_head taken = LIST_HEAD_INIT(taken);
	struct page *page, *next;
	struct crew crew;

	if (!before)
		KTEST_SKIP("all RAM is online already");
	ASSERT(crew_start(&crew, 2));
	while (pages_offline() && pages_offline() + FRESH_PAGES > before) {
		page = alloc_pages(__GFP_HIGHMEM, MAX_PAGE_ORDER);
		if (!EXPECT(page != NULL))
			break;
		list_add(&page->lru, &taken);
	}
	list_for_each_entry(page, &taken, lru)
		crew_call(&crew, read_page_struct, page);
	EXPECT_EQ(pgd_parity_check().differs, 0);
	list_for_each_entry_safe(page, next, &taken, lru)
		__free_pages(page, MAX_PAGE_ORDER);
	crew_stop(&crew);
	EXPECT_EQ(page_alloc_check(), 0);
}

/* --- cleared pages ------------------------------------------------------------------------------------------------ */

/* Looks at each byte, and leaves none of them zero. */
static bool was_all_zero(struct page *page)
{
	u8 *mem = kmap_local_page(page), any = 0;

	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		any |= mem[i];
	memset(mem, 0xff, PAGE_SIZE);
	kunmap_local(mem);
	return !any;
}

/* The page that was freed last is the next one, so nearly all of what is cleared here had been written. */
KTEST(memory, cleared_pages_are_all_zero)
{
	for (unsigned int i = 0; i < 100; i++) {
		struct page *page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);

		if (!EXPECT(page))
			break;
		EXPECT(was_all_zero(page));
		__free_page(page);
	}
}

/* --- highmem ------------------------------------------------------------------------------------------------------ */

static struct page *highmem_page(void)
{
	struct page *page = alloc_page(__GFP_HIGHMEM | __GFP_ZERO);

	if (page && page->zone == ZONE_HIGHMEM)
		return page;
	if (page)
		__free_page(page);
	return NULL;
}

static void slots_work(void *arg)
{
	struct page **pages = arg;
	u32 *map[KMAP_SLOTS];

	for (unsigned int i = 0; i < KMAP_SLOTS; i++) {
		map[i] = kmap_local_page(pages[i]);
		EXPECT_EQ(map[i][1], i);
	}
	for (unsigned int i = KMAP_SLOTS; i-- > 0;)
		kunmap_local(map[i]);
}

/* All slots of a CPU at once, the same pages on every CPU; afterwards nothing is mapped there. */
KTEST(memory, kmap_slots)
{
	struct page *pages[KMAP_SLOTS];
	unsigned int n = 0;
	struct crew crew;
	u32 *map = NULL;

	while (n < KMAP_SLOTS && (pages[n] = highmem_page())) {
		map = kmap_local_page(pages[n]);
		EXPECT_EQ(map[1], 0);
		map[1] = n++;
		kunmap_local(map);
	}
	if (!n)
		KTEST_SKIP("no highmem");
	EXPECT_EQ(probe_read(map, NULL), PROBE_NOT_PRESENT);
	if (EXPECT_EQ(n, KMAP_SLOTS) && EXPECT(crew_start(&crew, 2))) {
		crew_call(&crew, slots_work, pages);
		crew_stop(&crew);
	}
	free_page_array(pages, n);
}
