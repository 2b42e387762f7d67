/* SPDX-License-Identifier: MIT */
/*
 * Lazy MMU mode: what it gathers and when that is flushed, and each rule that it asserts. The machine's log of executed
 * batches is the judge.
 */
#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <arch/lazy_mmu.h>
#include <arch/mmu_sync.h>
#include <lib/errno.h>
#include <lib/string.h>

#define PAGES 8

static struct pgtable process;
static struct mmu_update update;
static pte_t *ptep[PAGES]; /* of the kernel's window */
static vaddr_t window;

static vaddr_t page_at(unsigned int i) { return window + i * PAGE_SIZE; }

static int note_run(void *ctx, pte_t *p, vaddr_t addr, unsigned long n)
{
	pte_t **found = ctx;

	for (unsigned long i = 0; i < n; i++)
		found[((addr - window) >> PAGE_SHIFT) + i] = p + i;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	host_machine(64 << 20, 2);
	host_pgtable_init();
	*arch_lazy_mmu() = (struct lazy_mmu){ .pt = NULL };
	window = ALIGN(layout.vmalloc_start, pt_level_size(2));
	arch_update_kernel_mappings_begin(&update, window, page_at(PAGES));
	assert_int_equal(
		pgtable_map(&kernel_pgtable, &update, window, page_at(PAGES), 1 << 20, PAGE_KERNEL, PAGE_SHIFT), 0);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, window, page_at(PAGES), false, note_run, ptep),
			 0);
	arch_update_kernel_mappings_end(&update);
	process = (struct pgtable){ .root = NULL };
	assert_int_equal(pgtable_init_process(&process), 0);
	return 0;
}

static void forbid_writing(unsigned int first, unsigned long n)
{
	pgtable_set_ptes(&kernel_pgtable, page_at(first), ptep[first], __pte(pte_read(ptep[first]).val & ~PTE_RW), n);
}

/* Batches executed since seq, all of them for [first, last]. */
static unsigned long flushed_since(unsigned long seq, unsigned int first, unsigned int last)
{
	struct tlb_log_entry entry;

	for (unsigned long i = seq + 1; i <= tlb_log_seq(); i++) {
		assert_true(tlb_log_read(i, &entry));
		assert_true(entry.start == page_at(first) && entry.end == page_at(last + 1));
	}
	return tlb_log_seq() - seq;
}

/* --- what is gathered --------------------------------------------------------------------------------------------- */

static void outside_a_change_is_flushed_at_once(void **state)
{
	unsigned long seq = tlb_log_seq();

	(void)state;
	forbid_writing(2, 3);
	assert_int_equal(flushed_since(seq, 2, 4), 1);
	for (unsigned int i = 0; i < PAGES; i++) /* and the frames go on from one to the next */
		assert_int_equal(pgtable_query(&kernel_pgtable, page_at(i)).phys, (1 << 20) + i * PAGE_SIZE);
}

static void without_a_scope_the_leave_flushes(void **state)
{
	unsigned long seq = tlb_log_seq();

	(void)state;
	lazy_mmu_enter(&kernel_pgtable);
	assert_true(lazy_mmu_active());
	forbid_writing(0, 2);
	forbid_writing(2, 1);
	assert_false(pgtable_query(&kernel_pgtable, page_at(2)).pte.val & PTE_RW);
	assert_int_equal(tlb_log_seq(), seq);
	lazy_mmu_leave(&kernel_pgtable);
	assert_false(lazy_mmu_active());
	assert_int_equal(flushed_since(seq, 0, 2), 1);
}

static void a_scope_flushes_once_at_its_end(void **state)
{
	unsigned long seq = tlb_log_seq();

	(void)state;
	arch_update_kernel_mappings_begin(&update, window, page_at(PAGES));
	for (unsigned int i = 0; i < 4; i++) {
		lazy_mmu_enter(&kernel_pgtable);
		forbid_writing(i, 1);
		lazy_mmu_leave(&kernel_pgtable);
	}
	assert_int_equal(tlb_log_seq(), seq);
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(flushed_since(seq, 0, 3), 1);
}

static void new_entries_need_no_flush(void **state)
{
	pte_t pte = pte_read(ptep[0]);
	unsigned long seq;

	(void)state;
	pgtable_set_ptes(&kernel_pgtable, page_at(0), ptep[0], __pte(0), 1);
	seq = tlb_log_seq();
	pgtable_set_ptes(&kernel_pgtable, page_at(0), ptep[0], pte, 1);
	assert_int_equal(tlb_log_seq(), seq);
}

/* Rights of a whole range: one flush, whatever the number of tables and leaves. */
static void protecting_flushes_once(void **state)
{
	const pgprot_t none = { 0 };
	unsigned long seq = tlb_log_seq();
	vaddr_t end = page_at(PAGES);

	(void)state;
	arch_update_kernel_mappings_begin(&update, window, end);
	assert_int_equal(pgtable_protect(&kernel_pgtable, &update, window, end, none, PROT_BIT_RW), 0);
	assert_false(lazy_mmu_active());
	assert_int_equal(tlb_log_seq(), seq);
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(flushed_since(seq, 0, PAGES - 1), 1);
}

/* Two tables of a process: its own batch, once, even while a scope for the kernel is open. */
static void a_process_is_flushed_by_the_leave(void **state)
{
	const pgprot_t none = { 0 };
	vaddr_t start = pt_level_size(2) * 4 - 2 * PAGE_SIZE, end = start + 4 * PAGE_SIZE;
	unsigned long flushes;

	(void)state;
	assert_int_equal(pgtable_map(&process, NULL, start, end, 2 << 20, PAGE_USER, PAGE_SHIFT), 0);
	flushes = (unsigned long)atomic_long_read(&process.flushes);
	arch_update_kernel_mappings_begin(&update, window, page_at(PAGES));
	assert_int_equal(pgtable_protect(&process, NULL, start, end, none, PROT_BIT_RW), 0);
	assert_int_equal(atomic_long_read(&process.flushes), flushes + 1);
	assert_true(tlb_batch_empty(&update.tlb));
	arch_update_kernel_mappings_end(&update);
	pgtable_unmap(&process, NULL, start, end);
	pgtable_free_user(&process);
}

static int change_and_fail(void *ctx, pte_t *p, vaddr_t addr, unsigned long n)
{
	(void)ctx;
	(void)n;
	assert_true(lazy_mmu_active());
	pgtable_set_ptes(&kernel_pgtable, addr, p, __pte(pte_read(p).val & ~PTE_RW), 1);
	return -EINVAL;
}

static void an_error_leaves_the_mode(void **state)
{
	unsigned long seq = tlb_log_seq();

	(void)state;
	arch_update_kernel_mappings_begin(&update, window, page_at(PAGES));
	assert_int_equal(
		pgtable_for_each_run(&kernel_pgtable, &update, window, page_at(PAGES), true, change_and_fail, NULL),
		-EINVAL);
	assert_false(lazy_mmu_active());
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(flushed_since(seq, 0, 0), 1);
}

/* --- what is asserted --------------------------------------------------------------------------------------------- */

static void never_nested(void **state)
{
	(void)state;
	lazy_mmu_enter(&kernel_pgtable);
	assert_true(PANICS(lazy_mmu_enter(&kernel_pgtable)));
	assert_true(PANICS(lazy_mmu_enter(&process)));
	assert_true(PANICS(lazy_mmu_leave(&process)));
	lazy_mmu_leave(&kernel_pgtable);
	assert_true(PANICS(lazy_mmu_leave(&kernel_pgtable)));
}

static void never_in_an_interrupt(void **state)
{
	(void)state;
	host_trap_depth = 1;
	assert_true(PANICS(lazy_mmu_enter(&kernel_pgtable)));
	host_trap_depth = 0;
	lazy_mmu_enter(&kernel_pgtable);
	host_trap_depth = 1;
	assert_false(lazy_mmu_active());
	assert_true(PANICS(forbid_writing(0, 1)));
	assert_true(PANICS(lazy_mmu_leave(&kernel_pgtable)));
	host_trap_depth = 0;
	lazy_mmu_leave(&kernel_pgtable);
}

static void no_table_and_no_scope_inside(void **state)
{
	struct pgtable other = { .root = NULL };
	struct mmu_update inner;

	(void)state;
	arch_update_kernel_mappings_begin(&update, window, page_at(PAGES));
	lazy_mmu_enter(&kernel_pgtable);
	assert_true(PANICS(pgtable_init_process(&other)));
	assert_true(PANICS(pgtable_map(&process, NULL, PAGE_SIZE, 2 * PAGE_SIZE, 0, PAGE_USER, PAGE_SHIFT)));
	assert_true(PANICS(arch_update_kernel_mappings_begin(&inner, window, page_at(1))));
	assert_true(PANICS(arch_update_kernel_mappings_end(&update)));
	lazy_mmu_leave(&kernel_pgtable);
	arch_update_kernel_mappings_end(&update);
}

/* Scopes are closed in the reverse order, and kernel tables are changed in the innermost one alone. */
static void scopes_are_a_stack(void **state)
{
	struct mmu_update outer, inner;

	(void)state;
	arch_update_kernel_mappings_begin(&outer, window, page_at(4));
	arch_update_kernel_mappings_begin(&inner, page_at(4), page_at(5));
	assert_true(PANICS(pgtable_unmap(&kernel_pgtable, &outer, window, page_at(1))));
	assert_true(PANICS(arch_update_kernel_mappings_end(&outer)));
	pgtable_unmap(&kernel_pgtable, &inner, page_at(4), page_at(5));
	tlb_batch_add(&inner.tlb, page_at(4), page_at(5));
	arch_update_kernel_mappings_end(&inner);
	pgtable_unmap(&kernel_pgtable, &outer, window, page_at(1));
	tlb_batch_add(&outer.tlb, window, page_at(1));
	arch_update_kernel_mappings_end(&outer);
	assert_null(arch_lazy_mmu()->scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(outside_a_change_is_flushed_at_once, setup),
		cmocka_unit_test_setup(without_a_scope_the_leave_flushes, setup),
		cmocka_unit_test_setup(a_scope_flushes_once_at_its_end, setup),
		cmocka_unit_test_setup(new_entries_need_no_flush, setup),
		cmocka_unit_test_setup(protecting_flushes_once, setup),
		cmocka_unit_test_setup(a_process_is_flushed_by_the_leave, setup),
		cmocka_unit_test_setup(an_error_leaves_the_mode, setup),
		cmocka_unit_test_setup(never_nested, setup),
		cmocka_unit_test_setup(never_in_an_interrupt, setup),
		cmocka_unit_test_setup(no_table_and_no_scope_inside, setup),
		cmocka_unit_test_setup(scopes_are_a_stack, setup),
	};

	return cmocka_run_group_tests_name(host_geometry_name(), tests, NULL, NULL);
}
