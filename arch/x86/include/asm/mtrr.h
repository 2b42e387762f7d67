/* SPDX-License-Identifier: MIT */
/*
 * Memory types by physical address, as firmware has set them in the MTRRs (Intel SDM vol. 3, 12.11). They are read,
 * never written. Pure functions on data; arch/x86/cpu/core/memtype.c reads the registers.
 */
#pragma once

#include <lib/types.h>

#define MTRR_MAX       32	/* most variable ranges that are read; CPUs have 8 to 10 */
#define MTRR_FIXED_END 0x100000 /* below: the fixed ranges, if they are on */

enum mtrr_type { MTRR_UC = 0, MTRR_WC = 1, MTRR_WT = 4, MTRR_WP = 5, MTRR_WB = 6, MTRR_UNDEFINED = 0xff };

struct mtrr_range {
	u64 base, mask; /* covers every address with (address & mask) == (base & mask) */
	u8 type;
};

struct mtrr_state {
	bool enabled, fixed;
	u8 default_type;
	u8 nr;		/* number of ranges that are on */
	bool too_many;	/* there are more than MTRR_MAX: no large leaf is uniform */
	u64 masks;	/* all range[].mask ORed: the lowest bit is the smallest granule */
	struct mtrr_range range[MTRR_MAX];
};

/* The boot CPU's MTRRs; all zeros, and so off, on a CPU without them. */
extern struct mtrr_state mtrr_state;

/* From the registers IA32_MTRRCAP and IA32_MTRR_DEF_TYPE; then each pair of PHYSBASE and PHYSMASK. */
void mtrr_begin(struct mtrr_state *m, u64 cap, u64 def_type);
void mtrr_add(struct mtrr_state *m, u64 physbase, u64 physmask);

/* memtype_uniform() (arch/memtype.h) for these registers. */
bool mtrr_uniform(const struct mtrr_state *m, u64 start, u64 size);
bool mtrr_each_uniform(const struct mtrr_state *m, u64 start, u64 bytes, u64 size);
