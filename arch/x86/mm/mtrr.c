/* SPDX-License-Identifier: MIT */
/*
 * Do the MTRRs allow a large leaf here? If a leaf spans two types, a CPU may treat all of it as either. So there is one
 * rule: a large leaf needs one type over all of it.
 *
 * Leaves are powers of two in size and alignment. An MTRR range is the set of addresses that agree with its base in the
 * bits of its mask. So a leaf of 2^n bytes lies wholly inside or outside of a range whose mask has no bit below n. If
 * the mask has such a bit, and the bits above agree, the range covers only a part of the leaf.
 */
#include <arch/memtype.h>
#include <asm/mtrr.h>

#define CAP_FIXED    (1u << 8)
#define DEF_FIXED    (1u << 10)
#define DEF_ENABLED  (1u << 11)
#define MASK_VALID   (1u << 11)
#define TYPE_BITS    0xff
#define ADDRESS_BITS (~0xfffull)

struct mtrr_state mtrr_state __ro_after_init;

void mtrr_begin(struct mtrr_state *m, u64 cap, u64 def_type)
{
	*m = (struct mtrr_state){
		.enabled = def_type & DEF_ENABLED,
		.fixed = (cap & CAP_FIXED) && (def_type & DEF_FIXED),
		.default_type = def_type & TYPE_BITS,
	};
}

void mtrr_add(struct mtrr_state *m, u64 physbase, u64 physmask)
{
	if (!(physmask & MASK_VALID))
		return;
	if (m->nr == MTRR_MAX) {
		m->too_many = true;
		return;
	}
	m->range[m->nr++] =
		(struct mtrr_range){ physbase & ADDRESS_BITS, physmask & ADDRESS_BITS, physbase & TYPE_BITS };
	m->masks |= physmask & ADDRESS_BITS;
}

/* The type of an address that two ranges cover. */
static u8 combine(u8 a, u8 b)
{
	if (a == b)
		return a;
	if (a == MTRR_UC || b == MTRR_UC)
		return MTRR_UC;
	if ((a == MTRR_WT && b == MTRR_WB) || (a == MTRR_WB && b == MTRR_WT))
		return MTRR_WT;
	return MTRR_UNDEFINED;
}

/* Does the range cover any of the leaf at `start`? low: the leaf's size - 1. */
static bool touches(const struct mtrr_range *r, u64 start, u64 low)
{
	return !((start ^ r->base) & r->mask & ~low);
}

/* *type: what the ranges that cover the whole leaf make of it. False: there are none; it is the default type. */
static bool whole_type(const struct mtrr_state *m, u64 start, u64 low, u8 *type)
{
	bool any = false;

	*type = m->default_type;
	for (unsigned int i = 0; i < m->nr; i++) {
		const struct mtrr_range *r = &m->range[i];

		if ((r->mask & low) || !touches(r, start, low))
			continue;
		*type = any ? combine(*type, r->type) : r->type;
		any = true;
	}
	return any;
}

/* Would this range, over a part of the leaf, change the type of that part? Any range overrides the default type. */
static bool changes(const struct mtrr_range *r, u8 whole, bool ranged)
{
	return (ranged ? combine(whole, r->type) : r->type) != whole;
}

/*
 * True: no range border can lie inside a leaf of this size, or the MTRRs are off. This is the usual case: firmware uses
 * few and large ranges.
 */
static inline bool nothing_so_small(const struct mtrr_state *m, u64 start, u64 low)
{
	return !m->enabled || (!m->too_many && !(m->fixed && start < MTRR_FIXED_END) && !(m->masks & low));
}

bool mtrr_uniform(const struct mtrr_state *m, u64 start, u64 size)
{
	u64 low = size - 1;
	bool ranged;
	u8 whole;

	if (nothing_so_small(m, start, low))
		return true;
	if (m->too_many || (m->fixed && start < MTRR_FIXED_END))
		return false;
	ranged = whole_type(m, start, low, &whole);
	for (unsigned int i = 0; i < m->nr; i++)
		if ((m->range[i].mask & low) && touches(&m->range[i], start, low) &&
		    changes(&m->range[i], whole, ranged))
			return false;
	return true;
}

bool mtrr_each_uniform(const struct mtrr_state *m, u64 start, u64 bytes, u64 size)
{
	if (nothing_so_small(m, start, size - 1))
		return true;
	for (u64 at = 0; at < bytes; at += size)
		if (!mtrr_uniform(m, start + at, size))
			return false;
	return true;
}

bool memtype_each_uniform(u64 start, u64 bytes, u64 size)
{
	return mtrr_each_uniform(&mtrr_state, start, bytes, size);
}

bool memtype_uniform(u64 start, u64 size)
{
	return mtrr_uniform(&mtrr_state, start, size);
}
