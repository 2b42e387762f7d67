/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory made at run time.
 *
 * 1. A chunk is a set of congruent areas (vm_pcpu.c), one unit a possible CPU, all alike: what is at some offset in one unit is
 *    at the same offset in every other. All chunks have the same distances, so a single number a CPU leads from any
 *    allocation to its instance there. Between units lies a page that is never mapped.
 *
 *	first unit      STRIDE later      2 * STRIDE later
 *	| . [ a ] . b |!| . [ a ] . b   |!| . [ a ] . b   |	percpu_unit_offset[cpu] = unit * STRIDE
 *	  first CPU       second one        third one
 *
 * 2. Small objects share a chunk. Space in it is kept in granules, in two bitmaps: which are in use, and which is the last
 *    one of an object. A chunk without objects goes at once, with its pages; where one may not sleep, by a work.
 *
 * 3. A page of a unit comes, in all units together, when the first object needs it: before the allocation returns it is
 *    mapped and carried to every process, so whoever has the pointer may use it in any handler. It stays with its chunk.
 *
 * 4. Locks. percpu_lock keeps lists, bitmaps and counts, and is held for moments. Chunks and pages are made under
 *    populate_lock, which may sleep; a chunk that has an object cannot go meanwhile.
 */
#include "vm_internal.h"

#include <mm/percpu_alloc.h>

#define UNIT_SIZE     (4 * PERCPU_ALLOC_MAX)
#define UNIT_PAGES    (UNIT_SIZE >> PAGE_SHIFT)
#define STRIDE	      (UNIT_SIZE + PAGE_SIZE)
#define GRANULE_SHIFT 4
#define NR_GRANULES   (UNIT_SIZE >> GRANULE_SHIFT)

struct percpu_chunk {
	struct list_head list;
	struct vm_struct **units;
	char *base;		      /* of the first */
	unsigned int nr_used;	      /* granules */
	DECLARE_BITMAP(used, NR_GRANULES);
	DECLARE_BITMAP(last, NR_GRANULES);
	struct page **page[UNIT_PAGES]; /* an array with one for each unit; NULL: none has that page */
};

unsigned long percpu_unit_offset[MAX_CPUS];
static unsigned int nr_units;

static DEFINE_MUTEX(populate_lock);
static DEFINE_RANKED_SPINLOCK(percpu_lock, RANK_PERCPU);
static LIST_HEAD(chunks);
static LIST_HEAD(empty_chunks); /* on their way out */
static struct percpu_alloc_stats stats;

void percpu_alloc_init(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpu_possible_mask)
		percpu_unit_offset[cpu] = nr_units++ * STRIDE;
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

/* --- pages --------------------------------------------------------------------------------------------------------- */

static vaddr_t unit_page(const struct percpu_chunk *chunk, unsigned int unit, unsigned int n)
{
	return (vaddr_t)chunk->base + unit * STRIDE + ((vaddr_t)n << PAGE_SHIFT);
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

/* Page n of every unit. -ENOMEM. */
static int populate_page(struct percpu_chunk *chunk, unsigned int n)
{
	struct page **pages = kcalloc(nr_units, sizeof(*pages), GFP_KERNEL);
	unsigned long got = pages ? alloc_page_array(GFP_KERNEL | __GFP_HIGHMEM, nr_units, pages) : 0;

	if (got == nr_units && !map_in_units(chunk, n, pages)) {
		chunk->page[n] = pages;
		return 0;
	}
	free_page_array(pages, got);
	kfree(pages);
	return -ENOMEM;
}

/* All pages under bytes [from, to) of the units. The chunk cannot go. -ENOMEM: some are missing. */
static int populate(struct percpu_chunk *chunk, size_t from, size_t to)
{
	int err = 0;

	for (unsigned int n = from >> PAGE_SHIFT; n < PAGE_ALIGN(to) >> PAGE_SHIFT && !err; n++)
		if (!chunk->page[n])
			err = populate_page(chunk, n);
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

/* --- chunks -------------------------------------------------------------------------------------------------------- */

static struct vm_struct **units_create(void)
{
	unsigned long offsets[MAX_CPUS];
	size_t sizes[MAX_CPUS];

	for (unsigned int unit = 0; unit < nr_units; unit++) {
		offsets[unit] = unit * STRIDE;
		sizes[unit] = UNIT_SIZE;
	}
	return pcpu_get_vm_areas(offsets, sizes, (int)nr_units, PAGE_SIZE);
}

static struct percpu_chunk *chunk_create(void)
{
	struct percpu_chunk *chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);

	if (!chunk)
		return NULL;
	chunk->units = units_create();
	if (!chunk->units) {
		kfree(chunk);
		return NULL;
	}
	chunk->base = chunk->units[0]->addr;
	return chunk;
}

static void chunk_destroy(struct percpu_chunk *chunk)
{
	pcpu_free_vm_areas(chunk->units, (int)nr_units); /* unmaps them first */
	free_unit_pages(chunk);
	kfree(chunk);
}

static void destroy_empty(struct work_struct *work)
{
	struct percpu_chunk *chunk, *next;
	LIST_HEAD(gone);
	bool flags;

	(void)work;
	spin_lock_irqsave(&percpu_lock, flags);
	list_splice_init(&empty_chunks, &gone);
	spin_unlock_irqrestore(&percpu_lock, flags);
	list_for_each_entry_safe(chunk, next, &gone, list)
		chunk_destroy(chunk);
}
static struct work_struct destroy_work = { .fn = destroy_empty };

static void account(struct percpu_chunk *chunk, unsigned int used)
{
	stats.bytes += ((unsigned long)used << GRANULE_SHIFT) - ((unsigned long)chunk->nr_used << GRANULE_SHIFT);
	chunk->nr_used = used;
}

/* Under the lock. NULL: there is no room for n granules. */
static void *take_from(struct percpu_chunk *chunk, unsigned int n, unsigned int align_mask)
{
	unsigned long at = bitmap_find_next_zero_area(chunk->used, NR_GRANULES, 0, n, align_mask);

	if (at >= NR_GRANULES)
		return NULL;
	bitmap_set(chunk->used, at, n);
	__set_bit(at + n - 1, chunk->last);
	account(chunk, chunk->nr_used + n);
	return chunk->base + ((size_t)at << GRANULE_SHIFT);
}

/* Room in some chunk, and which that is. `fresh`, if there is one, joins the others first. NULL: there is none. */
static void *take(unsigned int n, unsigned int align_mask, struct percpu_chunk *fresh, struct percpu_chunk **from)
{
	struct percpu_chunk *chunk;
	void *ptr = NULL;
	bool flags;

	spin_lock_irqsave(&percpu_lock, flags);
	if (fresh) {
		list_add_tail(&fresh->list, &chunks);
		stats.chunks++;
	}
	list_for_each_entry(chunk, &chunks, list) {
		if (fresh && chunk != fresh)
			continue; /* others may have room by now, and then it would stay empty */
		ptr = take_from(chunk, n, align_mask);
		*from = chunk;
		if (ptr)
			break;
	}
	spin_unlock_irqrestore(&percpu_lock, flags);
	return ptr;
}

/* --- objects ------------------------------------------------------------------------------------------------------- */

static void clear_instances(void *ptr, size_t size)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpu_possible_mask)
		memset(percpu_ptr(ptr, cpu), 0, size);
}

/* Under populate_lock: room with pages in it. NULL: no memory. */
static void *obtain(size_t size, unsigned int align_mask)
{
	unsigned int n = DIV_ROUND_UP(size, 1u << GRANULE_SHIFT);
	struct percpu_chunk *chunk, *fresh;
	char *ptr = take(n, align_mask, NULL, &chunk);

	if (!ptr) {
		fresh = chunk_create();
		schedule_point("pcpu:fresh");
		ptr = fresh ? take(n, align_mask, fresh, &chunk) : NULL;
	}
	if (!ptr || !populate(chunk, ptr - chunk->base, ptr - chunk->base + size))
		return ptr;
	free_percpu(ptr);
	return NULL;
}

void *__alloc_percpu(size_t size, size_t align)
{
	unsigned int align_mask = DIV_ROUND_UP(align, 1u << GRANULE_SHIFT) - 1;
	void *ptr;

	might_sleep();
	BUG_ON(!nr_units);
	if (WARN_ONCE(!size || size > PERCPU_ALLOC_MAX || !is_power_of_2(align) || align > PERCPU_ALLOC_ALIGN,
		      "alloc_percpu: size %zu, alignment %zu", size, align))
		return NULL;
	mutex_lock(&populate_lock);
	ptr = obtain(size, align_mask);
	mutex_unlock(&populate_lock);
	if (ptr)
		clear_instances(ptr, size);
	return ptr;
}

/* Under the lock: the granule at which ptr begins an object, NR_GRANULES if none does. */
static unsigned int object_at(const struct percpu_chunk *chunk, const void *ptr)
{
	size_t offset = (size_t)((const char *)ptr - chunk->base);
	unsigned int at = offset >> GRANULE_SHIFT;

	if (offset >= UNIT_SIZE || !IS_ALIGNED(offset, 1u << GRANULE_SHIFT) || !test_bit(at, chunk->used))
		return NR_GRANULES;
	if (at && test_bit(at - 1, chunk->used) && !test_bit(at - 1, chunk->last))
		return NR_GRANULES;
	return at;
}

/* Under the lock. */
static void give_back(struct percpu_chunk *chunk, unsigned int at)
{
	unsigned int end = find_next_bit(chunk->last, NR_GRANULES, at) + 1;

	bitmap_clear(chunk->used, at, end - at);
	__clear_bit(end - 1, chunk->last);
	account(chunk, chunk->nr_used - (end - at));
	if (chunk->nr_used)
		return;
	list_move(&chunk->list, &empty_chunks);
	stats.chunks--;
}

static bool find_and_give_back(const void *ptr)
{
	struct percpu_chunk *chunk;

	list_for_each_entry(chunk, &chunks, list) {
		unsigned int at = object_at(chunk, ptr);

		if (at >= NR_GRANULES)
			continue;
		give_back(chunk, at);
		return true;
	}
	return false;
}

void free_percpu(const void *ptr)
{
	bool found, left, flags;

	if (!ptr)
		return;
	spin_lock_irqsave(&percpu_lock, flags);
	found = find_and_give_back(ptr);
	left = !list_empty(&empty_chunks);
	spin_unlock_irqrestore(&percpu_lock, flags);
	WARN_ONCE(!found, "free_percpu: %p is not what an allocation returned", ptr);
	if (left && preemptible())
		destroy_empty(NULL);
	else if (left && system_wq)
		queue_work(system_wq, &destroy_work);
}

void percpu_alloc_drain(void)
{
	flush_work(&destroy_work);
	destroy_empty(NULL);
}
