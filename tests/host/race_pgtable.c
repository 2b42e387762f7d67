/* SPDX-License-Identifier: MIT */
/*
 * Walkers without a lock beside those who map, change rights and frames, unmap, and take tables away, under the thread
 * sanitizer. Whoever asks gets what is or was mapped there at the time, or nothing, never anything else. A table that
 * was taken away is freed, and turns to rubbish, as soon as every CPU has been seen with preemption on: a walk that
 * does not keep it off, or reads an entry that it has not come to from the root, finds the rubbish.
 */
#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <arch/lazy_mmu.h>
#include <arch/mmu_sync.h>
#include <kernel/preempt.h>
#include <lib/errno.h>

#include <pthread.h>

#define WRITERS 2
#define READERS 2
#define ROUNDS	500
#define CPUS	(1 + WRITERS + READERS) /* this thread is CPU 0, then the writers */

/* Each writer has as much of the window as one entry of level 2 spans. Where it maps it, in turn: nobody follows. */
static const u64 places[] = { 0x40000000, 0x80400000, 0x01c00000 };
static vaddr_t window, span;
static bool stop;

/* --- grace periods ------------------------------------------------------------------------------------------------ */

static void free_after_readers(phys_addr_t table)
{
	for (unsigned int cpu = 1 + WRITERS; cpu < CPUS; cpu++)
		while (__atomic_load_n(&per_cpu(preempt_count, cpu), __ATOMIC_ACQUIRE))
			cpu_relax();
	pgtable_free_deferred(table);
}

/* --- writers ------------------------------------------------------------------------------------------------------ */

static int map(vaddr_t start, vaddr_t end, u64 phys, unsigned int shift)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, (phys_addr_t)phys, PAGE_KERNEL, shift);
	arch_update_kernel_mappings_end(&u);
	return err;
}

static void unmap(vaddr_t start, vaddr_t end)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	pgtable_unmap(&kernel_pgtable, &u, start, end);
	tlb_batch_add(&u.tlb, start, end);
	arch_update_kernel_mappings_end(&u);
}

static void make_read_only(vaddr_t start, vaddr_t end)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	BUG_ON(pgtable_protect(&kernel_pgtable, &u, start, end, (pgprot_t){ 0 }, PROT_BIT_RW));
	arch_update_kernel_mappings_end(&u);
}

/* Other frames under the same addresses, page by page. */
static void move(vaddr_t start, u64 phys)
{
	for (unsigned int i = 0; i < 16; i++, start += PAGE_SIZE, phys += PAGE_SIZE) {
		pte_t *ptep = pgtable_entries(&kernel_pgtable, start, start + PAGE_SIZE, PAGE_SHIFT);

		BUG_ON(!ptep);
		pgtable_set_ptes(&kernel_pgtable, start, ptep,
				 pfn_pte((unsigned long)(phys >> PAGE_SHIFT), PAGE_KERNEL_RO), 1);
	}
}

static void *writer(void *arg)
{
	unsigned int cpu = (unsigned int)(unsigned long)arg, shift = pt_level[2].shift;
	vaddr_t start = window + (cpu - 1) * span, end = start + span, few = start + 64 * PAGE_SIZE;

	host_run_on(cpu);
	for (int round = 0; round < ROUNDS; round++) {
		BUG_ON(map(start, end, places[0], shift));
		make_read_only(start, end);
		unmap(start, end);
		BUG_ON(map(start, few, places[1], PAGE_SHIFT));
		make_read_only(start + PAGE_SIZE, few);
		move(start, places[2]);
		unmap(start, end);
		pgtable_clear_tables(&kernel_pgtable, start, end, shift);
	}
	return NULL;
}

/* --- readers ------------------------------------------------------------------------------------------------------ */

static bool may_be(vaddr_t addr, unsigned long pfn)
{
	vaddr_t offset = (addr - window) & (span - 1);

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		if (pfn == (places[i] + offset) >> PAGE_SHIFT)
			return true;
	return pfn == PGTABLE_NO_PFN;
}

static void look_at(vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);
	pte_t entry = pgtable_read_entry(&kernel_pgtable, addr, 1);

	BUG_ON(leaf.present && !may_be(addr, (unsigned long)(leaf.phys >> PAGE_SHIFT)));
	BUG_ON(pte_present(entry) && !may_be(addr, pte_pfn(entry)));
	BUG_ON(!may_be(addr, kernel_pgtable_pfn(addr)));
}

static void *reader(void *arg)
{
	host_run_on((unsigned int)(unsigned long)arg);
	host_random_seed((unsigned long)arg);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		vaddr_t addr = window + host_random_below(WRITERS) * span;

		look_at(addr + host_random_below(20 * PAGE_SIZE)); /* where most happens */
		look_at(addr + host_random_below(span));
	}
	return NULL;
}

static void walkers_beside_writers(void **state)
{
	unsigned long tables = pgtable_kernel_pages();
	pthread_t thread[CPUS];

	(void)state;
	pgtable_set_deferred_free(free_after_readers);
	for (unsigned long cpu = 1; cpu < CPUS; cpu++)
		pthread_create(&thread[cpu], NULL, cpu <= WRITERS ? writer : reader, (void *)cpu);
	for (int cpu = 1; cpu <= WRITERS; cpu++)
		pthread_join(thread[cpu], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int cpu = 1 + WRITERS; cpu < CPUS; cpu++)
		pthread_join(thread[cpu], NULL);
	assert_true(pgtable_kernel_pages() - tables <= pt_top() - 2); /* those above level 2 stay */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(walkers_beside_writers) };

	host_machine(64ull << 20, CPUS);
	for (enum cpu_feature f = 0; f < NR_FEATURES; f++)
		host_set_feature(f, true);
	host_pgtable_init();
	span = pt_level_size(2);
	window = ALIGN(layout.vmalloc_start, WRITERS * span);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
