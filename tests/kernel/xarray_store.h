/* SPDX-License-Identifier: MIT */
/* For programs of tests/host too. */
#pragma once

#include <kernel/xarray.h>

/*
 * Store an entry where the cursor is, with memory that is got outside of the lock. What was there; xas_error() tells
 * the rest.
 */
static inline void *store_at(struct xa_state *xas, void *entry)
{
	void *old;

	do {
		xas_lock(xas);
		old = xas_store(xas, entry);
		xas_unlock(xas);
	} while (xas_nomem(xas, GFP_KERNEL));
	return old;
}
