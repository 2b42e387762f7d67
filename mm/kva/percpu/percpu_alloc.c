/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory made at run time.
 *
 * 1. A chunk is a set of congruent areas (vm_congruent.c): one unit for each possible CPU. An object has the same
 *    offset in every unit. Units have the same distances as the areas of the CPUs' static variables, so one offset a
 *    CPU leads to both (<kernel/percpu.h>). The page between two units is never mapped: no other area is so small.
 *
 *	unit of the first CPU	    + distance of the second	+ distance of the third
 *	| . [ a ] . b |!|	    | . [ a ] . b |!|		| . [ a ] . b |!|
 *
 * 2. Objects share chunks; percpu_space.c finds room in a bounded time. A chunk without objects is destroyed at once,
 *    with its pages. If the caller of free_percpu() may not sleep, a work item does that.
 *
 * 3. The n-th page of all units is allocated and mapped together, when the first object needs it. Every process has the
 *    mapping before the allocation returns, so the object may be used in any handler. Pages stay as long as their
 *    chunk.
 *
 * 4. A caller that may not sleep gets an object in pages that exist already. If none has room, it gets the reserve, cut
 *    to size. The reserve is an unused object of a page or more. A work item makes it after the first such shortage.
 *
 * 5. Locks. percpu_lock protects space, counts and the marks of pages. It is held for some hundred instructions with
 *    interrupts off, however many chunks there are. Chunks and pages are made under populate_lock, a mutex. A chunk
 *    with an object cannot go meanwhile. Objects are zeroed without a lock, because the caller owns them by then.
 */
#include "mm/kva/percpu/percpu_internal.h"

static vaddr_t distance[MAX_CPUS] __ro_after_init; /* of each unit from the first one */
static vaddr_t first_offset __ro_after_init;	   /* of the CPU that has the first unit */
static unsigned int nr_units;

static DEFINE_MUTEX(populate_lock);
static DEFINE_RANKED_SPINLOCK(percpu_lock, RANK_PERCPU);
static LIST_HEAD(empty_chunks); /* to be destroyed */
static struct percpu_alloc_stats stats;
static void *reserve;		   /* an object that nobody uses */
static unsigned int reserve_wanted; /* granules; 0: there was no shortage yet */

static void work_later(struct work_struct *work);
static struct work_struct later = { .fn = work_later };

/* Units are numbered in the order of CPU numbers; their addresses may come in another order. */
void percpu_alloc_init(void)
{
	unsigned int cpu;

	first_offset = per_cpu_offset[cpumask_next(-1, cpu_possible_mask)];
	for_each_possible_cpu(cpu)
		first_offset = min(first_offset, per_cpu_offset[cpu]);
	nr_units = 0;
	for_each_possible_cpu(cpu) {
		distance[nr_units] = per_cpu_offset[cpu] - first_offset;
		BUG_ON(distance[nr_units] % PERCPU_STRIDE);
		nr_units++;
	}
}

struct percpu_alloc_stats percpu_alloc_stats(void)
{
	struct percpu_alloc_stats copy;
	bool flags;

	spin_lock_irqsave(&percpu_lock, flags);
	copy = stats;
	spin_unlock_irqrestore(&percpu_lock, flags);
	return copy;
}

unsigned int percpu_alloc_check(void)
{
	struct percpu_alloc_stats found;
	unsigned int faults = percpu_space_check(&found);

	if (found.chunks == stats.chunks && found.bytes == stats.bytes && found.pages == stats.pages)
		return faults;
	printk("percpu_alloc_check: %lu chunks, %lu bytes, %lu pages; %lu, %lu, %lu were counted\n", found.chunks,
	       found.bytes, found.pages, stats.chunks, stats.bytes, stats.pages);
	return faults + 1;
}

/* The per-CPU pointer that the caller gets: the address of the object in the first unit, minus that unit's offset. */
static void *pointer_to(const struct percpu_place *place)
{
	return (void *)(place->chunk->base + ((vaddr_t)place->at << GRANULE_SHIFT) - first_offset);
}

static vaddr_t first_instance(const void *ptr) { return (vaddr_t)ptr + first_offset; }

static unsigned int to_granules(size_t bytes) { return (unsigned int)DIV_ROUND_UP(bytes, 1u << GRANULE_SHIFT); }

/* --- pages -------------------------------------------------------------------------------------------------------- */

static vaddr_t unit_page(const struct percpu_chunk *chunk, unsigned int unit, unsigned int n)
{
	return chunk->base + distance[unit] + ((vaddr_t)n << PAGE_SHIFT);
}

/* Map page n of every unit; on failure none is left. */
static int map_in_units(const struct percpu_chunk *chunk, unsigned int n, struct page **pages)
{
	int err = 0;

	for (unsigned int unit = 0; unit < nr_units && !err; unit++)
		err = vm_map_pages(unit_page(chunk, unit, n), pages + unit, 1, PAGE_KERNEL, GFP_KERNEL);
	for (unsigned int unit = 0; unit < nr_units && err; unit++)
		vm_unmap(unit_page(chunk, unit, n), unit_page(chunk, unit, n + 1));
	return err;
}

static void mark_populated(struct percpu_chunk *chunk, unsigned int n, struct page **pages)
{
	bool flags;

	chunk->page[n] = pages;
	spin_lock_irqsave(&percpu_lock, flags);
	__set_bit(n, chunk->populated);
	stats.pages++;
	spin_unlock_irqrestore(&percpu_lock, flags);
}

/* Allocate and map page n of every unit. -ENOMEM. Under populate_lock. */
static int populate_page(struct percpu_chunk *chunk, unsigned int n, gfp_t gfp)
{
	struct page **pages = kcalloc(nr_units, sizeof(*pages), gfp);
	unsigned long got = pages ? alloc_page_array(gfp | __GFP_HIGHMEM, nr_units, pages) : 0;

	if (got == nr_units && !map_in_units(chunk, n, pages)) {
		mark_populated(chunk, n, pages);
		return 0;
	}
	free_page_array(pages, got);
	kfree(pages);
	return -ENOMEM;
}

static unsigned int first_page(const struct percpu_place *place) { return place->at / PAGE_GRANULES; }
static unsigned int end_page(const struct percpu_place *place)
{
	return (place->at + place->n - 1) / PAGE_GRANULES + 1;
}

/* Make sure that all pages of the place exist; it keeps the chunk. -ENOMEM: some are missing. Under populate_lock. */
static int populate(const struct percpu_place *place, gfp_t gfp)
{
	int err = 0;

	for (unsigned int n = first_page(place); n < end_page(place) && !err; n++)
		if (!place->chunk->page[n])
			err = populate_page(place->chunk, n, gfp);
	return err;
}

static void free_unit_pages(const struct percpu_chunk *chunk)
{
	for (unsigned int n = 0; n < UNIT_PAGES; n++) {
		if (chunk->page[n])
			free_page_array(chunk->page[n], nr_units);
		kfree(chunk->page[n]);
	}
}

/* Clear the place in all units, through the direct map or kmap. */
static void clear_instances(const struct percpu_place *place)
{
	size_t end = (size_t)(place->at + place->n) << GRANULE_SHIFT, next;

	for (size_t from = (size_t)place->at << GRANULE_SHIFT; from < end; from = next) {
		struct page **pages = place->chunk->page[from >> PAGE_SHIFT];

		next = min(end, (size_t)ALIGN_DOWN(from, PAGE_SIZE) + PAGE_SIZE);
		for (unsigned int unit = 0; unit < nr_units; unit++) {
			char *page = kmap_local_page(pages[unit]);

			memset(page + offset_in_page(from), 0, next - from);
			kunmap_local(page);
		}
	}
}

/* --- CONFIG=kasan: who may access what ---------------------------------------------------------------------------- */

static void kasan_units(vaddr_t first, size_t room, enum kasan_why why)
{
	for (unsigned int unit = 0; unit < nr_units; unit++)
		kasan_poison((void *)(first + distance[unit]), room, why);
}

/* The object has `room` bytes in each unit, and `size` of them may be accessed. */
static void kasan_give_units(vaddr_t first, size_t size, size_t room)
{
	for (unsigned int unit = 0; unit < nr_units; unit++)
		kasan_give((void *)(first + distance[unit]), size, room, KASAN_PERCPU);
}

static void kasan_take_units(vaddr_t first, size_t room)
{
	for (unsigned int unit = 0; unit < nr_units; unit++)
		kasan_take((void *)(first + distance[unit]), room, KASAN_PERCPU_FREE);
}

/* --- chunks ------------------------------------------------------------------------------------------------------- */

static struct vm_struct **units_create(void)
{
	size_t sizes[MAX_CPUS];

	for (unsigned int unit = 0; unit < nr_units; unit++)
		sizes[unit] = PERCPU_UNIT_SIZE;
	return pcpu_get_vm_areas(distance, sizes, (int)nr_units, PAGE_SIZE);
}

static struct percpu_chunk *chunk_create(gfp_t gfp)
{
	struct percpu_chunk *chunk = kzalloc(sizeof(*chunk), gfp);

	if (!chunk || !percpu_space_make(chunk, gfp)) {
		kfree(chunk);
		return NULL;
	}
	chunk->units = units_create();
	if (!chunk->units) {
		percpu_space_destroy(chunk);
		kfree(chunk);
		return NULL;
	}
	chunk->base = (vaddr_t)chunk->units[0]->addr - distance[0];
	if (CONFIG_KASAN)
		kasan_units(chunk->base, PERCPU_UNIT_SIZE, KASAN_PERCPU);
	return chunk;
}

static void chunk_destroy(struct percpu_chunk *chunk)
{
	pcpu_free_vm_areas(chunk->units, (int)nr_units); /* unmaps them first */
	free_unit_pages(chunk);
	percpu_space_destroy(chunk);
	kfree(chunk);
}

static void destroy_empty(void)
{
	struct percpu_chunk *chunk, *next;
	LIST_HEAD(gone);
	bool flags;

	spin_lock_irqsave(&percpu_lock, flags);
	list_splice_init(&empty_chunks, &gone);
	spin_unlock_irqrestore(&percpu_lock, flags);
	list_for_each_entry_safe(chunk, next, &gone, list)
		chunk_destroy(chunk);
}

/* --- taking and giving back, under the lock ----------------------------------------------------------------------- */

static bool taken(const struct percpu_place *place, bool had) __must_hold(percpu_lock)
{
	if (had)
		stats.bytes += (unsigned long)place->n << GRANULE_SHIFT;
	return had;
}

/* Free the object; returns its chunk, for which the caller then calls drop_if_empty(). NULL: no object begins there. */
static struct percpu_chunk *percpu_give_back(const void *ptr) __must_hold(percpu_lock)
{
	unsigned int had;
	struct percpu_chunk *chunk = percpu_space_free(first_instance(ptr), &had);

	if (chunk)
		stats.bytes -= (unsigned long)had << GRANULE_SHIFT;
	if (CONFIG_KASAN && chunk)
		kasan_take_units(first_instance(ptr), (size_t)had << GRANULE_SHIFT);
	return chunk;
}

static void drop_if_empty(struct percpu_chunk *chunk) __must_hold(percpu_lock)
{
	if (chunk->nr_used)
		return;
	percpu_space_leave(chunk);
	list_add(&chunk->list, &empty_chunks);
	stats.chunks--;
	stats.pages -= bitmap_weight(chunk->populated, UNIT_PAGES);
}

/* --- callers that may sleep --------------------------------------------------------------------------------------- */

/* Take room in any chunk. False: there is none. *ready: its pages exist. */
static bool percpu_take(struct percpu_place *place, unsigned int align, bool *ready)
{
	bool had, flags;

	spin_lock_irqsave(&percpu_lock, flags);
	had = taken(place, percpu_space_take(place, align));
	*ready = had && percpu_space_populated(place);
	spin_unlock_irqrestore(&percpu_lock, flags);
	return had;
}

/*
 * Add the new chunk and take room in it. (Other chunks may have room by now, but an empty chunk would stay for ever.)
 */
static void take_from_fresh(struct percpu_chunk *fresh, struct percpu_place *place, unsigned int align)
{
	bool flags;

	spin_lock_irqsave(&percpu_lock, flags);
	percpu_space_join(fresh);
	stats.chunks++;
	taken(place, percpu_space_take_in(fresh, place, align));
	spin_unlock_irqrestore(&percpu_lock, flags);
}

/* Take room, in a new chunk if need be. False: no memory. Under populate_lock. */
static bool percpu_make_room(struct percpu_place *place, unsigned int align, gfp_t gfp)
{
	struct percpu_chunk *fresh;
	bool ready;

	if (percpu_take(place, align, &ready))
		return true;
	fresh = chunk_create(gfp);
	schedule_point("pcpu:fresh");
	if (fresh)
		take_from_fresh(fresh, place, align);
	return fresh != NULL;
}

static bool take_populated(struct percpu_place *place, unsigned int align)
{
	bool had, flags;

	spin_lock_irqsave(&percpu_lock, flags);
	had = taken(place, percpu_space_take_populated(place, align));
	spin_unlock_irqrestore(&percpu_lock, flags);
	return had;
}

static bool alloc_sleeping(struct percpu_place *place, unsigned int align, gfp_t gfp)
{
	bool ready, had = percpu_take(place, align, &ready);

	if (had && ready)
		return true;
	mutex_lock(&populate_lock);
	had = had || percpu_make_room(place, align, gfp);
	if (had && populate(place, gfp)) {
		free_percpu(pointer_to(place));
		had = false;
	}
	mutex_unlock(&populate_lock);
	return had || take_populated(place, align); /* no memory: room whose pages exist may still be left */
}

/* --- callers that may not sleep ----------------------------------------------------------------------------------- */

/* Cut the reserve to the object, and free the rest. A reserve that is too small is freed; a larger one will be made. */
static bool take_from_reserve(struct percpu_place *place) __must_hold(percpu_lock)
{
	unsigned int had;

	if (!reserve)
		return false;
	had = percpu_space_cut(first_instance(reserve), place);
	if (had >= place->n)
		stats.bytes -= (unsigned long)(had - place->n) << GRANULE_SHIFT;
	else
		drop_if_empty(percpu_give_back(reserve));
	reserve = NULL;
	return had >= place->n;
}

static bool alloc_atomic(struct percpu_place *place, unsigned int align)
{
	bool had, short_of, flags;

	spin_lock_irqsave(&percpu_lock, flags);
	had = taken(place, percpu_space_take_populated(place, align));
	if (!had) {
		reserve_wanted = max(reserve_wanted, place->n);
		had = take_from_reserve(place);
	}
	short_of = reserve_wanted && !reserve;
	spin_unlock_irqrestore(&percpu_lock, flags);
	if (short_of && system_wq)
		queue_work(system_wq, &later);
	return had;
}

static void make_reserve(void)
{
	unsigned int wanted = READ_ONCE(reserve_wanted);
	void *mine;
	bool flags;

	if (!wanted || READ_ONCE(reserve))
		return;
	mine = __alloc_percpu(PAGE_ALIGN((size_t)wanted << GRANULE_SHIFT), PAGE_SIZE);
	if (CONFIG_KASAN && mine)
		kasan_units(first_instance(mine), PAGE_ALIGN((size_t)wanted << GRANULE_SHIFT), KASAN_PERCPU);
	spin_lock_irqsave(&percpu_lock, flags);
	if (!reserve && reserve_wanted)
		swap(reserve, mine);
	spin_unlock_irqrestore(&percpu_lock, flags);
	free_percpu(mine);
}

static void work_later(struct work_struct *work)
{
	(void)work;
	destroy_empty();
	make_reserve();
}

/* --- the API ------------------------------------------------------------------------------------------------------ */

static bool size_valid(size_t size, size_t align)
{
	return size && size <= PERCPU_ALLOC_MAX && is_power_of_2(align) && align <= PERCPU_ALLOC_ALIGN;
}

void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp)
{
	struct percpu_place place = { .n = to_granules(size) };
	unsigned int granules = to_granules(align);
	bool had;

	if (gfpflags_allow_blocking(gfp))
		might_sleep();
	BUG_ON(!nr_units);
	if (!size_valid(size, align)) {
		WARN_ONCE(!(gfp & __GFP_NOWARN), "alloc_percpu: size %zu, alignment %zu", size, align);
		return NULL;
	}
	gfp &= __GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY;
	had = gfp & __GFP_NOWAIT ? alloc_atomic(&place, granules) : alloc_sleeping(&place, granules, gfp);
	if (!had)
		return NULL;
	if (CONFIG_KASAN)
		kasan_give_units(place.chunk->base + ((vaddr_t)place.at << GRANULE_SHIFT), size,
				 (size_t)place.n << GRANULE_SHIFT);
	clear_instances(&place);
	return pointer_to(&place);
}

void *__alloc_percpu(size_t size, size_t align)
{
	return __alloc_percpu_gfp(size, align, GFP_KERNEL);
}

void free_percpu(const void *ptr)
{
	struct percpu_chunk *chunk;
	bool left, flags;

	if (!ptr)
		return;
	spin_lock_irqsave(&percpu_lock, flags);
	chunk = percpu_give_back(ptr);
	if (chunk)
		drop_if_empty(chunk);
	left = !list_empty(&empty_chunks);
	spin_unlock_irqrestore(&percpu_lock, flags);
	WARN_ONCE(!chunk, "free_percpu: %p is not what an allocation returned", ptr);
	if (left && preemptible())
		destroy_empty();
	else if (left && system_wq)
		queue_work(system_wq, &later);
}

void percpu_alloc_drain(void)
{
	void *unused;
	bool flags;

	flush_work(&later);
	spin_lock_irqsave(&percpu_lock, flags);
	unused = reserve;
	reserve = NULL;
	reserve_wanted = 0;
	spin_unlock_irqrestore(&percpu_lock, flags);
	free_percpu(unused);
	destroy_empty();
}
