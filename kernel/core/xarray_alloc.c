/* SPDX-License-Identifier: MIT */
/* Allocating an index in an XArray: the lowest free one, or the next. Theory: xarray.c, 7. */
#include "xarray_internal.h"

int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp)
{
	XA_STATE(xas, xa, limit.min);

	if (WARN_ON_ONCE(!xa_track_free(xa)) || xa_is_advanced(entry))
		return -EINVAL;
	do { /* search again each time: others may have stored while the lock was dropped */
		xas_set(&xas, limit.min);
		xas_find_marked(&xas, limit.max, XA_FREE_MARK);
		if (xas.xa_node == XAS_RESTART)
			xas_set_err(&xas, -EBUSY);
		xas_store(&xas, entry ? entry : XA_ZERO_ENTRY);
		xas_clear_mark(&xas, XA_FREE_MARK);
	} while (__xas_nomem(&xas, gfp));
	if (!xas_error(&xas))
		*id = (u32)xas.xa_index;
	return xas_error(&xas);
}

int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp)
{
	struct xa_limit rest = { .min = max(limit.min, *next), .max = limit.max };
	int ret = __xa_alloc(xa, id, entry, rest, gfp);

	if (!ret && (xa->xa_flags & XA_FLAGS_ALLOC_WRAPPED)) {
		xa->xa_flags &= ~XA_FLAGS_ALLOC_WRAPPED;
		ret = 1;
	} else if (ret == -EBUSY && rest.min > limit.min) {
		ret = __xa_alloc(xa, id, entry, limit, gfp);
		ret = ret ? ret : 1;
	}
	if (ret < 0)
		return ret;
	*next = *id + 1;
	if (!*next) /* the number has wrapped; the next call reports it */
		xa->xa_flags |= XA_FLAGS_ALLOC_WRAPPED;
	return ret;
}
