/* SPDX-License-Identifier: MIT */
/* The search for vmalloc space against a list that is searched from its beginning, and the life of a range. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <kernel/inject.h>

#define WINDOW_PAGES 4096 /* small enough that requests fail and holes get tight */
#define MAX_RANGES   512

/* The oracle: busy ranges, sorted. */
static struct vm_range *busy[MAX_RANGES];
static unsigned int nr_busy;

static int setup(void **state)
{
	(void)state;
	vm_machine(256ull << 20, 1);
	return 0;
}

static void oracle_insert(struct vm_range *range)
{
	unsigned int i = nr_busy++;

	for (; i > 0 && busy[i - 1]->start > range->start; i--)
		busy[i] = busy[i - 1];
	busy[i] = range;
}

static struct vm_range *oracle_remove(unsigned int which)
{
	struct vm_range *range = busy[which];

	nr_busy--;
	for (unsigned int i = which; i < nr_busy; i++)
		busy[i] = busy[i + 1];
	return range;
}

/* Lowest address for the request, 0 = none: try each gap from the lowest on. */
static vaddr_t oracle_find(const struct vm_request *rq)
{
	vaddr_t gap = VMALLOC_START;

	for (unsigned int i = 0; i <= nr_busy; i++) {
		vaddr_t end = min(i < nr_busy ? busy[i]->start : VMALLOC_END, rq->hi);
		vaddr_t at = ALIGN(max(gap, rq->lo), rq->align);

		if (at < end && at >= gap && end - at >= rq->size + rq->skew)
			return at + rq->skew;
		gap = i < nr_busy ? busy[i]->end : 0;
	}
	return 0;
}

static unsigned long random_pages(unsigned long below)
{
	return (1 + host_random_below(below)) << PAGE_SHIFT;
}

static struct vm_request random_request(void)
{
	struct vm_request rq = {
		.size = random_pages(host_random_below(8) ? 20 : 600),
		.align = PAGE_SIZE << (host_random_below(2) ? 0 : host_random_below(10)),
		.lo = VMALLOC_START,
		.hi = VMALLOC_START + WINDOW_PAGES * PAGE_SIZE,
		.kind = VM_RANGE_RAM,
	};

	if (!host_random_below(3))
		rq.lo += host_random_below(WINDOW_PAGES / 2) << PAGE_SHIFT;
	if (!host_random_below(3))
		rq.hi = rq.lo + random_pages(WINDOW_PAGES / 2);
	if (!host_random_below(4))
		rq.skew = host_random_below(rq.align >> PAGE_SHIFT) << PAGE_SHIFT;
	return rq;
}

static void alloc_as_oracle(const struct vm_request *rq, unsigned int *refused)
{
	vaddr_t expected = oracle_find(rq);
	struct vm_range *range = vm_range_alloc(rq);

	assert_int_equal(range ? range->start : 0, expected);
	if (!range) {
		++*refused;
		return;
	}
	assert_int_equal(vm_range_size(range), rq->size);
	vm_range_publish(range);
	oracle_insert(range);
}

static void random_alloc(unsigned int *refused)
{
	struct vm_request rq = random_request();

	alloc_as_oracle(&rq, refused);
}

static void random_free(void)
{
	struct vm_range *range = oracle_remove((unsigned int)host_random_below(nr_busy));
	vaddr_t start = range->start;

	assert_ptr_equal(vm_range_claim(start, VM_RANGE_RAM, 0), range);
	vm_range_free(range);
	assert_null(vm_range_claim(start, VM_RANGE_RAM, 0));
}

/* Up to eight neighbours, upward, downward or in disorder, some left out: what lies side by side becomes one hole. */
static void random_free_list(void)
{
	unsigned int nr = 1 + (unsigned int)host_random_below(8), at = (unsigned int)host_random_below(nr_busy);
	unsigned int order = (unsigned int)host_random_below(3);
	struct vm_range *list = NULL, *last = NULL;

	for (; nr && at < nr_busy; nr--) {
		struct vm_range *range = oracle_remove(at);

		assert_ptr_equal(vm_range_claim(range->start, VM_RANGE_RAM, 0), range);
		if (!list || order == 0 || (order == 2 && host_random() & 1)) {
			range->next = list;
			list = range;
			last = last ? last : range;
		} else {
			range->next = NULL;
			last->next = range;
			last = range;
		}
		at += !host_random_below(4);
	}
	vm_range_discard_list(list);
}

static void same_as_oracle(void **state)
{
	unsigned int refused = 0;
	unsigned long largest;

	(void)state;
	for (unsigned int step = 0; step < 30000; step++) {
		bool grow = step / 1000 % 2 == 0; /* waves */

		if (nr_busy == 0 || (nr_busy < MAX_RANGES && host_random_below(10) < (grow ? 7 : 3)))
			random_alloc(&refused);
		else if (host_random_below(8))
			random_free();
		else
			random_free_list();
		if (step % 64 == 0)
			assert_int_equal(vm_range_check(), 0);
	}
	assert_true(refused > 100);
	while (nr_busy)
		random_free();
	assert_int_equal(vm_range_check(), 0);
	assert_int_equal(vm_holes(&largest), VMALLOC_END - VMALLOC_START);
	assert_int_equal(largest, VMALLOC_END - VMALLOC_START);
}

/* Large alignments over the whole arena, each against the oracle. */
static void large_alignments(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 24; i++) {
		struct vm_request rq = {
			.size = PAGE_SIZE << host_random_below(11),
			.align = PAGE_SIZE << host_random_below(VM_ALIGN_CLASSES),
			.lo = VMALLOC_START,
			.hi = VMALLOC_END,
			.kind = VM_RANGE_RAM,
		};
		vaddr_t expected = oracle_find(&rq);
		struct vm_range *range = vm_range_alloc(&rq);

		assert_int_equal(range ? range->start : 0, expected);
		if (!range)
			continue;
		vm_range_publish(range);
		oracle_insert(range);
	}
	assert_int_equal(vm_range_check(), 0);
	while (nr_busy)
		random_free();
}

/* Cut the whole arena up, so that its holes are a little less, as much, or more than what a key can say. */
static void cut_arena_up(unsigned long cap)
{
	vaddr_t at = VMALLOC_START;

	while (nr_busy < 100) {
		unsigned long room = cap / 2 + (host_random_below(3) * cap / 2) + random_pages(64) - 32 * PAGE_SIZE;
		struct vm_request rq = {
			.size = random_pages(9), .align = PAGE_SIZE, .lo = at + room, .kind = VM_RANGE_RAM
		};
		struct vm_range *range;

		rq.hi = rq.lo + rq.size;
		if (rq.hi > VMALLOC_END || rq.hi < at)
			break;
		range = vm_range_alloc(&rq);
		assert_non_null(range);
		vm_range_publish(range);
		oracle_insert(range);
		at = range->end;
	}
}

static unsigned long largest_gap(void)
{
	unsigned long largest = 0;
	vaddr_t gap = VMALLOC_START;

	for (unsigned int i = 0; i <= nr_busy; i++) {
		largest = max(largest, (i < nr_busy ? busy[i]->start : VMALLOC_END) - gap);
		gap = i < nr_busy ? busy[i]->end : 0;
	}
	return largest;
}

/* Requests that are larger than the cap of the keys (vm_hole_tree.c, 2), or about as large. */
static void requests_at_the_cap(void **state)
{
	unsigned long cap = (VMALLOC_END - VMALLOC_START) / 128, largest;
	unsigned int refused = 0;

	(void)state;
	cap = ALIGN_DOWN(cap, PAGE_SIZE);
	cut_arena_up(cap);
	for (unsigned int step = 0; step < 2000; step++) {
		struct vm_request rq = random_request();

		rq.hi = VMALLOC_END;
		if (host_random_below(2))
			rq.lo = VMALLOC_START + ALIGN_DOWN(host_random_below(100) * cap, PAGE_SIZE);
		rq.size = cap / 2 * (1 + host_random_below(3)) + random_pages(64) - 32 * PAGE_SIZE;
		rq.size = ALIGN(rq.size, PAGE_SIZE);
		if (nr_busy < 150 && host_random_below(2))
			alloc_as_oracle(&rq, &refused);
		else
			random_free();
		assert_int_equal(vm_range_check(), 0);
		vm_holes(&largest);
		assert_int_equal(largest, largest_gap());
	}
	while (nr_busy)
		random_free();
	assert_int_equal(vm_range_check(), 0);
}

/* A hole that is exactly the request, aligned, is found although size + alignment - 1 would not go into it. */
static void exact_fit_with_alignment(void **state)
{
	const unsigned long big = 2ul << 20;
	struct vm_request rq = {
		.size = big,
		.align = big,
		.lo = ALIGN(VMALLOC_START, big) + big,
		.hi = ALIGN(VMALLOC_START, big) + 2 * big,
		.kind = VM_RANGE_RAM,
	};
	struct vm_range *range = vm_range_alloc(&rq);

	(void)state;
	assert_non_null(range);
	assert_int_equal(range->start, rq.lo);
	assert_null(vm_range_alloc(&rq));
	vm_range_free(range);
	assert_int_equal(vm_range_check(), 0);
}

static struct vm_range *make_range(enum vm_range_kind kind)
{
	struct vm_request rq = {
		.size = 4 * PAGE_SIZE,
		.align = PAGE_SIZE,
		.lo = VMALLOC_START,
		.hi = VMALLOC_END,
		.kind = kind,
	};

	return vm_range_alloc(&rq);
}

/* Only the start and the kind claim a range, and only once; unpublished it cannot be found at all. */
static void claim_is_exact(void **state)
{
	struct vm_range *range = make_range(VM_RANGE_AREA);
	struct vm_struct area = { .addr = (void *)range->start, .flags = VM_MAP };
	vaddr_t start = range->start;

	(void)state;
	range->area = &area;
	assert_null(vm_range_area(start));
	assert_null(vm_range_claim(start, VM_RANGE_AREA, VM_ANY));
	vm_range_publish(range);
	assert_ptr_equal(vm_range_area(start), &area);
	assert_ptr_equal(vm_range_area(start + 4 * PAGE_SIZE - 1), &area);
	assert_null(vm_range_area(start + 4 * PAGE_SIZE));
	assert_null(vm_range_claim(start + PAGE_SIZE, VM_RANGE_AREA, VM_ANY));
	assert_null(vm_range_claim(start, VM_RANGE_RAM, 0));
	assert_null(vm_range_claim(start, VM_RANGE_AREA, VM_ALLOC | VM_IOREMAP));
	assert_ptr_equal(vm_range_claim(start, VM_RANGE_AREA, VM_ALLOC | VM_MAP), range);
	assert_null(vm_range_claim(start, VM_RANGE_AREA, VM_ANY));
	vm_range_free(range);
	assert_int_equal(vm_range_check(), 0);
}

static void bad_requests_are_refused(void **state)
{
	const struct vm_request good = {
		.size = PAGE_SIZE, .align = PAGE_SIZE, .lo = VMALLOC_START, .hi = VMALLOC_END, .kind = VM_RANGE_RAM,
	};
	struct vm_request bad[8];
	unsigned long warnings = warn_count();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].size = 0;
	bad[1].size = PAGE_SIZE + 1;
	bad[2].align = 3 * PAGE_SIZE;
	bad[3].align = PAGE_SIZE / 2;
	bad[4].align = 2 * VM_ALIGN_MAX;
	bad[5].skew = PAGE_SIZE;
	bad[6].size = -PAGE_SIZE, bad[6].align = 4 * PAGE_SIZE, bad[6].skew = PAGE_SIZE;
	bad[7].lo = bad[7].hi;
	warn_expected(true);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(vm_range_alloc(&bad[i]));
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + ARRAY_SIZE(bad));
	assert_int_equal(vm_range_check(), 0);
}

static void no_memory_for_descriptors(void **state)
{
	struct vm_request rq = random_request();

	(void)state;
	rq.align = 2 * PAGE_SIZE;
	for (unsigned int nth = 1; nth <= 2; nth++) {
		inject_set(INJECT_SLAB, nth);
		assert_null(vm_range_alloc(&rq));
		assert_int_equal(inject_clear(INJECT_SLAB), 0);
		assert_int_equal(vm_range_check(), 0);
	}
}

/* The last test: what panics keeps its lock. */
static void overlaps_panic(void **state)
{
	struct vm_range *range = make_range(VM_RANGE_RAM), twin = *range;

	(void)state;
	vm_range_publish(range);
	assert_true(PANICS(vm_range_publish(range))); /* twice */
	twin.start += PAGE_SIZE;
	assert_true(PANICS(vm_index_add(&twin, GFP_KERNEL)));
	assert_true(PANICS(vm_range_free(range))); /* busy */
	twin.start = VMALLOC_START;
	assert_true(PANICS(vm_range_free(&twin)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_oracle),
		cmocka_unit_test(large_alignments),
		cmocka_unit_test(requests_at_the_cap),
		cmocka_unit_test(exact_fit_with_alignment),
		cmocka_unit_test(claim_is_exact),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(no_memory_for_descriptors),
		cmocka_unit_test(overlaps_panic),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
