/* SPDX-License-Identifier: MIT */
/* The stretch of RAM around the first slab: kfree() knows without a check that an address there has a struct page. */
#include "mm/slab/slab_internal.h"

struct slab_window slab_window;
static atomic_t opened;

static void grow(void)
{
	unsigned long nr = page_window_extend(slab_window.page, smp_load_acquire(&slab_window.bytes) >> PAGE_SHIFT);

	nr = min(nr, zones[ZONE_NORMAL].end - page_to_pfn(slab_window.page));
	smp_store_release(&slab_window.bytes, nr << PAGE_SHIFT);
}

/* The window begins with the RAM around the first slab. */
static void open(const struct slab *slab)
{
	struct page_window section = page_find_window(virt_to_page(slab));

	if (atomic_xchg(&opened, 1) || !section.nr)
		return;
	slab_window.page = section.first;
	slab_window.start = (vaddr_t)phys_to_virt(page_to_phys(slab_window.page));
	grow();
}

void slab_window_reach(const struct slab *slab)
{
	unsigned long bytes = smp_load_acquire(&slab_window.bytes);

	if (!bytes)
		open(slab);
	else if ((vaddr_t)slab - slab_window.start >= bytes)
		grow();
}

void slab_window_init(void)
{
	memset(&slab_window, 0, sizeof(slab_window));
	atomic_set(&opened, 0);
}
