/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory made at run time.
 *
 * A chunk is one vmalloc area cut into units, one a possible CPU, all alike: what is at some offset in one unit is at the
 * same offset in every other (congruent areas). So a single number a CPU leads from any allocation to its instance there:
 *
 *	base          base + UNIT_SIZE     base + 2 * UNIT_SIZE
 *	| . [ a ] . b | . [ a ] . b        | . [ a ] . b        |	percpu_unit_offset[cpu] = unit * UNIT_SIZE
 *	  first CPU     second one           third one
 *
 * Small objects share a chunk. Space in it is kept in granules, in two bitmaps: which are in use, and which is the last
 * one of an object. A chunk without objects goes back to vmalloc at once.
 */
#include "internal.h"

#include <mm/percpu_alloc.h>
#include <mm/vmalloc.h>

#define UNIT_SIZE     PERCPU_ALLOC_MAX
#define GRANULE_SHIFT 4
#define NR_GRANULES   (UNIT_SIZE >> GRANULE_SHIFT)

struct percpu_chunk {
	struct list_head list;
	char *base;
	unsigned int nr_used; /* granules */
	DECLARE_BITMAP(used, NR_GRANULES);
	DECLARE_BITMAP(last, NR_GRANULES);
};

unsigned long percpu_unit_offset[MAX_CPUS];
static unsigned int nr_units;

static DEFINE_SPINLOCK(percpu_lock, RANK_PERCPU);
static LIST_HEAD(chunks);
static struct percpu_alloc_stats stats;

void percpu_alloc_init(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		percpu_unit_offset[cpu] = nr_units++ * UNIT_SIZE;
}

struct percpu_alloc_stats percpu_alloc_stats(void)
{
	struct percpu_alloc_stats copy;

	spin_lock(&percpu_lock);
	copy = stats;
	spin_unlock(&percpu_lock);
	return copy;
}

/* --- chunks -------------------------------------------------------------------------------------------------------- */

static struct percpu_chunk *chunk_create(void)
{
	struct percpu_chunk *chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);

	if (!chunk)
		return NULL;
	chunk->base = vmalloc(nr_units * UNIT_SIZE);
	if (chunk->base)
		return chunk;
	kfree(chunk);
	return NULL;
}

static void chunk_destroy(struct percpu_chunk *chunk)
{
	if (!chunk)
		return;
	vfree(chunk->base);
	kfree(chunk);
}

static void account(struct percpu_chunk *chunk, unsigned int used)
{
	stats.bytes += ((unsigned long)used << GRANULE_SHIFT) - ((unsigned long)chunk->nr_used << GRANULE_SHIFT);
	chunk->nr_used = used;
}

/* Under the lock. NULL: there is no room for n granules. */
static void *take_from(struct percpu_chunk *chunk, unsigned int n, unsigned int align_mask)
{
	unsigned int at = bitmap_find_next_zero_area(chunk->used, NR_GRANULES, 0, n, align_mask);

	if (at == NR_GRANULES)
		return NULL;
	bitmap_set(chunk->used, at, n);
	__set_bit(at + n - 1, chunk->last);
	account(chunk, chunk->nr_used + n);
	return chunk->base + ((size_t)at << GRANULE_SHIFT);
}

/* `fresh`, if there is one, joins the others first. */
static void *take(unsigned int n, unsigned int align_mask, struct percpu_chunk *fresh)
{
	struct percpu_chunk *chunk;
	void *ptr = NULL;

	spin_lock(&percpu_lock);
	if (fresh) {
		list_add_tail(&fresh->list, &chunks);
		stats.chunks++;
	}
	list_for_each_entry(chunk, &chunks, list) {
		ptr = take_from(chunk, n, align_mask);
		if (ptr)
			break;
	}
	spin_unlock(&percpu_lock);
	return ptr;
}

/* --- objects ------------------------------------------------------------------------------------------------------- */

static void clear_instances(void *ptr, size_t size)
{
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_possible_mask)
		memset(percpu_ptr(ptr, cpu), 0, size);
}

void *__alloc_percpu(size_t size, size_t align)
{
	unsigned int n = DIV_ROUND_UP(size, 1u << GRANULE_SHIFT);
	unsigned int align_mask = DIV_ROUND_UP(align, 1u << GRANULE_SHIFT) - 1;
	void *ptr;

	BUG_ON(!nr_units);
	if (WARN(!size || size > PERCPU_ALLOC_MAX || !is_power_of_2(align) || align > PERCPU_ALLOC_ALIGN,
		 "alloc_percpu: size %zu, alignment %zu", size, align))
		return NULL;
	ptr = take(n, align_mask, NULL);
	while (!ptr) { /* again if others were quicker to fill the new chunk */
		struct percpu_chunk *fresh = chunk_create();

		if (!fresh)
			return NULL;
		ptr = take(n, align_mask, fresh);
	}
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

/* Under the lock. Returns the chunk if it has become empty: it is the caller's then. */
static struct percpu_chunk *give_back(struct percpu_chunk *chunk, unsigned int at)
{
	unsigned int end = find_next_bit(chunk->last, NR_GRANULES, at) + 1;

	bitmap_clear(chunk->used, at, end - at);
	__clear_bit(end - 1, chunk->last);
	account(chunk, chunk->nr_used - (end - at));
	if (chunk->nr_used)
		return NULL;
	list_del(&chunk->list);
	stats.chunks--;
	return chunk;
}

void free_percpu(const void *ptr)
{
	struct percpu_chunk *chunk, *empty = NULL;
	bool found = false;

	if (!ptr)
		return;
	spin_lock(&percpu_lock);
	list_for_each_entry(chunk, &chunks, list) {
		unsigned int at = object_at(chunk, ptr);

		if (at == NR_GRANULES)
			continue;
		found = true;
		empty = give_back(chunk, at);
		break;
	}
	spin_unlock(&percpu_lock);
	WARN(!found, "free_percpu: %p is not what an allocation returned", ptr);
	chunk_destroy(empty);
}
