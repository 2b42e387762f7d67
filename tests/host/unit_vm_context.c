/* SPDX-License-Identifier: MIT */
/* What vmalloc does with the flags that it is given, and what it leaves undone for those who may not wait. */
#include "tests/host/vm_machine.h"

#include "mm/kva/block/block.h"
#include "mm/kva/area/area.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>

#define RAM (1ull << 30) /* more than the arena of 32-bit modes */
#define P   PAGE_SIZE

static DEFINE_RANKED_SPINLOCK(lock, 20);

/* Table pages, and how they were asked for. */
static struct {
	unsigned int waiting, atomic;
} tables;

static phys_addr_t watched_table_alloc(gfp_t gfp)
{
	*(gfp & __GFP_NOWAIT ? &tables.atomic : &tables.waiting) += 1;
	return mm_table_alloc(gfp);
}

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1 | 1 << 3);
	pgtable_set_allocator(watched_table_alloc, mm_table_free);
	return 0;
}

static unsigned long flushes(void)
{
	return tlb_counters().ranged + tlb_counters().full;
}

/* In a part of the arena where there are no tables yet, at least for the first few times. */
static void *far_away(unsigned long size, gfp_t gfp)
{
	static unsigned int nr;
	vaddr_t start = ALIGN(VMALLOC_START, pt_level_size(2)) + (4 + 2 * (nr++ % 12)) * pt_level_size(2);

	return __vmalloc_node_range(size, P, start - 3 * P, start + size + P, gfp, PAGE_KERNEL, 0, -1, NULL);
}

static void all_zero(const char *p, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++) {
		const u64 *word = host_translate((vaddr_t)p + i * P);

		assert_non_null(word);
		for (unsigned int k = 0; k < P / sizeof(*word); k++)
			assert_int_equal(word[k], 0);
	}
	assert_null(host_translate((vaddr_t)p + pages * P));
}

/* Under a lock, with everything still to be made: it comes, and nothing of it has waited. */
static void atomic_under_a_lock(void **state)
{
	static const unsigned long sizes[] = { 1, 3, 16, 100, 600 };
	struct vm_balance before = vm_balance();
	struct pgtable process;

	(void)state;
	assert_int_equal(pgtable_init_process(&process), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int waiting = tables.waiting, atomic = tables.atomic;
		unsigned long flushed = flushes();
		char *p, *q;

		vm_cache_reclaim();
		flushed = flushes();
		spin_lock(&lock);
		p = far_away(sizes[i] * P, GFP_ATOMIC | __GFP_ZERO);
		q = __vmalloc(sizes[i] * P, GFP_NOWAIT);
		spin_unlock(&lock);
		assert_non_null(p);
		assert_non_null(q);
		assert_int_equal(tables.waiting, waiting);
		assert_true(tables.atomic > atomic);
		assert_int_equal(flushes(), flushed);
		all_zero(p, sizes[i]);
		assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
		vfree(p);
		vfree(q);
	}
	pgtable_exit_process(&process);
	vm_cache_reclaim();
	assert_balance(before);
}

/* Each allocation on the way fails once, preemption off. */
static void atomic_failures_leave_nothing(void **state)
{
	static const enum inject_site sites[] = { INJECT_TABLE, INJECT_PAGE, INJECT_SLAB };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int s = 0; s < ARRAY_SIZE(sites); s++) {
		unsigned int failed = 0, unreached = 0;

		for (unsigned int nth = 1; !unreached; nth++) {
			void *p;

			vm_cache_reclaim();
			inject_set(sites[s], nth);
			preempt_disable();
			p = far_away(300 * P, GFP_ATOMIC | __GFP_NOWARN);
			preempt_enable();
			unreached = inject_clear(sites[s]);
			failed += !p;
			vfree(p);
			vfree_atomic_drain(); /* an array of pages may have been put off */
			assert_balance(before);
		}
		assert_true(failed);
	}
}

static unsigned int asked;

static int hoard_nothing(struct notifier_block *nb, unsigned long action, void *freed)
{
	(void)nb;
	(void)action;
	(void)freed;
	asked++;
	return 0;
}

/* Space could be had by a flush, or by asking: an atomic caller gets NULL, and everything stays where it was. */
static void atomic_without_space(void **state)
{
	static struct notifier_block nb = { .notifier_call = hoard_nothing };
	struct vm_struct *few, *rest;
	unsigned long largest, flushed;
	void *p;

	(void)state;
	vm_cache_reclaim();
	vmap_block_keeper.reclaim();
	few = get_vm_area(16 * P, VM_MAP);
	vm_holes(&largest);
	rest = get_vm_area(largest - P, VM_MAP);
	assert_true(few && rest && vm_holes(&largest) < 8 * P);
	free_vm_area(few); /* there is space again, as soon as somebody flushes */
	assert_int_equal(register_vmap_purge_notifier(&nb), 0);
	flushed = flushes();
	assert_null(__vmalloc(8 * P, GFP_NOWAIT));
	assert_int_equal(flushes(), flushed);
	assert_int_equal(asked, 0);
	p = vmalloc(8 * P);
	assert_non_null(p);
	vfree(p);
	assert_int_equal(unregister_vmap_purge_notifier(&nb), 0);
	free_vm_area(rest);
	vm_cache_reclaim();
	assert_int_equal(vmalloc_check(), 0);
}

static void refused_where_locks_may_not_be_waited_for(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();
	void *small;

	(void)state;
	warn_expected(true);
	host_trap_depth++;
	assert_null(__vmalloc(P, GFP_ATOMIC));
	assert_null(kvmalloc(4 * KMALLOC_MAX_SIZE, GFP_ATOMIC));
	small = kvmalloc(4 * P, GFP_ATOMIC);
	host_trap_depth--;
	local_irq_disable();
	assert_null(__vcalloc(2, P, GFP_NOWAIT));
	local_irq_enable();
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 2); /* kvmalloc only does what it can */
	assert_non_null(small);
	kvfree(small);
	assert_balance(before);
}

/* Whatever is refused once is had the second time. */
static void nofail_does_not_fail(void **state)
{
	static const enum inject_site sites[] = { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int s = 0; s < ARRAY_SIZE(sites); s++) {
		unsigned int nth = 0;

		for (unsigned int unreached = 0; !unreached;) {
			void *p;

			vm_cache_reclaim();
			inject_set(sites[s], ++nth);
			p = far_away(300 * P, GFP_KERNEL | __GFP_NOFAIL);
			unreached = inject_clear(sites[s]);
			assert_non_null(p);
			vfree(p);
		}
		assert_true(nth > 1 || sites[s] == INJECT_TABLE); /* which may all be there by now */
	}
	vm_cache_reclaim();
	assert_balance(before);
}

/* No amount of waiting would do. */
static void nofail_knows_its_limits(void **state)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START;

	(void)state;
	assert_null(__vmalloc(RAM + 1, GFP_KERNEL | __GFP_NOFAIL));
	assert_null(__vmalloc(arena, GFP_KERNEL | __GFP_NOFAIL));
	assert_null(__vmalloc(~0ul, GFP_KERNEL | __GFP_NOFAIL));
	assert_null(__vmalloc_node(P, 2 * VM_ALIGN_MAX, GFP_KERNEL | __GFP_NOFAIL, -1, NULL));
	assert_null(__vmalloc_node_range(2 * P, P, VMALLOC_START, VMALLOC_START + 2 * P, GFP_KERNEL | __GFP_NOFAIL,
					 PAGE_KERNEL, 0, -1, NULL)); /* and the guard page? */
	warn_expected(true);
	assert_null(__vmalloc_node(P, 3 * P, GFP_KERNEL | __GFP_NOFAIL, -1, NULL));
	assert_null(__vmalloc_node_range(P, P, VMALLOC_START, VMALLOC_START + 3 * P + 1, GFP_KERNEL | __GFP_NOFAIL,
					 PAGE_KERNEL, 0, -1, NULL));
	assert_null(__vmalloc(0, GFP_KERNEL | __GFP_NOFAIL));
	warn_expected(false);
}

static void what_linux_tells_apart(void **state)
{
	static const gfp_t flags[] = { GFP_NOFS,
				       GFP_NOIO,
				       GFP_USER,
				       GFP_KERNEL_ACCOUNT,
				       GFP_DMA32,
				       GFP_KERNEL | __GFP_NORETRY,
				       GFP_KERNEL | __GFP_RETRY_MAYFAIL,
				       GFP_KERNEL | __GFP_NOLOCKDEP,
				       GFP_KERNEL | __GFP_HIGHMEM };
	unsigned long warnings = warn_count();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		char *p = __vmalloc(3 * P, flags[i]);

		assert_non_null(p);
		vfree(p);
	}
	assert_int_equal(warn_count(), warnings);
}

/* Told unless that is unwanted; of many failures only some. */
static void failures_are_told(void **state)
{
	unsigned int told = 0;

	(void)state;
	host_log_clear();
	for (unsigned int i = 0; i < 64; i++)
		assert_null(__vmalloc(RAM + 1, GFP_KERNEL | __GFP_NOWARN));
	assert_null(strstr(host_log(), "vmalloc:"));
	for (unsigned int i = 0; i < 64; i++) {
		host_log_clear();
		assert_null(vmalloc(RAM + 1));
		told += strstr(host_log(), "vmalloc: 1073741825 bytes for ") != NULL;
	}
	assert_in_range(told, 1, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(atomic_under_a_lock),
		cmocka_unit_test(atomic_failures_leave_nothing),
		cmocka_unit_test(atomic_without_space),
		cmocka_unit_test(refused_where_locks_may_not_be_waited_for),
		cmocka_unit_test(nofail_does_not_fail),
		cmocka_unit_test(nofail_knows_its_limits),
		cmocka_unit_test(what_linux_tells_apart),
		cmocka_unit_test(failures_are_told),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
