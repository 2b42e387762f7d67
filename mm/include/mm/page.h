/* SPDX-License-Identifier: MIT */
/*
 * struct page: one for each frame of RAM, in an array indexed by frame number at layout.vmemmap_start.
 *
 * Only the parts of the array that describe RAM in use are mapped (mm/page/page_online.c). A hole or a device has no
 * struct page, or one in state PAGE_HOLE: ask pfn_valid() first. 32 bytes on 64-bit, 16 on 32-bit: index arithmetic is
 * a shift.
 */
#pragma once

#include <arch/layout.h>
#include <arch/memtype.h>
#include <kernel/rcupdate.h>
#include <lib/atomic.h>
#include <lib/list.h>

/* The state of a frame. The first is 0, so a zeroed part of the array describes no RAM. */
enum page_state {
	PAGE_HOLE,     /* no usable RAM: a gap between stretches of RAM, or memory of firmware and devices */
	PAGE_RESERVED, /* not the allocator's: kernel image, tables from boot, the page array */
	PAGE_FREE,     /* head of a free block in the buddy system */
	PAGE_TAIL,     /* inside a block, free or allocated; the head's state tells */
	PAGE_CACHED,   /* free, on a per-CPU list */
	PAGE_USED,     /* head of an allocated block */
	PAGE_SLAB,     /* every page of a slab */
	PAGE_TABLE,    /* a page table of the kernel or of a process */
	PAGE_WHOLE,    /* head of a block of single pages that is not split yet (mm/page/page_split.c) */
};

/* A request takes the highest zone that its flags allow, and falls back to lower ones. */
enum zone_id {
	ZONE_DMA32,   /* 64-bit: below 4 GiB */
	ZONE_NORMAL,  /* the rest of what the direct map covers; all of it on 32-bit */
	ZONE_HIGHMEM, /* 32-bit: above the direct map */
	NR_ZONES
};

/*
 * Flags. A page with any flag cannot be freed. PAGE_FLAGS_MAPPED say that the kernel does not map the page as ordinary
 * memory (set_memory.h). Each page of a block has these for itself, tails included.
 */
#define PAGE_FLAG_KMALLOC 0x01 /* head of a block that kmalloc gave out whole */
#define PAGE_FLAG_DIRECT  0x02 /* not present, or not writable, in the direct map */
#define PAGE_FLAG_TYPE	  0x70 /* its memory type; 0: write-back */
#define PAGE_FLAG_TYPE_SHIFT 4
#define PAGE_FLAGS_MAPPED (PAGE_FLAG_DIRECT | PAGE_FLAG_TYPE)

struct page {
	union {
		struct {
			u8 state; /* enum page_state */
			u8 order; /* of the block it heads (PAGE_FREE), or with which it was allocated */
			u8 zone;  /* enum zone_id; never changes */
			u8 flags;
			atomic_t refcount; /* users of an allocated block, in its head; 0 while free */
		};
		u64 head; /* all these fields at once (page_head()) */
		u32 half[2];
	};
	union {
		struct list_head lru; /* free lists; owner's use while allocated */
		struct rcu_head rcu;  /* PAGE_TABLE that waits for a grace period */
		struct {
			void *slab; /* PAGE_SLAB: its struct slab */
			unsigned long private; /* for the owner; 0 in a new block's head, and in all after a split */
		};
		unsigned long words[sizeof(long) == 8 ? 3 : 2]; /* pads struct page to a power of two */
	};
};
static_assert(sizeof(struct page) == 4 * sizeof(long), "index arithmetic must stay a shift");

/* The memory type that a mapping of the page must have. */
static inline enum memtype page_memtype(const struct page *page)
{
	return (enum memtype)((page->flags & PAGE_FLAG_TYPE) >> PAGE_FLAG_TYPE_SHIFT);
}

#define vmemmap ((struct page *)VMEMMAP_START)

static inline struct page *pfn_to_page(unsigned long pfn) { return vmemmap + pfn; }
static inline unsigned long page_to_pfn(const struct page *page) { return (unsigned long)(page - vmemmap); }
static inline phys_addr_t page_to_phys(const struct page *page) { return (phys_addr_t)page_to_pfn(page) << PAGE_SHIFT; }
static inline struct page *phys_to_page(phys_addr_t phys) { return pfn_to_page((unsigned long)(phys >> PAGE_SHIFT)); }

/* Is this a frame of RAM with a struct page? pfn may be any number. Any context, lock-free. */
bool pfn_valid(unsigned long pfn);
/* The struct page of the frame; NULL: it has none. pfn may be any number. Any context, lock-free. */
struct page *pfn_to_page_checked(unsigned long pfn);

/*
 * A window: `nr` pages of RAM side by side, from `first` on; pfn_valid() is true for each.
 * page_find_window(): the window that contains `page`, which may be any value; nr is 0 if there is none. Any context,
 * lock-free.
 */
struct page_window {
	struct page *first;
	unsigned long nr;
};
struct page_window page_find_window(const struct page *page);
/* Given a window of `nr` pages from `first` on: its size with what has come online behind it. Any context. */
unsigned long page_window_extend(const struct page *first, unsigned long nr);
/*
 * Two windows in which a page is looked for before page_find_window() searches. In our own kernel: one below 4 GiB, one
 * above. Each opens with the first section on its side that comes online (until then nr is 0), and grows when the RAM
 * behind its end comes; `first` stays.
 */
#define PAGE_WINDOWS 2u
extern struct page_window page_windows[PAGE_WINDOWS];
/* 64-bit: the one of the two that is looked at first. It changes once, when the second one opens. */
extern struct page_window *page_windows_main;
/*
 * Where a page most likely is, for those who look there before they search. 32-bit kernels, which have few registers
 * and seldom RAM above 4 GiB, take a constant. Any context.
 */
static inline struct page_window *page_main_window(void)
{
	return sizeof(long) == 4 ? &page_windows[0] : __atomic_load_n(&page_windows_main, __ATOMIC_ACQUIRE);
}

/* The index of `page` in the window. nr or more: it is not in the window, or no pointer to a struct page at all. */
static inline unsigned long page_window_index(struct page_window window, const struct page *page)
{
	unsigned long offset = (unsigned long)page - (unsigned long)window.first;
	unsigned int shift = sizeof(long) == 8 ? 5 : 4; /* a remainder ends up in the top bits */

	return offset >> shift | offset << (8 * sizeof(long) - shift);
}

/* Direct-map address of a lowmem page; NULL for highmem (use kmap_local_page). Any context. */
static inline void *page_address(const struct page *page)
{
	return page->zone == ZONE_HIGHMEM ? NULL : phys_to_virt(page_to_phys(page));
}

/* The page of an address inside the direct map. */
static inline struct page *virt_to_page(const void *virt) { return phys_to_page(virt_to_phys(virt)); }

/* The same for any address: NULL if it is not in the direct map or has no page. Any context. */
struct page *virt_to_page_checked(const void *virt);

/* Add a user of an allocated block; drop one. The last put_page() or __free_pages() frees it. Any context but NMI. */
void get_page(struct page *page);
void put_page(struct page *page);
/* A word for the owner of a page or of a block's head. 0 when that is handed out. */
static inline unsigned long page_private(const struct page *page) { return page->private; }
static inline void set_page_private(struct page *page, unsigned long private) { page->private = private; }

/* How many users the page has. The number may change at any time, unless the caller is the only user. Any context. */
int page_count(const struct page *page);
