/* SPDX-License-Identifier: MIT */
/* Ranks of the locks of mm, for the lock table in page_internal.h. None is taken on top of a higher one. */
#pragma once

/* Multiples of 10, so that a lock can come between two others. */
enum mm_lock_rank {
	RANK_MM_LIST = 10,
	RANK_VMAP_QUEUE = 30,
	RANK_VM_CACHE = 38,
	RANK_MEMTYPE = 45,
	RANK_VM_HOLES = 50,
	RANK_SLAB_LIST = 60,
	RANK_PERCPU = 68, /* handlers take it, on top of any lock of threads */
	RANK_SLAB = 70,
	RANK_ZONE = 80,
};
