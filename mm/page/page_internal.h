/* SPDX-License-Identifier: MIT */
/*
 * The private contract of page/ with the chambers above; and the lock table of all of mm/.
 *
 * THE LOCK TABLE. A CPU waits for a lock only while it holds none of a higher rank (checked in debug builds).
 * Context: T = thread with interrupts on; I = taken with interrupts off (irqsave), so handlers may take it too.
 * Every I ranks above every T, others' included: a handler takes it on top of whatever its CPU holds.
 * Allocating: may alloc_pages/kmalloc be called while it is held? "nowait" = with __GFP_NOWAIT only.
 *
 *   lock                protects                                               rank            context allocating
 *   mm_list_lock        list of all address spaces                             RANK_MM_LIST    T       nowait
 *   mm_struct.lock      user mappings and pages of one process                 (a mutex)       T       yes
 *   populate_lock       making chunks and pages of per-CPU memory              (a mutex)       T       yes
 *   chain_lock          the list of purge notifiers, and calling them          (a mutex)       T       yes
 *   direct_map_lock     changes of how memory in use is mapped                 (a mutex)       T       yes
 *   vmap_purge_lock     one purge of the vmap blocks at a time                 (a mutex)       T       no
 *   tables_lock         giving back empty page tables of vmalloc space         (a mutex)       T       nowait
 *   vmap_queue.lock     one CPU's vmap blocks: their clean pages, their list   RANK_VMAP_QUEUE T       no
 *   vm_cache.lock       one CPU's cache of freed vmalloc ranges                RANK_VM_CACHE   T       no
 *   memtype_lock        reservations of memory types                           RANK_MEMTYPE    T       no
 *   vm_hole_lock        the tree of free vmalloc ranges                        RANK_VM_HOLES   T       no
 *   kmem_cache_list     list of all slab caches                                RANK_SLAB_LIST  T       no
 *   task_list_lock      list of all threads (kernel/sched)                     62              T       no
 *   pgd_lock            pgd_list, and carrying to it (arch)                    64              T       no
 *   percpu_lock         space in the chunks of per-CPU memory; counts          RANK_PERCPU     I       no
 *   kmem_cache.lock     slabs of one cache that have free objects; counts      RANK_SLAB       I       no
 *   zone.lock           free lists of one zone; PAGE_FREE heads, their order   RANK_ZONE       I       no
 *
 * Without a lock: per-CPU page lists and slab magazines (arch/cpu_stack.h); struct page of an allocated block
 * (its owner); the section table (written by the one CPU that owns online_owner, published with release); leaves of
 * kernel page tables (the owner of the address range); links to table pages (compare-and-exchange in the walker).
 *
 * alloc_pages may bring RAM online. That maps, so it may take pgd_lock and wait for other CPUs to answer a flush. So a
 * caller that holds a spinlock allocates with __GFP_NOWAIT. With interrupts off, or in a handler, RAM never comes
 * online, whatever the flags say.
 */
#pragma once

#include <mm/port.h>
#include "mm/page/lock_ranks.h"
#include <mm/highmem.h>
#include <mm/kasan.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

/* The frame of a physical address. */
static inline unsigned long to_pfn(u64 addr) { return (unsigned long)(addr >> PAGE_SHIFT); }

/* --- mm/page/buddy.c: zones and their free blocks --- */

struct free_area {
	struct list_head list; /* heads of free blocks, by lru */
	unsigned long nr;
};

struct zone {
	spinlock_t lock;
	unsigned long end;     /* first frame above the zone, which begins where the zone below ends */
	unsigned int orders;   /* bit o: area[o] is not empty */
	unsigned long free;    /* pages in the free areas */
	unsigned long present; /* pages ever given */
	unsigned long offline; /* pages still to come; changed under the lock, read without */
	struct free_area area[MAX_PAGE_ORDER + 1];
};
extern struct zone zones[NR_ZONES];
extern const char *const zone_names[NR_ZONES];

void zones_init(void);

static inline enum zone_id pfn_zone(unsigned long pfn)
{
	unsigned int z = 0;

	while (pfn >= zones[z].end)
		z++;
	return z;
}

/* The value of struct page.head for a single page of a zone. */
static inline u64 page_head(enum page_state state, u8 zone, int users)
{
	return (u64)(u32)users << 32 | (u32)zone << 16 | (u32)state;
}

#define PAGE_HEAD_ZONE 0xff0000ull /* the bits of the zone */

/* Compare the head, in one word on 64-bit and two on 32-bit. `mask`: the bits that count. */
static inline bool page_head_is(const struct page *page, u64 mask, u64 head)
{
	if (sizeof(long) == 8)
		return (page->head & mask) == head;
	return (page->half[0] & (u32)mask) == (u32)head && (page->half[1] & (u32)(mask >> 32)) == (u32)(head >> 32);
}

/* Flip these bits of the head. The caller owns the page; others that look for a free buddy may read it meanwhile. */
static inline void page_flip_head(struct page *page, u64 bits)
{
	if (sizeof(long) == 8) {
		WRITE_ONCE(page->head, page->head ^ bits);
		return;
	}
	WRITE_ONCE(page->half[0], page->half[0] ^ (u32)bits);
	WRITE_ONCE(page->half[1], page->half[1] ^ (u32)(bits >> 32));
}

static inline void page_set_head(struct page *page, u64 head)
{
	if (sizeof(long) == 8) {
		WRITE_ONCE(page->head, head);
		return;
	}
	WRITE_ONCE(page->half[0], (u32)head);
	WRITE_ONCE(page->half[1], (u32)(head >> 32));
}

static inline struct page *buddy_of(const struct page *page, unsigned int order)
{
	return pfn_to_page(page_to_pfn(page) ^ 1ul << order);
}

/* Under the zone's lock. A buddy in use may change its state, but to and from PAGE_FREE only under that lock. */
static inline bool is_free_block(const struct page *page, unsigned int order)
{
	return READ_ONCE(page->state) == PAGE_FREE && page->order == order;
}

/* Take a block; NULL: there is none. Its state is PAGE_TAIL; the caller sets another. */
struct page *zone_take_locked(struct zone *zone, unsigned int order) __must_hold(zone->lock);
/*
 * Take up to n single pages; they become PAGE_USED or PAGE_CACHED. Returns how many. PAGE_USED: blocks of less than
 * 2^RUN_ORDER pages serve only the last pages of the request, or when there are no larger ones.
 */
#define RUN_ORDER 5
unsigned long zone_take_bulk_locked(struct zone *zone, unsigned long n, enum page_state state, struct page **pages)
	__must_hold(zone->lock);
/* Free a block and merge it with its free buddies. All its pages but the head are PAGE_TAIL. */
void zone_put_locked(struct zone *zone, struct page *page, unsigned int order) __must_hold(zone->lock);
/* The same with n pages side by side, in blocks as large as possible. */
void zone_put_run_locked(struct zone *zone, struct page *page, unsigned long n) __must_hold(zone->lock);

/* Give frames [start, end), all in state PAGE_TAIL and never given before, to their zones. */
void zones_add_range(unsigned long start, unsigned long end);

/* --- mm/page/page_alloc.c: the front of the zones --- */

/*
 * Register a function that an allocation without __GFP_NORETRY calls when it finds no page. It may be called in any
 * context but NMI, and under locks that reclaiming takes; so it must only start the reclaiming. Boot; one function at
 * most.
 */
void page_on_shortage(void (*call)(void));

/* alloc_pages without fault injection: page tables have an injection of their own. */
struct page *alloc_pages_uninjected(gfp_t gfp, unsigned int order);
/* Free pages of a zone on per-CPU lists; exact only at a quiet moment. */
unsigned long pages_cached(enum zone_id zone);

/* --- mm/page/page_online.c: which RAM has struct pages --- */

/* RAM comes online in sections of 256 MiB; 64 MiB on 32-bit. */
#define SECTION_SHIFT	    (sizeof(long) == 8 ? 28 : 26)
#define SECTION_PAGES	    (1UL << (SECTION_SHIFT - PAGE_SHIFT))
/* A zone is low when it has less than this free, and more comes online if there is any. */
#define ZONE_LOW_PAGES	    (SECTION_PAGES / 8)
/* While any RAM is offline, each zone keeps this much for the table pages that going online needs. */
#define ONLINE_MARGIN_PAGES 32

/*
 * Boot brings the lowest RAM online until it is this much; on 32-bit, all lowmem. So lowmem below this address is
 * online, if it ever will be.
 */
#define BOOT_ONLINE_SIZE (512ull << 20)
/* Free frames that were reserved at boot. Physical addresses [start, end). After page_online_init(). */
void page_online_give(u64 start, u64 end);
/* Make the section table and bring online what boot needs. Closes memblock. */
void page_online_init(void);
/*
 * Bring the next section of a zone online. Thread context, interrupts on. wait: if another CPU is doing so, wait until
 * that is over. True: try to allocate again.
 */
bool page_online_next(enum zone_id zone, bool wait);
/* Is this CPU in the middle of bringing a section online? (Then it may take table pages from the margin.) */
bool page_online_here(void);
/* Is any usable RAM still offline? Lock-free. */
bool page_offline_left(void);

/* --- mm/page/page_mark.c: marks of pages that are not mapped as ordinary memory --- */

extern unsigned long pages_marked; /* how many pages have one of PAGE_FLAGS_MAPPED */
extern unsigned long pages_retyped; /* how many of these have a PAGE_FLAG_TYPE */

/* Set the page's marks to these. The caller owns the page, and only one calls at a time (direct_map_lock). */
void page_mark(struct page *page, u8 marks);
/* Is any page of the block marked? */
bool block_is_marked(const struct page *head, unsigned int order);
