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

	if (CONFIG_KASAN)
		slab_kasan_drain();
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

/* One line of a report. */
struct description {
	char name[24];
	unsigned int size;
	unsigned long slabs, objects, out, blocks;
};

/* The n-th cache, copied: a slow console must not make a long reader. False: there are not as many. */
static bool describe(unsigned int n, struct description *d)
{
	struct kmem_cache *cache;
	bool found = false;

	rcu_read_lock();
	for_each_kmem_cache(cache) {
		if (n--)
			continue;
		*d = (struct description){ .size = cache->object_size, .slabs = cache->nr_slabs,
					   .objects = cache->nr_slabs * slab_objects(cache), .out = cache->out,
					   .blocks = (unsigned long)atomic_long_read(&cache->blocks) };
		strscpy(d->name, cache->name, sizeof(d->name));
		found = true;
		break;
	}
	rcu_read_unlock();
	return found;
}

void slab_dump(void)
{
	struct description d;

	cprintf("cache              size  slabs  objects  in use or cached\n");
	for (unsigned int n = 0; describe(n, &d); n++)
		cprintf("%-16s %6u %6lu %8lu %8lu\n", d.name, d.size, d.slabs, d.objects + d.blocks, d.out + d.blocks);
}

void slab_dump_machine(void)
{
	struct description d;

	for (unsigned int n = 0; describe(n, &d); n++)
		cprintf("cache name=%s size=%u slabs=%lu objects=%lu out=%lu\n", d.name, d.size, d.slabs, d.objects,
			d.out);
}

/* --- the check ---------------------------------------------------------------------------------------------------- */

static unsigned int check_slab(struct kmem_cache *cache, struct slab *slab)
{
	unsigned int faults = 0, nr = 0;
	u16 index;

	for (index = slab->first; index >= cache->first && index < cache->end && nr <= cache->end;
	     index = slab->link[index], nr++)
		faults += slab_check_poison(cache, slab_object(cache, slab, index));
	for (u16 i = cache->first; SLAB_PATTERNS && i < cache->end; i++)
		faults += slab_check_redzones(cache, slab_object(cache, slab, i));
	if (slab->cache != cache || index != LINK_END || nr != slab_objects(cache) - slab->out) {
		printk("slab_check: %s: slab %p has %u free objects, %u out, of %u; the list ends with %x\n",
		       cache->name, (void *)slab, nr, slab->out, slab_objects(cache), index);
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
