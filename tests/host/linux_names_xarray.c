/* SPDX-License-Identifier: MIT */
/*
 * The names of Linux's xarray.h (6.12), with the types of its callers; see linux_names.c. What is missing or differs on
 * purpose stands at the head of <kernel/xarray.h>.
 */
#include "tests/host/linux_names.h"

#include <kernel/xarray.h>

static DEFINE_XARRAY(xa);
static __maybe_unused DEFINE_XARRAY_FLAGS(of_irq, XA_FLAGS_LOCK_IRQ);
static __maybe_unused DEFINE_XARRAY_ALLOC(ids);
static __maybe_unused DEFINE_XARRAY_ALLOC1(ids_from_1);
static __maybe_unused struct xarray initialised = XARRAY_INIT(initialised, XA_FLAGS_LOCK_BH);
static XA_STATE(xas, &xa, 0);
static __maybe_unused XA_STATE_ORDER(xas_of_order, &xa, 64, 6);
static __maybe_unused struct xa_node *node;
static struct xa_limit limit;
static unsigned long index, word, flags;
static __maybe_unused u32 id, next;
static void *entry;
static bool condition;
static int result;

/* --- entries ------------------------------------------------------------------------------------------------------ */

FUNCTION(xa_mk_value, void *, unsigned long);
FUNCTION(xa_to_value, unsigned long, const void *);
FUNCTION(xa_is_value, bool, const void *);
FUNCTION(xa_tag_pointer, void *, void *, unsigned long);
FUNCTION(xa_untag_pointer, void *, void *);
FUNCTION(xa_pointer_tag, unsigned int, void *);
FUNCTION(xa_mk_internal, void *, unsigned long);
FUNCTION(xa_to_internal, unsigned long, const void *);
FUNCTION(xa_is_internal, bool, const void *);
FUNCTION(xa_is_zero, bool, const void *);
FUNCTION(xa_is_retry, bool, const void *);
FUNCTION(xa_is_advanced, bool, const void *);
FUNCTION(xa_is_err, bool, const void *);
FUNCTION(xa_err, int, const void *);
VALUE(XA_ZERO_ENTRY, void *)
VALUE(XA_RETRY_ENTRY, void *)
STATEMENT(word = BITS_PER_XA_VALUE)

/* --- arrays ------------------------------------------------------------------------------------------------------- */

FUNCTION(xa_init, void, struct xarray *);
FUNCTION(xa_init_flags, void, struct xarray *, gfp_t);
FUNCTION(xa_empty, bool, const struct xarray *);
FUNCTION(xa_marked, bool, const struct xarray *, xa_mark_t);
FUNCTION(xa_destroy, void, struct xarray *);
FUNCTION(xa_load, void *, const struct xarray *, unsigned long);
FUNCTION(xa_get_order, int, const struct xarray *, unsigned long);
FUNCTION(xa_get_mark, bool, const struct xarray *, unsigned long, xa_mark_t);
FUNCTION(xa_set_mark, void, struct xarray *, unsigned long, xa_mark_t);
FUNCTION(xa_clear_mark, void, struct xarray *, unsigned long, xa_mark_t);
FUNCTION(xa_find, void *, const struct xarray *, unsigned long *, unsigned long, xa_mark_t);
FUNCTION(xa_find_after, void *, const struct xarray *, unsigned long *, unsigned long, xa_mark_t);
FUNCTION(xa_extract, unsigned int, const struct xarray *, void **, unsigned long, unsigned long, unsigned int,
	 xa_mark_t);
FUNCTION(xa_dump, void, const struct xarray *);
STATEMENT(xa_for_each(&xa, index, entry) word++)
STATEMENT(xa_for_each_start(&xa, index, entry, 5) word++)
STATEMENT(xa_for_each_range(&xa, index, entry, 5, 10) word++)
STATEMENT(xa_for_each_marked(&xa, index, entry, XA_MARK_0) word++)
STATEMENT(xa_mark_t mark = XA_MARK_0 | XA_MARK_1 | XA_MARK_2 | XA_MARK_MAX | XA_PRESENT | XA_FREE_MARK; word = mark)
STATEMENT(gfp_t kind = XA_FLAGS_LOCK_IRQ | XA_FLAGS_LOCK_BH | XA_FLAGS_TRACK_FREE | XA_FLAGS_ZERO_BUSY |
		       XA_FLAGS_ALLOC_WRAPPED | XA_FLAGS_ACCOUNT | XA_FLAGS_MARK(XA_MARK_1) | XA_FLAGS_ALLOC |
		       XA_FLAGS_ALLOC1;
	  word = kind)
STATEMENT(enum xa_lock_type how = XA_LOCK_IRQ; word = how + XA_LOCK_BH)

#define WRITER(name, type, ...) \
	FUNCTION(__xa_##name, type, struct xarray *, __VA_ARGS__); \
	static __maybe_unused type (*const p_xa_##name)(struct xarray *, __VA_ARGS__) = xa_##name; \
	static __maybe_unused type (*const p_xa_##name##_irq)(struct xarray *, __VA_ARGS__) = xa_##name##_irq

WRITER(store, void *, unsigned long, void *, gfp_t);
WRITER(erase, void *, unsigned long);
WRITER(cmpxchg, void *, unsigned long, void *, void *, gfp_t);
WRITER(insert, int, unsigned long, void *, gfp_t);
WRITER(alloc, int, u32 *, void *, struct xa_limit, gfp_t);
WRITER(alloc_cyclic, int, u32 *, void *, struct xa_limit, u32 *, gfp_t);
FUNCTION(__xa_set_mark, void, struct xarray *, unsigned long, xa_mark_t);
FUNCTION(__xa_clear_mark, void, struct xarray *, unsigned long, xa_mark_t);
FUNCTION(xa_store_range, void *, struct xarray *, unsigned long, unsigned long, void *, gfp_t);
FUNCTION(xa_reserve, int, struct xarray *, unsigned long, gfp_t);
FUNCTION(xa_reserve_irq, int, struct xarray *, unsigned long, gfp_t);
FUNCTION(xa_release, void, struct xarray *, unsigned long);
VALUE(xa_store_bh(&xa, index, entry, GFP_KERNEL), void *)
VALUE(xa_erase_bh(&xa, index), void *)
VALUE(xa_cmpxchg_bh(&xa, index, NULL, entry, GFP_KERNEL), void *)
VALUE(xa_insert_bh(&xa, index, entry, GFP_KERNEL), int)
VALUE(xa_alloc_bh(&xa, &id, entry, limit, GFP_KERNEL), int)
VALUE(xa_alloc_cyclic_bh(&xa, &id, entry, limit, &next, GFP_KERNEL), int)
VALUE(xa_reserve_bh(&xa, index, GFP_KERNEL), int)
STATEMENT(limit = xa_limit_32b; limit = xa_limit_31b; limit = xa_limit_16b; limit = XA_LIMIT(1, 5);
	  id = limit.min + limit.max)
STATEMENT(xa_lock(&xa); xa_unlock(&xa); condition = xa_trylock(&xa))
STATEMENT(xa_lock_irq(&xa); xa_unlock_irq(&xa); xa_lock_bh(&xa); xa_unlock_bh(&xa))
STATEMENT(xa_lock_irqsave(&xa, flags); xa_unlock_irqrestore(&xa, flags))
STATEMENT(xa_lock_nested(&xa, 1); xa_lock_irq_nested(&xa, 1); xa_lock_bh_nested(&xa, 1);
	  xa_lock_irqsave_nested(&xa, flags, 1))

/* --- nodes -------------------------------------------------------------------------------------------------------- */

VALUE(XA_CHUNK_SIZE, unsigned long)
VALUE(XA_CHUNK_MASK, unsigned long)
STATEMENT(word = XA_CHUNK_SHIFT + XA_MAX_MARKS + XA_MARK_LONGS)
VALUE(node->shift, unsigned char)
VALUE(node->offset, unsigned char)
VALUE(node->count, unsigned char)
VALUE(node->nr_values, unsigned char)
VALUE(node->parent, struct xa_node *)
VALUE(node->array, struct xarray *)
VALUE(&node->private_list, struct list_head *)
VALUE(node->slots[0], void *)
VALUE(&node->marks[0][0], unsigned long *)
FUNCTION(xa_dump_node, void, const struct xa_node *);
FUNCTION(xa_delete_node, void, struct xa_node *, xa_update_node_t);
FUNCTION(xa_head, void *, const struct xarray *);
FUNCTION(xa_head_locked, void *, const struct xarray *);
FUNCTION(xa_entry, void *, const struct xarray *, const struct xa_node *, unsigned int);
FUNCTION(xa_entry_locked, void *, const struct xarray *, const struct xa_node *, unsigned int);
FUNCTION(xa_parent, struct xa_node *, const struct xarray *, const struct xa_node *);
FUNCTION(xa_parent_locked, struct xa_node *, const struct xarray *, const struct xa_node *);
FUNCTION(xa_mk_node, void *, const struct xa_node *);
FUNCTION(xa_to_node, struct xa_node *, const void *);
FUNCTION(xa_is_node, bool, const void *);
FUNCTION(xa_mk_sibling, void *, unsigned int);
FUNCTION(xa_to_sibling, unsigned long, const void *);
FUNCTION(xa_is_sibling, bool, const void *);
STATEMENT(XA_BUG_ON(&xa, condition); XA_NODE_BUG_ON(node, condition))

/* --- the cursor --------------------------------------------------------------------------------------------------- */

VALUE(XA_ERROR(-ENOMEM), struct xa_node *)
VALUE(XAS_BOUNDS, struct xa_node *)
VALUE(XAS_RESTART, struct xa_node *)
VALUE(xas.xa, struct xarray *)
VALUE(xas.xa_index, unsigned long)
VALUE(xas.xa_offset, unsigned char)
VALUE(xas.xa_node, struct xa_node *)
FUNCTION(xas_error, int, const struct xa_state *);
FUNCTION(xas_set_err, void, struct xa_state *, long);
FUNCTION(xas_invalid, bool, const struct xa_state *);
FUNCTION(xas_valid, bool, const struct xa_state *);
FUNCTION(xas_is_node, bool, const struct xa_state *);
FUNCTION(xas_not_node, bool, const struct xa_node *);
FUNCTION(xas_frozen, bool, const struct xa_node *);
FUNCTION(xas_top, bool, const struct xa_node *);
FUNCTION(xas_reset, void, struct xa_state *);
FUNCTION(xas_retry, bool, struct xa_state *, const void *);
FUNCTION(xas_load, void *, struct xa_state *);
FUNCTION(xas_store, void *, struct xa_state *, void *);
FUNCTION(xas_find, void *, struct xa_state *, unsigned long);
FUNCTION(xas_find_marked, void *, struct xa_state *, unsigned long, xa_mark_t);
FUNCTION(xas_find_conflict, void *, struct xa_state *);
FUNCTION(xas_find_chunk, unsigned int, const struct xa_state *, bool, xa_mark_t);
FUNCTION(xas_get_mark, bool, const struct xa_state *, xa_mark_t);
FUNCTION(xas_set_mark, void, const struct xa_state *, xa_mark_t);
FUNCTION(xas_clear_mark, void, const struct xa_state *, xa_mark_t);
FUNCTION(xas_init_marks, void, const struct xa_state *);
FUNCTION(xas_nomem, bool, struct xa_state *, gfp_t);
FUNCTION(xas_destroy, void, struct xa_state *);
FUNCTION(xas_pause, void, struct xa_state *);
FUNCTION(xas_create_range, void, struct xa_state *);
FUNCTION(xas_get_order, int, const struct xa_state *);
FUNCTION(xas_split, void, struct xa_state *, void *, unsigned int);
FUNCTION(xas_split_alloc, void, struct xa_state *, void *, unsigned int, gfp_t);
FUNCTION(xas_reload, void *, const struct xa_state *);
FUNCTION(xas_set, void, struct xa_state *, unsigned long);
FUNCTION(xas_advance, void, struct xa_state *, unsigned long);
FUNCTION(xas_set_order, void, struct xa_state *, unsigned long, unsigned int);
FUNCTION(xas_set_update, void, struct xa_state *, xa_update_node_t);
FUNCTION(xas_set_lru, void, struct xa_state *, struct list_lru *);
FUNCTION(xas_next_entry, void *, struct xa_state *, unsigned long);
FUNCTION(xas_next_marked, void *, struct xa_state *, unsigned long, xa_mark_t);
FUNCTION(__xas_next, void *, struct xa_state *);
FUNCTION(__xas_prev, void *, struct xa_state *);
FUNCTION(xas_next, void *, struct xa_state *);
FUNCTION(xas_prev, void *, struct xa_state *);
STATEMENT(condition = xas_marked(&xas, XA_MARK_0) || xas_trylock(&xas))
STATEMENT(xas_lock(&xas); xas_unlock(&xas); xas_lock_irq(&xas); xas_unlock_irq(&xas); xas_lock_bh(&xas);
	  xas_unlock_bh(&xas))
STATEMENT(xas_lock_irqsave(&xas, flags); xas_unlock_irqrestore(&xas, flags))
STATEMENT(xas_for_each(&xas, entry, word) result++)
STATEMENT(xas_for_each_marked(&xas, entry, word, XA_MARK_1) result++)
STATEMENT(xas_for_each_conflict(&xas, entry) result++)
STATEMENT(word = XA_CHECK_SCHED)
