/* SPDX-License-Identifier: MIT */
/*
 * Objects of the host. Each has a head in front with its size, so that a host without sizes in its heap can be used,
 * and so that a free that is put off needs no memory.
 */
#include "mm/kva/floor/floor.h"

struct object {
	size_t size; /* of what the caller asked for */
	struct object *next; /* while its free is put off */
} __aligned(16);

static struct object *put_off; /* a stack */

static struct object *head_of_object(const void *p) { return (struct object *)p - 1; }

/* Once: a heap that has no such size at all looks like a shortage of memory. */
static void say_no_object(size_t size)
{
	static bool said;

	if (!xchg(&said, true))
		printk("host_object_alloc(%zu) gave nothing: is there no memory, or is this too large for your heap?\n",
		       size);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	struct object *object;

	if (!size)
		return ZERO_SIZE_PTR;
	if (!preemptible() || size > (size_t)-1 / 2 || inject_fails(INJECT_SLAB))
		return NULL;
	object = host_object_alloc(sizeof(*object) + size);
	if (!object && size <= KMALLOC_MAX_SIZE)
		say_no_object(sizeof(*object) + size);
	if (!object)
		return NULL;
	if (!IS_ALIGNED((vaddr_t)object, 16))
		panic("host_object_alloc(%zu) gave %p: not aligned to 16 bytes", sizeof(*object) + size, object);
	object->size = size;
	if (gfp & __GFP_ZERO)
		memset(object + 1, 0, size);
	return object + 1;
}

static void give_object_back(struct object *object)
{
	host_object_free(object, sizeof(*object) + object->size);
}

static void free_later_object(struct object *object)
{
	stack_push(&put_off, object, next);
	WRITE_ONCE(kva_chores, true);
}

void kfree(const void *p)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	if (preemptible())
		give_object_back(head_of_object(p));
	else
		free_later_object(head_of_object(p));
}

void objects_free_deferred(void)
{
	struct object *object = xchg(&put_off, NULL), *next;

	for (; object; object = next) {
		next = object->next;
		give_object_back(object);
	}
}

size_t ksize(const void *p)
{
	return ZERO_OR_NULL_PTR(p) ? 0 : head_of_object(p)->size;
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, gfp);
}

bool kmalloc_fits(const void *p, size_t size, gfp_t gfp)
{
	size_t had = ksize(p);

	if (size > had)
		return false;
	if (gfp & __GFP_ZERO)
		memset((char *)p + size, 0, had - size);
	return true;
}

void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	void *now;

	if (size && ksize(p) && kmalloc_fits(p, size, gfp))
		return (void *)p;
	now = kmalloc(size, gfp);
	if (!now)
		return NULL;
	if (size)
		memcpy(now, p, min(size, ksize(p)));
	kfree(p);
	return now;
}

struct kmem_cache *kmem_cache_create(const char *name __maybe_unused, unsigned int size,
				     unsigned int align __maybe_unused, slab_flags_t flags __maybe_unused,
				     void (*ctor)(void *) __maybe_unused)
{
	return (struct kmem_cache *)(vaddr_t)size;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmalloc((size_t)cache, gfp);
}
