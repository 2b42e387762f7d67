/* SPDX-License-Identifier: MIT */
/*
 * kmalloc and slab caches against a naive model: a list of all live objects, each filled with its own number. No two
 * may overlap, none may change behind its owner's back, and when all are gone their pages are, too.
 */
#include "tests/host/mm_machine.h"

#include "mm/slab/slab_internal.h"

#include <kernel/inject.h>

#define MAX_OBJECTS 3000
#define CPUS	    4

struct object {
	u8 *ptr;
	size_t size;
	u8 fill;
	struct kmem_cache *cache; /* NULL: kmalloc */
};
static struct object objects[MAX_OBJECTS];
static unsigned int nr_objects;

static int setup(void **state)
{
	(void)state;
	mm_machine(64 * MIB, CPUS);
	nr_objects = 0;
	return 0;
}

/* --- the model -------------------------------------------------------------------------------------------------- */

static void check_object(const struct object *o)
{
	for (size_t i = 0; i < o->size; i++)
		if (o->ptr[i] != o->fill)
			fail_msg("byte %zu of %p (size %zu) is %02x, not %02x", i, (void *)o->ptr, o->size, o->ptr[i],
				 o->fill);
}

static void keep(void *ptr, size_t size, struct kmem_cache *cache)
{
	struct object o = { ptr, size, (u8)host_random(), cache };

	memset(ptr, o.fill, size); /* an overlap shows when the other one is checked */
	objects[nr_objects++] = o;
}

static void drop(unsigned int nr)
{
	struct object o = objects[nr];

	check_object(&o);
	objects[nr] = objects[--nr_objects];
	if (o.cache && host_random_below(2))
		kmem_cache_free(o.cache, o.ptr);
	else
		kfree(o.ptr);
}

static size_t random_size(void)
{
	switch (host_random_below(8)) {
	case 0:
		return host_random_below(4 * KMALLOC_SLAB_MAX);
	case 1:
		return host_random_below(100000);
	default:
		return host_random_below(300);
	}
}

static size_t expected_alignment(size_t size)
{
	size_t align = KMALLOC_MIN_SIZE;

	while (align < size && align < PAGE_SIZE)
		align *= 2;
	return align;
}

static void all_zero(const u8 *ptr, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(ptr[i], 0);
}

static void op_kmalloc(void)
{
	size_t size = random_size();
	bool zeroed = host_random_below(2);
	u8 *ptr = kmalloc(size, GFP_KERNEL | __GFP_NOWARN | (zeroed ? __GFP_ZERO : 0));

	if (!ptr)
		return;
	assert_int_equal(virt_to_phys(ptr) & (expected_alignment(size) - 1), 0);
	assert_true(ksize(ptr) >= size);
	if (zeroed)
		all_zero(ptr, size);
	keep(ptr, size, NULL);
}

/* Filled once in each test. */
static struct kmem_cache *caches[6];
static const size_t cache_size[] = { 24, 40, 96, 200, 1000, 2048 }, cache_align[] = { 0, 8, 32, 0, 8, 64 };

static void create_caches(void)
{
	static const char *const names[] = { "c24", "c40", "c96", "c200", "c1000", "c2048" };

	for (unsigned int i = 0; i < ARRAY_SIZE(caches); i++)
		caches[i] = kmem_cache_create(names[i], cache_size[i], cache_align[i], 0, NULL);
}

static void op_cache(void)
{
	unsigned int i = (unsigned int)host_random_below(ARRAY_SIZE(caches));
	void *ptr = kmem_cache_alloc(caches[i], GFP_KERNEL | __GFP_NOWARN);

	if (!ptr)
		return;
	if (cache_align[i])
		assert_int_equal(virt_to_phys(ptr) & (cache_align[i] - 1), 0);
	keep(ptr, cache_size[i], caches[i]);
}

static void random_operations(void **state)
{
	unsigned long pages;

	(void)state;
	create_caches();
	for (int i = 0; i < 60000; i++) {
		/* Waves: more allocating for a while, then more freeing. */
		unsigned int allocate = i / 5000 % 2 ? 35 : 65;

		host_run_on((unsigned int)host_random_below(CPUS));
		if (nr_objects && (nr_objects == MAX_OBJECTS || host_random_below(100) >= allocate))
			drop((unsigned int)host_random_below(nr_objects));
		else if (host_random_below(3))
			op_kmalloc();
		else
			op_cache();
		if (i % 2000 == 0)
			assert_int_equal(slab_check() + page_alloc_check(), 0);
	}
	for (unsigned int i = 0; i < nr_objects; i++)
		check_object(&objects[i]);
	while (nr_objects)
		drop(0);
	slab_shrink();
	assert_int_equal(slab_check(), 0);
	pages = slab_pages();
	assert_true(pages <= 24); /* the caches themselves, and magazines of 15 caches on 4 CPUs */
}

/* --- memory comes back ------------------------------------------------------------------------------------------ */

static void pages_come_back(void **state)
{
	void **ptr = test_calloc(20000, sizeof(*ptr));
	unsigned long free;

	(void)state;
	kfree(kmalloc(100, GFP_KERNEL)); /* the magazine */
	slab_shrink();
	free = nr_free_pages();
	for (int i = 0; i < 20000; i++)
		ptr[i] = kmalloc(100, GFP_KERNEL);
	assert_true(free - nr_free_pages() >= 20000 / 32);
	for (int i = 0; i < 20000; i++)
		kfree(ptr[i]);
	assert_true(free - nr_free_pages() <= 5); /* the reserve, and slabs with objects in the magazine */
	slab_shrink();
	assert_int_equal(nr_free_pages(), free);
	test_free(ptr);
}

static void exhaustion_is_null(void **state)
{
	void *first = NULL, **link, *ptr;
	unsigned long n = 0, free = nr_free_pages();

	(void)state;
	while ((ptr = kmalloc(1024, GFP_KERNEL | __GFP_NOWARN))) {
		link = ptr;
		*link = first;
		first = ptr;
		n++;
	}
	/* 7 of 8 places, each with its redzone; at least three quarters even if blocks are broken up */
	assert_true(n >= free * 3 / 4 * 2);
	while (first) {
		link = first;
		first = *link;
		kfree(link);
	}
	slab_shrink();
	assert_true(free - nr_free_pages() <= 2); /* a magazine's slab */
	assert_int_equal(slab_check() + page_alloc_check(), 0);
}

static void sizes_and_limits(void **state)
{
	void *ptr;

	(void)state;
	assert_ptr_equal(kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	assert_int_equal(ksize(ZERO_SIZE_PTR), 0);
	for (size_t size = 1; size <= 3 * PAGE_SIZE; size += 1 + size / 16) {
		ptr = kmalloc(size, GFP_KERNEL);
		assert_true(ksize(ptr) >= max(size, (size_t)KMALLOC_MIN_SIZE));
		assert_int_equal(virt_to_phys(ptr) & (expected_alignment(size) - 1), 0);
		kfree(ptr);
	}
	ptr = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL);
	assert_non_null(ptr);
	assert_int_equal(ksize(ptr), KMALLOC_MAX_SIZE);
	kfree(ptr);
	assert_null(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	assert_null(kmalloc(~(size_t)0, GFP_KERNEL));
	assert_null(kcalloc(~(size_t)0 / 2, 3, GFP_KERNEL));
	ptr = kcalloc(10, 30, GFP_KERNEL);
	all_zero(ptr, 300);
	kfree(ptr);
	kfree(NULL);
	assert_int_equal(ksize(NULL), 0);
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

static void refused(struct kmem_cache *cache, void *ptr)
{
	unsigned long warnings = warn_count(), free = nr_free_pages();

	warn_expected(true);
	if (cache)
		kmem_cache_free(cache, ptr);
	else
		kfree(ptr);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 1);
	assert_int_equal(nr_free_pages(), free);
	assert_int_equal(slab_check(), 0);
}

static void bad_frees_are_refused(void **state)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *large, *ptr;

	(void)state;
	create_caches();
	for (size_t size = 1; size <= KMALLOC_SLAB_MAX; size *= 2) {
		ptr = kmalloc(size, GFP_KERNEL);
		refused(NULL, ptr + 1);					     /* inside an object */
		refused(NULL, virt_to_page(ptr)->slab);			     /* the slab's header */
		refused(caches[0], ptr);				     /* of another cache */
		kfree(ptr);
		refused(NULL, ptr); /* twice, in a magazine */
		host_run_on(1);
		refused(NULL, ptr); /* twice, on another CPU */
		host_run_on(0);
		slab_shrink();
		refused(NULL, ptr); /* twice, long ago: its page may be gone */
	}
	large = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);
	refused(NULL, large + 8);
	refused(NULL, large + PAGE_SIZE);
	refused(caches[1], large);
	kfree(large);
	refused(NULL, large);
	refused(NULL, page_address(page)); /* pages, but not from kmalloc */
	refused(NULL, &page);		   /* not RAM of the machine */
	refused(NULL, phys_to_virt(0x8000));
	__free_page(page);
}

/* Freeing a kmalloc block as pages would leave kmalloc's mark behind. */
static void large_blocks_are_not_pages(void **state)
{
	void *large = kmalloc(PAGE_SIZE, GFP_KERNEL);

	(void)state;
	warn_expected(true);
	free_pages((unsigned long)large, 0);
	warn_expected(false);
	kfree(large);
	assert_int_equal(page_alloc_check(), 0);
}

static void writes_after_free_are_seen(void **state)
{
	unsigned long warnings = warn_count();
	u8 *ptr = kmalloc(64, GFP_KERNEL);

	(void)state;
	kfree(ptr);
	ptr[17] = 1;
	warn_expected(true);
	assert_ptr_equal(kmalloc(64, GFP_KERNEL), ptr);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 1);
	kfree(ptr);
}

static void bad_caches_are_refused(void **state)
{
	(void)state;
	warn_expected(true);
	assert_null(kmem_cache_create("none", 0, 0, 0, NULL));
	assert_null(kmem_cache_create("large", KMALLOC_MAX_SIZE + 1, 0, 0, NULL));
	assert_null(kmem_cache_create("align", 64, 48, 0, NULL));
	warn_expected(false);
}

static void injected_failures(void **state)
{
	void *ptr[5];

	(void)state;
	inject_set(INJECT_SLAB, 3);
	for (int i = 0; i < 5; i++) {
		ptr[i] = kmalloc(i == 2 ? 2 * PAGE_SIZE : 50, GFP_KERNEL);
		assert_int_equal(ptr[i] == NULL, i == 2);
	}
	assert_int_equal(inject_clear(INJECT_SLAB), 0);
	for (int i = 0; i < 5; i++)
		kfree(ptr[i]);

	inject_set(INJECT_PAGE, 1); /* no page for a new slab: not even for the magazine */
	ptr[0] = kmalloc(2048, GFP_KERNEL);
	assert_int_equal(inject_clear(INJECT_PAGE), 0);
	kfree(ptr[0]);
	assert_int_equal(slab_check(), 0);
}

/* What was written to after it was freed is told once, wherever it is found: whoever checks next is not to blame. */
static void damage_is_told_once(void **state)
{
	u8 *p = kmalloc(64, GFP_KERNEL), *again[1], *more[256];
	unsigned int n = 0;

	(void)state;
	kfree(p);
	slab_shrink(); /* back in its slab, out of the CPU's magazine */
	p = kmalloc(64, GFP_KERNEL);
	again[0] = kmalloc(64, GFP_KERNEL);
	kfree(again[0]);
	slab_shrink();
	again[0][0] = again[0][63] = 1;
	warn_expected(true);
	assert_int_equal(slab_check(), 1);
	warn_expected(false);
	assert_int_equal(slab_check(), 0);
	again[0][5] = 1;
	warn_expected(true);
	do /* found where it is given out */
		more[n] = kmalloc(64, GFP_KERNEL);
	while (more[n++] != again[0] && n < ARRAY_SIZE(more));
	warn_expected(false);
	assert_ptr_equal(more[n - 1], again[0]);
	while (n)
		kfree(more[--n]);
	slab_shrink();
	assert_int_equal(slab_check(), 0);
	kfree(p);
}

/* A list of free objects that leads into the header, or out of the slab, or nowhere. */
static void damaged_lists_are_seen(void **state)
{
	static const u16 wrong[] = { 0, LINK_NONE, LINK_USED, 0x7fff };
	void *p = kmalloc(64, GFP_KERNEL);
	struct slab *slab = virt_to_page(p)->slab;
	u16 first;

	(void)state;
	slab_shrink();
	first = slab->first;
	assert_int_equal(slab_check(), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		slab->first = wrong[i];
		host_log_clear();
		assert_int_equal(slab_check(), 1);
		slab->first = first;
	}
	kfree(p);
	assert_int_equal(slab_check(), 0);
}

/*
 * Of all addresses in a slab kfree takes only those of objects, once each: for all sizes, whether they divide a page or
 * not.
 */
static void only_objects_are_freed(void **state)
{
	(void)state;
	for (unsigned int size = 8; size <= KMALLOC_SLAB_MAX; size += size < 256 ? 8 : 200) {
		struct kmem_cache *cache = kmem_cache_create("places", size, 0, 0, NULL);
		char *p = kmem_cache_alloc(cache, GFP_KERNEL);
		struct slab *slab = virt_to_page(p)->slab;
		char *end = (char *)slab + (PAGE_SIZE << cache->order);

		warn_expected(true);
		for (char *at = (char *)slab; at < end; at++)
			if (at != p)
				kmem_cache_free(cache, at);
		warn_expected(false);
		host_log_clear();
		assert_int_equal(cache->out - ((struct cpu_stack *)cache->magazine[0])->count, 1);
		kmem_cache_free(cache, p);
		assert_int_equal(slab_check(), 0);
	}
}

#define KNOWN(size, room) (p = kmalloc(size, GFP_KERNEL), assert_int_equal(ksize(p), room), kfree(p))

/* A size that the compiler knows leads to the same cache as one that it does not. */
static void sizes_known_or_not(void **state)
{
	void *p;

	(void)state;
	KNOWN(0, 0), KNOWN(1, 8), KNOWN(8, 8), KNOWN(9, 16), KNOWN(64, 64), KNOWN(65, 128), KNOWN(2047, 2048),
		KNOWN(2048, 2048);
	KNOWN(2049, PAGE_SIZE);
	for (size_t size = 1; size <= KMALLOC_SLAB_MAX; size++) {
		p = __kmalloc(size, GFP_KERNEL);
		assert_int_equal(ksize(p), 8ul << kmalloc_index(size));
		assert_true(ksize(p) >= size && (size <= 8 || ksize(p) < 2 * size));
		kfree(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(random_operations, setup),
		cmocka_unit_test_setup(pages_come_back, setup),
		cmocka_unit_test_setup(exhaustion_is_null, setup),
		cmocka_unit_test_setup(sizes_and_limits, setup),
		cmocka_unit_test_setup(bad_frees_are_refused, setup),
		cmocka_unit_test_setup(large_blocks_are_not_pages, setup),
		cmocka_unit_test_setup(writes_after_free_are_seen, setup),
		cmocka_unit_test_setup(bad_caches_are_refused, setup),
		cmocka_unit_test_setup(injected_failures, setup),
		cmocka_unit_test_setup(sizes_known_or_not, setup),
		cmocka_unit_test_setup(damage_is_told_once, setup),
		cmocka_unit_test_setup(damaged_lists_are_seen, setup),
		cmocka_unit_test_setup(only_objects_are_freed, setup),
	};

	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
