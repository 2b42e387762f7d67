/* SPDX-License-Identifier: MIT */
/*
 * What Linux's callers expect of kmalloc and of slab caches: other sizes, constructors, large objects, caches that go.
 */
#include "tests/host/port/host.h"
#include "tests/host/mm_machine.h"
#include <kernel/inject.h>
#include <kernel/preempt.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

static int setup(void **state)
{
	(void)state;
	mm_machine(64ul << 20, 2);
	return 0;
}

static void fill(u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)(i * 13 + 1);
}

static void is_filled(const u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], (u8)(i * 13 + 1));
}

static void krealloc_keeps_what_fits(void **state)
{
	static const size_t sizes[] = { 1, 8, 9, 100, 2048, 2049, 3 * PAGE_SIZE, 70, 2 };
	u8 *p = NULL;
	size_t had = 0;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = krealloc(p, sizes[i], GFP_KERNEL);
		assert_non_null(p);
		assert_true(ksize(p) >= sizes[i]);
		is_filled(p, min(had, sizes[i]));
		fill(p, sizes[i]);
		had = sizes[i];
	}
	assert_ptr_equal(krealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	p = krealloc(ZERO_SIZE_PTR, 5, GFP_KERNEL);
	assert_non_null(p);
	kfree(p);
	assert_null(krealloc_array(NULL, ~(size_t)0 / 2, 3, GFP_KERNEL));
	assert_null(kmalloc_array(~(size_t)0 / 2, 3, GFP_KERNEL));
}

/* No memory, or too much asked for: the old block is as it was. */
static void krealloc_that_fails_changes_nothing(void **state)
{
	u8 *p = kmalloc(100, GFP_KERNEL);

	(void)state;
	fill(p, 100);
	inject_set(INJECT_SLAB, 1);
	assert_null(krealloc(p, 1000, GFP_KERNEL));
	assert_int_equal(inject_clear(INJECT_SLAB), 0);
	assert_null(krealloc(p, KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	is_filled(p, 100);
	kfree(p);
}

/* With __GFP_ZERO each time, what the caller has not had is zero, also after a detour to something smaller. */
static void krealloc_zeroes(void **state)
{
	u8 *p = krealloc(NULL, 50, GFP_KERNEL | __GFP_ZERO);

	(void)state;
	fill(p, 50);
	p = krealloc(p, 20, GFP_KERNEL | __GFP_ZERO);
	p = krealloc(p, 64, GFP_KERNEL | __GFP_ZERO);
	is_filled(p, 20);
	for (int i = 20; i < 64; i++)
		assert_int_equal(p[i], 0);
	p = krealloc(p, 5000, GFP_KERNEL | __GFP_ZERO);
	is_filled(p, 20);
	for (int i = 20; i < 5000; i++)
		assert_int_equal(p[i], 0);
	kfree(p);
}

struct thing {
	int constructed, used;
};
static unsigned int constructed;

static void construct(void *object)
{
	*(struct thing *)object = (struct thing){ .constructed = 4711 };
	constructed++;
}

static void constructors_run(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("thing", sizeof(struct thing), 0, 0, construct);
	struct thing *a = kmem_cache_alloc(cache, GFP_KERNEL), *b;

	(void)state;
	assert_int_equal(a->constructed, 4711);
	kmem_cache_free(cache, a);
	b = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(b->constructed, 4711);
	kmem_cache_free(cache, b);
	assert_true(constructed >= 1);
	kmem_cache_destroy(cache);
}

/* All memory of a cache comes back, its magazines' too, whatever CPU used it. */
static void caches_go(void **state)
{
	struct kmem_cache *cache;
	unsigned long free;
	void *p[200];

	(void)state;
	for (int round = 0; round < 3; round++) {
		if (round == 1) { /* what the first round leaves in other caches is theirs */
			slab_shrink();
			drain_page_lists();
			free = nr_free_pages();
		}
		cache = kmem_cache_create("goes", 300, 0, SLAB_HWCACHE_ALIGN, NULL);
		assert_non_null(cache);
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
			host_run_on(i & 1);
			p[i] = kmem_cache_zalloc(cache, GFP_KERNEL);
			assert_int_equal((vaddr_t)p[i] & 63, 0);
			assert_int_equal(*(u8 *)p[i], 0);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
			host_run_on(~i & 1);
			kmem_cache_free(cache, p[i]);
		}
		host_run_on(0);
		kmem_cache_destroy(cache);
	}
	slab_shrink();
	drain_page_lists();
	assert_int_equal(nr_free_pages(), free);
	assert_int_equal(slab_check(), 0);
	kmem_cache_destroy(NULL);
}

static void a_cache_in_use_stays(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("stays", 40, 0, 0, NULL);
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);

	(void)state;
	warn_expected(true);
	kmem_cache_destroy(cache);
	warn_expected(false);
	memset(p, 1, 40);
	kmem_cache_free(cache, p);
	kmem_cache_destroy(cache);
}

/* Objects that no slab has room for are blocks of pages, and known as the cache's own. */
static void large_objects(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("large", 3 * (unsigned int)PAGE_SIZE, 64, 0, construct);
	struct kmem_cache *other = kmem_cache_create("other", 5000, 0, 0, NULL);
	unsigned long free = nr_free_pages(), warnings;
	void *p = kmem_cache_alloc(cache, GFP_KERNEL), *q = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);

	(void)state;
	assert_int_equal(((struct thing *)p)->constructed, 4711);
	memset(p, 1, 3 * PAGE_SIZE);
	warnings = warn_count();
	warn_expected(true);
	kmem_cache_free(other, p);
	kmem_cache_free(cache, q);
	kmem_cache_free(cache, (char *)p + PAGE_SIZE);
	kmem_cache_destroy(cache);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 4);
	kmem_cache_free(cache, p);
	kfree(q);
	drain_page_lists();
	assert_int_equal(nr_free_pages(), free);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(other);
}

static void panics_where_it_was_told_to(void **state)
{
	(void)state;
	warn_expected(true);
	assert_null(kmem_cache_create(NULL, 8, 0, 0, NULL));
	assert_null(kmem_cache_create("flags", 8, 0, 0x1000, NULL));
	assert_true(PANICS(kmem_cache_create("none", 0, 0, SLAB_PANIC, NULL)));
	warn_expected(false);
	assert_non_null(KMEM_CACHE(thing, SLAB_PANIC));
}

/* --- who may wait: one way in for each function that allocates ---------------------------------------------------- */

static struct kmem_cache *some_cache;

static void one_page(gfp_t gfp) { __free_page(alloc_page(gfp)); }
static void eight_pages(gfp_t gfp) { __free_pages(alloc_pages(gfp, 3), 3); }
static void pages_split(gfp_t gfp) { free_pages_split(alloc_pages_split(gfp, 2), 2); }
static void page_by_address(gfp_t gfp) { free_page(__get_free_page(gfp)); }
static void zeroed_page(gfp_t gfp) { free_page(get_zeroed_page(gfp)); }
static void small_object(gfp_t gfp) { kfree(kmalloc(8, gfp)); }
static void zeroed_object(gfp_t gfp) { kfree(kzalloc(8, gfp)); }
static void several_pages_of_bytes(gfp_t gfp) { kfree(kmalloc(3 * PAGE_SIZE, gfp)); }
static void array_of_objects(gfp_t gfp) { kfree(kmalloc_array(3, 100, gfp)); }
static void object_of_a_cache(gfp_t gfp) { kmem_cache_free(some_cache, kmem_cache_alloc(some_cache, gfp)); }
static void a_table(gfp_t gfp) { mm_table_free(mm_table_alloc(gfp)); }

static void array_of_pages(gfp_t gfp)
{
	struct page *pages[5];

	free_page_array(pages, alloc_page_array(gfp, ARRAY_SIZE(pages), pages));
}

/* It panics also where there is memory at hand, so that the caller learns of it at once. */
static void who_may_not_wait_must_say_so(void **state)
{
	static void (*const ways[])(gfp_t) = {
		one_page, eight_pages, pages_split, page_by_address, zeroed_page, array_of_pages, a_table,
		small_object, zeroed_object, several_pages_of_bytes, array_of_objects, object_of_a_cache,
	};

	(void)state;
	some_cache = kmem_cache_create("some", 40, 0, 0, NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		ways[i](GFP_KERNEL);
		preempt_disable();
		ways[i](GFP_ATOMIC);
		if (!PANICS(ways[i](GFP_KERNEL)))
			fail_msg("way %u waits with preemption off, and says nothing", i);
		preempt_enable_no_resched();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(krealloc_keeps_what_fits, setup),
		cmocka_unit_test_setup(krealloc_that_fails_changes_nothing, setup),
		cmocka_unit_test_setup(krealloc_zeroes, setup),
		cmocka_unit_test_setup(constructors_run, setup),
		cmocka_unit_test_setup(caches_go, setup),
		cmocka_unit_test_setup(a_cache_in_use_stays, setup),
		cmocka_unit_test_setup(large_objects, setup),
		cmocka_unit_test_setup(panics_where_it_was_told_to, setup),
		cmocka_unit_test_setup(who_may_not_wait_must_say_so, setup),
	};

	return cmocka_run_group_tests_name("slab_api", tests, NULL, NULL);
}
