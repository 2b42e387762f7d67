/* SPDX-License-Identifier: MIT */
/* The private contract of space/: which stretch of vmalloc space belongs to whom. Nothing is mapped here. */
#pragma once

#include "mm/page/page_internal.h"

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

/* More of vm_struct.flags, which nobody asks for: */
#define VM_DIRECT_CHANGED 0x4000ul /* set_memory: the direct map of some of its pages is not the usual one */
#define VM_FRAMES	  0x8000ul /* vmap_pfn: types are reserved for the frames, which stand where range->pages leads */
/* The type that is reserved for the area and freed with it; 0: none. */
#define VM_MEMTYPE(type)     (((type) + 1ul) << 16)
#define VM_MEMTYPE_OF(flags) ((enum memtype)(((flags) >> 16) - 1))

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
		vaddr_t fit[VM_ALIGN_CLASSES]; /* VM_RANGE_HOLE: see vm_holes.c */
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

/* --- vm_range.c: what everybody may ask of a range ------------------------------------------------------------------ */

#define VM_CACHE_PAGES	320u /* up to here a cache has a list for each size, guard page included */
#define VM_CACHE_OTHERS 0    /* of these lists: the one of all other sizes */
#define VM_CACHE_WEIGHT 8192ul
extern unsigned long vm_space_unit; /* bytes of address space that weigh 1 */

/*
 * The pages of the range that serves a request of `pages`, both with the guard page. Few sizes occur, so one user's range fits the
 * next one's request; it is at most an eighth too large. The excess stays unmapped, behind the guard page.
 */
static inline unsigned long vm_cache_round(unsigned long pages)
{
	unsigned int shift;

	if (pages <= 16 || pages > VM_CACHE_PAGES)
		return pages;
	shift = ilog2(pages) - 3;
	return ALIGN(pages, 1ul << shift);
}
/* Which list of a cache a range of so many pages belongs to. */
unsigned int vm_range_list(unsigned long pages);
/* How many entries it takes to fill the range, or other words that are kept for it: so it counts in a cache. By its holder. */
void vm_range_weigh(struct vm_range *range, unsigned long entries);

/* Trees of ranges by address. The caller holds the tree's lock. */
/* The lowest range that ends above addr, or NULL. */
struct vm_range *vm_tree_above(const struct rb_root *tree, vaddr_t addr);
/* Hang the range in as a leaf; rb_insert_... must follow. Panics when it overlaps another. */
void vm_tree_link(struct rb_root *tree, struct vm_range *range);

/* --- vm_holes.c: free space. Thread context, no lock held. ------------------------------------------------------------ */

void vm_range_init(void);

/* The lowest range that meets the request, in the caller's hands. NULL: no space, or no memory for the descriptor. */
struct vm_range *vm_range_alloc(const struct vm_request *rq);
/* Give a range in the caller's hands back. Nothing is mapped in it and no CPU remembers that anything was. Never fails. */
void vm_range_free(struct vm_range *range);
/* vm_range_free() of a range that may have been used before: the room for a page array that it keeps goes too, by vm_array_free(). */
void vm_range_discard(struct vm_range *range);
extern void (*vm_array_free)(const void *array); /* kfree, until areas can serve as page arrays */

/*
 * The steps of vm_range_alloc(), for several ranges at once (vm_congruent.c). A range is cut out of a hole that contains it, with
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
/*
 * The same, after work() was done to the range, which stands still meanwhile: again and again until it returns false. It is called
 * under a spinlock with interrupts off, so it does a bounded piece of work each time.
 */
struct vm_struct *vm_range_area_after(vaddr_t addr, bool (*work)(struct vm_range *range));

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

/* Order and borders of the index; adds up its bytes. has_hole: does a hole reach into the range? Number of faults, each printed. */
unsigned int vm_index_check(unsigned long *bytes, bool (*has_hole)(const struct vm_range *range));
/* vm_check.c: both sides, and conservation, at a quiet moment. Number of faults, each printed. */
unsigned int vm_range_check(void);

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

/*
 * A clean range from this CPU's cache, held; or NULL. Thread context, preemption may be off. The first: anywhere, for `pages`
 * with the guard page. The second: as requested exactly.
 */
struct vm_range *vm_cache_get(unsigned long pages, enum vm_range_kind kind);
struct vm_range *vm_cache_find(const struct vm_request *rq);
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
/* How much may wait, with so many CPUs. Boot. */
void vm_cache_set_bounds(unsigned int cpus);
/* Lists and counts of all caches at a quiet moment. Number of faults, each printed. */
unsigned int vm_cache_check(void);

/* --- vm_keeper.c: whoever keeps freed space for later ---------------------------------------------------------------- */

/*
 * A keeper holds address space or memory that nobody uses at the moment. All functions may sleep, take no argument and may be
 * missing. The chambers above define keepers; kva.c lists them, the cheapest first.
 */
struct vm_keeper {
	bool (*reclaim)(void);	   /* address space is short: give it back. True: some came back, or was about to */
	void (*shrink)(void);	   /* memory is short: give back memory too. Missing: as reclaim */
	bool (*wants_flush)(void); /* for the background: does any CPU need a flush to use again what it keeps? */
	void (*flushed)(void);	   /* for the background: after such a flush, or where none was needed */
};
extern const struct vm_keeper *const *vm_keepers; /* ends with NULL */
extern const struct vm_keeper vm_cache_keeper, vm_tables_keeper;

bool vm_keepers_reclaim(void);
bool vm_keepers_want_flush(void);
void vm_keepers_flushed(void);

/* --- vm_purge.c: the background ------------------------------------------------------------------------------------- */

/* Somebody has enough waiting for a flush. Nothing happens before there is a background. Any context but NMI; never waits. */
void vm_purge_soon(void);
/* Wait until what was asked for is done. Tests. */
void vm_purge_drain(void);
/* Memory is short: the background gives back all that keepers have. Any context but NMI, no lock of a zone held. */
void vm_memory_short(void);
void vm_purge_init(void); /* boot, when there are threads */

/* --- vm_tables.c: tables that serve only holes -------------------------------------------------------------------------- */

/* Take them away. Returns how many; their pages are free after a grace period. Thread context, may sleep, no lock held. */
unsigned long vm_tables_reclaim(void);
void vm_tables_init(void); /* boot */
/* If address space is out for that at the moment, wait until it is back: true. */
bool vm_tables_wait(void);

/* --- vm_obtain.c: a range, with every way to make room -------------------------------------------------------------- */

/* Address space is short: purge what can be purged. True: some came back. May sleep. */
bool vm_make_space(void);
/* A range out of the cache or out of a hole; with every way to make room, unless the request forbids to wait. */
struct vm_range *vm_range_obtain(const struct vm_request *rq);
/* The same where any place will do: one of `pages` or a few more, guard page included. gfp: 0 or __GFP_NOWAIT. */
struct vm_range *vm_range_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp);


/* vm_purge_notify.c: address space has run out. True: somebody gave some back. Thread context, may sleep. */
bool vm_purge_notify(void);
