/* SPDX-License-Identifier: MIT */
/* The widths of this target (2 levels). Included by <lib/types.h> only. */
#pragma once

#define BITS_PER_LONG 32

typedef u32 phys_addr_t; /* a physical address that this mode's page tables can express */
