/* SPDX-License-Identifier: MIT */
/* The page allocator of our own kernel, as its tests use it, made of pages of the host. */
#include "mm/kva/floor/floor.h"
#include "mm/kva/floor/test/threads.h"

#include <kernel/boot_info.h>
#include <kernel/inject.h>

struct boot_info boot_info; /* no RAM was left out */

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = NULL;

	if (!order)
		return alloc_page_array(gfp, 1, &page) ? page : NULL;
	page = alloc_pages_split(gfp, order);
	blocks_missing |= !page && !inject_failures(INJECT_PAGE);
	return page;
}

void __free_pages(struct page *page, unsigned int order)
{
	if (!order)
		free_page_array(&page, 1);
	else
		free_pages_split(page, order);
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	return page ? (unsigned long)page_address(page) : 0;
}

void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		__free_pages(virt_to_page((void *)addr), order);
}

unsigned long nr_free_pages(void) { return totalram_pages() - (unsigned long)atomic_long_read(&pages_taken); }
unsigned int page_alloc_check(void) { return 0; }
void drain_page_lists(void) { kva_tidy(); }
void rcu_barrier(void) { kva_tidy(); }
bool inject_called_by(const char *glob __maybe_unused) { return false; }

void call_rcu_free(struct rcu_head *head __maybe_unused, const void *ptr)
{
	synchronize_rcu();
	kvfree(ptr);
}
