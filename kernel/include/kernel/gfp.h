/* SPDX-License-Identifier: MIT */
/*
 * What an allocation may do, as bits under Linux's names. They lie this low because code below mm, which gets its memory
 * handed in, passes them on (xarray.h). What they mean for pages is in <mm/page_alloc.h>.
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
#define GFP_KERNEL     0u
#define GFP_ATOMIC     __GFP_NOWAIT
#define GFP_NOWAIT     (__GFP_NOWAIT | __GFP_NOWARN)
#define GFP_HIGHUSER   __GFP_HIGHMEM

static inline bool gfpflags_allow_blocking(gfp_t gfp) { return !(gfp & __GFP_NOWAIT); }
