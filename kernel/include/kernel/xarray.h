/* SPDX-License-Identifier: MIT */
/*
 * XArray: an array of pointers indexed by any unsigned long, sparse, in Linux's API shape without the gfp argument.
 *
 * An entry is a pointer aligned to 4 bytes or a value made by xa_mk_value(); NULL means empty. Each entry has three
 * marks (one bit each) by which it can be found; marks go when the entry goes, and stay when it is replaced.
 *
 * Reading (xa_load, xa_find*, xa_for_each*, xa_get_mark, xa_empty): lock-free, any context, NMI too. A reader beside a
 * writer sees each entry as it was before or after. How long the object behind an entry lives is the caller's matter.
 * Writing: any context but NMI; takes the lock inside the array with interrupts off. The first entry of a region needs
 * a node, which comes from the allocator that was handed in and which must not wait.
 */
#pragma once

#include <kernel/spinlock.h>

struct xa_node;

struct xarray {
	spinlock_t xa_lock;	 /* all writing */
	struct xa_node *xa_head; /* root, or NULL */
};

#define XARRAY_INIT(name)   { .xa_lock = SPINLOCK_INIT(#name, 0), .xa_head = NULL }
#define DEFINE_XARRAY(name) struct xarray name = XARRAY_INIT(name)
void xa_init(struct xarray *xa);

/*
 * Where nodes come from, at boot: alloc gives `size` bytes (NULL = no memory) and never waits, free takes them back.
 * defer: free a node later, when every reader that may still stand in it has left (readers are in rcu_read_lock sections);
 * the first two words of the node are for its use meanwhile. Without it (never called, or NULL)
 * nodes that became empty stay in their array until xa_destroy().
 */
void xa_set_allocator(void *(*alloc)(size_t size), void (*free)(void *node));
void xa_set_deferred_free(void (*defer)(void *node));

/* Small numbers as entries: half the range of a long. */
static inline void *xa_mk_value(unsigned long v) { return (void *)(v << 1 | 1); }
static inline unsigned long xa_to_value(const void *entry) { return (unsigned long)entry >> 1; }
static inline bool xa_is_value(const void *entry) { return (unsigned long)entry & 1; }

/* Failure of the functions that return an entry: 0, or -ENOMEM, or -EINVAL (not an entry: low bits 10). */
static inline bool xa_is_err(const void *entry) { return ((unsigned long)entry & 3) == 2; }
static inline int xa_err(const void *entry) { return xa_is_err(entry) ? (int)((long)entry >> 2) : 0; }

void *xa_load(const struct xarray *xa, unsigned long index);

/* Put an entry; NULL erases. Returns the old one, or an error (xa_err). Erasing never fails. */
void *xa_store(struct xarray *xa, unsigned long index, void *entry);
/* Put an entry into an empty place. 0, -EBUSY, -ENOMEM, -EINVAL. */
int xa_insert(struct xarray *xa, unsigned long index, void *entry);
/* Put an entry if the present one is `old`. Returns what was there, so success is == old; or an error. */
void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry);
/* Returns the old entry. */
void *xa_erase(struct xarray *xa, unsigned long index);

typedef enum { XA_MARK_0, XA_MARK_1, XA_MARK_2, XA_PRESENT } xa_mark_t;
#define XA_MAX_MARKS 3

/* Marks of an empty place cannot be set and read as false. */
void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark);
/* Is any entry so marked? */
bool xa_marked(const struct xarray *xa, xa_mark_t mark);
static inline bool xa_empty(const struct xarray *xa) { return !xa_marked(xa, XA_PRESENT); }

/* First entry with the mark (XA_PRESENT: any) in [*index, max] / in (*index, max]; sets *index. NULL: there is none. */
void *xa_find(const struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
void *xa_find_after(const struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);

/* Walks; the body may store and erase anywhere in the array. Cost a step: O(depth). */
#define xa_for_each_filtered(xa, index, entry, start, last, filter) \
	for ((index) = (start), (entry) = xa_find(xa, &(index), last, filter); (entry); \
	     (entry) = xa_find_after(xa, &(index), last, filter))
#define xa_for_each_range(xa, index, entry, start, last) \
	xa_for_each_filtered(xa, index, entry, start, last, XA_PRESENT)
#define xa_for_each_start(xa, index, entry, start) xa_for_each_range(xa, index, entry, start, ~0UL)
#define xa_for_each(xa, index, entry)		   xa_for_each_range(xa, index, entry, 0, ~0UL)
#define xa_for_each_marked(xa, index, entry, filter) \
	xa_for_each_filtered(xa, index, entry, 0, ~0UL, filter)

/* Forget all entries (the objects are the caller's) and free all nodes. Nobody else may use the array meanwhile. */
void xa_destroy(struct xarray *xa);

/* Nodes in all arrays: what leak tests compare. */
unsigned long xa_nr_nodes(void);
