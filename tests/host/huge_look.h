/* SPDX-License-Identifier: MIT */
/* What the tests of large leaves look at. */
#ifndef TESTS_HOST_HUGE_LOOK_H
#define TESTS_HOST_HUGE_LOOK_H

#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <arch/mmu_sync.h>

/* Of the leaf that maps the address; 0: none does. */
static inline unsigned int level_at(const void *addr)
{
	struct pgtable_leaf at = pgtable_query(&kernel_pgtable, (vaddr_t)addr);

	return at.present ? at.level : 0;
}

static inline void assert_synced(void)
{
	struct pgd_parity parity = pgd_parity_check();

	assert_int_equal(parity.differs + parity.missing, 0);
}

/* Every page of the area is where its array says, whatever leaf it lies in, and is a page of its own. */
static inline void assert_mapped(char *p, unsigned long count)
{
	const struct vm_struct *area = find_vm_area(p);

	assert_int_equal(area->nr_pages, count);
	for (unsigned long n = 0; n < count; n++) {
		assert_ptr_equal(vmalloc_to_page(p + (n << PAGE_SHIFT) + 7), area->pages[n]);
		assert_int_equal(page_count(area->pages[n]), 1);
	}
	assert_int_equal(level_at(p + (count << PAGE_SHIFT)), 0);
	assert_synced();
}

#endif
