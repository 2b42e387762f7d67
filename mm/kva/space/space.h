/* SPDX-License-Identifier: MIT */
/* The private contract of space/: which stretch of vmalloc space belongs to whom. Nothing is mapped here. */
#pragma once

#include "mm/page/page_internal.h"

#include <mm/kasan.h>
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
	VM_HELD,  /* owned by one function, which builds it up or tears it down */
	VM_BUSY,  /* complete, and can be found */
	VM_STILL, /* busy, and one CPU looks at it with preemption off, for some instructions; others wait for that */
	VM_LAZY,  /* unmapped, but a TLB may hold old translations until a flush has covered its stamp */
	VM_CLEAN, /* unmapped and in no TLB; kept in a CPU's cache for the next request of that size */
	NR_VM_RANGE_STATES
};

/* More of vm_struct.flags, which no caller asks for: */
#define VM_DIRECT_CHANGED 0x4000ul /* set_memory: the direct map of some of its pages is not the usual one */
#define VM_FRAMES	  0x8000ul /* vmap_pfn: range->pages has the frames; their types are reserved */
/* The type that is reserved for the area and freed with it; 0: none. */
#define VM_MEMTYPE(type)     (((type) + 1ul) << 16)
#define VM_MEMTYPE_OF(flags) ((enum memtype)(((flags) >> 16) - 1))

/* Page arrays of up to this many entries are part of the descriptor. */
#define VM_OWN_PAGES 1u

/*
 * A stretch of vmalloc space. It is either a hole, or in the index (vm_index.c) and in one of the states above. Anybody
 * may read start, end, kind and state. The other fields belong to whoever holds the range or keeps it still, or to the
 * cache that has it.
 */
struct vm_range {
	union {
		struct {
			vaddr_t start, end;	/* page-aligned; guard page included */
			struct vm_struct *area; /* VM_RANGE_AREA: &own, or another one, which its owner will kfree */
		};
		struct vmap_area va; /* the same fields, as find_vmap_area() shows them */
	};
	u8 kind;   /* enum vm_range_kind */
	u8 shift;  /* as in the request */
	u16 list;  /* the list of a cache for its size */
	u32 state; /* enum vm_range_state */
	union {
		struct { /* VM_RANGE_HOLE: see vm_holes.c */
			struct rb_node node;
			u32 fit[VM_ALIGN_CLASSES];
		};
		struct rcu_head rcu; /* not in use any more: on the way back to the slab */
		struct {
			pte_t *ptes;		 /* the range's entries, if they are known and their tables exist */
			union {
				pte_t *more_ptes; /* the entries in its second table, if the range has two */
				pte_t *leaves; /* ptes is NULL: its large leaves, if known, and it has nothing else */
			};
			struct page **pages;	 /* room for the pages of an area, kept while the range is cached */
			struct vm_range *next;	 /* in a cache, or claimed and waiting for vfree's work */
			u32 unlisted;		 /* blocks of which only the first page is listed (vm_huge.c) */
			u32 weight;		 /* in a cache: see vm_cache.c, 3 */
			union {
				struct vm_struct own;
				tlb_stamp_t stamp; /* VM_LAZY */
			};
			struct page *own_pages[VM_OWN_PAGES];
		};
	};
};

/* The caller holds the range, keeps it still, or has the lock of the cache that contains it. */
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
	unsigned int shift;  /* the caller will map leaves of 1 << shift bytes; 0: single pages */
	gfp_t gfp;	     /* of descriptors; 0: GFP_KERNEL */
};

/* --- vm_range.c: questions that do not depend on the state -------------------------------------------------------- */

#define VM_CACHE_PAGES	320u /* a cache has a list for each rounded size up to this, guard page included */
#define VM_CACHE_OTHERS 0    /* the list of all other sizes */
#define VM_CACHE_WEIGHT 8192ul
extern unsigned long vm_space_unit; /* bytes of address space that weigh 1 */

/*
 * How many pages the range for a request of `pages` has, both with the guard page. Rounding leaves few sizes, so freed
 * ranges fit later requests. A range is at most an eighth too large; the excess stays unmapped, behind the guard page.
 */
static inline unsigned long vm_cache_round(unsigned long pages)
{
	unsigned int shift;

	if (pages <= 16 || pages > VM_CACHE_PAGES)
		return pages;
	shift = ilog2(pages) - 3;
	return ALIGN(pages, 1ul << shift);
}
/* The list of a cache to which a range of so many pages belongs. */
unsigned int vm_range_list(unsigned long pages);
/* Set the weight of a range that the caller holds: `entries` fill it, or as many other words are kept for it. */
void vm_range_weigh(struct vm_range *range, unsigned long entries);

/* Trees of ranges by address. The caller holds the tree's lock. */
/* The lowest range that ends above addr, or NULL. */
struct vm_range *vm_tree_above(const struct rb_root *tree, vaddr_t addr);
/* Hang the range in as a leaf; rb_insert_... must follow. Panics when it overlaps another. */
void vm_tree_link(struct rb_root *tree, struct vm_range *range);

/* --- vm_holes.c: free space. Thread context, no lock held. -------------------------------------------------------- */

void vm_range_init(void);

/* The lowest range that meets the request, held by the caller. NULL: no space or no memory. */
struct vm_range *vm_range_alloc(const struct vm_request *rq);
/* Make a range that the caller holds a hole. Nothing is mapped in it, and no TLB remembers anything. Never fails. */
void vm_range_free(struct vm_range *range);
/* vm_range_free() of a range that may keep room for a page array: vm_array_free() frees that first. */
void vm_range_discard(struct vm_range *range);
/* The same for a list, linked by `next`. Neighbours in the list that lie side by side become one hole at once. */
void vm_range_discard_list(struct vm_range *list);
extern void (*vm_array_free)(const void *array); /* kfree, until areas can serve as page arrays */

/*
 * The steps of vm_range_alloc(), for several ranges at once (vm_congruent.c). vm_hole_cut() cuts [start, end) out of
 * the hole that contains it. It needs two fresh descriptors and sets those that it uses to NULL. Then vm_range_enter()
 * enters the range in the index, without the lock. -ENOMEM: the range is a hole again.
 */
extern spinlock_t vm_hole_lock;
struct vm_range *vm_hole_below(vaddr_t addr) __must_hold(vm_hole_lock); /* the highest hole that starts below; NULL */
struct vm_range *vm_hole_cut(vaddr_t start, vaddr_t end, struct vm_range *fresh[2]) __must_hold(vm_hole_lock);
/*
 * A range that was cut and is not in the index becomes a hole again. Descriptors that are not needed any more go to
 * keep[0..1] where that is NULL; the rest are freed, all of them if keep is NULL.
 */
void vm_hole_give_back(struct vm_range *range, struct vm_range *keep[2]);
bool vm_descriptors_fill(struct vm_range *fresh[2], gfp_t gfp); /* allocates those that are NULL; false: no memory */
void vm_descriptors_free(struct vm_range *unused[2]);
int vm_range_enter(struct vm_range *range, enum vm_range_kind kind, unsigned int shift, gfp_t gfp);

/* The bytes of all holes; *largest: of the largest one. */
unsigned long vm_holes(unsigned long *largest);
/* Does some hole reach into the range? (A fault if so.) */
bool vm_range_has_hole(const struct vm_range *range);
/* Order, borders and search keys of the holes. Number of faults, each printed. */
unsigned int vm_holes_check(void);

/* --- vm_index.c: ranges that are no holes, by address ------------------------------------------------------------ */

/* Enter a range that was cut out of a hole; it is held then. -ENOMEM. */
int vm_index_add(struct vm_range *range, gfp_t gfp);
/* Take out a held range that becomes a hole. */
void vm_index_remove(struct vm_range *range);

/* The range is complete: from now on others can find and claim it. */
static inline void vm_range_publish(struct vm_range *range)
{
	BUG_ON(smp_load_acquire(&range->state) != VM_HELD);
	if (CONFIG_KASAN)
		kasan_range_used(range);
	vm_range_set_state(range, VM_BUSY);
}
#define VM_ANY (~0UL)
/*
 * Claim the busy range that starts exactly at addr: the caller holds it then. Of two callers one gets it. NULL, and
 * nothing has changed: there is none, it is of another kind, or it is an area with none of `flags` (VM_ANY: any area
 * will do). Takes no lock. Any context but NMI.
 */
struct vm_range *vm_range_claim(vaddr_t addr, enum vm_range_kind kind, unsigned long flags);
/*
 * The descriptor of the area that contains addr, or NULL. Valid as long as the caller knows that nobody frees the area.
 */
struct vm_struct *vm_range_area(vaddr_t addr);
/*
 * The same, but first work() is called for the range, which stands still meanwhile, until it returns false. work() runs
 * with interrupts off, so each call does a bounded piece.
 */
struct vm_struct *vm_range_area_after(vaddr_t addr, bool (*work)(struct vm_range *range));

/* Copy of a busy, lazy or clean range, for reports. */
struct vm_range_info {
	vaddr_t start, end;
	enum vm_range_kind kind;
	enum vm_range_state state;
	struct vm_struct area; /* VM_RANGE_AREA; its pointers must not be followed */
};
/*
 * The lowest busy range that ends above addr: the one that contains addr, if there is one. try: a range that somebody
 * looks at now is left out instead of waited for; so handlers may call it.
 */
bool vm_range_at(vaddr_t addr, bool try, struct vm_range_info *info);
/* The lowest range that starts at or above `from` and is busy, lazy or clean. False: no more. */
bool vm_range_next(vaddr_t from, struct vm_range_info *info);

/* Order and borders of the index; adds up its bytes. has_hole: vm_range_has_hole(). Number of faults, each printed. */
unsigned int vm_index_check(unsigned long *bytes, bool (*has_hole)(const struct vm_range *range));
/* vm_check.c: holes, index, and that both together are the arena, at a quiet moment. Number of faults, each printed. */
unsigned int vm_range_check(void);

/* --- vm_cache.c: ranges that were freed, on their way to the next user -------------------------------------------- */

/* Stamps that all CPUs share. They are written once a generation of flushes and otherwise only read. */
extern struct vm_stamps {
	atomic_long_t areas;  /* covers everything that was ever retired */
	atomic_long_t blocks; /* covers all dirty pages of vmap blocks, unless a purge is on */
} __aligned(64) vm_stamps; /* a cache line of its own, so no other writes disturb its readers */

static inline bool vm_stamp_covered(const atomic_long_t *all)
{
	return tlb_stamp_covered((tlb_stamp_t){ (unsigned long)atomic_long_read(all) });
}

static inline void vm_note_stamp(atomic_long_t *all, tlb_stamp_t stamp)
{
	if (unlikely((unsigned long)atomic_long_read(all) != stamp.gen))
		tlb_stamp_raise(all, stamp);
}

/*
 * A clean range from this CPU's cache, now held; or NULL. vm_cache_get(): anywhere, for `pages` with the guard page.
 * vm_cache_find(): exactly as requested. Thread context, preemption may be off.
 */
struct vm_range *vm_cache_get(unsigned long pages, enum vm_range_kind kind);
struct vm_range *vm_cache_find(const struct vm_request *rq);
/*
 * Give up a range that the caller holds and whose entries are empty: it becomes lazy in this CPU's cache, and is used
 * again after a flush. Sometimes this flushes. Thread context, interrupts on, no lock held.
 */
void vm_range_retire(struct vm_range *range);
/* Flush, and empty all CPUs' caches. True: address space came back, or more was retired meanwhile. */
bool vm_cache_reclaim(void);
/* On return no TLB remembers anything that was retired before the call. With nothing to forget it costs a compare. */
static inline void vm_cache_flush(void)
{
	if (unlikely(!vm_stamp_covered(&vm_stamps.areas)))
		flush_tlb_all();
}
/* Set how much each of so many CPUs may keep. Boot. */
void vm_cache_set_bounds(unsigned int cpus);
/* Lists and counts of all caches at a quiet moment. Number of faults, each printed. */
unsigned int vm_cache_check(void);

/* --- vm_keeper.c: parts of kva that keep freed space for later ---------------------------------------------------- */

/*
 * A keeper keeps address space or memory that nobody uses at the moment. Each function may be missing, takes no
 * argument and may sleep. The chambers above define keepers; kva.c lists them, the cheapest first.
 */
struct vm_keeper {
	bool (*reclaim)(void);	   /* address space is short: give it back. True: some came back, or was about to */
	void (*shrink)(void);	   /* memory is short: give back memory too. Missing: reclaim is called */
	bool (*wants_flush)(void); /* the background asks: does any CPU wait for a flush to reuse what is kept? */
	void (*flushed)(void);	   /* the background calls this after the flush, or when none was needed */
};
extern const struct vm_keeper *const *vm_keepers; /* ends with NULL */
extern const struct vm_keeper vm_cache_keeper, vm_tables_keeper;

bool vm_keepers_want_flush(void);
void vm_keepers_flushed(void);

/* --- vm_purge.c: the background ----------------------------------------------------------------------------------- */

/*
 * The caller has enough that waits for a flush: call the background. Before vm_purge_init() nothing happens. Any
 * context but NMI; never waits.
 */
void vm_purge_soon(void);
/* Wait until the background has done what was asked of it. For tests. */
void vm_purge_drain(void);
/* Memory is short: the background makes all keepers shrink. Any context but NMI, no lock of a zone held. */
void vm_memory_short(void);
void vm_purge_init(void); /* boot, when there are threads */

/* --- vm_tables.c: tables that map only holes ---------------------------------------------------------------------- */

/* Free them. Returns how many; their pages are free after a grace period. Thread context, may sleep, no lock held. */
unsigned long vm_tables_reclaim(void);
void vm_tables_init(void); /* boot */
/* If vm_tables_reclaim() is running, wait until it has ended and return true: its piece is a hole again. */
bool vm_tables_wait(void);

/* --- vm_obtain.c: a range, after making room if need be ----------------------------------------------------------- */

/* Address space is short: all keepers reclaim. True: some came back. May sleep. Notifiers are not asked. */
bool vm_make_space(void);
/* A range from the cache or a hole. If there is none, keepers, then notifiers make room, unless gfp forbids to wait. */
struct vm_range *vm_range_obtain(const struct vm_request *rq);
/*
 * The same at any address: of `pages` or a few more, guard page included. gfp: 0 or __GFP_NOWAIT. vm_range_anywhere()
 * tries vm_cache_get() first.
 */
struct vm_range *vm_range_new_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp);
struct vm_range *vm_range_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp);

/*
 * vm_purge_notify.c: address space has run out: ask the notifiers. True: one gave some back. Thread context, may sleep.
 */
bool vm_purge_notify(void);
