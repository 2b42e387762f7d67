/* SPDX-License-Identifier: MIT */
/* A range for a request: from this CPU's cache, or from a hole, after making room if need be. */
#include "mm/kva/space/space.h"

/* Another thread may take the space that we freed. After so many tries this is shortage, not bad luck. */
#define ROOM_TRIES 16

struct vm_range *vm_range_obtain(const struct vm_request *rq)
{
	struct vm_range *range = vm_cache_find(rq);

	if (!range)
		range = vm_range_alloc(rq);
	for (unsigned int i = 0; unlikely(!range) && i < ROOM_TRIES && !(rq->gfp & __GFP_NOWAIT) && vm_make_space();
	     i++) {
		schedule_point("vmalloc:room");
		range = vm_range_alloc(rq);
	}
	while (unlikely(!range) && !(rq->gfp & __GFP_NOWAIT) && vm_purge_notify())
		range = vm_range_alloc(rq);
	return range;
}

/* A range of the rounded size (vm_cache_round); if there is no space for that, of the exact size. */
struct vm_range *vm_range_new_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp)
{
	struct vm_request rq = { .size = vm_cache_round(pages) << PAGE_SHIFT, .align = PAGE_SIZE, .lo = VMALLOC_START,
				 .hi = VMALLOC_END, .kind = kind, .gfp = gfp };
	struct vm_range *range = vm_range_obtain(&rq);

	if (likely(range) || rq.size == pages << PAGE_SHIFT)
		return range;
	rq.size = pages << PAGE_SHIFT;
	return vm_range_obtain(&rq);
}

struct vm_range *vm_range_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp)
{
	struct vm_range *range = vm_cache_get(pages, kind);

	return likely(range) ? range : vm_range_new_anywhere(pages, kind, gfp);
}
