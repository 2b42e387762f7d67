/* SPDX-License-Identifier: MIT */
/* What the files behind <mm/vmalloc.h> share: stretches of vmalloc space, and filling them with mappings. */
#pragma once

#include "mm/kva/map/direct_map.h"
#include "mm/page/page_internal.h"
#include "mm/kva/map/vm_entries.h"

#include <mm/vmalloc.h>

/* Alignments that the search for space knows: every power of two from a page to the largest leaf. */
#define VM_ALIGN_MAX_SHIFT IOREMAP_MAX_ORDER
#define VM_ALIGN_MAX	   (1UL << VM_ALIGN_MAX_SHIFT)
#define VM_ALIGN_CLASSES   (VM_ALIGN_MAX_SHIFT - PAGE_SHIFT + 1)

enum vm_range_kind {
	VM_RANGE_HOLE,	/* free: in the tree of holes */
	VM_RANGE_AREA,	/* has a struct vm_struct */
	VM_RANGE_BLOCK, /* a vmap block */
	VM_RANGE_RAM,	/* a vm_map_ram mapping too long for a block */
	NR_VM_RANGE_KINDS
};

/* Of a range that is no hole. */
enum vm_range_state {
	VM_HELD,  /* in the hands of one function that builds it up or tears it down */
	VM_BUSY,  /* complete, and can be found */
	VM_STILL, /* busy, and somebody looks at it, for some instructions with preemption off: others wait for that */
	VM_LAZY,  /* unmapped; some CPU may remember what was there until the flush that its stamp waits for */
	VM_CLEAN, /* unmapped and forgotten, kept by a CPU for the next one who wants that size */
	NR_VM_RANGE_STATES
};

/* Page arrays up to so many entries are part of the range. */
#define VM_FEW_PAGES 4u

/*
 * A stretch of vmalloc space. It is either a hole or in the index (vm_index.c), and then in one of the states above.
 * Everything but node, start, end and kind is for the one in whose hands it is.
 */
struct vm_range {
	struct rb_node node;
	union {
		struct {
			vaddr_t start, end;	/* page-aligned; guard page included */
			struct vm_struct *area; /* VM_RANGE_AREA: &own, or one that somebody else will kfree */
		};
		struct vmap_area va; /* the same, as find_vmap_area() shows it */
	};
	enum vm_range_kind kind;
	u32 state; /* enum vm_range_state */
	union {
		vaddr_t fit[VM_ALIGN_CLASSES]; /* VM_RANGE_HOLE: see vm_area.c */
		struct {
			pte_t *ptes;		 /* the range's entries, if they are known and their tables exist */
			pte_t *more;		 /* those behind the border of a table, if the range crosses one */
			pte_t *leaves;		 /* the range's large leaves, if it has nothing else and they are known */
			struct page **pages;	 /* room for the pages of an area, kept while the range is cached */
			unsigned int heads;	 /* blocks of which only the first page is in the array of the area (vm_huge.c) */
			struct vm_range *next;	 /* in a cache, or claimed and waiting for vfree's work */
			tlb_stamp_t stamp;	 /* VM_LAZY */
			unsigned long weight;	 /* what others miss while it waits: see vm_cache.c */
			unsigned int shift;	 /* as in the request */
			unsigned int list;	 /* in a cache: where it goes when it is clean */
			struct vm_struct own;
			struct page *few[VM_FEW_PAGES];
		};
	};
	struct rcu_head rcu;
};

/* By the one who holds it, or whose cache it is in. */
static inline void vm_range_set_state(struct vm_range *range, enum vm_range_state state)
{
	smp_store_release(&range->state, (u32)state);
}

static inline unsigned long vm_range_size(const struct vm_range *range) { return range->end - range->start; }

struct vm_request {
	unsigned long size;  /* bytes, guard page included; page-aligned, not 0 */
	unsigned long align; /* power of two, PAGE_SIZE..VM_ALIGN_MAX */
	unsigned long skew;  /* the range starts this much behind an aligned address; page-aligned, < align */
	vaddr_t lo, hi;	     /* the range lies wholly in [lo, hi) */
	enum vm_range_kind kind;
	unsigned int shift;  /* the user will map leaves of 1 << shift bytes; 0: single pages */
	gfp_t gfp;	     /* of descriptors; 0: GFP_KERNEL */
};

/* --- vm_area.c: free space. Thread context, no lock held. ------------------------------------------------------------ */

void vm_range_init(void);

/* The lowest range that meets the request, in the caller's hands. NULL: no space, or no memory for the descriptor. */
struct vm_range *vm_range_alloc(const struct vm_request *rq);
/* Give a range in the caller's hands back. Nothing is mapped in it and no CPU remembers that anything was. Never fails. */
void vm_range_free(struct vm_range *range);

/*
 * The steps of vm_range_alloc(), for several ranges at once (vm_pcpu.c). A range is cut out of a hole that contains it, with
 * two descriptors at hand of which those that go into service become NULL; then it is entered, without the lock. -ENOMEM:
 * it is a hole again.
 */
extern spinlock_t vm_hole_lock;
struct vm_range *vm_hole_below(vaddr_t addr) __must_hold(vm_hole_lock); /* the highest hole that starts below, or NULL */
struct vm_range *vm_hole_cut(vaddr_t start, vaddr_t end, struct vm_range *fresh[2]) __must_hold(vm_hole_lock);
/* One that was cut and not entered. What this makes superfluous comes back where keep[0..1] are NULL; keep NULL: it goes. */
void vm_hole_give_back(struct vm_range *range, struct vm_range *keep[2]);
bool vm_descriptors_fill(struct vm_range *fresh[2], gfp_t gfp); /* where there is none; false: still not both */
void vm_descriptors_free(struct vm_range *unused[2]);
int vm_range_enter(struct vm_range *range, enum vm_range_kind kind, unsigned int shift, gfp_t gfp);

/* All free bytes; *largest: of the largest hole. */
unsigned long vm_holes(unsigned long *largest);
/* Does some hole reach into the range? (A fault if so.) */
bool vm_range_has_hole(const struct vm_range *range);
/* Order, borders and search keys of the holes. Number of faults, each printed. */
unsigned int vm_holes_check(void);

/* Trees of ranges by address. The caller holds the tree's lock. */
/* The lowest range that ends above addr, or NULL. */
struct vm_range *vm_tree_above(const struct rb_root *tree, vaddr_t addr);
/* Hang the range in as a leaf; rb_insert_... must follow. Panics when it overlaps another. */
void vm_tree_link(struct rb_root *tree, struct vm_range *range);

/* --- vm_index.c: ranges that are no holes, by address ------------------------------------------------------------ */

/* Enter a range that was cut out of a hole, held; take it out again, for good. -ENOMEM. */
int vm_index_add(struct vm_range *range, gfp_t gfp);
void vm_index_remove(struct vm_range *range);

/* The range is complete: whoever asks for its address may find it now. */
static inline void vm_range_publish(struct vm_range *range)
{
	BUG_ON(smp_load_acquire(&range->state) != VM_HELD);
	vm_range_set_state(range, VM_BUSY);
}
#define VM_ANY (~0UL)
/*
 * Take the busy range that starts at addr exactly into the caller's hands; lock-free. NULL, and nothing changes: there is
 * none, it is of another kind, or it is an area with none of `flags` (VM_ANY: any area will do). Of two callers one gets it.
 * Any context but NMI.
 */
struct vm_range *vm_range_claim(vaddr_t addr, enum vm_range_kind kind, unsigned long flags);
/* The descriptor of the area that contains addr, or NULL. Valid while the caller knows that nobody frees it. */
struct vm_struct *vm_range_area(vaddr_t addr);
/* The same, and its page array is complete. */
struct vm_struct *vm_range_area_with_pages(vaddr_t addr);

/* Copy of a busy or lazy range, for reports. */
struct vm_range_info {
	vaddr_t start, end;
	enum vm_range_kind kind;
	enum vm_range_state state;
	struct vm_struct area; /* VM_RANGE_AREA; its pointers are only for looking at, not through */
};
/*
 * The lowest busy range that ends above addr: the one that contains it, if there is one. try: do not wait for the lock, which
 * also makes it fit for handlers. 1: here it is; 0: there is none; -EAGAIN: the lock is held.
 */
int vm_range_at(vaddr_t addr, bool try, struct vm_range_info *info);
/* The lowest range that starts at or above `from` and is busy, lazy or clean. False: no more. */
bool vm_range_next(vaddr_t from, struct vm_range_info *info);

/* Order and borders on both sides, and conservation at a quiet moment. Number of faults, each printed. */
unsigned int vm_range_check(void);

/* --- vm_map.c: pages into ranges. Thread context, interrupts on, no lock held. ---------------------------------- */

/* May so many pages be mapped at all: no more than there is RAM, or address space? (vmalloc_init() knows.) */
extern unsigned long vm_count_most;
static inline bool vm_count_possible(unsigned long count) { return count <= vm_count_most; }

/*
 * Map pages in order from start on. gfp: may table pages be waited for? 0, -ENOMEM (no table page), -EBUSY (something is
 * mapped), -EINVAL (not a page that the kernel knows); nothing is left on error. With __GFP_NOWAIT preemption may be off.
 */
int vm_map_pages(vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot, gfp_t gfp);
/*
 * Map [start, end) to physical memory from phys on with leaves up to 1 << max_shift, where address and frame agree modulo that.
 * Empty tables in their way are removed first. As vm_map_pages on error.
 */
int vm_map_phys(vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot, unsigned int max_shift);
/* vm_map_pages in the caller's scope; on error the part before the failure is left mapped. */
int vm_map_pages_in(struct mmu_update *u, vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot);
/* Unmap whatever is there; every CPU has forgotten it on return. */
void vm_unmap(vaddr_t start, vaddr_t end);
/* Unmap, but CPUs may remember until the caller flushes [start, end). */
void vm_unmap_noflush(vaddr_t start, vaddr_t end);
/*
 * The same for pages of a range in the caller's hands, from the offset-th on: without a walk, if its entries are known.
 * Mapping makes them known where possible.
 */
int vm_range_map_slow(struct vm_range *range, unsigned long offset, struct page **pages, unsigned long count, pgprot_t prot,
		      gfp_t gfp);
static __always_inline int vm_range_map(struct vm_range *range, unsigned long offset, struct page **pages, unsigned long count,
					pgprot_t prot, gfp_t gfp)
{
	if (likely(range->ptes && !range->more))
		return vm_map_entries(range->ptes + offset, range->start + (offset << PAGE_SHIFT), pages, count, prot);
	return vm_range_map_slow(range, offset, pages, count, prot, gfp);
}
void vm_range_unmap_slow(struct vm_range *range);
static inline void vm_range_unmap_noflush(struct vm_range *range)
{
	if (likely(range->ptes && !range->more))
		pte_clear_run(range->ptes, vm_range_size(range) >> PAGE_SHIFT);
	else
		vm_range_unmap_slow(range);
}
/*
 * A range of large leaves has just been mapped: if that is all it has, it is unmapped and mapped again without a walk. Whoever
 * then maps anything else in it must forget that.
 */
void vm_range_learn_leaves(struct vm_range *range);
static inline void vm_area_forget_leaves(struct vm_struct *own) { container_of(own, struct vm_range, own)->leaves = NULL; }
/* Map the n leaves from the first-th on, where they are known, to frames of one memory type each. 0, -EBUSY: nothing is mapped. */
int vm_range_map_leaves(struct vm_range *range, unsigned long first, unsigned long n, phys_addr_t phys, pgprot_t prot);
/* vm_map_phys of `bytes` from the start of the range on. */
int vm_range_map_phys(struct vm_range *range, unsigned long bytes, phys_addr_t phys, pgprot_t prot, unsigned int max_shift);
/* Make the page table of a range that lies in one, and know its entries. -ENOMEM. */
int vm_range_prepare(struct vm_range *range);

/* --- vm_cache.c: ranges that were freed, on their way to the next user ---------------------------------------------- */

/* A stamp that everybody keeps together is written once a generation and else only compared: no line goes round. */
extern struct vm_stamps {
	atomic_long_t areas;  /* covers everything that was ever retired */
	atomic_long_t blocks; /* covers all dirty pages of vmap blocks, unless a purge is on */
} __aligned(64) vm_stamps; /* a line of its own: all read there, and each generation of flushes is noted once */

static inline bool vm_stamp_covered(const atomic_long_t *all)
{
	return tlb_stamp_covered((tlb_stamp_t){ (unsigned long)atomic_long_read(all) });
}

static inline void vm_note_stamp(atomic_long_t *all, tlb_stamp_t stamp)
{
	if (unlikely((unsigned long)atomic_long_read(all) != stamp.gen))
		tlb_stamp_raise(all, stamp);
}

#define VM_CACHE_PAGES 320u /* up to here there is a list for each size, guard page included */
/*
 * So many pages has the range for a request of `pages`, both with the guard page: sizes are few enough for one user's range
 * to fit the next one's request, and at most an eighth too large. What is too much stays unmapped, behind the guard page.
 */
static inline unsigned long vm_cache_round(unsigned long pages)
{
	unsigned int shift;

	if (pages <= 16 || pages > VM_CACHE_PAGES)
		return pages;
	shift = ilog2(pages) - 3;
	return ALIGN(pages, 1ul << shift);
}
/*
 * A clean range from this CPU's cache, held; or NULL. Thread context, preemption may be off. The first: anywhere, for `pages`
 * with the guard page. The second: as requested exactly.
 */
struct vm_range *vm_cache_get(unsigned long pages, enum vm_range_kind kind);
struct vm_range *vm_cache_find(const struct vm_request *rq);
/* How many entries it takes to fill the range, or other words that are kept for it: so it counts in a cache. By its holder. */
void vm_range_weigh(struct vm_range *range, unsigned long entries);
/*
 * The end of a range in the caller's hands whose entries are empty: it goes back to be used again as soon as every CPU has
 * forgotten it. Thread context, interrupts on, no lock held: sometimes it flushes.
 */
void vm_range_retire(struct vm_range *range);
/* Flush, and give every range of every CPU's cache back. True: address space came back, or more was retired meanwhile. */
bool vm_cache_reclaim(void);
/* No CPU remembers anything that was retired before the call. With nothing to forget it costs a compare. */
static inline void vm_cache_flush(void)
{
	if (unlikely(!vm_stamp_covered(&vm_stamps.areas)))
		flush_tlb_all();
}
/* For the background: has any CPU so much waiting that a flush is due? */
bool vm_cache_wants_flush(void);
/* How much may wait, with so many CPUs. Boot. */
void vm_cache_set_bounds(unsigned int cpus);
/* Lists and counts of all caches at a quiet moment. Number of faults, each printed. */
unsigned int vm_cache_check(void);

/* --- vmalloc.c: areas ------------------------------------------------------------------------------------------- */

/* Address space is short: purge what can be purged. True: some came back. May sleep. */
bool vm_make_space(void);
/* A range out of the cache or out of a hole; with every way to make room, unless the request forbids to wait. */
struct vm_range *vm_range_obtain(const struct vm_request *rq);
/* The same where any place will do: one of `pages` or a few more, guard page included. gfp: 0 or __GFP_NOWAIT. */
struct vm_range *vm_range_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp);

/* More of vm_struct.flags, which nobody asks for: */
#define VM_DIRECT_CHANGED 0x4000ul /* set_memory: the direct map of some of its pages is not the usual one */
#define VM_FRAMES	  0x8000ul /* vmap_pfn: types are reserved for the frames, which stand where range->pages leads */
/* The type that is reserved for the area and freed with it; 0: none. */
#define VM_MEMTYPE(type)     (((type) + 1ul) << 16)
#define VM_MEMTYPE_OF(flags) ((enum memtype)(((flags) >> 16) - 1))

/* What a new area shall be. Fields left 0 mean: page alignment, all of vmalloc space, GFP_KERNEL. */
struct vm_area_spec {
	unsigned long size;	     /* bytes that can be mapped; the guard page comes on top */
	unsigned long align, skew;   /* as in struct vm_request */
	vaddr_t lo, hi;
	unsigned long flags;
	vaddr_t caller;
	bool separate;		     /* the descriptor shall outlive the range: the caller will kfree it */
	unsigned int page_order;     /* vmalloc: of the large leaves that it shall have; 0: none */
	unsigned int shift;	     /* as in struct vm_request */
	unsigned long lead;	     /* vmalloc: first bytes that stay unmapped; page-aligned */
	gfp_t gfp;		     /* vmalloc: of the pages */
	pgprot_t prot;
};

/* The descriptor of a range becomes one of `count` pages and a guard page. (Every member is named, or else the compiler clears all of it first.) */
static inline void vm_area_init(struct vm_range *range, unsigned long count, unsigned long flags, vaddr_t caller)
{
	range->area = &range->own;
	range->own = (struct vm_struct){
		.addr = (void *)range->start,
		.size = (count + 1) << PAGE_SHIFT,
		.flags = flags,
		.pages = NULL,
		.nr_pages = 0,
		.page_order = 0,
		.requested_size = 0,
		.phys_addr = 0,
		.caller = caller,
	};
}

/* The ordinary area, anywhere: a range that comes out of this CPU's cache, without detour. NULL: there is none. */
static inline struct vm_range *vm_area_from_cache(unsigned long count, unsigned long flags, vaddr_t caller)
{
	struct vm_range *range = vm_cache_get(count + 1, VM_RANGE_AREA);

	if (likely(range))
		vm_area_init(range, count, flags, caller);
	return range;
}

/* An area with its descriptor, not yet published. size is page-aligned. NULL: no space or memory. */
struct vm_range *vm_area_create(const struct vm_area_spec *spec);
/* vm_range_free() of a range that may have been used before: the room for a page array that it keeps goes too. */
void vm_range_discard(struct vm_range *range);
/* The end of an area in the caller's hands into which nothing was ever mapped, or which is flushed. */
void vm_area_destroy(struct vm_range *range);
/* The end of an area in the caller's hands: its mappings go, every CPU forgets them before the address is used again. */
void vm_area_retire(struct vm_range *range);
void vm_area_retire_unmapped(struct vm_range *range); /* which is done already */
/*
 * Of an unmapped one in the caller's hands: no CPU remembers it, its own pages are mapped as usual again (VM_DIRECT_CHANGED),
 * and the types of its frames are free (VM_FRAMES). May sleep.
 */
void vm_area_forget(struct vm_range *range);
/* vfree() of an area in the caller's hands. Thread context, may sleep. */
void vm_area_free(struct vm_range *range);
/* Claim the area that starts at addr. If there is none with any of `flags`, report it under the name `who`: NULL. */
struct vm_range *vm_area_claim(const void *addr, unsigned long flags, const char *who);

/* The alignment of an area of so many bytes: VM_IOREMAP wants its size, rounded up, up to the largest leaf. 0: a page's. */
static inline unsigned long vm_flags_align(unsigned long flags, unsigned long size)
{
	return flags & VM_IOREMAP ? 1UL << min((unsigned int)order_base_2(size), VM_ALIGN_MAX_SHIFT) : 0;
}

/*
 * vmalloc: an area with pages. Returns the first mapped address; vfree takes that minus lead. With __GFP_NOWAIT preemption
 * may be off, but not interrupts.
 */
void *vmalloc_area(const struct vm_area_spec *spec);

/*
 * vm_report.c: say why there is no range for `who`, unless __GFP_NOWARN; of many failures only some. Always NULL. too_large:
 * it is more than the whole space; no_range: there is none, and the holes tell of what that is.
 */
void *vm_report_failure(const char *who, const struct vm_area_spec *spec, const char *why);
void *vm_report_too_large(const char *who, const struct vm_area_spec *spec);
void *vm_report_no_range(const char *who, const struct vm_area_spec *spec);
struct vm_range *vm_area_create_or_report(const char *who, const struct vm_area_spec *spec);

/* Room for the pages of an area (gfp: may it wait?), NULL: no memory; and the end of the pages that it has. */
struct page **vm_range_page_array_make(struct vm_range *range, gfp_t gfp);
static inline struct page **vm_range_page_array(struct vm_range *range, gfp_t gfp)
{
	return likely(range->pages) ? range->pages : vm_range_page_array_make(range, gfp);
}
void vm_area_free_pages(struct vm_struct *area);
/* Pages of the vmalloc family that have come (or gone). */
void vmalloc_account(long pages);

/* --- vm_huge.c: areas with large leaves ------------------------------------------------------------------------------- */

void vm_huge_init(void);
/* vmalloc_area() with large leaves, of `count` pages. NULL: it cannot have them, or not now; nothing has changed. */
void *vm_huge_area(const struct vm_area_spec *wanted, unsigned long count);
/* Free the blocks behind the leaves of an area of vmalloc: its first pages. Returns how many these are. */
unsigned long vm_huge_free_blocks(struct vm_struct *area);
/* Enter the pages of one more block into the array. False: there is none. By the one who holds the range. */
bool vm_huge_list_pages(struct vm_range *range);
/* A range that maps the pages with large leaves where they make up some, not published. NULL: as above. */
struct vm_range *vm_huge_vmap_slow(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot, vaddr_t caller);
static inline struct vm_range *vm_huge_vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot,
					    vaddr_t caller)
{
	const unsigned int least = (2u << 20) >> PAGE_SHIFT; /* no leaf of any CPU is smaller */

	return unlikely(count >= least) ? vm_huge_vmap_slow(pages, count, flags, prot, caller) : NULL;
}

/* --- kvmalloc.c --------------------------------------------------------------------------------------------------- */

/* __vmalloc_node() with VM_ALLOW_HUGE_VMAP or without. */
void *vm_family_alloc(unsigned long size, unsigned long align, gfp_t gfp, unsigned long vm_flags, int node, const void *caller);
/* May code that is allowed to wait (or, with __GFP_NOWAIT, is not) allocate here? Asserts what can only be a mistake. */
bool vm_context_allows(gfp_t gfp);

/* --- vm_purge.c: the background ------------------------------------------------------------------------------------- */

/* Somebody has enough waiting for a flush. Nothing happens before there is a background. Any context but NMI; never waits. */
void vm_purge_soon(void);
/* Wait until what was asked for is done. Tests. */
void vm_purge_drain(void);

/* --- vm_tables.c: tables that serve only holes -------------------------------------------------------------------------- */

/* Take them away. Returns how many; their pages are free after a grace period. Thread context, may sleep, no lock held. */
unsigned long vm_tables_reclaim(void);
void vm_tables_init(void); /* boot */
/* If address space is out for that at the moment, wait until it is back: true. */
bool vm_tables_wait(void);

/* --- other files on top of these ---------------------------------------------------------------------------------- */

/* vfree_atomic.c. True: the caller may not sleep, so addr was put off (or, in an NMI, left alone): vfree is done with it. */
extern const void *vfree_refused; /* in an NMI, and not yet reported */
bool vfree_put_off_slow(const void *addr);
static inline bool vfree_put_off(const void *addr)
{
	return unlikely(!preemptible() || READ_ONCE(vfree_refused)) && vfree_put_off_slow(addr);
}
/* vm_purge_notify.c: address space has run out. True: somebody gave some back. Thread context, may sleep. */
bool vm_purge_notify(void);
/* vm_early.c: enter the early areas into the books; from now on there are no new ones. */
void vm_early_import(void);

/* --- ioremap.c --- */

void ioremap_init(void); /* boot, with vmalloc_init() */
/* Unmap an area in the caller's hands, and end the reservation of its memory type, if it has one. May sleep. */
void ioremap_unmap(struct vm_range *range);

/* --- vmap_block.c ----------------------------------------------------------------------------------------------- */

/* Decides how large blocks are. */
void vmap_block_init(void);
/* What vmallocinfo tells about one. The lowest block that starts at or above `from`; false: no more. May sleep. */
struct vmap_block_info {
	vaddr_t start, end;
	unsigned int clean, live, dirty, flushing; /* pages */
	unsigned int runs;			   /* live mappings */
};
bool vmap_block_next(vaddr_t from, struct vmap_block_info *info);
/* For the background: does any CPU need a flush to use its blocks again? */
bool vmap_wants_flush(void);
/* For the background: free the blocks of CPUs that have become clean and are more than go round there. May sleep. */
void vmap_free_surplus(void);
/* Flush, and free every block that holds no mapping. True: address space came back. */
bool vmap_block_reclaim(void);
/* Bitmaps, counts and queues of all blocks at a quiet moment. Number of faults, each printed. */
unsigned int vmap_block_check(void);
