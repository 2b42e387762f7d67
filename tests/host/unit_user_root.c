/* SPDX-License-Identifier: MIT */
/*
 * Two roots a process (page-table isolation, arch/x86/mm/user_root.c): the user halves are equal whatever is mapped and
 * unmapped, the kernel half of the user root has the entry area and nothing else, and parity finds what is not so. And
 * which CPUs need isolation.
 */
#include "tests/host/processes.h"

#include <asm/pti.h>
#include <lib/errno.h>
#include <kernel/inject.h>

static bool has_nx(void) { return pt_top() > 3; } /* in top entries */

/* The top entry of the user root for an address. */
static pte_t *user_entry(unsigned int i, vaddr_t addr)
{
	return process[i].user_root + ((addr >> pt_level[pt_top()].shift) & (PT_TOP_ENTRIES - 1));
}

/* The entry of the shared level. */
static pte_t *kernel_entry(unsigned int i, vaddr_t addr)
{
	pte_t *top = user_entry(i, addr), *table;

	if (pt_sync_level() == pt_top())
		return top;
	table = phys_to_virt(pte_phys(pte_read(top)));
	return table + ((addr >> pt_level[pt_sync_level()].shift) & (PT_ENTRIES - 1));
}

static void use_page(unsigned int i, vaddr_t addr)
{
	assert_int_equal(pgtable_map(&process[i], NULL, addr, addr + PAGE_SIZE, 0x7000, PAGE_USER, PAGE_SHIFT), 0);
}

static int setup_isolated(void **state)
{
	(void)state;
	pti_on = true;
	host_machine(256ull << 20, 5);
	host_pgtable_init();
	slot_size = 1ul << pt_level[pt_sync_level()].shift;
	for (vaddr_t addr = layout.entry_start; addr < layout.entry_end; addr += slot_size)
		map_page(addr);
	for (unsigned int i = 0; i < NR_PROCESSES; i++)
		alive[i] = false;
	return 0;
}

static int teardown_isolated(void **state)
{
	int err = teardown(state);

	pti_on = false;
	return err;
}

static void user_halves_are_equal(void **state)
{
	(void)state;
	create(0);
	for (vaddr_t addr = PAGE_SIZE; addr && addr < layout.user_end - PAGE_SIZE; addr = addr * 2 + 3 * PAGE_SIZE) {
		pte_t link, user;

		use_page(0, addr);
		link = pgtable_read_entry(&process[0], addr, pt_top());
		user = pte_read(user_entry(0, addr));
		assert_int_equal(!!(link.val & PTE_NX), has_nx());
		assert_int_equal(user.val, link.val & ~PTE_NX);
		assert_true(pgtable_query(&process[0], addr).present);
	}
	assert_int_equal(pgd_parity_check().differs, 0);
	pgtable_free_user(&process[0]);
	for (vaddr_t addr = 0; addr < layout.user_end - PAGE_SIZE; addr += 1ul << pt_level[pt_top()].shift)
		assert_int_equal(user_entry(0, addr)->val, 0);
}

static void kernel_half_is_the_entry_area(void **state)
{
	(void)state;
	create(0);
	create(1);
	map_page(slot(3));
	for (vaddr_t addr = ALIGN_DOWN(layout.kernel_start, slot_size); addr; addr += slot_size) {
		bool entry = addr + slot_size - 1 >= layout.entry_start &&
			     addr < layout.entry_end;

		assert_int_equal(kernel_entry(1, addr)->val, entry ? shared_entry(&kernel_pgtable, addr) : 0);
	}
	assert_true(kernel_entry(0, layout.entry_start)->val != 0);
}

static void parity_finds_what_is_wrong(void **state)
{
	(void)state;
	create(0);
	use_page(0, 0x400000);
	raw_pte_store(user_entry(0, 0x400000), __pte(0));
	assert_int_equal(pgd_parity_check().differs, 1);
	raw_pte_store(kernel_entry(0, layout.direct_start), *kernel_entry(0, layout.entry_start));
	assert_int_equal(pgd_parity_check().differs, 2);
	raw_pte_store(kernel_entry(0, layout.direct_start), __pte(0));
	raw_pte_store(kernel_entry(0, layout.entry_start), __pte(0));
	assert_int_equal(pgd_parity_check().differs, 2);
	destroy(0);
}

/* Any table may be missing: nothing is lost, and the next try succeeds. */
static void no_memory_for_a_root(void **state)
{
	unsigned int nth = 1;

	(void)state;
	for (;; nth++) {
		inject_set(INJECT_TABLE, nth);
		if (pgtable_init_process(&process[0]) == 0)
			break;
		assert_int_equal(inject_clear(INJECT_TABLE), 0);
	}
	inject_clear(INJECT_TABLE);
	assert_int_equal(nth, pt_top() == 3 ? 8 : 3); /* two roots; PAE: five tables; then none is wanted */
	alive[0] = true;
}

/* --- which CPUs --------------------------------------------------------------------------------------------------- */

static const struct {
	struct cpu_info info;
	u64 capabilities;
	bool needs;
} cpus[] = {
	{ { .vendor = "AuthenticAMD", .family = 23, .model_nr = 1, .cpuid = true }, 0, false },
	{ { .vendor = "AuthenticAMD", .family = 6, .model_nr = 6, .cpuid = true }, 0, false }, /* QEMU's default */
	{ { .vendor = "HygonGenuine", .family = 24, .model_nr = 0, .cpuid = true }, 0, false },
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 0x1a, .cpuid = true }, 0, true },  /* Nehalem */
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 0x55, .cpuid = true }, 0, true },  /* Skylake */
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 0x55, .cpuid = true }, 1, false }, /* Cascade Lake */
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 0x55, .cpuid = true }, 8, true },  /* another bit */
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 0x1c, .cpuid = true }, 0, false }, /* Bonnell */
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 0x37, .cpuid = true }, 0, true },  /* Silvermont */
	{ { .vendor = "GenuineIntel", .family = 6, .model_nr = 7, .cpuid = true }, 0, true },	   /* Pentium III */
	{ { .vendor = "GenuineIntel", .family = 5, .model_nr = 2, .cpuid = true }, 0, false },	   /* Pentium */
	{ { .vendor = "GenuineIntel", .family = 15, .model_nr = 2, .cpuid = true }, 0, true },	   /* Pentium 4 */
	{ { .vendor = "GenuineIntel", .family = 19, .model_nr = 1, .cpuid = true }, 0, true },	   /* not known yet */
	{ { .vendor = "CentaurHauls", .family = 6, .model_nr = 15, .cpuid = true }, 0, true },
	{ { .family = 0 }, 0, false }, /* a 486 without CPUID */
};

static void which_cpus_need_it(void **state)
{
	const char *why;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cpus); i++) {
		assert_int_equal(cpu_needs_pti(&cpus[i].info, cpus[i].capabilities, &why), cpus[i].needs);
		assert_true(why[0] != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(user_halves_are_equal, setup_isolated, teardown_isolated),
		cmocka_unit_test_setup_teardown(kernel_half_is_the_entry_area, setup_isolated, teardown_isolated),
		cmocka_unit_test_setup_teardown(parity_finds_what_is_wrong, setup_isolated, teardown_isolated),
		cmocka_unit_test_setup_teardown(no_memory_for_a_root, setup_isolated, teardown_isolated),
		cmocka_unit_test(which_cpus_need_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
