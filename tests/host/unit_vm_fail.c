/* SPDX-License-Identifier: MIT */
/*
 * Every allocation behind the vmalloc family fails once, and nothing is lost. (Not here: an area whose array of pages is
 * vmalloc'ed itself, because vmalloc space of the host machine cannot be followed.)
 */
#include "tests/host/vm_machine.h"

#include "mm/vm_internal.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>
#include <mm/ioremap.h>

#define RAM	(256ull << 20)
#define DEVICE	(1ull << 30) /* physical; nobody's RAM */

static struct page *pages[200];

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	assert_int_equal(alloc_pages_bulk(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	return 0;
}

static void *try_vmalloc(void) { return vmalloc(500 * PAGE_SIZE); }
static void *try_vzalloc(void) { return vzalloc(PAGE_SIZE); }
static void *try_vmap(void) { return vmap(pages, ARRAY_SIZE(pages), VM_MAP, PAGE_KERNEL); }
static void *try_ram(void) { return vm_map_ram(pages, 5, -1); }
static void *try_big_ram(void) { return vm_map_ram(pages, ARRAY_SIZE(pages), -1); }
static void *try_ioremap(void) { return ioremap((phys_addr_t)DEVICE - 7 * PAGE_SIZE, 5ul << 20); }
static void *try_area(void)
{
	struct vm_struct *area = get_vm_area(PAGE_SIZE, VM_MAP);

	return area ? area->addr : NULL;
}

static void end_ram(void *p) { vm_unmap_ram(p, 5); }
static void end_big_ram(void *p) { vm_unmap_ram(p, ARRAY_SIZE(pages)); }
static void end_vfree(void *p) { vfree(p); }
static void end_iounmap(void *p) { iounmap(p); }

static const struct attempt {
	void *(*make)(void);
	void (*end)(void *p);
	bool survives; /* has another way, which may do */
} attempts[] = {
	{ try_vmalloc, end_vfree, false }, { try_vzalloc, end_vfree, false },	{ try_vmap, end_vfree, false },
	{ try_ram, end_ram, true },	   { try_big_ram, end_big_ram, true }, { try_ioremap, end_iounmap, true },
	{ try_area, end_vfree, false },
};

/* Let the n-th allocation fail, for n = 1, 2, ... until none is reached. Whatever comes of it, nothing is lost. */
static unsigned int sweep(const struct attempt *a, enum inject_site site)
{
	unsigned int failed = 0, unreached = 0;

	for (unsigned int nth = 1; !unreached; nth++) {
		struct vm_balance before = vm_balance();
		void *p;

		vm_cache_reclaim(); /* what is kept could not fail */
		inject_set(site, nth);
		p = a->make();
		unreached = inject_clear(site);
		failed += !p;
		if (p)
			a->end(p);
		assert_balance(before);
		assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
	}
	return failed;
}

static void failures_leave_nothing(void **state)
{
	static const enum inject_site sites[] = { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB };
	struct pgtable process;

	(void)state;
	assert_int_equal(pgtable_init_process(&process), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(attempts); i++) {
		unsigned int failed = 0;

		for (unsigned int s = 0; s < ARRAY_SIZE(sites); s++)
			failed += sweep(&attempts[i], sites[s]);
		assert_true(failed || attempts[i].survives);
	}
	pgtable_exit_process(&process);
}

static void *few_vmalloc(void) { return vmalloc(10 * PAGE_SIZE); }
static void *few_vmap(void) { return vmap(pages, 10, VM_MAP, PAGE_KERNEL); }
static void *few_ram(void) { return vm_map_ram(pages, VMAP_MAX_ALLOC + 1, -1); }
static void *few_ioremap(void) { return ioremap((phys_addr_t)DEVICE, 10 * PAGE_SIZE); }
static void end_few_ram(void *p) { vm_unmap_ram(p, VMAP_MAX_ALLOC + 1); }

/*
 * Occupy vmalloc space from its start up to 3 pages below the k-th boundary between tables, so that what is mapped next
 * lies half in one table and half in another, and neither exists yet.
 */
static struct vm_struct *fill_up_to_boundary(unsigned int k, vaddr_t *next)
{
	*next = ALIGN(VMALLOC_START, pt_level_size(2)) + k * pt_level_size(2) - 3 * PAGE_SIZE;
	return get_vm_area(*next - VMALLOC_START - PAGE_SIZE, VM_MAP);
}

/* The second table is refused: the pages that were mapped through the first one are unmapped and flushed. */
static void half_done_is_undone(void **state)
{
	static const struct attempt halves[] = {
		{ few_vmalloc, end_vfree, false }, { few_vmap, end_vfree, false },
		{ few_ram, end_few_ram, false },   { few_ioremap, end_iounmap, false },
	};
	unsigned int k = 8, undone = 0;

	(void)state;
	vmap_block_reclaim();
	for (unsigned int i = 0; i < ARRAY_SIZE(halves); i++) {
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			unsigned long since = tlb_log_seq();
			struct vm_balance before;
			struct vm_struct *filler;
			vaddr_t next;
			void *p;

			vm_cache_reclaim();
			filler = fill_up_to_boundary(k += 2, &next);
			before = vm_balance();
			inject_set(INJECT_TABLE, nth);
			p = halves[i].make();
			unreached = inject_clear(INJECT_TABLE);
			assert_true(unreached ? p == (void *)next : !p);
			undone += !p && tlb_log_covers(since, next, next + 3 * PAGE_SIZE);
			if (p)
				halves[i].end(p);
			for (unsigned int page = 0; page < 10; page++)
				assert_null(host_translate(next + page * PAGE_SIZE));
			assert_balance(before);
			free_vm_area(filler);
		}
	}
	assert_true(undone >= ARRAY_SIZE(halves));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_leave_nothing),
		cmocka_unit_test(half_done_is_undone),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
