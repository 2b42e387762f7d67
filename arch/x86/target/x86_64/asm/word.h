/* SPDX-License-Identifier: MIT */
/* The widths of this target (4 or 5 levels, CPUID decides). Included by <lib/types.h> only. */
#pragma once

#define BITS_PER_LONG 64

typedef u64 phys_addr_t; /* a physical address that this mode's page tables can express */
