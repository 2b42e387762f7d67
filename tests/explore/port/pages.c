/* SPDX-License-Identifier: MIT */
/*
 * Pages of processes. Each frame of RAM has a struct page, and its first user from the beginning. A page whose last
 * user has gone is never used again, and no CPU may translate to it.
 */
#include "tests/explore/port/port.h"

#include <mm/page_alloc.h>

#define FRAMES 128

static struct page frames[FRAMES];
unsigned int __tsan_atomic32_fetch_add(volatile unsigned int *p, unsigned int v, int order);

void port_pages(void)
{
	host_page_array = (char *)frames;
	for (unsigned int i = 0; i < FRAMES; i++) {
		frames[i].state = PAGE_USED;
		frames[i].zone = ZONE_NORMAL;
		atomic_set(&frames[i].refcount, 1);
	}
}

static unsigned int count(struct page *page, unsigned int change)
{
	return __tsan_atomic32_fetch_add((unsigned int *)&page->refcount, change, __ATOMIC_SEQ_CST);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	phys_addr_t phys = order ? 0 : port_table_alloc(gfp);

	return phys ? phys_to_page(phys) : NULL;
}

void get_page(struct page *page)
{
	MUST(count(page, 1));
}

void put_page(struct page *page)
{
	unsigned int users = count(page, -1u);

	MUST(users);
	if (users != 1)
		return;
	port_cr3_without(page_to_phys(page), false, "a page is freed");
	xp_freed(page_address(page), PAGE_SIZE);
}

void free_page_array(struct page **pages, unsigned long n)
{
	for (; n; n--)
		put_page(*pages++);
}
