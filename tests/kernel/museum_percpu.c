/* SPDX-License-Identifier: MIT */
/* Historic bugs of congruent areas. */
#include "places.h"

#include <kernel/ktest.h>

#define NR 4
#define P  PAGE_SIZE

/* --- 19: what ends above a hole did not move the base down, and the search gave up though a base would do --------- */

static const unsigned long offsets[NR] = { 0, 4 * P, 8 * P, 16 * P };
static const size_t sizes[NR] = { 2 * P, 2 * P, 4 * P, 3 * P };

static struct vm_struct **get_set(void)
{
	struct vm_struct **vms = pcpu_get_vm_areas(offsets, sizes, NR, P);

	EXPECT(vms != NULL);
	for (unsigned int i = 0; vms && i < NR; i++) {
		EXPECT_EQ((vaddr_t)vms[i]->addr - (vaddr_t)vms[0]->addr, offsets[i]);
		EXPECT_EQ(get_vm_area_size(vms[i]), sizes[i]);
	}
	return vms;
}

static void put_set(struct vm_struct **vms)
{
	if (vms)
		pcpu_free_vm_areas(vms, NR);
	vmalloc_shrink();
}

static vaddr_t base_of(struct vm_struct **vms)
{
	return vms ? (vaddr_t)vms[0]->addr : 0;
}

static struct vm_struct *fill_gap(vaddr_t from, vaddr_t to)
{
	struct vm_struct *area = area_at(from, to, to - from - P, 0); /* and its guard page */

	EXPECT(area != NULL);
	return area;
}

KTEST(museum, m19_congruent_areas_in_holes_that_just_fit)
{
	struct vm_struct **vms = get_set(), *gaps[NR];
	vaddr_t base;

	ASSERT(vms);
	base = base_of(vms);
	for (unsigned int i = 0; i < NR - 1; i++)
		gaps[i] = fill_gap(base + offsets[i] + sizes[i], base + offsets[i + 1]);
	put_set(vms);
	vms = get_set(); /* four holes, each just as large as it must be */
	EXPECT_EQ(base_of(vms), base);
	put_set(vms);
	gaps[3] = fill_gap(base + offsets[2], base + offsets[2] + sizes[2]);
	vms = get_set(); /* and now one of them is gone */
	EXPECT(base_of(vms) && base_of(vms) < base);
	put_set(vms);
	for (unsigned int i = 0; i < NR; i++)
		if (gaps[i])
			free_vm_area(gaps[i]);
	EXPECT_EQ(vmalloc_check(), 0);
}
