/* SPDX-License-Identifier: MIT */
/* What somebody writes next to an object of a slab is seen: redzones, and the checks of the list of free places. */
#include "tests/host/mm_machine.h"

#include "mm/slab/slab_internal.h"

static int setup(void **state)
{
	(void)state;
	mm_machine(64 * MIB, 4);
	return 0;
}

/* One byte next to an object of `size` bytes, before it or behind: seen when it is freed, and told once. */
static void one_byte_outside(size_t size, long at)
{
	struct kmem_cache *cache = kmem_cache_create("redzones", (unsigned int)size, 0, 0, NULL);
	char *p = kmem_cache_alloc(cache, GFP_KERNEL);
	unsigned long warnings = warn_count();

	p[at] = 1;
	warn_expected(true);
	kmem_cache_free(cache, p);
	assert_int_equal(warn_count(), warnings + 1);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, p);
	assert_int_equal(warn_count(), warnings + 1);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	p[at] = 1;
	/* slab_check() looks at slabs that have a free object; the magazine took 15, or the whole slab */
	assert_int_equal(slab_check(), slab_objects(cache) > 15);
	kmem_cache_free(cache, p);
	warn_expected(false);
	assert_int_equal(slab_check(), 0);
	kmem_cache_destroy(cache);
}

static void writes_outside_are_seen(void **state)
{
	(void)state;
	for (long size = 8; size <= KMALLOC_SLAB_MAX; size += size < 256 ? 8 : 200)
		for (long byte = 0; byte < 16; byte++) {
			one_byte_outside((size_t)size, size + byte);
			one_byte_outside((size_t)size, -1 - byte);
		}
}

/* What kmalloc gives keeps its alignment, and has redzones too. */
static void writes_outside_of_kmalloc_are_seen(void **state)
{
	(void)state;
	for (size_t size = KMALLOC_MIN_SIZE; size <= KMALLOC_SLAB_MAX; size *= 2) {
		char *p = kmalloc(size, GFP_KERNEL), *q = kmalloc(size, GFP_KERNEL);
		unsigned long warnings = warn_count();

		p[size] = p[-1] = 1;
		warn_expected(true);
		kfree(p);
		warn_expected(false);
		assert_int_equal(warn_count(), warnings + 2);
		kfree(q);
		assert_int_equal(warn_count(), warnings + 2);
	}
}

/* A list of free places that leads out of the slab is not followed. */
static void damaged_lists_are_not_followed(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("lists", 64, 0, 0, NULL);
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);
	struct slab *slab = virt_to_page(p)->slab;
	u16 first;

	(void)state;
	kmem_cache_drain(cache);
	first = slab->first;
	slab->first = LINK_USED;
	host_log_clear();
	assert_true(PANICS(kmem_cache_alloc(cache, GFP_KERNEL)));
	assert_non_null(strstr(host_log(), "the list of free places")); /* seen before it was followed */
	slab->first = first;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(writes_outside_are_seen, setup),
		cmocka_unit_test_setup(writes_outside_of_kmalloc_are_seen, setup),
		cmocka_unit_test_setup(damaged_lists_are_not_followed, setup), /* last: its panic leaves a lock held */
	};

	return cmocka_run_group_tests_name("slab_redzones", tests, NULL, NULL);
}
