/* SPDX-License-Identifier: MIT */
/* The list of all slab caches. Walks are RCU readers. */
#include "mm/slab/slab_internal.h"

LIST_HEAD(kmem_caches);
static DEFINE_RANKED_SPINLOCK(kmem_cache_list, RANK_SLAB_LIST);

void kmem_cache_enter(struct kmem_cache *cache)
{
	cache->list.next = &kmem_caches; /* a walk that already sees the cache can go on from it */
	smp_wmb();
	spin_lock(&kmem_cache_list);
	list_add_tail(&cache->list, &kmem_caches);
	spin_unlock(&kmem_cache_list);
}

void kmem_cache_leave(struct kmem_cache *cache)
{
	spin_lock(&kmem_cache_list);
	list_del_rcu(&cache->list);
	spin_unlock(&kmem_cache_list);
}
