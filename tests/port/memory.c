/* SPDX-License-Identifier: MIT */
/*
 * Pages and objects. Both stay simple: what is freed is kept in a list by its size, and never joined with a neighbour.
 * In a debug build what is free is filled with 0xdb.
 */
#include "kernel.h"

#define MAX_BITS 16 /* objects of 2^5 to 2^15 bytes */

struct item {
	struct item *next;
};

/* An item of a list. */
static struct item *freed(void *p, size_t size)
{
	if (KVA_DEBUG)
		memset(p, 0xdb, size);
	return p;
}

long pages_used, objects_used, heap_pages; /* heap_pages: those of pages_used that hold objects */

static struct spinlock pages_lock;
static struct item *free_pages[MAX_ORDER + 1];
static unsigned long long next_page, last_page; /* never used until now */

static struct mutex objects_lock;
static struct item *free_objects[MAX_BITS];

void *memset(void *to, int byte, size_t n)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void pages_init(unsigned long long start, unsigned long long end)
{
	next_page = (start + PAGE - 1) & ~(PAGE - 1ull);
	last_page = end & ~(PAGE - 1ull);
}

/* The pages that are skipped to reach the next multiple of the size go to the lists. */
static void *fresh_pages(unsigned int order)
{
	unsigned long size = PAGE << order;
	unsigned long long start = (next_page + size - 1) & ~(size - 1ull);

	if (start + size > last_page)
		return NULL;
	for (; next_page < start; next_page += PAGE) {
		struct item *item = direct(next_page);

		item->next = free_pages[0];
		free_pages[0] = item;
	}
	next_page += size;
	return direct(start);
}

void *pages_alloc(unsigned int order)
{
	bool on = spin_lock(&pages_lock);
	struct item *pages = order <= MAX_ORDER ? free_pages[order] : NULL;

	if (pages)
		free_pages[order] = pages->next;
	else if (order <= MAX_ORDER)
		pages = fresh_pages(order);
	if (pages)
		pages_used += 1l << order;
	spin_unlock(&pages_lock, on);
	return pages;
}

void pages_free(void *pages, unsigned int order)
{
	struct item *item = freed(pages, PAGE << order);
	bool on = spin_lock(&pages_lock);

	item->next = free_pages[order];
	free_pages[order] = item;
	pages_used -= 1l << order;
	spin_unlock(&pages_lock, on);
}

static unsigned int bits_of(size_t size)
{
	unsigned int bits = 5;

	while ((size_t)1 << bits < size)
		bits++;
	return bits;
}

/* Cut new pages into objects. */
static bool refill(unsigned int bits)
{
	unsigned int order = bits > 12 ? bits - 12 : 0;
	char *pages = pages_alloc(order);

	if (!pages)
		return false;
	heap_pages += 1l << order;
	for (size_t at = 0; at < PAGE << order; at += (size_t)1 << bits) {
		struct item *item = (struct item *)(pages + at);

		item->next = free_objects[bits];
		free_objects[bits] = item;
	}
	return true;
}

/* The holder of the lock is switched out now and then, so whoever calls this must be ready to wait. */
static void lock_objects(void)
{
	if (!interrupts_on() || this_thread()->interrupts || !kva_may_preempt())
		panic("an object is asked for or freed where a thread may not sleep");
	mutex_lock(&objects_lock);
	if (random() % 8 == 0)
		yield();
}

void *object_alloc(size_t size)
{
	unsigned int bits = bits_of(size);
	struct item *item = NULL;

	lock_objects();
	if (bits < MAX_BITS && (free_objects[bits] || refill(bits))) {
		item = free_objects[bits];
		free_objects[bits] = item->next;
		objects_used++;
	}
	mutex_unlock(&objects_lock);
	return item;
}

void object_free(void *object, size_t size)
{
	unsigned int bits = bits_of(size);
	struct item *item = freed(object, (size_t)1 << bits);

	lock_objects();
	item->next = free_objects[bits];
	free_objects[bits] = item;
	objects_used--;
	mutex_unlock(&objects_lock);
}
