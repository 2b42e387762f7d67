/* SPDX-License-Identifier: MIT */
/* The string instruction writes whole lines of the cache where it can; for as much as a page no loop is faster. */
#include <arch/clear_page.h>
#include <arch/layout.h>
#include <asm/machine.h> /* WORD_SUFFIX */

void arch_clear_page(void *page)
{
	unsigned long words = PAGE_SIZE / sizeof(long);

	__asm__ volatile("rep stos" WORD_SUFFIX : "+D"(page), "+c"(words) : "a"(0ul) : "memory");
}
