/* SPDX-License-Identifier: MIT */
/* The per-CPU lists of single pages, as the allocator's front (page_alloc.c) and what is behind them (page_list.c) see them. */
#pragma once

#include "mm/page/page_internal.h"

#define LIST_PAGES 62
#define LIST_BATCH 32
#define RUN_MIN	   (1ul << RUN_ORDER) /* that many come from a zone, or lie side by side and go there, without a list */

/* What was freed last is in the CPU's cache and goes out first. */
enum { LIST_LOW, LIST_HIGH, NR_LISTS };

/* Of each list, each CPU's stack. One without room, until the CPU first brings a page. */
extern struct cpu_stack *page_stack[NR_LISTS][MAX_CPUS];
extern unsigned int page_high_list; /* which list serves __GFP_HIGHMEM: without highmem, the one list */

/* On 64-bit there is none; but a test in user space plays any machine. */
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

/* This CPU's. Interrupts off. */
static inline struct cpu_stack *page_stack_here(unsigned int list) { return page_stack[list][smp_processor_id()]; }

/* May this allocation map, and wait for other CPUs? */
static inline bool may_wait(gfp_t gfp)
{
	return !(gfp & __GFP_NOWAIT) && !irqs_disabled() && !in_interrupt() && !lazy_mmu_active();
}

/* A page of a list, whose order and flags are 0, leaves the allocator. */
static inline void hand_out_cached(struct page *page)
{
	WRITE_ONCE(page->state, PAGE_USED);
	page->private = 0;
	atomic_set(&page->refcount, 1);
}

/* A page or block that may be any. */
static inline void hand_out(struct page *page, unsigned int order)
{
	hand_out_cached(page);
	page->order = (u8)order;
	page->flags = 0;
}

/* --- mm/page/page_split.c: pages of a block that is not split yet --- */

/* If the page is one of them, it is an ordinary page now, and so are its neighbours. Any context but NMI. */
void page_make_single(struct page *page);

/* --- mm/page/page_list.c: between lists and zones --- */

void page_lists_init(void);
/* A block (in state PAGE_TAIL) from the highest zone that the caller allows and that has any. */
struct page *take_block(gfp_t gfp, unsigned int order);
/* Up to n single pages, all from one zone; they become PAGE_USED or PAGE_CACHED. Returns how many. */
unsigned long take_bulk(gfp_t gfp, unsigned long n, enum page_state state, struct page **pages);
/* Give back to the zone: a block; n pages side by side in one zone. */
void put_block(struct page *page, unsigned int order);
void put_run(struct page *page, unsigned long n);
void drain_this_cpu(void *unused);
/* This CPU's stack, which has been given its room; the second makes sure that a page more fits in. Interrupts off. */
struct cpu_stack *list_provide(unsigned int list);
struct cpu_stack *list_make_room(unsigned int list);
