/* SPDX-License-Identifier: MIT */
/*
 * What the two programs about the TLB oracle share: a machine of four CPUs, one page of entries a tree, and verdicts.
 */
#pragma once

#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include "arch/x86/mm/oracle.h"

#include <arch/mmu_sync.h>
#include <lib/string.h>

#define CPUS  4
#define PAGES 16

static __maybe_unused vaddr_t window; /* an address of vmalloc space with a table of level 1 */
static __maybe_unused struct pgtable process[2];

static __maybe_unused void map_window(struct pgtable *pt, vaddr_t start)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, start + PAGE_SIZE);
	assert_int_equal(pgtable_map(pt, pt == &kernel_pgtable ? &u : NULL, start, start + PAGE_SIZE, 0x1000,
				     PAGE_KERNEL, PAGE_SHIFT),
			 0);
	pgtable_unmap(pt, pt == &kernel_pgtable ? &u : NULL, start, start + PAGE_SIZE);
	tlb_batch_add_all(&u.tlb);
	arch_update_kernel_mappings_end(&u);
}

#define USER_WINDOW 0x400000ul

static __maybe_unused int setup(void **state)
{
	(void)state;
	host_machine(256ull << 20, CPUS);
	host_pgtable_init();
	window = ALIGN(layout.vmalloc_start, pt_size(2));
	map_window(&kernel_pgtable, window);
	for (unsigned int i = 0; i < ARRAY_SIZE(process); i++) {
		assert_int_equal(pgtable_init_process(&process[i]), 0);
		map_window(&process[i], USER_WINDOW);
	}
	assert_int_equal(oracle_counters().live, 0);
	assert_int_equal(oracle_counters().untracked, 0);
	oracle_expect(true);
	return 0;
}

/* --- doing things, and being judged ------------------------------------------------------------------------------- */

static __maybe_unused pte_t *entry_in(const struct pgtable *pt, vaddr_t base, unsigned int page)
{
	return pt_entry(pt, base + page * PAGE_SIZE, 1);
}

static __maybe_unused pte_t *kernel_entry(unsigned int page) { return entry_in(&kernel_pgtable, window, page); }
static __maybe_unused pte_t *user_entry(unsigned int i, unsigned int page)
{
	return entry_in(&process[i], USER_WINDOW, page);
}

static __maybe_unused void map(pte_t *p, unsigned long pfn, pgprot_t prot) { pte_store(p, pfn_pte(pfn, prot)); }
static __maybe_unused void change_rights(pte_t *p, pteval_t set, pteval_t take)
{
	pte_xchg(p, __pte((pte_read(p).val & ~take) | set));
}
static __maybe_unused void clear(pte_t *p) { pte_store(p, __pte(0)); }

static __maybe_unused void on_cpu(unsigned int cpu, void (*flush)(vaddr_t addr), vaddr_t addr)
{
	unsigned int here = host_run_on(cpu);

	flush(addr);
	host_run_on(here);
}

static __maybe_unused void flush_page(vaddr_t addr) { flush_tlb_local_page(addr); }
static __maybe_unused void flush_all(vaddr_t unused) { (void)unused; flush_tlb_local(); }

static __maybe_unused void everywhere(void (*flush)(vaddr_t addr), vaddr_t addr)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		on_cpu(cpu, flush, addr);
}

static __maybe_unused void load_on(unsigned int cpu, struct pgtable *pt)
{
	unsigned int here = host_run_on(cpu);

	oracle_loading(pt);
	oracle_loaded(pt, 0, ORACLE_DROPS_ALL, oracle_now());
	host_run_on(here);
}

/* How many verdicts of a kind the statement brings, in expected ones. */
#define VERDICTS(kind, statement) ({ \
	unsigned long _before = oracle_counters().expected[kind]; \
	statement; \
	oracle_counters().expected[kind] - _before; })

#define assert_verdict(kind, statement) assert_int_equal(VERDICTS(kind, statement), 1)
#define assert_clean(kind, statement)	assert_int_equal(VERDICTS(kind, statement), 0)

#define TEST(name) cmocka_unit_test_setup(name, setup)
