/* SPDX-License-Identifier: MIT */
/* Batches of invalidations, and the generations of whole flushes: what covers a stamp, on one thread and on several. */
#include "tests/host/port/host.h"

#include <arch/pgtable.h>
#include <asm/tlb.h>

#include <pthread.h>

#define AT(page) (0x10000000ul + (page) * PAGE_SIZE)

static int setup(void **state)
{
	(void)state;
	host_machine(64 << 20, 2);
	return 0;
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static void ranges_that_touch_become_one(void **state)
{
	struct tlb_batch batch;

	(void)state;
	tlb_batch_init(&batch);
	assert_true(tlb_batch_empty(&batch));
	tlb_batch_add(&batch, AT(4), AT(6));
	tlb_batch_add(&batch, AT(6), AT(7));
	tlb_batch_add(&batch, AT(3), AT(4));
	tlb_batch_add(&batch, AT(5), AT(6));
	assert_int_equal(batch.nr, 1);
	assert_int_equal(batch.range[0].start, AT(3));
	assert_int_equal(batch.range[0].end, AT(7));
	tlb_batch_add(&batch, AT(8), AT(9));
	assert_int_equal(batch.nr, 2);
	assert_false(tlb_batch_empty(&batch));
}

static void too_much_is_everything(void **state)
{
	struct tlb_batch batch;

	(void)state;
	tlb_batch_init(&batch);
	tlb_batch_add(&batch, AT(0), AT(TLB_FLUSH_CEILING));
	assert_false(batch.all);
	tlb_batch_add(&batch, AT(100), AT(101));
	assert_true(batch.all);
	tlb_batch_add(&batch, AT(200), AT(201));
	assert_int_equal(batch.nr, 0);
	tlb_batch_init(&batch);
	for (unsigned int i = 0; i < TLB_BATCH_RANGES; i++)
		tlb_batch_add(&batch, AT(2 * i), AT(2 * i + 1));
	assert_false(batch.all);
	tlb_batch_add(&batch, AT(1000), AT(1001));
	assert_true(batch.all);
}

/* Museum 66: a flush from ULONG_MAX to 0. */
static void empty_and_crooked_ranges_are_bugs(void **state)
{
	struct pgtable pt = { .id = 1 };

	(void)state;
	assert_true(PANICS(flush_tlb_kernel_range(AT(1), AT(1))));
	assert_true(PANICS(flush_tlb_kernel_range(AT(2), AT(1))));
	assert_true(PANICS(flush_tlb_kernel_range(~0ul, 0)));
	assert_true(PANICS(flush_tlb_kernel_range(AT(1) + 1, AT(2))));
	assert_true(PANICS(flush_tlb_kernel_range(AT(1), AT(2) - 1)));
	assert_true(PANICS(flush_tlb_user_range(&pt, AT(2), AT(2))));
}

static void log_tells_trees_apart(void **state)
{
	struct pgtable pt = { .id = 7 };
	unsigned long since = tlb_log_seq();
	struct tlb_log_entry entry;

	(void)state;
	flush_tlb_user(&pt);
	flush_tlb_user_range(&pt, AT(0), AT(1));
	assert_int_equal(atomic_long_read(&pt.flushes), 2);
	assert_true(tlb_log_read(since + 1, &entry));
	assert_true(entry.all && entry.tree == 7 && entry.cause == TLB_USER);
	assert_false(tlb_log_covers(since, AT(0), AT(1))); /* only of process 7 */
	flush_tlb_kernel_range(AT(0), AT(2));
	assert_true(tlb_log_covers(since, AT(0), AT(1)));
	assert_false(tlb_log_covers(since, AT(0), AT(3)));
	assert_false(tlb_log_covers(tlb_log_seq(), AT(0), AT(1)));
}

/* --- generations -------------------------------------------------------------------------------------------------- */

static void only_a_later_flush_covers(void **state)
{
	tlb_stamp_t stamp = tlb_stamp();
	unsigned long gen = tlb_gen_begin();
	tlb_stamp_t meanwhile = tlb_stamp();

	(void)state;
	assert_false(tlb_stamp_covered(stamp));
	tlb_gen_complete(gen);
	assert_true(tlb_stamp_covered(stamp));
	assert_false(tlb_stamp_covered(meanwhile)); /* it may have passed a CPU already */
	flush_tlb_kernel_range(AT(0), AT(1));
	assert_false(tlb_stamp_covered(meanwhile));
	flush_tlb_all();
	assert_true(tlb_stamp_covered(meanwhile));
}

static void flushes_may_end_in_another_order(void **state)
{
	unsigned long first = tlb_gen_begin(), second;
	tlb_stamp_t between = tlb_stamp();

	(void)state;
	second = tlb_gen_begin();
	tlb_gen_complete(second);
	assert_true(tlb_stamp_covered(between)); /* though the first one still runs */
	assert_int_equal(tlb_gen_completed(), second);
	tlb_gen_complete(first);
	assert_int_equal(tlb_gen_completed(), second);
	assert_false(tlb_stamp_covered(tlb_stamp()));
}

static void the_later_stamp_stands_for_both(void **state)
{
	tlb_stamp_t first = tlb_stamp(), second;
	atomic_long_t both = { (long)first.gen };

	(void)state;
	flush_tlb_all();
	second = tlb_stamp();
	tlb_stamp_raise(&both, second);
	assert_int_equal(atomic_long_read(&both), second.gen);
	tlb_stamp_raise(&both, first);
	assert_int_equal(atomic_long_read(&both), second.gen);
	first.gen = ~0ul; /* long ago, before the numbers wrapped */
	tlb_stamp_raise(&both, first);
	assert_int_equal(atomic_long_read(&both), second.gen);
	assert_true(tlb_stamp_covered(first));
}

/* --- threads: a page table is a word, a CPU's TLB is a copy of it ------------------------------------------------- */

#define THREADS 4
#define ROUNDS	20000

static unsigned long table[THREADS]; /* each thread unmaps in its own by counting it up */
static unsigned long remembered[THREADS]; /* what the one "CPU" remembers of each */

static void flush_everything(void)
{
	unsigned long gen = tlb_gen_begin();

	for (unsigned int i = 0; i < THREADS; i++) {
		unsigned long now = __atomic_load_n(&table[i], __ATOMIC_SEQ_CST), seen = READ_ONCE(remembered[i]);

		while (seen < now && !try_cmpxchg(&remembered[i], &seen, now))
			;
	}
	tlb_gen_complete(gen);
}

static void *unmap_and_wait(void *arg)
{
	unsigned long me = (unsigned long)arg, lost = 0;

	for (unsigned long round = 1; round <= ROUNDS; round++) {
		tlb_stamp_t stamp;

		__atomic_store_n(&table[me], round, __ATOMIC_RELAXED);
		stamp = tlb_stamp();
		for (unsigned int tries = 0; !tlb_stamp_covered(stamp); tries++)
			if (tries % 4 == me)
				flush_everything();
		lost += __atomic_load_n(&remembered[me], __ATOMIC_RELAXED) < round;
	}
	return (void *)lost;
}

/* Covered, by whosever flush, means forgotten. */
static void covered_by_anybody_is_forgotten(void **state)
{
	pthread_t thread[THREADS];
	unsigned long lost = 0;

	(void)state;
	for (unsigned long i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, unmap_and_wait, (void *)i), 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(thread[i], &result);
		lost += (unsigned long)result;
	}
	assert_int_equal(lost, 0);
}

/* --- raised by many at once --------------------------------------------------------------------------------------- */

#define RAISERS 4

static atomic_long_t raised, next_gen;

/* After a raise the stamp is the raiser's or a later one, whoever else is at it. */
static void *raise_and_look(void *lost)
{
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned long gen = (unsigned long)atomic_long_inc_return(&next_gen);

		tlb_stamp_raise(&raised, (tlb_stamp_t){ gen });
		*(unsigned long *)lost += tlb_gen_later(gen, (unsigned long)atomic_long_read(&raised));
	}
	return NULL;
}

static void no_raise_is_lost(void **state)
{
	unsigned long lost[RAISERS] = { 0 };
	pthread_t thread[RAISERS];

	(void)state;
	atomic_long_set(&raised, 0);
	atomic_long_set(&next_gen, 0);
	for (unsigned int i = 0; i < RAISERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, raise_and_look, &lost[i]), 0);
	for (unsigned int i = 0; i < RAISERS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(lost[i], 0);
	}
	assert_int_equal(atomic_long_read(&raised), 200000 * RAISERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_that_touch_become_one),
		cmocka_unit_test(too_much_is_everything),
		cmocka_unit_test(empty_and_crooked_ranges_are_bugs),
		cmocka_unit_test(log_tells_trees_apart),
		cmocka_unit_test(only_a_later_flush_covers),
		cmocka_unit_test(flushes_may_end_in_another_order),
		cmocka_unit_test(the_later_stamp_stands_for_both),
		cmocka_unit_test(covered_by_anybody_is_forgotten),
		cmocka_unit_test(no_raise_is_lost),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
