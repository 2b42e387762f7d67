/* SPDX-License-Identifier: MIT */
/*
 * XArray: a sparse array of pointers, indexed by any unsigned long. This is Linux's normal API; its advanced API is in
 * <kernel/xas.h>, which this header includes. Theory: kernel/core/xarray.c.
 *
 * An entry is a pointer aligned to 4 bytes, a tagged one, or a value made by xa_mk_value(); NULL means empty. Each
 * entry has three marks (a bit each), by which it can be found. They are cleared when the entry is erased, and stay
 * when it is replaced.
 *
 * A multi-index entry is one entry at 2^order indices in a row, aligned to their number (XA_STATE_ORDER and xas_store),
 * or at any range (xa_store_range). Each index of it reads the same. It has one set of marks, walks meet it once, a
 * store of the normal API at any of its indices replaces the whole, an erase empties the whole, xas_split() divides it.
 *
 * Reading (xa_load, xa_find*, xa_extract, xa_for_each*, xa_get_mark, xa_marked, xa_empty): lock-free, any context, NMI
 * too. A reader beside a writer sees each entry as it was before or after, and finds every entry that is there all the
 * time. The caller keeps the object behind an entry alive; most free it by RCU and read inside rcu_read_lock().
 *
 * Writing: xa_foo() takes xa_lock, xa_foo_irq() takes it with interrupts off, __xa_foo() is called with it held. If
 * interrupt handlers write the array too, it has XA_FLAGS_LOCK_IRQ, and is written only by the second kind (or by the
 * third, inside xa_lock_irq or xa_lock_irqsave). Never in an NMI. A store at an empty index may need nodes: if gfp may
 * wait, the caller may sleep, and __xa_foo() may drop the lock meanwhile and take it again.
 *
 * There are no bottom halves here; timers run in interrupt handlers. So xa_foo_bh() is xa_foo_irq().
 *
 * Every name of Linux's xarray.h (6.12) is here (tests/host/linux_names_xarray.c) except XA_DEBUG. radix_tree_*, idr_*
 * and ida_* are not: use xa_alloc(). Differences: an entry must be aligned to 4 (-EINVAL; Linux takes pointers that end
 * in 10 in binary), XA_PRESENT and XA_RETRY_ENTRY have other values, no entry is accounted (XA_FLAGS_ACCOUNT,
 * xas_set_lru).
 */
#pragma once

#include <arch/barrier.h>
#include <kernel/config.h>
#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <lib/errno.h>
#include <lib/gfp.h>

/* --- entries ------------------------------------------------------------------------------------------------------ */

#define BITS_PER_XA_VALUE (BITS_PER_LONG - 1)
/* Small numbers as entries: half the range of a long. */
static inline void *xa_mk_value(unsigned long v) { return (void *)(v << 1 | 1); }
static inline unsigned long xa_to_value(const void *entry) { return (unsigned long)entry >> 1; }
static inline bool xa_is_value(const void *entry) { return (unsigned long)entry & 1; }

/* A pointer with a tag of 0, 1 or 3 in its low bits; an array has either these or values. */
static inline void *xa_tag_pointer(void *p, unsigned long tag) { return (void *)((unsigned long)p | tag); }
static inline void *xa_untag_pointer(void *entry) { return (void *)((unsigned long)entry & ~3UL); }
static inline unsigned int xa_pointer_tag(void *entry) { return (unsigned long)entry & 3; }

/* Low bits 10 are internal: errors, and some entries that users of xas_* may meet (the others: kernel/xas.h). */
static inline void *xa_mk_internal(unsigned long v) { return (void *)(v << 2 | 2); }
static inline unsigned long xa_to_internal(const void *entry) { return (unsigned long)entry >> 2; }
static inline bool xa_is_internal(const void *entry) { return ((unsigned long)entry & 3) == 2; }
#define XA_RETRY_ENTRY xa_mk_internal(255) /* the node has left the tree: start again at the root */
#define XA_ZERO_ENTRY  xa_mk_internal(257) /* reserved: takes a place, reads as NULL in the normal API */
static inline bool xa_is_retry(const void *entry) { return unlikely(entry == XA_RETRY_ENTRY); }
static inline bool xa_is_zero(const void *entry) { return unlikely(entry == XA_ZERO_ENTRY); }
/* True: only the advanced API may store it; the normal one returns -EINVAL. */
static inline bool xa_is_advanced(const void *entry) { return xa_is_internal(entry) && !xa_is_zero(entry); }

/* The error of a function that returns an entry, as a -errno; 0 if there is none. */
#define XA_MAX_ERRNO 4095
#define XA_ERROR(errno) ((struct xa_node *)(((unsigned long)(long)(errno) << 2) | 2UL))
static inline bool xa_is_err(const void *entry)
{
	return unlikely(xa_is_internal(entry) && (unsigned long)entry >= (unsigned long)XA_ERROR(-XA_MAX_ERRNO));
}
static inline int xa_err(const void *entry) { return xa_is_err(entry) ? (int)((long)entry >> 2) : 0; }

typedef unsigned int xa_mark_t;
#define XA_MARK_0    0u
#define XA_MARK_1    1u
#define XA_MARK_2    2u
#define XA_PRESENT   3u /* as a filter: any entry */
#define XA_MARK_MAX  XA_MARK_2
#define XA_MAX_MARKS 3
#define XA_FREE_MARK XA_MARK_0 /* in an allocating array: this index is free */

/* --- arrays ------------------------------------------------------------------------------------------------------- */

struct xa_node;

struct xarray {
	spinlock_t xa_lock; /* for all writing; the user may use it for fields of its own */
	gfp_t xa_flags;
	void *xa_head; /* root node; or the entry at 0, if that is all there is; or NULL: empty */
};

enum xa_lock_type { XA_LOCK_IRQ = 1, XA_LOCK_BH = XA_LOCK_IRQ };
#define XA_FLAGS_LOCK_IRQ      ((gfp_t)XA_LOCK_IRQ) /* xa_lock is always taken with interrupts off */
#define XA_FLAGS_LOCK_BH       ((gfp_t)XA_LOCK_BH)
#define XA_FLAGS_TRACK_FREE    0x04u
#define XA_FLAGS_ZERO_BUSY     0x08u
#define XA_FLAGS_ALLOC_WRAPPED 0x10u
#define XA_FLAGS_ACCOUNT       0x20u		      /* no meaning here */
#define XA_FLAGS_MARK(mark)    (1u << (16 + (mark))) /* some entry has the mark */
#define XA_FLAGS_ALLOC	       (XA_FLAGS_TRACK_FREE | XA_FLAGS_MARK(XA_FREE_MARK)) /* xa_alloc() from 0 */
#define XA_FLAGS_ALLOC1	       (XA_FLAGS_TRACK_FREE | XA_FLAGS_ZERO_BUSY)	    /* xa_alloc() from 1 */

/*
 * The lock has rank 0: its order is not checked. An array may give its lock a rank (kernel/spinlock.h). Then the locks
 * of the allocator of nodes (main.c) and that of call_rcu() must have higher ranks.
 */
#define XARRAY_INIT_RANK(name, flags, rank) \
	{ .xa_lock = SPINLOCK_INIT(#name, rank), .xa_flags = (flags), .xa_head = NULL }
#define XARRAY_INIT(name, flags)	    XARRAY_INIT_RANK(name, flags, 0)
#define DEFINE_XARRAY_RANK(name, flags, rank) struct xarray name = XARRAY_INIT_RANK(name, flags, rank)
#define DEFINE_XARRAY_FLAGS(name, flags)      struct xarray name = XARRAY_INIT(name, flags)
#define DEFINE_XARRAY(name)		      DEFINE_XARRAY_FLAGS(name, 0)
#define DEFINE_XARRAY_ALLOC(name)	      DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC)
#define DEFINE_XARRAY_ALLOC1(name)	      DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1)

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	spin_lock_init_ranked(&xa->xa_lock, "xa_lock", 0);
	xa->xa_flags = flags;
	xa->xa_head = NULL;
}
static inline void xa_init(struct xarray *xa) { xa_init_flags(xa, 0); }

static inline bool xa_empty(const struct xarray *xa) { return !READ_ONCE(xa->xa_head); } /* nothing reserved either */
/* Does any entry have the mark (XA_PRESENT: is there any entry)? Any context. */
static inline bool xa_marked(const struct xarray *xa, xa_mark_t mark)
{
	return mark < XA_MAX_MARKS ? READ_ONCE(xa->xa_flags) & XA_FLAGS_MARK(mark) : !xa_empty(xa);
}

/* Forget all entries (the objects are the caller's). The array may be used again. Any context but NMI. */
void xa_destroy(struct xarray *xa);

#define xa_trylock(xa)			spin_trylock(&(xa)->xa_lock)
#define xa_lock(xa)			spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa)			spin_unlock(&(xa)->xa_lock)
#define xa_lock_irq(xa)			spin_lock_irq(&(xa)->xa_lock)
#define xa_unlock_irq(xa)		spin_unlock_irq(&(xa)->xa_lock)
#define xa_lock_bh(xa)			xa_lock_irq(xa)
#define xa_unlock_bh(xa)		xa_unlock_irq(xa)
#define xa_lock_nested(xa, subclass)	xa_lock(xa) /* locks without a rank may nest anyhow */
#define xa_lock_irq_nested(xa, subclass) xa_lock_irq(xa)
#define xa_lock_bh_nested(xa, subclass)	xa_lock_bh(xa)
#define xa_lock_irqsave(xa, flags)	spin_lock_irqsave(&(xa)->xa_lock, flags)
#define xa_lock_irqsave_nested(xa, flags, subclass) xa_lock_irqsave(xa, flags)
#define xa_unlock_irqrestore(xa, flags) spin_unlock_irqrestore(&(xa)->xa_lock, flags)

/* --- reading ------------------------------------------------------------------------------------------------------ */

void *xa_load(const struct xarray *xa, unsigned long index);

/* The order of the entry at index: it spans 2^order indices (in a range: its part there). 0 also if there is none. */
int xa_get_order(const struct xarray *xa, unsigned long index);

/*
 * First entry with the mark (XA_PRESENT: any) in [*index, max] / in (*index, max]; sets *index. NULL: there is none,
 * and *index stays. xa_find() finds a multi-index entry that spans *index, xa_find_after() skips it; *index becomes
 * some index of the entry that was found.
 */
void *xa_find(const struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
void *xa_find_after(const struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
/* Last entry that begins at *index or below; *index becomes the first index of it. NULL: none, and *index stays. */
void *xa_find_below(const struct xarray *xa, unsigned long *index);
/* Copy the first n such entries of [start, max] to dst[]. Returns how many there are. */
unsigned int xa_extract(const struct xarray *xa, void **dst, unsigned long start, unsigned long max, unsigned int n,
			xa_mark_t filter);

/*
 * Walks. The body may sleep, store and erase anywhere in the array. A step costs O(depth); xas_for_each() is cheaper.
 */
#define xa_for_each_filtered(xa, index, entry, start, last, filter) \
	for ((index) = (start), (entry) = xa_find(xa, &(index), last, filter); (entry); \
	     (entry) = xa_find_after(xa, &(index), last, filter))
#define xa_for_each_range(xa, index, entry, start, last) \
	xa_for_each_filtered(xa, index, entry, start, last, XA_PRESENT)
#define xa_for_each_start(xa, index, entry, start) xa_for_each_range(xa, index, entry, start, ~0UL)
#define xa_for_each(xa, index, entry)		   xa_for_each_start(xa, index, entry, 0)
#define xa_for_each_marked(xa, index, entry, filter) \
	xa_for_each_filtered(xa, index, entry, 0, ~0UL, filter)

bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark);

/* --- writing, xa_lock held ---------------------------------------------------------------------------------------- */

/*
 * Store an entry; NULL empties the index, or reserves it in an allocating array. Returns the old entry, or an error
 * (xa_err): -ENOMEM, -EINVAL. Storing over an entry never fails for lack of memory.
 */
void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
/* Returns the old entry. Never fails. */
void *__xa_erase(struct xarray *xa, unsigned long index);
/*
 * Store an entry if the present one is `old`: NULL for an empty index, XA_ZERO_ENTRY for a reserved one. Returns what
 * was there (NULL for both of these), or an error. (As in Linux, a reserved index returns NULL, but only XA_ZERO_ENTRY
 * replaces it.)
 */
void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp);
/*
 * Store an entry (NULL: reserve) at an empty index. 0, -EBUSY (an entry, or reserved), -ENOMEM, -EINVAL. Index 0 of an
 * XA_FLAGS_ALLOC1 array is reserved while there is another entry.
 */
int __must_check __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
/* The marks of an empty index cannot be set, and read as false. */
void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);

struct xa_limit {
	u32 max, min; /* both allowed */
};
#define XA_LIMIT(_min, _max) (struct xa_limit) { .min = _min, .max = _max }
#define xa_limit_32b	     XA_LIMIT(0, ~0u)
#define xa_limit_31b	     XA_LIMIT(0, 0x7fffffffu)
#define xa_limit_16b	     XA_LIMIT(0, 0xffffu)

/*
 * Store an entry (NULL: reserve) at the lowest free index within the limit, in an allocating array. *id becomes the
 * index. 0, -EBUSY (none is free), -ENOMEM, -EINVAL.
 */
int __must_check __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp);
/*
 * The same from *next on, then from the limit's start; *next becomes *id + 1. 1: the search has wrapped. Otherwise as
 * above.
 */
int __must_check __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next,
				   gfp_t gfp);

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* might_sleep(), if gfp may wait. */
static inline void xa_might_alloc(gfp_t gfp)
{
	if (CONFIG_DEBUG_LOCKS && gfpflags_allow_blocking(gfp))
		might_sleep();
}

#define __xa_locked(xa, call)	  ({ xa_lock(xa); __auto_type _ret = (call); xa_unlock(xa); _ret; })
#define __xa_locked_irq(xa, call) ({ xa_lock_irq(xa); __auto_type _ret = (call); xa_unlock_irq(xa); _ret; })

/* Defines a function and its _irq kind: return type, name, parameters, arguments to pass on. */
#define __XA_WRITER(type, name, params, ...) \
	static inline type xa_##name params \
	{ \
		xa_might_alloc(gfp); \
		return __xa_locked(xa, __xa_##name(__VA_ARGS__)); \
	} \
	static inline type xa_##name##_irq params \
	{ \
		xa_might_alloc(gfp); \
		return __xa_locked_irq(xa, __xa_##name(__VA_ARGS__)); \
	}

__XA_WRITER(void *, store, (struct xarray *xa, unsigned long index, void *entry, gfp_t gfp), xa, index, entry, gfp)
__XA_WRITER(void *, cmpxchg, (struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp),
	    xa, index, old, entry, gfp)
__XA_WRITER(int __must_check, insert, (struct xarray *xa, unsigned long index, void *entry, gfp_t gfp),
	    xa, index, entry, gfp)
__XA_WRITER(int __must_check, alloc, (struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp),
	    xa, id, entry, limit, gfp)
__XA_WRITER(int __must_check, alloc_cyclic,
	    (struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp),
	    xa, id, entry, limit, next, gfp)

static inline void *xa_erase(struct xarray *xa, unsigned long index) { return __xa_locked(xa, __xa_erase(xa, index)); }
static inline void *xa_erase_irq(struct xarray *xa, unsigned long index)
{
	return __xa_locked_irq(xa, __xa_erase(xa, index));
}

#define xa_store_bh(xa, index, entry, gfp)		     xa_store_irq(xa, index, entry, gfp)
#define xa_erase_bh(xa, index)				     xa_erase_irq(xa, index)
#define xa_cmpxchg_bh(xa, index, old, entry, gfp)	     xa_cmpxchg_irq(xa, index, old, entry, gfp)
#define xa_insert_bh(xa, index, entry, gfp)		     xa_insert_irq(xa, index, entry, gfp)
#define xa_alloc_bh(xa, id, entry, limit, gfp)		     xa_alloc_irq(xa, id, entry, limit, gfp)
#define xa_alloc_cyclic_bh(xa, id, entry, limit, next, gfp) xa_alloc_cyclic_irq(xa, id, entry, limit, next, gfp)
#define xa_reserve_bh(xa, index, gfp)			     xa_reserve_irq(xa, index, gfp)

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);

/*
 * Store one entry at every index from first to last, in as few multi-index entries as alignment allows; NULL empties.
 * An old entry that is only partly in the range is replaced or emptied as a whole. NULL, or an error: -EINVAL (last <
 * first, or an internal entry), -ENOMEM, and then a part from `first` on may have been stored. Thread context.
 */
void *xa_store_range(struct xarray *xa, unsigned long first, unsigned long last, void *entry, gfp_t gfp);

/* Reserve an index, so that a later store there cannot fail. 0 (also if it has an entry), -ENOMEM. */
static inline int __must_check xa_reserve(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	return xa_err(xa_cmpxchg(xa, index, NULL, XA_ZERO_ENTRY, gfp));
}
static inline int __must_check xa_reserve_irq(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	return xa_err(xa_cmpxchg_irq(xa, index, NULL, XA_ZERO_ENTRY, gfp));
}
/* Drop a reservation. If the index has an entry by now, it stays. */
static inline void xa_release(struct xarray *xa, unsigned long index)
{
	xa_cmpxchg(xa, index, XA_ZERO_ENTRY, NULL, GFP_NOWAIT);
}

/* --- where nodes come from ---------------------------------------------------------------------------------------- */

/*
 * Set at boot. alloc: `size` bytes or NULL; it waits only if gfp allows it. free: is called in RCU callbacks and in any
 * context that writes.
 */
void xa_set_allocator(void *(*alloc)(size_t size, gfp_t gfp), void (*free)(void *node));

/* Print the tree, node by node. The caller excludes writers. */
void xa_dump(const struct xarray *xa);

/* Number of nodes in all arrays, without those that wait for RCU. For leak tests. */
unsigned long xa_nr_nodes(void);

#include <kernel/xas.h>
