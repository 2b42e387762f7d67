/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: a buddy system for each zone (mm/page/buddy.c), with per-CPU lists of single pages in front
 * (mm/page/page_alloc.c). RAM that is not needed yet stays "offline", without struct pages. It comes online when a zone
 * runs low (mm/page/page_online.c).
 *
 * Every function: any context but NMI, unless its line says otherwise. An allocation without __GFP_NOWAIT needs a
 * thread that may sleep; elsewhere a debug build panics, with memory at hand too (might_alloc()). Such an allocation
 * may bring RAM online, which maps, or collect the other CPUs' lists; it waits then for other CPUs to answer. It does
 * neither in lazy MMU mode.
 */
#pragma once

#include <lib/gfp.h>
#include <mm/page.h>

#define MAX_PAGE_ORDER 10

/* Give all of memblock's RAM to the allocator: part of it now, the rest on demand. Boot CPU; needs the direct map. */
void page_alloc_init(void);

/* 2^order pages side by side, aligned to their size, with one user. NULL = no memory, or order > MAX_PAGE_ORDER. */
struct page *alloc_pages(gfp_t gfp, unsigned int order);
/* Drop one user; the last one frees the block. A free page, a tail, or the wrong order is reported and refused. */
void __free_pages(struct page *page, unsigned int order);
static inline struct page *alloc_page(gfp_t gfp) { return alloc_pages(gfp, 0); }
static inline void __free_page(struct page *page) { __free_pages(page, 0); }

/* Any node: there is one. */
static inline struct page *alloc_pages_node(int nid __maybe_unused, gfp_t gfp, unsigned int order)
{
	return alloc_pages(gfp, order);
}

/* Lowmem pages by address. 0 = no memory. free_pages(0) does nothing. */
unsigned long __get_free_pages(gfp_t gfp, unsigned int order);
void free_pages(unsigned long addr, unsigned int order);
static inline unsigned long __get_free_page(gfp_t gfp) { return __get_free_pages(gfp, 0); }
static inline unsigned long get_zeroed_page(gfp_t gfp) { return __get_free_pages(gfp | __GFP_ZERO, 0); }
static inline void free_page(unsigned long addr) { free_pages(addr, 0); }

/* Fill pages[0..n) with single pages. Returns how many were allocated: the first ones; they stay allocated. */
unsigned long alloc_page_array(gfp_t gfp, unsigned long n, struct page **pages);
void free_page_array(struct page **pages, unsigned long n);

/* Turn an allocated block of 2^order pages, with one user, into independent single pages. */
void split_page(struct page *page, unsigned int order);
/* 2^order single pages side by side, from one block: the first of them. NULL = no memory. (page_split.c) */
struct page *alloc_pages_split(gfp_t gfp, unsigned int order);
/* Free them all as one block. False: the block was split meanwhile, and nothing is freed; free them as single pages. */
bool free_pages_split(struct page *first, unsigned int order);

/*
 * Allocate and free page tables: one zeroed lowmem frame in state PAGE_TABLE; 0 = no memory. main.c hands these
 * functions to arch. Without __GFP_NOWAIT it may bring RAM online, and so open a mapping scope of its own inside the
 * caller's. INJECT_TABLE makes it fail, not INJECT_PAGE.
 */
phys_addr_t mm_table_alloc(gfp_t gfp);
void mm_table_free(phys_addr_t frame);
void mm_table_defer(phys_addr_t frame); /* pgtable_free_deferred() after a grace period */

struct zone_stats {
	const char *name;
	unsigned long present; /* pages that the buddy system got so far */
	unsigned long offline; /* pages that it will get when it needs them */
	unsigned long free;    /* of the present ones: free in the buddy system */
	unsigned long cached;  /* free on per-CPU lists */
	unsigned long free_blocks[MAX_PAGE_ORDER + 1];
};
void zone_stats(enum zone_id zone, struct zone_stats *out);

/* Pages that can still be allocated, all zones: free + cached + offline. Going online costs only its table pages. */
unsigned long nr_free_pages(void);
/* All RAM that this kernel uses, reserved parts included, online or not. In pages. */
unsigned long totalram_pages(void);

/* Check all free lists: sizes, buddies, states. Number of faults, each printed. For tests. */
unsigned int page_alloc_check(void);
/* Give all CPUs' lists back to the buddy system. Thread context, interrupts on (off: only this CPU's lists). */
void drain_page_lists(void);
