/* SPDX-License-Identifier: MIT */
/*
 * The grace periods of kernel/sched/rcu.c themselves: CPUs that read, tick, switch threads outside their sections and
 * in the middle of them, and one that replaces what they read, under the thread sanitizer. Whoever reads a replaced
 * object still finds it whole; what is poisoned too early shows as an object whose halves do not fit.
 *
 * Objects are used again, never freed: the sanitizer does not know what a full barrier orders, and would take the last
 * read before a grace period and the free behind it for a race.
 */
#include "tests/host/port/host.h"

#include "kernel/sched/internal.h"

#include <kernel/rcupdate.h>

#include <pthread.h>
#include <unistd.h>

#define READERS 3 /* CPUs 1, 2, 3; 0 writes, 4 makes the grace periods */
#define UPDATES 4000
#define OBJECTS 64

struct object {
	struct rcu_head rcu;
	unsigned long value, inverse;
	bool in_use;
};

static struct object objects[OBJECTS], *published;
static bool stop;
static unsigned long reads, bad, poisoned;

/* --- what rcu.c needs of the scheduler ---------------------------------------------------------------------------- */

cpumask_t sched_cpu_mask;

static void (*thread_fn)(void *arg);

static void *thread_main(void *arg)
{
	host_run_on(4);
	thread_fn(arg);
	return NULL;
}

struct task *thread_create(void (*fn)(void *), void *arg, const char *name __maybe_unused)
{
	static struct task task;
	pthread_t thread;

	thread_fn = fn;
	BUG_ON(pthread_create(&thread, NULL, thread_main, arg));
	pthread_detach(thread);
	return &task;
}

void set_priority(struct task *task __maybe_unused, int priority __maybe_unused) { }
void msleep(unsigned int ms __maybe_unused) { usleep(20); }
void arch_backtrace_cpu(unsigned int cpu __maybe_unused) { }

void sleep_until(bool (*ready)(const void *arg), const void *arg)
{
	while (!ready(arg))
		usleep(20);
}

/* --- readers ------------------------------------------------------------------------------------------------------ */

static void look(const struct object *object)
{
	unsigned long value = READ_ONCE(object->value);

	if (value != ~READ_ONCE(object->inverse))
		__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
}

/* Switched out and in again at once: what counts is that the CPU was seen outside, and the thread was not. */
static void preempted(void)
{
	local_irq_disable();
	rcu_note_switch();
	local_irq_enable();
}

static void tick(void)
{
	host_trap_depth++;
	rcu_tick();
	host_trap_depth--;
}

static void read_once(u64 random)
{
	const struct object *object;

	rcu_read_lock();
	object = rcu_dereference(published);
	for (unsigned int i = 0; i < 8; i++) {
		look(object);
		if (random >> i & 1)
			tick();
		if ((random >> (8 + 2 * i) & 3) == 0)
			preempted();
		if ((random >> (24 + 3 * i) & 7) == 0)
			sched_yield();
	}
	look(object);
	rcu_read_unlock();
}

static void *reader(void *arg)
{
	unsigned int cpu = (unsigned int)(unsigned long)arg;
	u64 random = cpu * 0x9e3779b97f4a7c15ull;

	host_run_on(cpu);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		read_once(random >> 8);
		if (random >> 63)
			tick();
		else
			preempted();
		__atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
	}
	cpumask_clear(&sched_cpu_mask, cpu);
	return NULL;
}

/* --- the writer --------------------------------------------------------------------------------------------------- */

static void poison(struct rcu_head *head)
{
	struct object *object = container_of(head, struct object, rcu);

	WRITE_ONCE(object->value, 0xdead);
	WRITE_ONCE(object->inverse, 0xdead);
	poisoned++;
	__atomic_store_n(&object->in_use, false, __ATOMIC_RELEASE);
}

static struct object *unused_object(void)
{
	for (unsigned int i = 0;; i = (i + 1) % OBJECTS) {
		if (!__atomic_load_n(&objects[i].in_use, __ATOMIC_ACQUIRE))
			return &objects[i];
		if (i == OBJECTS - 1)
			usleep(20);
	}
}

static void publish(unsigned long value)
{
	struct object *object = unused_object(), *old = published;

	object->in_use = true;
	WRITE_ONCE(object->value, value);
	WRITE_ONCE(object->inverse, ~value);
	rcu_assign_pointer(published, object);
	if (old)
		call_rcu(&old->rcu, poison);
}

static void nothing_is_taken_from_a_reader(void **state)
{
	pthread_t thread[READERS];

	(void)state;
	publish(0);
	for (unsigned long i = 0; i < READERS; i++) {
		cpumask_set(&sched_cpu_mask, (unsigned int)i + 1);
		assert_int_equal(pthread_create(&thread[i], NULL, reader, (void *)(i + 1)), 0);
	}
	rcu_init();
	for (unsigned long value = 1; value < UPDATES; value++)
		publish(value);
	synchronize_rcu();
	rcu_barrier();
	assert_int_equal(poisoned, UPDATES - 1);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	assert_true(reads > 0);
	assert_int_equal(bad, 0);
	assert_int_equal(rcu_counters().stalls, 0);
	assert_true(rcu_counters().grace_periods > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_taken_from_a_reader),
	};

	host_machine(1 << 20, READERS + 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
