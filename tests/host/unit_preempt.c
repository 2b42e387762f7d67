/* SPDX-License-Identifier: MIT */
/*
 * Preemption as a state: when a switch is made, and what is said to code that sleeps, or uses per-CPU data, where it
 * must not. In the booted kernel these end in a panic; here a panic can be awaited.
 */
#include "tests/host/port/host.h"

#include <kernel/completion.h>
#include <kernel/mutex.h>
#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <lib/string.h>

static DEFINE_SPINLOCK(lock);
static DEFINE_SPINLOCK(inner);
static DEFINE_PER_CPU(unsigned int, word);
static unsigned int switches;

/* What kernel/sched hands in: it takes the request back. */
static void make_switch(void)
{
	switches++;
	this_cpu_write(need_resched, false);
}

static int setup(void **state)
{
	(void)state;
	host_machine(1 << 20, 2);
	spin_lock_init_ranked(&lock, "outer", 0);
	spin_lock_init_ranked(&inner, "inner", 0);
	local_irq_enable();
	host_trap_depth = 0;
	switches = 0;
	preempt_set_schedule(make_switch);
	return 0;
}

static bool says(const char *text)
{
	return strstr(host_log(), text) != NULL;
}

/* --- switches ----------------------------------------------------------------------------------------------------- */

static void switch_at_the_last_enable(void **state)
{
	(void)state;
	preempt_disable();
	preempt_disable();
	this_cpu_write(need_resched, true);
	preempt_enable();
	assert_int_equal(switches, 0);
	preempt_enable();
	assert_int_equal(switches, 1);
	preempt_disable();
	preempt_enable();
	assert_int_equal(switches, 1);
}

static void switch_at_the_unlock(void **state)
{
	bool flags;

	(void)state;
	spin_lock(&lock);
	spin_lock(&inner);
	this_cpu_write(need_resched, true);
	spin_unlock(&lock); /* in any order */
	assert_int_equal(switches, 0);
	spin_unlock(&inner);
	assert_int_equal(switches, 1);

	spin_lock_irqsave(&lock, flags);
	this_cpu_write(need_resched, true);
	spin_unlock_irqrestore(&lock, flags);
	assert_int_equal(switches, 2);
	assert_false(irqs_disabled());
}

/* With interrupts off, and in a handler, the request stays for later. */
static void no_switch_where_none_may_be(void **state)
{
	bool flags = arch_local_irq_save();

	(void)state;
	this_cpu_write(need_resched, true);
	preempt_disable();
	preempt_enable();
	local_irq_restore(flags);
	host_trap_depth = 1;
	preempt_disable();
	preempt_enable();
	host_trap_depth = 0;
	assert_int_equal(switches, 0);
	preempt_check_resched();
	assert_int_equal(switches, 1);
}

static void a_failed_trylock_counts_nothing(void **state)
{
	(void)state;
	spin_lock(&lock);
	host_run_on(1);
	assert_false(spin_trylock(&lock));
	assert_true(preemptible());
	host_run_on(0);
	assert_false(preemptible());
	spin_unlock(&lock);
	assert_true(preemptible());
}

static void switch_on_the_way_out_of_an_interrupt(void **state)
{
	(void)state;
	preempt_from_interrupt();
	assert_int_equal(switches, 0);
	this_cpu_write(need_resched, true);
	preempt_disable();
	preempt_from_interrupt();
	assert_int_equal(switches, 0);
	preempt_enable_no_resched();
	preempt_from_interrupt();
	assert_int_equal(switches, 1);
}

/* --- sleeping where it is forbidden ------------------------------------------------------------------------------- */

static void nothing_forbids_it(void **state)
{
	(void)state;
	might_sleep();
	assert_true(preemptible());
}

static void a_lock_forbids_it(void **state)
{
	(void)state;
	spin_lock(&lock);
	spin_lock(&inner);
	assert_true(PANICS(might_sleep()));
	assert_true(says("preempt_count 2"));
	assert_true(says("innermost lock inner"));
}

static void a_count_forbids_it(void **state)
{
	(void)state;
	preempt_disable();
	assert_true(PANICS(might_sleep()));
	assert_true(says("preempt_count 1"));
	assert_true(says("innermost lock none"));
}

static void interrupts_off_forbid_it(void **state)
{
	(void)state;
	local_irq_disable();
	assert_true(PANICS(might_sleep()));
	assert_true(says("interrupts off"));
}

static void a_handler_forbids_it(void **state)
{
	(void)state;
	host_trap_depth = 1;
	assert_true(PANICS(might_sleep()));
	assert_true(says("trap depth 1"));
}

/* Whatever may sleep says so first, also when it would not have to sleep this time. */
static void all_that_may_sleep_asks(void **state)
{
	static DEFINE_MUTEX(mutex);
	static DECLARE_WAIT_QUEUE_HEAD(queue);
	struct completion done;

	(void)state;
	init_completion(&done);
	complete_all(&done);
	spin_lock(&lock);
	assert_true(PANICS(mutex_lock(&mutex)));
	assert_true(PANICS(wait_event(queue, true)));
	assert_true(PANICS(wait_event_timeout(queue, true, 1)));
	assert_true(PANICS(wait_for_completion(&done)));
	assert_true(PANICS(wait_for_completion_timeout(&done, 1)));
	spin_unlock(&lock);
	wait_for_completion(&done);
	wait_event(queue, true);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

/* --- mutexes that are used wrongly -------------------------------------------------------------------------------- */

static void mutexes_know_their_owner(void **state)
{
	static DEFINE_MUTEX(mutex);

	(void)state;
	assert_true(PANICS(mutex_unlock(&mutex)));
	mutex_lock(&mutex);
	assert_true(PANICS(mutex_lock(&mutex)));
	host_run_on(1);
	assert_false(mutex_trylock(&mutex));
	assert_true(PANICS(mutex_unlock(&mutex)));
	host_run_on(0);
	mutex_unlock(&mutex);
	assert_true(mutex_trylock(&mutex));
	mutex_unlock(&mutex);
}

/* --- per-CPU data ------------------------------------------------------------------------------------------------- */

static void per_cpu_data_wants_the_cpu_to_stay(void **state)
{
	unsigned long before = warn_count();
	bool flags;

	(void)state;
	preempt_disable();
	this_cpu(word) = 1;
	preempt_enable();
	flags = arch_local_irq_save();
	this_cpu(word)++;
	local_irq_restore(flags);
	assert_int_equal(warn_count(), before);
	assert_int_equal(this_cpu_read(word), 2);
	assert_int_equal(*raw_cpu_ptr(&word), 2);
	assert_int_equal(warn_count(), before);
	warn_expected(true);
	this_cpu(word) = 3;
	warn_expected(false);
	assert_int_equal(warn_count(), before + 1);
	assert_true(says("per-CPU data"));
}

static void words_are_each_cpus_own(void **state)
{
	(void)state;
	this_cpu_write(word, 7);
	this_cpu_add(word, 3);
	host_run_on(1);
	this_cpu_write(word, 1);
	assert_true(this_cpu_dec_and_test(word));
	host_run_on(0);
	assert_int_equal(this_cpu_read(word), 10);
	assert_false(this_cpu_dec_and_test(word));
	assert_int_equal(per_cpu(word, 0), 9);
	assert_int_equal(per_cpu(word, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(switch_at_the_last_enable, setup),
		cmocka_unit_test_setup(switch_at_the_unlock, setup),
		cmocka_unit_test_setup(no_switch_where_none_may_be, setup),
		cmocka_unit_test_setup(a_failed_trylock_counts_nothing, setup),
		cmocka_unit_test_setup(switch_on_the_way_out_of_an_interrupt, setup),
		cmocka_unit_test_setup(nothing_forbids_it, setup),
		cmocka_unit_test_setup(a_lock_forbids_it, setup),
		cmocka_unit_test_setup(a_count_forbids_it, setup),
		cmocka_unit_test_setup(interrupts_off_forbid_it, setup),
		cmocka_unit_test_setup(a_handler_forbids_it, setup),
		cmocka_unit_test_setup(all_that_may_sleep_asks, setup),
		cmocka_unit_test_setup(mutexes_know_their_owner, setup),
		cmocka_unit_test_setup(per_cpu_data_wants_the_cpu_to_stay, setup),
		cmocka_unit_test_setup(words_are_each_cpus_own, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
