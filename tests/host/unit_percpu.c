/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory against a list of who has which bytes: at random, with every alignment, with memory that ends, and
 * with callers who may not sleep. After each stretch a walk through all chunks compares runs, lists, slots and counts.
 */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <kernel/inject.h>
#include <kernel/preempt.h>
#include <mm/percpu_alloc.h>

#define CPUS ((1ull << 0) | (1ull << 2) | (1ull << 5) | (1ull << 40)) /* ids with holes */
#define RAM  (256ull << 20)
#define MANY 3000

static DEFINE_PER_CPU(u64, fixed);

struct object {
	char *p;
	size_t size;
};
static struct object objects[MANY];

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, CPUS);
	percpu_alloc_init();
	return 0;
}

/* --- what an object must be --------------------------------------------------------------------------------------- */

/* The byte of one CPU's instance. */
static unsigned char *byte(const char *p, unsigned int cpu)
{
	unsigned char *at = host_translate((vaddr_t)per_cpu_ptr(p, cpu));

	assert_non_null(at);
	return at;
}

static void expect_bytes(const struct object *o, unsigned char value)
{
	const size_t where[] = { 0, o->size / 2, o->size - 1 };
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(*byte(o->p + where[i], cpu), value ? (unsigned char)(value + cpu) : 0);
}

static void fill(const struct object *o, unsigned char value)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		for (size_t i = 0; i < o->size; i++)
			*byte(o->p + i, cpu) = (unsigned char)(value + cpu);
}

static void expect_apart(const struct object *o)
{
	for (const struct object *other = objects; other != objects + MANY; other++)
		if (other->p && other != o)
			assert_true(o->p + o->size <= other->p || other->p + other->size <= o->p);
}

static size_t granules(size_t size) { return ALIGN(size, (size_t)16); }

static void expect_books(size_t bytes)
{
	assert_int_equal(percpu_alloc_check(), 0);
	assert_int_equal(percpu_alloc_stats().bytes, bytes);
}

static void expect_nothing_left(const struct vm_balance *before)
{
	percpu_alloc_drain();
	expect_books(0);
	assert_int_equal(percpu_alloc_stats().chunks, 0);
	assert_balance(*before);
}

/* --- one rule ----------------------------------------------------------------------------------------------------- */

/*
 * From one CPU to another it is as far as among static variables, with any ids, and every instance is where no other
 * is.
 */
static void the_rule_of_static_variables(void **state)
{
	struct vm_balance before = vm_balance();
	u64 *p = alloc_percpu(u64);
	unsigned int cpu;

	(void)state;
	assert_non_null(p);
	for_each_possible_cpu(cpu) {
		assert_true(is_vmalloc_addr(per_cpu_ptr(p, cpu)));
		assert_int_equal((vaddr_t)per_cpu_ptr(p, cpu) - (vaddr_t)per_cpu_ptr(p, 0),
				 (vaddr_t)per_cpu_ptr(&fixed, cpu) - (vaddr_t)per_cpu_ptr(&fixed, 0));
		host_run_on(cpu);
		preempt_disable();
		assert_ptr_equal(this_cpu_ptr(p), per_cpu_ptr(p, cpu));
		preempt_enable();
		*(u64 *)byte((char *)p, cpu) = cpu + 1;
		per_cpu(fixed, cpu) = cpu + 2;
	}
	for_each_possible_cpu(cpu) {
		assert_int_equal(*(u64 *)byte((char *)p, cpu), cpu + 1);
		assert_int_equal(per_cpu(fixed, cpu), cpu + 2);
	}
	host_run_on(0);
	free_percpu(p);
	expect_nothing_left(&before);
}

/* --- at random ---------------------------------------------------------------------------------------------------- */

static size_t random_size(void)
{
	static const size_t most[] = { 16, 64, 1024, PERCPU_ALLOC_MAX };
	unsigned int of = (unsigned int)host_random_below(40);

	return 1 + host_random_below(most[of < 15 ? 0 : of < 25 ? 1 : of < 39 ? 2 : 3]);
}

/* True: it had to fail, and has. */
static bool get(struct object *o, gfp_t gfp)
{
	size_t align = 1ul << host_random_below(13);

	o->size = random_size();
	o->p = __alloc_percpu_gfp(o->size, align, gfp);
	if (!o->p)
		return true;
	assert_true(IS_ALIGNED((vaddr_t)o->p, align));
	expect_bytes(o, 0);
	expect_apart(o);
	return false;
}

static unsigned char stamp(const struct object *o) { return (unsigned char)(1 + (o - objects) % 120); }

static void put(struct object *o)
{
	expect_bytes(o, stamp(o));
	free_percpu(o->p);
	o->p = NULL;
}

/* gfp 0: mixed. Returns the bytes that the objects left alive have. */
static size_t mixed_steps(unsigned int steps, size_t bytes, unsigned int *refused)
{
	while (steps--) {
		struct object *o = &objects[host_random_below(MANY)];

		if (o->p) {
			bytes -= granules(o->size);
			put(o);
		} else if (get(o, host_random_below(4) ? GFP_KERNEL : GFP_ATOMIC)) {
			++*refused;
		} else {
			bytes += granules(o->size);
			fill(o, stamp(o));
		}
	}
	return bytes;
}

static void put_all(void)
{
	for (struct object *o = objects; o != objects + MANY; o++)
		if (o->p)
			put(o);
}

static void at_random(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned int refused = 0;
	size_t bytes = 0;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		bytes = mixed_steps(100, bytes, &refused);
		expect_books(bytes);
	}
	put_all();
	expect_nothing_left(&before);
}

/* The same where any allocation may be the one that fails. */
static void at_random_without_memory(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned int refused = 0;
	size_t bytes = 0;

	(void)state;
	for (unsigned int i = 0; i < 400; i++) {
		enum inject_site site = (enum inject_site)host_random_below(NR_INJECT_SITES);

		inject_set(site, 1 + (unsigned int)host_random_below(30));
		bytes = mixed_steps(10, bytes, &refused);
		inject_clear(site);
		expect_books(bytes);
	}
	assert_true(refused >= 20);
	put_all();
	expect_nothing_left(&before);
}

/* --- how full it gets --------------------------------------------------------------------------------------------- */

/* Objects that fill a chunk exactly do, in any order of sizes, though no list promises that they fit. */
static void chunks_can_be_full(void **state)
{
	struct vm_balance before = vm_balance();
	char *p[PERCPU_UNIT_SIZE / PAGE_SIZE];

	(void)state;
	for (size_t size = PAGE_SIZE; size <= PERCPU_ALLOC_MAX; size *= 2) {
		for (unsigned int i = 0; i < PERCPU_UNIT_SIZE / size; i++) {
			p[i] = __alloc_percpu(size, PAGE_SIZE);
			assert_non_null(p[i]);
		}
		assert_int_equal(percpu_alloc_stats().chunks, 1);
		expect_books(PERCPU_UNIT_SIZE);
		for (unsigned int i = 0; i < PERCPU_UNIT_SIZE / size; i += 2)
			free_percpu(p[i]);
		for (unsigned int i = 0; i < PERCPU_UNIT_SIZE / size; i += 2)
			p[i] = __alloc_percpu(size, PAGE_SIZE);
		assert_int_equal(percpu_alloc_stats().chunks, 1);
		for (unsigned int i = 0; i < PERCPU_UNIT_SIZE / size; i++)
			free_percpu(p[i]);
	}
	expect_nothing_left(&before);
}

/* The loads of Linux's pcpu_alloc_test waste less than an eighth of the units that they take. */
static void little_is_wasted(void **state)
{
	struct vm_balance before = vm_balance();
	static char *p[4000];
	size_t bytes = 0;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		size_t size = 1 + host_random_below(PAGE_SIZE / 4);

		p[i] = __alloc_percpu(size, 1ul << (1 + host_random_below(11)));
		assert_non_null(p[i]);
		bytes += granules(size);
	}
	expect_books(bytes);
	assert_true(percpu_alloc_stats().chunks * PERCPU_UNIT_SIZE * 7 / 8 < bytes);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		free_percpu(p[i]);
	expect_nothing_left(&before);
}

/* --- who may not sleep -------------------------------------------------------------------------------------------- */

static void *get_atomic(size_t size)
{
	void *p;

	preempt_disable();
	host_trap_depth = 1;
	p = __alloc_percpu_gfp(size, 8, GFP_ATOMIC);
	host_trap_depth = 0;
	preempt_enable();
	return p;
}

static void without_sleeping(void **state)
{
	struct vm_balance before = vm_balance();
	char *small, *large, *first;
	unsigned long pages;

	(void)state;
	assert_null(get_atomic(100)); /* nothing is there yet, and nothing may be made */
	host_run_works();
	pages = percpu_alloc_stats().pages;
	assert_int_equal(pages, 1);
	small = get_atomic(100);
	assert_non_null(small);
	first = get_atomic(3000); /* beside it, in the page of the former reserve */
	assert_non_null(first);
	assert_null(get_atomic(2 * PAGE_SIZE));
	assert_int_equal(percpu_alloc_stats().pages, pages);
	host_run_works();
	large = get_atomic(2 * PAGE_SIZE);
	assert_non_null(large);
	expect_books(granules(100) + granules(3000) + 2 * PAGE_SIZE);
	host_run_works(); /* the next reserve */
	assert_int_equal(percpu_alloc_stats().bytes, granules(100) + granules(3000) + 4 * PAGE_SIZE);
	assert_null(get_atomic(3 * PAGE_SIZE)); /* it is too small, and makes room for a larger one */
	expect_books(granules(100) + granules(3000) + 2 * PAGE_SIZE);
	host_run_works();
	assert_int_equal(percpu_alloc_stats().bytes, granules(100) + granules(3000) + 5 * PAGE_SIZE);
	preempt_disable();
	host_trap_depth = 1;
	free_percpu(small);
	free_percpu(first);
	free_percpu(large);
	host_trap_depth = 0;
	preempt_enable();
	expect_nothing_left(&before);
}

/* --- what is no object -------------------------------------------------------------------------------------------- */

static void bad_calls(void **state)
{
	struct vm_balance before = vm_balance();
	char *p = __alloc_percpu(100, 16), *q = __alloc_percpu(40, 16), on_stack;

	(void)state;
	warn_expected(true);
	assert_null(__alloc_percpu(0, 8));
	assert_null(__alloc_percpu(PERCPU_ALLOC_MAX + 1, 8));
	assert_null(__alloc_percpu(8, 0));
	assert_null(__alloc_percpu(8, 24));
	assert_null(__alloc_percpu(8, 2 * PERCPU_ALLOC_ALIGN));
	for (unsigned int i = 1; i < 100; i++)
		free_percpu(p + i);
	free_percpu(per_cpu_ptr(p, 0)); /* an instance, and not the pointer */
	free_percpu(&fixed);
	free_percpu(&on_stack);
	free_percpu(q + 48); /* a free run */
	expect_books(granules(100) + granules(40));
	free_percpu(q);
	free_percpu(q);
	warn_expected(false);
	assert_null(__alloc_percpu_gfp(0, 8, GFP_KERNEL | __GFP_NOWARN)); /* silent */
	expect_books(granules(100));
	free_percpu(NULL);
	free_percpu(p);
	expect_nothing_left(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_of_static_variables), cmocka_unit_test(at_random),
		cmocka_unit_test(at_random_without_memory),	cmocka_unit_test(chunks_can_be_full),
		cmocka_unit_test(little_is_wasted),		cmocka_unit_test(without_sleeping),
		cmocka_unit_test(bad_calls),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
