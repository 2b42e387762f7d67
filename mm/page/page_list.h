/* SPDX-License-Identifier: MIT */
/* The per-CPU lists of single pages: shared by the allocator's front (page_alloc.c) and page_list.c. */
#pragma once

#include "mm/page/page_internal.h"

#define LIST_PAGES 62
#define LIST_BATCH 32
#define RUN_MIN	   (1ul << RUN_ORDER) /* at least this many pages together bypass the lists */

/* Each list is a stack: the page that was freed last is in the CPU's data cache and goes out first. */
enum { LIST_LOW, LIST_HIGH, NR_LISTS };

/* Each CPU's stacks. They have no room until the CPU first needs it. */
extern struct cpu_stack *page_stack[NR_LISTS][MAX_CPUS];
extern unsigned int page_high_list; /* the list for __GFP_HIGHMEM: without highmem it is LIST_LOW */

/* 64-bit has no highmem; but a test in user space may play any machine. */
static inline bool has_highmem(void)
{
	return sizeof(long) == 4 || __STDC_HOSTED__;
}

/* On 32-bit all lowmem is below 4 GiB. */
static inline bool needs_dma32(gfp_t gfp)
{
	return sizeof(long) == 8 && (gfp & __GFP_DMA32);
}

static inline enum zone_id highest_zone(gfp_t gfp)
{
	if (needs_dma32(gfp))
		return ZONE_DMA32;
	return gfp & __GFP_HIGHMEM ? ZONE_HIGHMEM : ZONE_NORMAL;
}

static inline unsigned int list_for_alloc(gfp_t gfp)
{
	return has_highmem() && gfp & __GFP_HIGHMEM ? page_high_list : LIST_LOW;
}

static inline unsigned int list_for_free(const struct page *page)
{
	return has_highmem() && page->zone == ZONE_HIGHMEM ? LIST_HIGH : LIST_LOW;
}

/* This CPU's stack. Interrupts off. */
static inline struct cpu_stack *page_stack_here(unsigned int list) { return page_stack[list][smp_processor_id()]; }

/* May this allocation bring RAM online and wait for other CPUs? */
static inline bool may_wait(gfp_t gfp)
{
	return !(gfp & __GFP_NOWAIT) && !irqs_disabled() && !in_interrupt() && !lazy_mmu_active();
}

/* What debug builds are told when pages side by side leave the allocator, and when they come back. */
static inline void pages_given(struct page *page, unsigned long nr)
{
	tlb_oracle(frames_given(page_to_pfn(page), nr));
	if (CONFIG_KASAN)
		kasan_give(page_address(page), nr << PAGE_SHIFT, nr << PAGE_SHIFT, KASAN_PAGE_FREE);
}

static inline void pages_taken(struct page *page, unsigned long nr)
{
	if (CONFIG_KASAN)
		kasan_take(page_address(page), nr << PAGE_SHIFT, KASAN_PAGE_FREE);
}

/* A page of a list leaves the allocator. Its order and flags are 0 already. */
static inline void hand_out_cached(struct page *page)
{
	WRITE_ONCE(page->state, PAGE_USED);
	page->private = 0;
	atomic_set(&page->refcount, 1);
}

/* Any page or block leaves the allocator. */
static inline void hand_out(struct page *page, unsigned int order)
{
	hand_out_cached(page);
	page->order = (u8)order;
	page->flags = 0;
}

/* --- mm/page/page_split.c: pages of a block that is not split yet --- */

/* If the page is in a PAGE_WHOLE block, make all pages of the block ordinary ones. Any context but NMI. */
void page_make_single(struct page *page);

/* --- mm/page/page_list.c: between lists and zones --- */

void page_lists_init(void);
/* Take a block (in state PAGE_TAIL) from the highest zone that the caller allows and that has one. */
struct page *take_block(gfp_t gfp, unsigned int order);
/* Take up to n single pages, all from one zone; they become PAGE_USED or PAGE_CACHED. Returns how many. */
unsigned long take_bulk(gfp_t gfp, unsigned long n, enum page_state state, struct page **pages);
/* Give a block, or n pages side by side in one zone, back to the zone. */
void put_block(struct page *page, unsigned int order);
void put_run(struct page *page, unsigned long n);
void drain_this_cpu(void *unused);
/* This CPU's stack, with room given to it. list_make_room() also makes sure that one more page fits. Interrupts off. */
struct cpu_stack *list_provide(unsigned int list);
struct cpu_stack *list_make_room(unsigned int list);
