/* SPDX-License-Identifier: MIT */
/* Rights of many pages changed and changed back: what lazy MMU mode (arch/lazy_mmu.h) gains. */
#include "tests/bench/bench.h"

#include <arch/lazy_mmu.h>
#include <mm/vmalloc.h>

static vaddr_t area;

BENCH_OP(ro_and_rw)
{
	if (unlikely(set_memory_ro(area, (int)arg) || set_memory_rw(area, (int)arg)))
		bench_fail();
}

/* The same by hand, outside the mode: each entry is flushed as it changes. */
static void set_rights(unsigned long pages, pgprot_t prot)
{
	for (vaddr_t at = area; pages; pages--, at += PAGE_SIZE) {
		pte_t *ptep = pgtable_entries(&kernel_pgtable, at, at + PAGE_SIZE, PAGE_SHIFT);

		pgtable_set_ptes(&kernel_pgtable, at, ptep, pfn_pte(pte_pfn(pte_peek(ptep)), prot), 1);
	}
}

BENCH_OP(eager)
{
	set_rights(arg, pgprot_supported(PAGE_KERNEL_RO));
	set_rights(arg, pgprot_supported(PAGE_KERNEL));
}

static bool get_area(unsigned long arg, unsigned long n __maybe_unused)
{
	area = (vaddr_t)vmalloc(arg << PAGE_SHIFT);
	return area;
}

static void put_area(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	vfree((void *)area);
}

static const struct bench rows[] = {
	{ "set_memory_ro_rw_1024p", ro_and_rw, .arg = 1024, .n = 50, .setup = get_area, .teardown = put_area },
	{ "not_lazy_ro_rw_1024p", eager, .arg = 1024, .n = 50, .setup = get_area, .teardown = put_area },
};
BENCH_ROWS(rights, rows)
