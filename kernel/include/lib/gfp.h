/* SPDX-License-Identifier: MIT */
/*
 * What an allocation may do, as bits under Linux's names. They are here because code below mm passes them to the
 * allocators that it was given (xarray.h, arch/pgtable.h). <mm/page_alloc.h> says what they mean for pages.
 */
#pragma once

#include <lib/types.h>

typedef unsigned int gfp_t;
#define __GFP_ZERO     0x01u /* clear the pages */
#define __GFP_HIGHMEM  0x02u /* may lie outside the direct map */
#define __GFP_NOWARN   0x04u /* failing is normal here */
#define __GFP_DMA32    0x08u /* below 4 GiB */
#define __GFP_NOWAIT   0x10u /* caller may not wait */
#define __GFP_RESERVE  0x20u /* may use the margin kept for bringing RAM online; mm's own */
#define __GFP_NOFAIL   0x40u /* __vmalloc, kvmalloc: wait until there is memory */
#define __GFP_NORETRY  0x80u /* the caller has another way: do not reclaim what others keep for later */
#define GFP_KERNEL     0u
#define GFP_ATOMIC     __GFP_NOWAIT
#define GFP_NOWAIT     (__GFP_NOWAIT | __GFP_NOWARN)
#define GFP_HIGHUSER   __GFP_HIGHMEM
#define GFP_DMA32      __GFP_DMA32

/* Linux's flags without a meaning here: nothing is written back, accounted, or retried for long. */
#define __GFP_RETRY_MAYFAIL 0u
#define __GFP_ACCOUNT	    0u
#define __GFP_NOLOCKDEP	    0u
#define GFP_NOFS	    GFP_KERNEL
#define GFP_NOIO	    GFP_KERNEL
#define GFP_USER	    GFP_KERNEL
#define GFP_KERNEL_ACCOUNT  GFP_KERNEL

static inline bool gfpflags_allow_blocking(gfp_t gfp) { return !(gfp & __GFP_NOWAIT); }
