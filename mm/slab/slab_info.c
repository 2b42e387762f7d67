/* SPDX-License-Identifier: MIT */
/* All slab caches together: giving memory back, counting, printing, checking. */
#include "mm/slab/slab_internal.h"

static void drain_magazines(void *unused)
{
	struct kmem_cache *cache;

	(void)unused;
	rcu_read_lock(); /* a thread with interrupts off, or a handler */
	for_each_kmem_cache(cache)
		kmem_cache_drain(cache);
	rcu_read_unlock();
}

void slab_shrink(void)
{
	struct kmem_cache *cache;

	if (irqs_disabled())
		drain_magazines(NULL);
	else
		on_each_cpu(drain_magazines, NULL, true);
	rcu_read_lock();
	for_each_kmem_cache(cache)
		kmem_cache_reap(cache);
	rcu_read_unlock();
}

unsigned long slab_pages(void)
{
	struct kmem_cache *cache;
	unsigned long sum = 0;

	rcu_read_lock();
	for_each_kmem_cache(cache)
		sum += READ_ONCE(cache->nr_slabs) << cache->order;
	rcu_read_unlock();
	return sum;
}

static unsigned long nr_magazines(const struct kmem_cache *cache)
{
	unsigned long nr = 0;

	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
		nr += READ_ONCE(cache->magazine[cpu])->capacity != 0;
	return nr;
}

/* Magazines are objects of kmalloc too. They are subtracted, because a CPU gets them whenever it first needs them. */
unsigned long kmalloc_objects(void)
{
	struct kmem_cache *cache;
	unsigned long sum = 0;

	for (size_t size = KMALLOC_MIN_SIZE; size <= KMALLOC_SLAB_MAX; size *= 2)
		sum += READ_ONCE(kmalloc_cache(size)->out);
	rcu_read_lock();
	for_each_kmem_cache(cache)
		sum -= nr_magazines(cache);
	rcu_read_unlock();
	return sum;
}

void slab_dump(void)
{
	struct kmem_cache *cache;

	cprintf("cache              size  slabs  objects  in use or cached\n");
	rcu_read_lock();
	for_each_kmem_cache(cache)
		cprintf("%-16s %6u %6lu %8lu %8lu\n", cache->name, cache->size, cache->nr_slabs,
			cache->nr_slabs * slab_objects(cache) + (unsigned long)atomic_long_read(&cache->blocks),
			cache->out + (unsigned long)atomic_long_read(&cache->blocks));
	rcu_read_unlock();
}

void slab_dump_machine(void)
{
	struct kmem_cache *cache;

	list_for_each_entry(cache, &kmem_caches, list)
		cprintf("cache name=%s size=%u slabs=%lu objects=%lu out=%lu\n", cache->name, cache->size, cache->nr_slabs,
			cache->nr_slabs * slab_objects(cache), cache->out);
}

/* --- the check ---------------------------------------------------------------------------------------------------- */

static unsigned int check_slab(struct kmem_cache *cache, struct slab *slab)
{
	unsigned int faults = 0, nr = 0;
	u16 index;

	for (index = slab->first; index >= cache->first && index < cache->end && nr <= cache->end; index = slab->link[index], nr++)
		faults += slab_check_poison(cache, slab_object(cache, slab, index));
	if (slab->cache != cache || index != LINK_END || nr != slab_objects(cache) - slab->out) {
		printk("slab_check: %s: slab %p has %u free objects, %u out, of %u; the list ends with %x\n", cache->name,
		       (void *)slab, nr, slab->out, slab_objects(cache), index);
		faults++;
	}
	return faults;
}

static unsigned int check_cache(struct kmem_cache *cache)
{
	unsigned int faults = 0, nr_empty = 0;
	struct slab *slab;
	bool flags;

	spin_lock_irqsave(&cache->lock, flags);
	list_for_each_entry(slab, &cache->partial, list)
		faults += check_slab(cache, slab) + !slab->out;
	list_for_each_entry(slab, &cache->empty, list) {
		faults += check_slab(cache, slab) + !!slab->out;
		nr_empty++;
	}
	if (nr_empty != cache->nr_empty || cache->out > cache->nr_slabs * slab_objects(cache))
		faults++;
	spin_unlock_irqrestore(&cache->lock, flags);
	if (faults)
		printk("slab_check: %s: %u faults\n", cache->name, faults);
	return faults;
}

unsigned int slab_check(void)
{
	struct kmem_cache *cache;
	unsigned int faults = 0;

	rcu_read_lock();
	for_each_kmem_cache(cache)
		faults += check_cache(cache);
	rcu_read_unlock();
	return faults;
}
