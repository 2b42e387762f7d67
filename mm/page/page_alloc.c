/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's front: per-CPU lists of single pages, and what happens when memory runs short.
 *
 *	alloc_page ─> this CPU's list ─(empty: a batch)─> zones, from the highest allowed down ─(low)─> bring RAM online
 *	__free_page ─> this CPU's list ─(full: a batch)─> zone of each page
 *
 * The fast paths take no lock: each CPU's list is a stack of its own (arch/cpu_stack.h), and they touch only that and
 * the page. Each CPU has two lists: lowmem (DMA32 and NORMAL) and highmem. A request that needs DMA32 goes to the zone
 * directly.
 */
#include "mm/page/page_list.h"

static unsigned long failures;
static void (*memory_short)(void) __ro_after_init; /* see page_on_shortage() */

/* --- allocating --------------------------------------------------------------------------------------------------- */

/* Fill this CPU's list with a batch and take one. */
static struct page *list_refill(gfp_t gfp)
{
	struct page *batch[LIST_BATCH];
	unsigned long n = take_bulk(gfp, LIST_BATCH, PAGE_CACHED, batch), i;
	struct cpu_stack *stack;
	bool flags;

	if (!n)
		return NULL;
	flags = arch_local_irq_save(); /* the thread may have moved to another CPU, whose list may be full */
	stack = list_provide(list_for_alloc(gfp));
	for (i = 1; i < n && stack->count < LIST_PAGES; i++)
		stack->item[stack->count++] = batch[i];
	local_irq_restore(flags);
	for (; i < n; i++)
		put_block(batch[i], 0);
	return batch[0];
}

static struct page *take(gfp_t gfp, unsigned int order)
{
	if (order == 0 && !needs_dma32(gfp))
		return list_refill(gfp);
	return take_block(gfp, order);
}

void page_on_shortage(void (*call)(void))
{
	WRITE_ONCE(memory_short, call);
}

static void say_memory_short(void)
{
	void (*call)(void) = READ_ONCE(memory_short);

	if (call)
		call();
}

/* No block was found. Bring RAM online; if there is none, collect the CPUs' lists, once. True: try again. */
static bool make_room(gfp_t gfp, bool *drained)
{
	for (int z = (int)highest_zone(gfp); z >= 0 && may_wait(gfp); z--)
		if (READ_ONCE(zones[z].offline) && page_online_next((enum zone_id)z, true))
			return true;
	if (*drained)
		return false;
	*drained = true;
	if (!(gfp & __GFP_NORETRY)) /* such a caller has another way */
		say_memory_short();
	if (may_wait(gfp))
		drain_page_lists();
	else
		drain_this_cpu(NULL);
	return true;
}

static void report_failure(gfp_t gfp, unsigned int order)
{
	if (gfp & __GFP_NOWARN)
		return;
	failures++;
	if (is_power_of_2(failures))
		pr_warn("page allocation failed: order %u, flags %x, %lu pages free (failure %lu)\n", order, gfp,
		       nr_free_pages(), failures);
}

static __noinline struct page *alloc_slow(gfp_t gfp, unsigned int order)
{
	bool drained = false;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	do
		page = take(gfp, order);
	while (!page && make_room(gfp, &drained));
	if (!page)
		report_failure(gfp, order);
	return page;
}

static __noinline void clear_pages(struct page *page, unsigned int order)
{
	for (unsigned long i = 0; i < 1ul << order; i++) {
		void *addr = kmap_local_page(page + i);

		arch_clear_page(addr);
		kunmap_local(addr);
	}
}

static __noinline struct page *get_any_block(gfp_t gfp, unsigned int order)
{
	struct page *page = NULL;

	if (likely(order == 0 && !needs_dma32(gfp)))
		page = cpu_stack_pop(page_stack[list_for_alloc(gfp)]);
	if (unlikely(!page)) {
		page = alloc_slow(gfp, order);
		if (!page)
			return NULL;
	}
	hand_out(page, order);
	pages_given(page, 1ul << order);
	if (gfp & __GFP_ZERO)
		clear_pages(page, order);
	return page;
}

/* The usual case: one page of this CPU's list, not cleared. get_any_block() does the rest. */
static inline struct page *get_block(gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (unlikely(order || needs_dma32(gfp) || gfp & __GFP_ZERO))
		return get_any_block(gfp, order);
	page = cpu_stack_pop(page_stack[list_for_alloc(gfp)]);
	if (unlikely(!page))
		return get_any_block(gfp, order);
	hand_out_cached(page);
	pages_given(page, 1);
	return page;
}

struct page *alloc_pages_uninjected(gfp_t gfp, unsigned int order)
{
	might_alloc(gfp);
	return get_block(gfp, order);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	might_alloc(gfp);
	if (inject_fails(INJECT_PAGE))
		return NULL;
	return get_block(gfp, order);
}

struct page *alloc_pages_split(gfp_t gfp, unsigned int order)
{
	struct page *first = alloc_pages(gfp, order);

	if (first && order)
		WRITE_ONCE(first->state, PAGE_WHOLE);
	return first;
}

/*
 * Take the last n pages of this CPU's list, or all of it, oldest first. So pages that were side by side stay in order.
 */
static unsigned long list_pop_many(gfp_t gfp, unsigned long n, struct page **pages)
{
	bool flags = arch_local_irq_save();
	struct cpu_stack *stack = page_stack_here(list_for_alloc(gfp));
	unsigned long got = min(n, stack->count);
	struct page **from = (struct page **)&stack->item[stack->count - got];

	for (unsigned long i = 0; i < got; i++) {
		pages[i] = from[i];
		hand_out_cached(from[i]);
	}
	if (got) /* a stack without room is shared by all CPUs and never written */
		stack->count -= got;
	local_irq_restore(flags);
	return got;
}

/* Take several pages at once: many from the zones, few from this CPU's list. Returns how many; 0: use alloc_pages(). */
static unsigned long alloc_bulk_fast(gfp_t gfp, unsigned long n, struct page **pages)
{
	unsigned long got = 0;

	if (n >= RUN_MIN)
		got = take_bulk(gfp, min(n, 1ul << MAX_PAGE_ORDER), PAGE_USED, pages);
	else if (!needs_dma32(gfp))
		got = list_pop_many(gfp, n, pages);
	for (unsigned long i = 0; i < got; i++)
		pages_given(pages[i], 1);
	for (unsigned long i = 0; gfp & __GFP_ZERO && i < got; i++)
		clear_pages(pages[i], 0);
	return got;
}

static __noinline unsigned long alloc_several(gfp_t gfp, unsigned long n, struct page **pages)
{
	bool one_by_one = CONFIG_FAULT_INJECT && READ_ONCE(inject_armed); /* each page is an allocation that may fail */
	unsigned long got = 0;

	while (got < n) {
		unsigned long more = one_by_one ? 0 : alloc_bulk_fast(gfp, n - got, pages + got);

		if (!more) {
			pages[got] = alloc_pages(gfp, 0);
			more = pages[got] != NULL;
		}
		if (!more)
			break;
		got += more;
	}
	return got;
}

unsigned long alloc_page_array(gfp_t gfp, unsigned long n, struct page **pages)
{
	might_alloc(gfp);
	if (n != 1)
		return alloc_several(gfp, n, pages);
	pages[0] = alloc_pages(gfp, 0);
	return pages[0] != NULL;
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp & ~__GFP_HIGHMEM, order);

	return page ? (unsigned long)page_address(page) : 0;
}

/* --- freeing ------------------------------------------------------------------------------------------------------ */

static __noinline void report_bad_free(const struct page *page, unsigned int order)
{
	static const char *const states[] = { "no RAM", "reserved", "free already", "inside a block", "free already",
					      "allocated", "a slab", "a page table", "one of several in a block" };

	WARN_ONCE(true, "free of frame %lx, order %u, refused: it is %s%s (order %u, flags %u, %d users)",
		  page_to_pfn(page), order, page->state < ARRAY_SIZE(states) ? states[page->state] : "damaged",
		  block_is_marked(page, order) ? ", and set_memory has changed how it is mapped" : "", page->order,
		  page->flags, atomic_read(&page->refcount));
}

/* Drop one user. True: it was the last, and the caller frees the block. */
static inline bool last_user(struct page *page, unsigned int order)
{
	if (unlikely(page->state != PAGE_USED || page->order != order || page->flags ||
		     (order && block_is_marked(page, order)))) {
		report_bad_free(page, order);
		return false;
	}
	if (unlikely(atomic_read(&page->refcount) != 1) && !atomic_dec_and_test(&page->refcount))
		return false;
	atomic_set(&page->refcount, 0);
	return true;
}

/* last_user() for a single page with one user, in one comparison. True: the page is free now, and PAGE_CACHED. */
static inline bool only_user(struct page *page)
{
	if (unlikely(!page_head_is(page, ~PAGE_HEAD_ZONE, page_head(PAGE_USED, 0, 1))))
		return false;
	page_flip_head(page, page_head(PAGE_USED, 0, 1) ^ page_head(PAGE_CACHED, 0, 0));
	return true;
}

/* Put the page on this CPU's list, making room if need be. */
static __noinline void list_push(struct page *page)
{
	bool flags = arch_local_irq_save();
	struct cpu_stack *stack = list_make_room(list_for_free(page));

	stack->item[stack->count++] = page;
	local_irq_restore(flags);
}

static __noinline void free_any_block(struct page *page, unsigned int order)
{
	page_make_single(page);
	if (!last_user(page, order))
		return;
	pages_taken(page, 1ul << order);
	if (order) {
		put_block(page, order);
		return;
	}
	WRITE_ONCE(page->state, PAGE_CACHED);
	list_push(page);
}

static inline void free_block(struct page *page, unsigned int order)
{
	if (unlikely(order || !only_user(page))) {
		free_any_block(page, order);
		return;
	}
	pages_taken(page, 1);
	if (unlikely(!cpu_stack_push(page_stack[list_for_free(page)], page)))
		list_push(page);
}

void __free_pages(struct page *page, unsigned int order)
{
	free_block(page, order);
}

/* Do RUN_MIN pages side by side begin here? A guess: it does not look at the pages in between. */
static inline bool starts_run(struct page **pages, unsigned long n)
{
	return n >= RUN_MIN && pages[RUN_MIN - 1] == pages[0] + (RUN_MIN - 1);
}

/*
 * Free the pages that lie side by side, from the first on, and have one user each; they go to their zone together.
 * Returns how many; 0: the first is not such a page. One comparison a page checks all that last_user() checks, and the
 * zone.
 */
static __noinline unsigned long free_run(struct page **pages, unsigned long n)
{
	struct page *page = pages[0];
	u64 used = page_head(PAGE_USED, page->zone, 1), gone = page_head(PAGE_TAIL, page->zone, 0);
	unsigned long run = 0;

	for (; run < n && pages[run] == page + run && page_head_is(page + run, ~0ull, used); run++)
		page_set_head(page + run, gone);
	if (run) {
		pages_taken(page, run);
		put_run(page, run);
	}
	return run;
}

/* Free pages to this CPU's list until a run starts. Returns how many, at least one. */
static unsigned long free_scattered(struct page **pages, unsigned long n)
{
	unsigned long done = 0;

	do
		free_block(pages[done], 0);
	while (++done < n && !starts_run(pages + done, n - done));
	return done;
}

static __noinline void free_several(struct page **pages, unsigned long n)
{
	while (n) {
		unsigned long most = min(n, 1ul << MAX_PAGE_ORDER); /* bounds the time with interrupts off */
		unsigned long done = starts_run(pages, n) ? free_run(pages, most) : 0;

		if (!done)
			done = free_scattered(pages, n);
		pages += done;
		n -= done;
	}
}

void free_page_array(struct page **pages, unsigned long n)
{
	if (n == 1)
		__free_pages(pages[0], 0);
	else
		free_several(pages, n);
}

void free_pages(unsigned long addr, unsigned int order)
{
	struct page *page;

	if (!addr)
		return;
	page = virt_to_page_checked((void *)addr);
	if (WARN_ONCE(!page || offset_in_page(addr), "free_pages(%lx): not the address of a page", addr))
		return;
	__free_pages(page, order);
}

void get_page(struct page *page)
{
	page_make_single(page);
	if (WARN_ONCE(page->state != PAGE_USED, "get_page of frame %lx in state %u", page_to_pfn(page), page->state))
		return;
	atomic_inc(&page->refcount);
}

void put_page(struct page *page)
{
	page_make_single(page);
	__free_pages(page, page->order);
}

void page_alloc_init(void)
{
	zones_init();
	page_lists_init();
	page_online_init();
	printk("memory: %lu MiB of RAM, %lu MiB free, of which %lu MiB come online when needed\n",
	       totalram_pages() >> (20 - PAGE_SHIFT), nr_free_pages() >> (20 - PAGE_SHIFT),
	       (zones[ZONE_DMA32].offline + zones[ZONE_NORMAL].offline + zones[ZONE_HIGHMEM].offline) >>
		       (20 - PAGE_SHIFT));
}
