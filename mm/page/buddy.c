/* SPDX-License-Identifier: MIT */
/*
 * Zones and their free blocks: the buddy system (Knowlton 1965; Knuth, TAOCP vol. 1, 2.5).
 *
 * 1. A block is 2^order frames, aligned to its size. It can merge only with its buddy, whose frame number differs in
 *    bit `order` alone. So one look at one struct page tells whether a block can merge:
 *
 *	frame	  8    9   10   11   12   13   14   15
 *		[FREE TAIL TAIL TAIL|USED|FREE|FREE TAIL]	order 2 at 8, 0 at 13, 1 at 14
 *		 └── buddies of order 2 ──┘
 *
 * 2. Only heads carry meaning. A frame inside a block is PAGE_TAIL, whether the block is free or allocated. So taking
 *    and splitting a block of 1024 frames writes a few heads and not 1024 states.
 *
 * 3. Struct pages exist for whole blocks of MAX_PAGE_ORDER (page_online.c), so a buddy always has one. Frames that are
 *    not usable RAM are PAGE_HOLE and never FREE.
 *
 * 4. Blocks do not cross zones, because the borders of zones are aligned to the largest block.
 */
#include "mm/page/page_internal.h"

struct zone zones[NR_ZONES];

const char *const zone_names[NR_ZONES] = { "DMA32", "Normal", "HighMem" };

void zones_init(void)
{
	unsigned long lowmem = (unsigned long)(arch_lowmem_limit() >> PAGE_SHIFT);
	unsigned long dma32 = sizeof(long) == 8 ? 1ul << (32 - PAGE_SHIFT) : 0;
	const unsigned long end[NR_ZONES] = { min(dma32, lowmem), lowmem, ~0ul };

	BUG_ON(lowmem % (1ul << MAX_PAGE_ORDER) && memblock_end_of_ram() > arch_lowmem_limit());
	for (unsigned int z = 0; z < NR_ZONES; z++) {
		struct zone *zone = &zones[z];

		*zone = (struct zone) { .end = end[z] };
		spin_lock_init_ranked(&zone->lock, zone_names[z], RANK_ZONE);
		for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
			INIT_LIST_HEAD(&zone->area[order].list);
	}
}

static void area_add(struct zone *zone, struct page *page, unsigned int order)
{
	page->state = PAGE_FREE;
	page->order = order;
	list_add(&page->lru, &zone->area[order].list);
	zone->area[order].nr++;
	zone->orders |= 1u << order;
}

static void area_remove(struct zone *zone, struct page *page, unsigned int order)
{
	page->state = PAGE_TAIL;
	list_del(&page->lru);
	if (--zone->area[order].nr == 0)
		zone->orders &= ~(1u << order);
}

struct page *zone_take_locked(struct zone *zone, unsigned int order)
{
	unsigned int fitting = zone->orders & ~0u << order;
	unsigned int have;
	struct page *page;

	if (!fitting)
		return NULL;
	have = __ffs(fitting);
	page = list_first_entry(&zone->area[have].list, struct page, lru);
	area_remove(zone, page, have);
	while (have > order) {
		have--;
		area_add(zone, page + (1ul << have), have);
	}
	zone->free -= 1ul << order;
	return page;
}

/*
 * The order of the next block for a bulk request. The smallest blocks go first, so that large ones stay. Blocks below
 * `least` cost more than they give, so they go only for the last pages, or when nothing else is left. No block is
 * larger than what is still wanted.
 */
static unsigned int next_order(const struct zone *zone, unsigned long wanted, unsigned int least)
{
	unsigned int most = (unsigned int)ilog2(wanted), worth = zone->orders & ~0u << min(least, most);
	unsigned int smallest = __ffs(worth ? worth : zone->orders);

	return min(smallest, most);
}

unsigned long zone_take_bulk_locked(struct zone *zone, unsigned long n, enum page_state state, struct page **pages)
{
	u64 head = page_head(state, (u8)(zone - zones), state == PAGE_USED);
	unsigned int least = state == PAGE_USED ? RUN_ORDER : 0;
	struct page **end = pages + n, **next = pages;

	while (next < end && zone->orders) {
		unsigned int order = next_order(zone, (unsigned long)(end - next), least);
		struct page *page = zone_take_locked(zone, order);

		for (struct page **stop = next + (1ul << order); next < stop; page++) {
			page_set_head(page, head);
			page->private = 0;
			*next++ = page;
		}
	}
	return (unsigned long)(next - pages);
}

void zone_put_locked(struct zone *zone, struct page *page, unsigned int order)
{
	zone->free += 1ul << order;
	page->state = PAGE_TAIL;
	for (; order < MAX_PAGE_ORDER; order++) {
		struct page *buddy = buddy_of(page, order);

		if (!is_free_block(buddy, order))
			break;
		area_remove(zone, buddy, order);
		page = min(page, buddy);
	}
	area_add(zone, page, order);
}

/* Largest block that starts at `start` and ends by `end`. */
static unsigned int block_order(unsigned long start, unsigned long end)
{
	unsigned int order = __ffs(start | 1ul << MAX_PAGE_ORDER);

	return min_t(unsigned int, order, ilog2(end - start));
}

void zone_put_run_locked(struct zone *zone, struct page *page, unsigned long n)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + n;

	while (pfn < end) {
		unsigned int order = block_order(pfn, end);

		zone_put_locked(zone, pfn_to_page(pfn), order);
		pfn += 1ul << order;
	}
}

void zones_add_range(unsigned long start, unsigned long end)
{
	while (start < end) {
		unsigned int order = block_order(start, end);
		struct zone *zone = &zones[pfn_zone(start)];
		bool flags;

		spin_lock_irqsave(&zone->lock, flags);
		zone_put_locked(zone, pfn_to_page(start), order);
		zone->present += 1ul << order;
		spin_unlock_irqrestore(&zone->lock, flags);
		start += 1ul << order;
	}
}
