/* SPDX-License-Identifier: MIT */
/*
 * The sync hook: whatever is done to kernel mappings, every process's tree has it when the scope ends, each changed entry
 * is carried once, and nothing is carried without need. The judge reads the tables itself. For 2, 3, 4 and 5 levels.
 *
 * Races are played with real threads, each of them a CPU, that are held at the schedule points.
 */
#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>
#include <kernel/schedule_point.h>
#include <lib/errno.h>
#include <lib/string.h>

#include <pthread.h>

#define NR_PROCESSES 5
#define SLOTS 12 /* of the shared level, from the start of vmalloc space on */

static struct pgtable process[NR_PROCESSES];
static bool alive[NR_PROCESSES];
static vaddr_t slot_size;

static vaddr_t slot(unsigned int i) { return ALIGN(layout.vmalloc_start, slot_size) + i * slot_size; }

/* --- the judge ------------------------------------------------------------------------------------------------------ */

static pteval_t shared_entry(const struct pgtable *pt, vaddr_t addr)
{
	return pgtable_read_entry(pt, addr, pt_sync_level()).val;
}

/* Every shared slot of the kernel's half, equal in all trees and without a mark. */
static void assert_parity(void)
{
	for (vaddr_t addr = layout.direct_start & ~(slot_size - 1); addr; addr += slot_size) {
		pteval_t reference = shared_entry(&kernel_pgtable, addr);

		if (addr >= layout.private_start && addr < layout.private_end) {
			assert_int_equal(reference, 0);
			continue;
		}
		assert_false(reference & PTE_PENDING);
		for (unsigned int i = 0; i < NR_PROCESSES; i++)
			if (alive[i])
				assert_int_equal(shared_entry(&process[i], addr), reference);
	}
}

static void snapshot(pteval_t entries[SLOTS])
{
	for (unsigned int i = 0; i < SLOTS; i++)
		entries[i] = shared_entry(&kernel_pgtable, slot(i));
}

/* --- changes, each in a scope of its own ---------------------------------------------------------------------------- */

static int map(vaddr_t start, vaddr_t end, phys_addr_t phys, unsigned int max_shift)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, phys, PAGE_KERNEL, max_shift);
	if (err)
		pgtable_unmap(&kernel_pgtable, &u, start, end);
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

static void map_page(vaddr_t addr) { assert_int_equal(map(addr, addr + PAGE_SIZE, 0x5000, PAGE_SHIFT), 0); }

static void create(unsigned int i)
{
	assert_int_equal(pgtable_init_process(&process[i]), 0);
	alive[i] = true;
}

static void destroy(unsigned int i)
{
	pgtable_free_user(&process[i]);
	pgtable_exit_process(&process[i]);
	alive[i] = false;
}

static int setup(void **state)
{
	(void)state;
	host_machine(256ull << 20, 5);
	host_pgtable_init();
	slot_size = 1ul << pt_level[pt_sync_level()].shift;
	for (unsigned int i = 0; i < NR_PROCESSES; i++) {
		alive[i] = false;
		if (i < 3)
			create(i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_parity();
	assert_int_equal(sync_counters().mismatches, 0);
	for (unsigned int i = 0; i < NR_PROCESSES; i++)
		if (alive[i])
			destroy(i);
	return 0;
}

/* --- one CPU -------------------------------------------------------------------------------------------------------- */

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
	struct mmu_update u;

	(void)state;
	arch_update_kernel_mappings_begin(&u, slot(6), slot(6) + PAGE_SIZE);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &u, slot(6), slot(6) + PAGE_SIZE, true, nothing, NULL), 0);
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
	entry = process[1].root + ((slot(1) >> pt_level[pt_top()].shift) & ((1u << pt_level[pt_top()].bits) - 1));
	if (pt_top() == 3)
		entry = (pte_t *)phys_to_virt(pte_phys(*entry)) + (slot(1) >> 21 & 511);
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

/* --- several CPUs --------------------------------------------------------------------------------------------------- */

struct cpu_thread {
	pthread_t thread;
	unsigned int cpu;
	void (*fn)(vaddr_t addr);
	vaddr_t addr;
	bool done;
};

static void *cpu_main(void *arg)
{
	struct cpu_thread *t = arg;

	host_run_on(t->cpu);
	t->fn(t->addr);
	__atomic_store_n(&t->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void start(struct cpu_thread *t, unsigned int cpu, void (*fn)(vaddr_t), vaddr_t addr)
{
	*t = (struct cpu_thread){ .cpu = cpu, .fn = fn, .addr = addr };
	assert_int_equal(pthread_create(&t->thread, NULL, cpu_main, t), 0);
}

static void join(struct cpu_thread *t) { pthread_join(t->thread, NULL); }
static bool is_done(const struct cpu_thread *t) { return __atomic_load_n(&t->done, __ATOMIC_ACQUIRE); }

static void hold(const char *point) { sched_hold(point); }
static void wait_held(const char *point) { assert_true(sched_wait_held(point, 5000)); }

/*
 * CPU 1 has installed an entry and has not carried it. CPU 0 maps next to it: when that returns, its processes must have
 * the entry, although CPU 1 still stands where it stood (museum 40).
 */
static void no_window_for_the_neighbour(void **state)
{
	struct cpu_thread first;

	(void)state;
	hold("sync:before");
	start(&first, 1, map_page, slot(4));
	wait_held("sync:before");
	assert_true(shared_entry(&kernel_pgtable, slot(4)) & PTE_PENDING);
	assert_false(shared_entry(&process[0], slot(4)) & PTE_PRESENT);
	map_page(slot(4) + PAGE_SIZE);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pgtable_query(&process[i], slot(4) + PAGE_SIZE).phys, 0x5000);
	assert_false(is_done(&first));
	assert_parity();
	sched_release("sync:before");
	join(&first);
	assert_int_equal(sync_counters().spurious, 0);
}

/* The same with the unmap of a neighbour that meets the mark. */
static void no_window_for_an_unmap(void **state)
{
	struct cpu_thread first;

	(void)state;
	hold("sync:before");
	start(&first, 1, map_page, slot(4));
	wait_held("sync:before");
	unmap(slot(4) + PAGE_SIZE, slot(4) + 2 * PAGE_SIZE);
	assert_parity();
	sched_release("sync:before");
	join(&first);
}

/* Two walkers want the same tables: the loser uses the winner's and gives its own back. */
static void losers_table_comes_back(void **state)
{
	unsigned long live = host_live_tables(), kernel = pgtable_kernel_pages();
	struct cpu_thread loser;

	(void)state;
	hold("pgtable:install");
	start(&loser, 1, map_page, slot(4));
	wait_held("pgtable:install");
	map_page(slot(4) + PAGE_SIZE);
	sched_release("pgtable:install");
	join(&loser);
	assert_true(pgtable_query(&process[0], slot(4)).present);
	assert_true(pgtable_query(&process[0], slot(4) + PAGE_SIZE).present);
	assert_int_equal(host_live_tables() - live, pt_sync_level() - 1);
	assert_int_equal(pgtable_kernel_pages() - kernel, pt_sync_level() - 1);
	assert_int_equal(sync_counters().spurious, 0);
}

static void create_fifth(vaddr_t unused) { (void)unused; create(4); }

/* A new tree has copied the kernel's half and is not on the list yet; meanwhile an entry is installed (museum 50). */
static void new_tree_races_a_sync(void **state)
{
	struct cpu_thread creator, mapper;

	(void)state;
	hold("pgd:copied");
	start(&creator, 1, create_fifth, 0);
	wait_held("pgd:copied");
	start(&mapper, 2, map_page, slot(4));
	while (!(shared_entry(&kernel_pgtable, slot(4)) & PTE_PRESENT))
		cpu_relax();
	assert_false(is_done(&mapper));
	sched_release("pgd:copied");
	join(&creator);
	join(&mapper);
	assert_true(pgtable_query(&process[4], slot(4)).present);
	assert_parity();
}

/* The other way round: the entry is in the reference and marked, and a tree is made before it is carried. */
static void new_tree_copies_a_marked_entry(void **state)
{
	struct cpu_thread mapper;

	(void)state;
	hold("sync:before");
	start(&mapper, 1, map_page, slot(4));
	wait_held("sync:before");
	create(4);
	assert_false(shared_entry(&process[4], slot(4)) & PTE_PENDING);
	sched_release("sync:before");
	join(&mapper);
	assert_true(pgtable_query(&process[4], slot(4)).present);
}

static void churn_maps(vaddr_t first)
{
	for (int i = 0; i < 400; i++) {
		vaddr_t at = first + slot_size * (i % 4);

		map_page(at);
		unmap(at, at + PAGE_SIZE);
		if (i % 7 == 0)
			for (unsigned int p = 0; p < 3; p++)
				assert_true(shared_entry(&process[p], at) & PTE_PRESENT);
	}
}

/* Where entries of the shared level may be leaves, each map and each unmap is carried. */
static void churn_leaves(vaddr_t at)
{
	for (int i = 0; i < 1000 && pt_leaf_allowed(pt_sync_level()); i++) {
		assert_int_equal(map(at, at + slot_size, 0, 30), 0);
		for (unsigned int p = 0; p < 3; p++)
			assert_true(shared_entry(&process[p], at) & PTE_PRESENT);
		unmap(at, at + slot_size);
	}
}

static void churn_processes(vaddr_t unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++) {
		struct pgd_parity parity;

		create(4);
		parity = pgd_parity_check();
		BUG_ON(parity.differs || parity.missing);
		destroy(4);
	}
}

/* Everybody at once; the debug check after each sync is the judge, and the end. */
static void all_at_once(void **state)
{
	struct cpu_thread t[4];

	(void)state;
	start(&t[0], 1, churn_maps, slot(1));
	start(&t[1], 2, churn_maps, slot(1) + PAGE_SIZE);
	start(&t[2], 3, churn_processes, 0);
	start(&t[3], 4, churn_leaves, slot(8));
	for (int i = 0; i < 4; i++)
		join(&t[i]);
	assert_parity();
	assert_int_equal(sync_counters().spurious, 0);
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
		TEST(parity_check_sees_faults),
		TEST(no_window_for_the_neighbour),
		TEST(no_window_for_an_unmap),
		TEST(losers_table_comes_back),
		TEST(new_tree_races_a_sync),
		TEST(new_tree_copies_a_marked_entry),
		TEST(all_at_once),
		TEST(idle_sync_is_counted),
		TEST(interrupts_are_on),
		TEST(loaded_tree_cannot_go),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
