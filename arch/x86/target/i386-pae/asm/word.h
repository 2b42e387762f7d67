/* SPDX-License-Identifier: MIT */
/* The widths of this target (PAE, 3 levels). Included by <lib/types.h> only. */
#pragma once

#define BITS_PER_LONG 32

typedef u64 phys_addr_t; /* a physical address that this mode's page tables can express */
