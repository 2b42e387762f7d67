/* SPDX-License-Identifier: MIT */
/* The numbers of the zones, and the check of their lists (theory: buddy.c). */
#include "mm/page/page_internal.h"

void zone_stats(enum zone_id id, struct zone_stats *out)
{
	struct zone *zone = &zones[id];
	bool flags;

	spin_lock_irqsave(&zone->lock, flags);
	*out = (struct zone_stats) {
		.name = zone_names[id],
		.present = zone->present,
		.offline = zone->offline,
		.free = zone->free,
	};
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
		out->free_blocks[order] = zone->area[order].nr;
	spin_unlock_irqrestore(&zone->lock, flags);
	out->cached = pages_cached(id);
}

static unsigned int fault(const struct zone *zone, const struct page *page, unsigned int order, const char *what)
{
	printk("page_alloc_check: %s: frame %lx (state %u, order %u) on the list of order %u: %s\n",
	       zone_names[zone - zones], page_to_pfn(page), page->state, page->order, order, what);
	return 1;
}

static unsigned int check_block(const struct zone *zone, struct page *page, unsigned int order)
{
	unsigned int faults = 0;

	if (!is_free_block(page, order))
		faults += fault(zone, page, order, "is no head of that order");
	if (&zones[page->zone] != zone)
		faults += fault(zone, page, order, "is of another zone");
	if (!IS_ALIGNED(page_to_pfn(page), 1ul << order))
		return faults + fault(zone, page, order, "is not aligned");
	if (order < MAX_PAGE_ORDER && is_free_block(buddy_of(page, order), order))
		faults += fault(zone, page, order, "has a free buddy");
	for (unsigned long i = 1; i < 1ul << order; i++)
		if (page[i].state != PAGE_TAIL)
			faults += fault(zone, page + i, order, "is no tail");
	return faults;
}

static unsigned int check_area(const struct zone *zone, unsigned int order, unsigned long *pages)
{
	const struct free_area *area = &zone->area[order];
	unsigned int faults = 0;
	unsigned long nr = 0;
	struct page *page;

	list_for_each_entry(page, &area->list, lru) {
		if (++nr > area->nr)
			break; /* a broken list may go in circles */
		faults += check_block(zone, page, order);
	}
	if (nr != area->nr || !area->nr == !!(zone->orders & 1u << order)) {
		printk("page_alloc_check: %s: order %u has %lu blocks or more, counted %lu, in the mask: %u\n",
		       zone_names[zone - zones], order, nr, area->nr, zone->orders >> order & 1);
		faults++;
	}
	*pages += nr << order;
	return faults;
}

static unsigned int check_zone(struct zone *zone)
{
	unsigned int faults = 0;
	unsigned long pages = 0;
	bool flags;

	spin_lock_irqsave(&zone->lock, flags);
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
		faults += check_area(zone, order, &pages);
	if (pages != zone->free || zone->free > zone->present) {
		printk("page_alloc_check: %s: %lu pages on the lists, %lu counted, %lu present\n",
		       zone_names[zone - zones], pages, zone->free, zone->present);
		faults++;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return faults;
}

unsigned int page_alloc_check(void)
{
	unsigned int faults = 0;

	for (unsigned int z = 0; z < NR_ZONES; z++)
		faults += check_zone(&zones[z]);
	return faults;
}
