/* SPDX-License-Identifier: MIT */
/*
 * The sync hook on several CPUs. Each thread is a CPU; it is held at a schedule point while the others go on, so that
 * the moment that matters is met every time. For 2, 3, 4 and 5 levels, and once more under the thread sanitizer.
 */
#include "tests/host/processes.h"

#include "arch/x86/mm/internal.h"

#include <kernel/schedule_point.h>

#include <pthread.h>

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

static pte_t *entries_of(vaddr_t page)
{
	return pgtable_entries(&kernel_pgtable, page, page + PAGE_SIZE, PAGE_SHIFT);
}

/*
 * CPU 1 has installed an entry and has not carried it. CPU 0 maps next to it: when that returns, its processes must
 * have the entry, although CPU 1 still stands where it stood (museum 40).
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
	assert_null(entries_of(slot(4) + PAGE_SIZE)); /* nobody may use them without a walk yet */
	map_page(slot(4) + PAGE_SIZE);
	assert_non_null(entries_of(slot(4) + PAGE_SIZE));
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

/* CPU 1 has written to two of three trees and stands between two holdings of the lock. */
static void start_in_pieces(struct cpu_thread *first)
{
	sync_budget = 2;
	hold("sync:pause");
	start(first, 1, map_page, slot(4));
	wait_held("sync:pause");
	assert_true(shared_entry(&kernel_pgtable, slot(4)) & PTE_PENDING);
	assert_true(shared_entry(&process[1], slot(4)) & PTE_PRESENT);
	assert_false(shared_entry(&process[2], slot(4)) & PTE_PRESENT);
}

static void go_on(struct cpu_thread *first)
{
	sched_release("sync:pause");
	join(first);
	assert_false(shared_entry(&kernel_pgtable, slot(4)) & PTE_PENDING);
	assert_parity();
	sync_budget = 500;
}

/* The neighbour does not wait for CPU 1, but finishes its carry. */
static void another_finishes_the_carry(void **state)
{
	struct cpu_thread first;

	(void)state;
	start_in_pieces(&first);
	map_page(slot(4) + PAGE_SIZE);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pgtable_query(&process[i], slot(4) + PAGE_SIZE).phys, 0x5000);
	assert_false(is_done(&first));
	assert_parity();
	go_on(&first);
	assert_int_equal(sync_counters().spurious, 0);
}

/* A hook for another entry finishes it too, before its own. */
static void one_carry_at_a_time(void **state)
{
	struct cpu_thread first;

	(void)state;
	start_in_pieces(&first);
	map_page(slot(6));
	assert_false(shared_entry(&kernel_pgtable, slot(4)) & PTE_PENDING);
	assert_parity();
	go_on(&first);
}

/* The tree whose turn it is goes, and new ones come. */
static void trees_come_and_go_between_pieces(void **state)
{
	struct cpu_thread first;

	(void)state;
	create(3);
	start_in_pieces(&first);
	destroy(2);
	create(4);
	destroy(0);
	create(0);
	go_on(&first);
	for (unsigned int i = 0; i < 5; i++)
		assert_true(i == 2 || pgtable_query(&process[i], slot(4)).present);
}

/* The entry changes between two pieces: the trees that had the first value get the second one. */
static void an_entry_changes_between_pieces(void **state)
{
	pteval_t was;
	struct cpu_thread first;

	(void)state;
	start_in_pieces(&first);
	was = shared_entry(&kernel_pgtable, slot(4));
	pte_xchg(pt_entry(&kernel_pgtable, slot(4), pt_sync_level()), __pte(was ^ PTE_ACCESSED));
	go_on(&first);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(shared_entry(&process[i], slot(4)), (was ^ PTE_ACCESSED) & ~PTE_PENDING);
}

/* The tree whose turn it is was the last one, and goes. A new one copies a value that is there for a moment only. */
static void a_new_tree_takes_the_turn(void **state)
{
	struct cpu_thread first;
	pte_t *ref = pt_entry(&kernel_pgtable, slot(4), pt_sync_level());
	pteval_t was;

	(void)state;
	start_in_pieces(&first);
	was = pte_read(ref).val;
	destroy(2);
	pte_xchg(ref, __pte(was ^ PTE_ACCESSED));
	create(4);
	pte_xchg(ref, __pte(was));
	go_on(&first);
	assert_int_equal(shared_entry(&process[4], slot(4)), was & ~PTE_PENDING);
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

/* The same with a pause after each tree. */
static void all_at_once_in_pieces(void **state)
{
	sync_budget = 1;
	all_at_once(state);
	sync_budget = 500;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_window_for_the_neighbour),
		TEST(no_window_for_an_unmap),
		TEST(losers_table_comes_back),
		TEST(new_tree_races_a_sync),
		TEST(new_tree_copies_a_marked_entry),
		TEST(another_finishes_the_carry),
		TEST(one_carry_at_a_time),
		TEST(trees_come_and_go_between_pieces),
		TEST(an_entry_changes_between_pieces),
		TEST(a_new_tree_takes_the_turn),
		TEST(all_at_once),
		TEST(all_at_once_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
