/* SPDX-License-Identifier: MIT */
/* Moving pages between the per-CPU lists and the zones in bulk, and counting free pages. */
#include "mm/page/page_list.h"

static DEFINE_PER_CPU(CPU_STACK_ROOM(LIST_PAGES)[NR_LISTS], list_room);
static struct cpu_stack no_room;
struct cpu_stack *page_stack[NR_LISTS][MAX_CPUS];
unsigned int page_high_list = LIST_LOW;

void page_lists_init(void)
{
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
		page_stack[LIST_LOW][cpu] = page_stack[LIST_HIGH][cpu] = &no_room;
	if (memblock_end_of_ram() > arch_lowmem_limit())
		page_high_list = LIST_HIGH;
}

/* How many pages of the zone a request may take. */
static unsigned long zone_available(const struct zone *zone, gfp_t gfp)
{
	unsigned long margin = page_offline_left() && !(gfp & __GFP_RESERVE) ? ONLINE_MARGIN_PAGES : 0;

	return zone->free > margin ? zone->free - margin : 0;
}

/* If the zone is low and more RAM for it is offline, bring some online. */
static void zone_keep_up(enum zone_id z, gfp_t gfp)
{
	if (READ_ONCE(zones[z].offline) && READ_ONCE(zones[z].free) < ZONE_LOW_PAGES && may_wait(gfp))
		page_online_next(z, false);
}

static struct page *zone_block(enum zone_id z, gfp_t gfp, unsigned int order)
{
	struct zone *zone = &zones[z];
	struct page *page = NULL;
	bool flags;

	zone_keep_up(z, gfp);
	spin_lock_irqsave(&zone->lock, flags);
	if (zone_available(zone, gfp) >= 1ul << order)
		page = zone_take_locked(zone, order);
	spin_unlock_irqrestore(&zone->lock, flags);
	return page;
}

static unsigned long zone_bulk(enum zone_id z, gfp_t gfp, unsigned long n, enum page_state state, struct page **pages)
{
	struct zone *zone = &zones[z];
	unsigned long got;
	bool flags;

	zone_keep_up(z, gfp);
	spin_lock_irqsave(&zone->lock, flags);
	got = zone_take_bulk_locked(zone, min(n, zone_available(zone, gfp)), state, pages);
	spin_unlock_irqrestore(&zone->lock, flags);
	return got;
}

struct page *take_block(gfp_t gfp, unsigned int order)
{
	struct page *page = NULL;

	for (int z = (int)highest_zone(gfp); z >= 0 && !page; z--)
		page = zone_block((enum zone_id)z, gfp, order);
	return page;
}

unsigned long take_bulk(gfp_t gfp, unsigned long n, enum page_state state, struct page **pages)
{
	unsigned long got = 0;

	for (int z = (int)highest_zone(gfp); z >= 0 && !got; z--)
		got = zone_bulk((enum zone_id)z, gfp, n, state, pages);
	return got;
}

void put_block(struct page *page, unsigned int order)
{
	struct zone *zone = &zones[page->zone];
	bool flags;

	spin_lock_irqsave(&zone->lock, flags);
	zone_put_locked(zone, page, order);
	spin_unlock_irqrestore(&zone->lock, flags);
}

void put_run(struct page *page, unsigned long n)
{
	struct zone *zone = &zones[page->zone];
	bool flags;

	spin_lock_irqsave(&zone->lock, flags);
	zone_put_run_locked(zone, page, n);
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* How many of the n pages lie side by side in one zone, from the first on. These become PAGE_TAIL. */
static unsigned long list_run(struct page **pages, unsigned long n)
{
	struct page *page = pages[0];
	unsigned long run = 0;

	do
		WRITE_ONCE(page[run].state, PAGE_TAIL);
	while (++run < n && pages[run] == page + run && page[run].zone == page->zone);
	return run;
}

/* Give back the n oldest pages of a stack, taking a zone's lock once for all in a row of that zone. Interrupts off. */
static void list_drain(struct cpu_stack *stack, unsigned long n)
{
	struct page **pages = (struct page **)stack->item;
	struct zone *zone = NULL;

	for (unsigned long i = 0, run; i < n; i += run) {
		struct page *page = pages[i];

		if (zone != &zones[page->zone]) {
			if (zone)
				spin_unlock(&zone->lock);
			zone = &zones[page->zone];
			spin_lock(&zone->lock);
		}
		run = list_run(&pages[i], n - i);
		zone_put_run_locked(zone, page, run);
	}
	if (zone)
		spin_unlock(&zone->lock);
	stack->count -= n;
	memmove(&pages[0], &pages[n], stack->count * sizeof(pages[0]));
}

struct cpu_stack *list_provide(unsigned int list)
{
	struct cpu_stack *stack = page_stack_here(list);

	if (stack == &no_room) {
		stack = &this_cpu_ptr(&list_room[list])->stack;
		stack->capacity = LIST_PAGES;
		page_stack[list][smp_processor_id()] = stack;
	}
	return stack;
}

struct cpu_stack *list_make_room(unsigned int list)
{
	struct cpu_stack *stack = list_provide(list);

	if (stack->count == LIST_PAGES)
		list_drain(stack, LIST_BATCH);
	return stack;
}

void drain_this_cpu(void *unused)
{
	bool flags = arch_local_irq_save();

	(void)unused;
	for (unsigned int i = 0; i < NR_LISTS; i++) {
		struct cpu_stack *stack = page_stack_here(i);

		if (stack->count)
			list_drain(stack, stack->count);
	}
	local_irq_restore(flags);
}

void drain_page_lists(void)
{
	if (irqs_disabled())
		drain_this_cpu(NULL);
	else
		on_each_cpu(drain_this_cpu, NULL, true);
}

/* How many pages of the zone are on a stack, which its CPU may change meanwhile. */
static unsigned long stacked(const struct cpu_stack *stack, enum zone_id zone)
{
	unsigned long sum = 0;

	for (unsigned long i = 0; i < READ_ONCE(stack->count); i++) {
		const struct page *page = READ_ONCE(stack->item[i]);

		sum += page && page->zone == zone; /* NULL: its CPU has counted a page and not yet written it */
	}
	return sum;
}

unsigned long pages_cached(enum zone_id zone)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_online_cpu(cpu)
		for (unsigned int i = 0; i < NR_LISTS; i++)
			sum += stacked(READ_ONCE(page_stack[i][cpu]), zone);
	return sum;
}

unsigned long nr_free_pages(void)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for (unsigned int z = 0; z < NR_ZONES; z++)
		sum += READ_ONCE(zones[z].free) + READ_ONCE(zones[z].offline);
	for_each_online_cpu(cpu)
		for (unsigned int i = 0; i < NR_LISTS; i++)
			sum += READ_ONCE(READ_ONCE(page_stack[i][cpu])->count);
	return sum;
}
