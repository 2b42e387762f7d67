/* SPDX-License-Identifier: MIT */
/*
 * The sync hook: whatever is done to kernel mappings, every process's tree has it when the scope ends, each changed
 * entry is carried once, and nothing is carried without need. For 2, 3, 4 and 5 levels. (Several CPUs:
 * unit_sync_race.c.)
 */
#include "tests/host/processes.h"

#include <kernel/inject.h>
#include <lib/errno.h>
#include <lib/string.h>

static void snapshot(pteval_t entries[SLOTS])
{
	for (unsigned int i = 0; i < SLOTS; i++)
		entries[i] = shared_entry(&kernel_pgtable, slot(i));
}

/* Is any part of it mapped? (Ranges in this test are a page, or a whole slot and its neighbour.) */
static bool is_used(vaddr_t start, vaddr_t end)
{
	for (vaddr_t addr = start; addr < end; addr += end - start > PAGE_SIZE ? slot_size / 8 : PAGE_SIZE)
		if (pgtable_query(&kernel_pgtable, addr).present)
			return true;
	return false;
}

/* A page at one of eight places in a slot, or whole slots, with leaves as large as they come. */
static void random_change(void)
{
	vaddr_t start = slot((unsigned int)host_random_below(SLOTS - 2)), end;

	if (host_random() & 1) {
		start += host_random_below(8) * (slot_size / 8);
		end = start + PAGE_SIZE;
	} else {
		end = start + slot_size * (1 + host_random_below(2));
	}
	if (end - start > 8ul << 30)
		return; /* leaves of the shared level: with PAE and 2 levels only */
	if (is_used(start, end)) {
		warn_expected(true);
		unmap(start, end);
		warn_expected(false);
		return;
	}
	if (host_random() & 1)
		pgtable_clear_tables(&kernel_pgtable, start, end, pt_level[pt_sync_level()].shift);
	assert_int_equal(map(start, end, 0, 30), 0);
}

static void random_changes_reach_everybody(void **state)
{
	(void)state;
	for (int round = 0; round < 1500; round++) {
		unsigned int i = (unsigned int)host_random_below(NR_PROCESSES);

		if (host_random_below(8))
			random_change();
		else if (alive[i])
			destroy(i);
		else
			create(i);
		assert_parity();
	}
	assert_int_equal(sync_counters().spurious, 0);
}

/* However many processes there are: as many entries are carried as have changed in the reference. */
static void each_entry_is_carried_once(void **state)
{
	pteval_t before[SLOTS], after[SLOTS];

	(void)state;
	for (int round = 0; round < 500; round++) {
		unsigned long carried = sync_counters().carried, calls = sync_counters().calls, changed = 0;
		vaddr_t at = slot((unsigned int)host_random_below(SLOTS)) + (host_random_below(4) << PAGE_SHIFT);

		snapshot(before);
		if (is_used(at, at + PAGE_SIZE))
			unmap(at, at + PAGE_SIZE);
		else
			map_page(at);
		snapshot(after);
		for (unsigned int i = 0; i < SLOTS; i++)
			changed += before[i] != after[i];
		assert_int_equal(sync_counters().carried - carried, changed);
		assert_int_equal(sync_counters().calls - calls, changed != 0);
	}
	assert_int_equal(sync_counters().spurious, 0);
}

/* One scope over many fresh slots: one call, one entry a slot, and the log says so. */
static void one_call_for_many_entries(void **state)
{
	unsigned long seq = sync_log_seq();
	struct sync_log_entry e;
	struct mmu_update u;

	(void)state;
	arch_update_kernel_mappings_begin(&u, slot(2), slot(7));
	for (unsigned int i = 2; i < 7; i++)
		assert_int_equal(pgtable_map(&kernel_pgtable, &u, slot(i), slot(i) + PAGE_SIZE, 0, PAGE_KERNEL, 12), 0);
	arch_update_kernel_mappings_end(&u);
	assert_int_equal(sync_log_seq(), seq + 1);
	assert_true(sync_log_read(seq + 1, &e));
	assert_int_equal(e.carried, 5);
	assert_int_equal(e.start, slot(2));
	assert_int_equal(e.end, slot(7));
	assert_false(sync_log_read(seq + 2, &e));
}

/* Mapping and unmapping below known entries never calls the hook (museum 37). */
static void known_entries_need_no_sync(void **state)
{
	unsigned long calls;

	(void)state;
	map_page(slot(1));
	calls = sync_counters().calls;
	for (int i = 1; i < 20000; i++) {
		vaddr_t at = slot(1) + PAGE_SIZE * (1 + host_random_below(300));

		map_page(at);
		unmap(at, at + PAGE_SIZE);
	}
	assert_int_equal(sync_counters().calls, calls);
}

/* Each process's private slot is its own, before and after any sync (museum 38). */
static void private_slots_stay_private(void **state)
{
	vaddr_t at = layout.private_start + 3 * PAGE_SIZE;
	pteval_t own[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(pgtable_map_private(&process[i], at, 0x10000 * (i + 1), PAGE_KERNEL), 0);
		own[i] = shared_entry(&process[i], at);
		assert_true(own[i] & PTE_PRESENT);
	}
	for (unsigned int i = 0; i < SLOTS; i++)
		map_page(slot(i));
	map_page(layout.fixmap_start);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(shared_entry(&process[i], at), own[i]);
		assert_int_equal(pgtable_query(&process[i], at + 7).phys, 0x10000 * (i + 1) + 7);
	}
	assert_false(pgtable_query(&kernel_pgtable, at).present);
	pgtable_unmap_private(&process[1], at);
	assert_false(pgtable_query(&process[1], at).present);
	assert_true(pgtable_query(&process[0], at).present);
}

/* A large leaf at the shared level that goes, and is followed by a table, goes everywhere (museum 36). */
static void removed_leaves_are_carried(void **state)
{
	(void)state;
	if (!pt_leaf_allowed(pt_sync_level()))
		return;
	assert_int_equal(map(slot(3), slot(4), (phys_addr_t)slot_size, 30), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pgtable_query(&process[i], slot(3) + 5).phys, slot_size + 5);
	unmap(slot(3), slot(4));
	assert_parity();
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(shared_entry(&process[i], slot(3)), 0);
	map_page(slot(3));
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pgtable_query(&process[i], slot(3) + 5).phys, 0x5005);
	unmap(slot(3), slot(3) + PAGE_SIZE);
	pgtable_clear_tables(&kernel_pgtable, slot(3), slot(4), 30);
	assert_parity();
	assert_int_equal(shared_entry(&process[0], slot(3)), 0);
}

/* With 4 and 5 levels an entry of the top table, once there, is never cleared and never changes (museum 48). */
static void top_entries_stay(void **state)
{
	pteval_t entry;

	(void)state;
	if (pt_top() < 4)
		return;
	map_page(slot(2));
	entry = shared_entry(&kernel_pgtable, slot(2));
	unmap(slot(2), slot(2) + PAGE_SIZE);
	pgtable_clear_tables(&kernel_pgtable, slot(2), slot(2) + (1ul << 30), 30);
	assert_int_equal(shared_entry(&kernel_pgtable, slot(2)), entry);
}

/* A map that fails behind a fresh entry carries it all the same (museum 43). */
static void failure_carries_what_was_done(void **state)
{
	(void)state;
	/* What is refused: a table below the second slot; the first is complete by then. */
	inject_set(INJECT_TABLE, 2 * (pt_sync_level() - 1));
	assert_int_equal(map(slot(5) - PAGE_SIZE, slot(5) + PAGE_SIZE, 0x5000, PAGE_SHIFT), -ENOMEM);
	assert_int_equal(inject_clear(INJECT_TABLE), 0);
	assert_true(shared_entry(&kernel_pgtable, slot(4)) & PTE_PRESENT);
	assert_parity();
	map_page(slot(5) - PAGE_SIZE);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(pgtable_query(&process[i], slot(5) - PAGE_SIZE).present);
}

static int nothing(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	(void)ctx, (void)ptep, (void)addr, (void)n;
	return 0;
}

/* Visiting entries is mapping too: the tables that it makes are carried (museum 42). */
static void visits_are_tracked(void **state)
{
	vaddr_t at = slot(6);
	struct mmu_update u;

	(void)state;
	arch_update_kernel_mappings_begin(&u, at, at + PAGE_SIZE);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &u, at, at + PAGE_SIZE, true, nothing, NULL), 0);
	arch_update_kernel_mappings_end(&u);
	assert_true(shared_entry(&process[2], slot(6)) & PTE_PRESENT);
}

/* A process that cannot have all its tables has none, and is on no list. */
static void process_without_memory(void **state)
{
	unsigned long live = host_live_tables();
	unsigned int n, trees = pgd_parity_check().trees;

	(void)state;
	for (n = 1;; n++) {
		int err;

		inject_set(INJECT_TABLE, n);
		err = pgtable_init_process(&process[4]);
		if (inject_clear(INJECT_TABLE)) {
			assert_int_equal(err, 0);
			break;
		}
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(host_live_tables(), live);
		assert_int_equal(pgd_parity_check().trees, trees);
	}
	assert_int_equal(n - 1, pt_top() == 3 ? 5 : 1);
	alive[4] = true;
}

static void processes_give_everything_back(void **state)
{
	unsigned long live = host_live_tables();

	(void)state;
	for (int round = 0; round < 20; round++) {
		create(4);
		assert_int_equal(pgtable_map_private(&process[4], layout.private_start, 0x9000, PAGE_KERNEL), 0);
		assert_int_equal(pgtable_map(&process[4], NULL, 0x400000, 0x403000, 0, PAGE_USER, 12), 0);
		destroy(4);
		assert_int_equal(host_live_tables(), live);
	}
}

/* Does the row of any tree have this letter? */
static bool a_tree_has(char letter)
{
	const char *row = host_log();

	while ((row = strstr(row, " states="))) {
		row += strlen(" states=");
		while (*row != letter && *row != '\n')
			row++;
		if (*row == letter)
			return true;
	}
	return false;
}

/* The entry of the shared level in a process's tree. */
static pte_t *entry_of(struct pgtable *pt, vaddr_t addr)
{
	pte_t *entry = pt->root + ((addr >> pt_level[pt_top()].shift) & ((1u << pt_level[pt_top()].bits) - 1));

	return pt_top() == 3 ? (pte_t *)phys_to_virt(pte_phys(*entry)) + (addr >> 21 & 511) : entry;
}

/* What the reference has not is taken away, too. */
static void an_adopted_tree_loses_what_it_had(void **state)
{
	pte_t mine = { 0 };

	(void)state;
	map_page(slot(1));
	mine = *entry_of(&process[0], slot(1));
	pgtable_leave_process(&process[0]);
	process[0].root = phys_to_virt(process[0].root_phys);
	*entry_of(&process[0], slot(1)) = __pte(0);
	*entry_of(&process[0], slot(2)) = mine;
	assert_int_equal(pgtable_adopt_process(&process[0], process[0].root_phys), 0);
	assert_parity();
}

/* The check finds what is wrong, and the picture shows where: else its silence would mean nothing. */
static void parity_check_sees_faults(void **state)
{
	struct pgd_parity parity;
	pte_t *entry, good;

	(void)state;
	map_page(slot(1));
	host_log_clear();
	pgd_parity_dump();
	assert_non_null(strstr(host_log(), "parity: ok"));
	entry = entry_of(&process[1], slot(1));
	good = *entry;
	for (int missing = 0; missing < 2; missing++) {
		*entry = __pte(missing ? 0 : good.val ^ 0x2000);
		parity = pgd_parity_check();
		assert_int_equal(parity.differs, !missing);
		assert_int_equal(parity.missing, missing);
		host_log_clear();
		pgd_parity_dump();
		assert_non_null(strstr(host_log(), missing ? "?" : "!"));
		assert_non_null(strstr(host_log(), "parity: BROKEN"));
		host_log_clear();
		pgd_parity_machine();
		assert_non_null(strstr(host_log(), missing ? " differs=0 missing=1\n" : " differs=1 missing=0\n"));
		assert_true(a_tree_has(missing ? 'm' : 'd'));
	}
	*entry = good;
}

/* The hook without a reason is counted. */
static void idle_sync_is_counted(void **state)
{
	unsigned long spurious = sync_counters().spurious;
	struct mmu_update u;

	(void)state;
	map_page(slot(1));
	arch_update_kernel_mappings_begin(&u, slot(1), slot(2));
	u.mask = ARCH_PAGE_TABLE_SYNC_MASK;
	arch_update_kernel_mappings_end(&u);
	assert_int_equal(sync_counters().spurious, spurious + 1);
}

/* The lock of the list is never waited for with interrupts off (museum 47). */
static void interrupts_are_on(void **state)
{
	(void)state;
	local_irq_disable();
	assert_true(PANICS(pgd_parity_check()));
	local_irq_enable();
	pgd_parity_check();
}

static void loaded_tree_cannot_go(void **state)
{
	(void)state;
	host_run_on(2);
	pgtable_load(&process[0]);
	host_run_on(0);
	assert_true(PANICS(pgtable_exit_process(&process[0])));
	host_run_on(2);
	pgtable_load(&kernel_pgtable);
	host_run_on(0);
}

/* A kernel whose direct map lies above its vmalloc space: what all trees share begins lower than the direct map. */
static void kernel_may_begin_below_its_direct_map(void **state)
{
	const vaddr_t was = layout.kernel_start;
	unsigned int young = 4;

	(void)state;
	if (pt_top() < 4)
		skip(); /* there is no room between a process and the direct map */
	layout.kernel_start = ~(vaddr_t)0 << (pt_level[pt_top()].shift + pt_level[pt_top()].bits - 1);
	assert_true(layout.kernel_start < was);
	map_page(layout.kernel_start);
	assert_int_not_equal(shared_entry(&kernel_pgtable, layout.kernel_start), 0);
	assert_parity();
	create(young);
	assert_parity();
	unmap(layout.kernel_start, layout.kernel_start + PAGE_SIZE);
	layout.kernel_start = was;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_changes_reach_everybody),
		TEST(each_entry_is_carried_once),
		TEST(one_call_for_many_entries),
		TEST(known_entries_need_no_sync),
		TEST(private_slots_stay_private),
		TEST(removed_leaves_are_carried),
		TEST(top_entries_stay),
		TEST(failure_carries_what_was_done),
		TEST(visits_are_tracked),
		TEST(process_without_memory),
		TEST(processes_give_everything_back),
		TEST(an_adopted_tree_loses_what_it_had),
		TEST(parity_check_sees_faults),
		TEST(idle_sync_is_counted),
		TEST(interrupts_are_on),
		TEST(loaded_tree_cannot_go),
		TEST(kernel_may_begin_below_its_direct_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
