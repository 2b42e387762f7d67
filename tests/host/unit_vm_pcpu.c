/* SPDX-License-Identifier: MIT */
/* Congruent areas against a search that tries every base from the highest one on. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <kernel/inject.h>

#define WINDOW 400 /* pages at the end of the arena; the rest is taken */
#define MOST   4   /* areas of a set */
#define SETS   24
#define BUSY   40

static vaddr_t window; /* its start */
static bool taken[WINDOW];

struct set {
	int nr;
	unsigned long offsets[MOST];
	size_t sizes[MOST], align;
	struct vm_struct **vms;
};
static struct set sets[SETS];
static struct vm_range *busy[BUSY];

static int setup(void **state)
{
	(void)state;
	vm_machine(256ull << 20, 1);
	window = VMALLOC_END - WINDOW * PAGE_SIZE;
	return 0;
}

static struct vm_range *take(vaddr_t start, vaddr_t end)
{
	return vm_range_alloc(&(struct vm_request){
		.size = end - start, .align = PAGE_SIZE, .lo = start, .hi = end, .kind = VM_RANGE_RAM });
}

static void mark(vaddr_t start, unsigned long size, bool value)
{
	for (unsigned long page = (start - window) >> PAGE_SHIFT; size; size -= PAGE_SIZE) {
		assert_int_equal(taken[page], !value);
		taken[page++] = value;
	}
}

/* --- the oracle --------------------------------------------------------------------------------------------------- */

static bool fits(const struct set *set, vaddr_t base)
{
	for (int i = 0; i < set->nr; i++)
		for (vaddr_t at = base + set->offsets[i]; at != base + set->offsets[i] + set->sizes[i]; at += PAGE_SIZE)
			if (at < window || at >= VMALLOC_END || taken[(at - window) >> PAGE_SHIFT])
				return false;
	return true;
}

static vaddr_t best_base(const struct set *set)
{
	for (vaddr_t base = ALIGN_DOWN(VMALLOC_END, set->align); base > window - 2 * WINDOW * PAGE_SIZE;
	     base -= set->align)
		if (fits(set, base))
			return base;
	return 0;
}

/* --- at random ---------------------------------------------------------------------------------------------------- */

static void random_set(struct set *set)
{
	unsigned long offset = 0;

	*set = (struct set){ .nr = 1 + (int)host_random_below(MOST), .align = PAGE_SIZE << host_random_below(3) };
	for (int i = 0; i < set->nr; i++) {
		int at = (int)host_random_below((unsigned int)i + 1); /* in any order */

		offset += host_random_below(20) * set->align;
		set->offsets[i] = set->offsets[at];
		set->sizes[i] = set->sizes[at];
		set->offsets[at] = offset;
		set->sizes[at] = (1 + host_random_below(5)) * set->align;
		offset += set->sizes[at];
	}
}

static unsigned int refused, had;

static void get_set(struct set *set)
{
	vaddr_t expected;

	random_set(set);
	expected = best_base(set);
	set->vms = pcpu_get_vm_areas(set->offsets, set->sizes, set->nr, set->align);
	assert_int_equal(set->vms != NULL, expected != 0);
	*(set->vms ? &had : &refused) += 1;
	for (int i = 0; set->vms && i < set->nr; i++) {
		assert_int_equal((vaddr_t)set->vms[i]->addr, expected + set->offsets[i]);
		assert_int_equal(get_vm_area_size(set->vms[i]), set->sizes[i]);
		assert_ptr_equal(find_vm_area((char *)set->vms[i]->addr + set->sizes[i] - 1), set->vms[i]);
		mark((vaddr_t)set->vms[i]->addr, set->sizes[i], true);
	}
}

static void put_set(struct set *set)
{
	for (int i = 0; i < set->nr; i++)
		mark((vaddr_t)set->vms[i]->addr, set->sizes[i], false);
	pcpu_free_vm_areas(set->vms, set->nr);
	set->vms = NULL;
	vmalloc_shrink();
}

static void get_busy(struct vm_range **range)
{
	vaddr_t start = window + host_random_below(WINDOW - 8) * PAGE_SIZE;

	*range = take(start, start + (1 + host_random_below(8)) * PAGE_SIZE);
	if (!*range)
		return;
	mark((*range)->start, vm_range_size(*range), true);
	vm_range_publish(*range);
}

static void put_busy(struct vm_range **range)
{
	mark((*range)->start, vm_range_size(*range), false);
	assert_ptr_equal(vm_range_claim((*range)->start, VM_RANGE_RAM, 0), *range);
	vm_range_free(*range);
	*range = NULL;
}

static void same_as_trying_every_base(void **state)
{
	struct vm_balance before = vm_balance();
	struct vm_range *rest = take(VMALLOC_START, window);

	(void)state;
	for (unsigned int step = 0; step < 6000; step++) {
		struct vm_range **range = &busy[host_random_below(BUSY)];
		struct set *set = &sets[host_random_below(SETS)];

		if (step & 1)
			*range ? put_busy(range) : get_busy(range);
		else
			set->vms ? put_set(set) : get_set(set);
		if (step % 64 == 0)
			assert_int_equal(vmalloc_check(), 0);
	}
	assert_true(had > 300 && refused > 300);
	for (unsigned int i = 0; i < SETS; i++)
		if (sets[i].vms)
			put_set(&sets[i]);
	for (unsigned int i = 0; i < BUSY; i++)
		if (busy[i])
			put_busy(&busy[i]);
	vm_range_free(rest);
	assert_balance(before);
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

static void expect_refused(const unsigned long *offsets, const size_t *sizes, int nr, size_t align)
{
	warn_expected(true);
	assert_null(pcpu_get_vm_areas(offsets, sizes, nr, align));
	warn_expected(false);
}

static void wrong_sets_are_refused(void **state)
{
	const unsigned long two[] = { 0, 4 * PAGE_SIZE }, odd[] = { 0, 4 * PAGE_SIZE + 1 },
			    far[] = { 0, -2 * PAGE_SIZE };
	const size_t fine[] = { PAGE_SIZE, PAGE_SIZE }, long_one[] = { 5 * PAGE_SIZE, PAGE_SIZE },
		     none[] = { PAGE_SIZE, 0 };
	struct vm_balance before = vm_balance();

	(void)state;
	expect_refused(two, fine, 0, PAGE_SIZE);
	expect_refused(two, fine, -1, PAGE_SIZE);
	expect_refused(two, fine, 2, PAGE_SIZE / 2);
	expect_refused(two, fine, 2, 3 * PAGE_SIZE);
	expect_refused(two, fine, 2, 8 * PAGE_SIZE);
	expect_refused(odd, fine, 2, PAGE_SIZE);
	expect_refused(far, fine, 2, PAGE_SIZE);
	expect_refused(two, long_one, 2, PAGE_SIZE);
	expect_refused(two, none, 2, PAGE_SIZE);
	assert_balance(before);
}

/* Neither vfree nor vunmap takes one, and what was freed can be had again. */
static void nobody_else_frees_them(void **state)
{
	const unsigned long offsets[] = { 0, 16 * PAGE_SIZE };
	const size_t sizes[] = { 8 * PAGE_SIZE, 2 * PAGE_SIZE };
	struct vm_balance before = vm_balance();
	struct vm_struct **vms = pcpu_get_vm_areas(offsets, sizes, 2, PAGE_SIZE);
	void *first = vms[0]->addr;

	(void)state;
	assert_int_equal((vaddr_t)vms[1]->addr + sizes[1], VMALLOC_END);
	warn_expected(true);
	vfree(vms[0]->addr);
	vunmap(vms[1]->addr);
	warn_expected(false);
	assert_ptr_equal(find_vm_area(first), vms[0]);
	pcpu_free_vm_areas(vms, 2);
	vms = pcpu_get_vm_areas(offsets, sizes, 2, PAGE_SIZE); /* purges, if it must */
	assert_non_null(vms);
	pcpu_free_vm_areas(vms, 2);
	assert_balance(before);
}

static void each_allocation_fails_once(void **state)
{
	const unsigned long offsets[] = { 0, 16 * PAGE_SIZE, 32 * PAGE_SIZE };
	const size_t sizes[] = { 8 * PAGE_SIZE, 2 * PAGE_SIZE, 4 * PAGE_SIZE };
	unsigned int unreached = 0, failed = 0;

	(void)state;
	for (unsigned int nth = 1; !unreached; nth++) {
		struct vm_balance before = vm_balance();
		struct vm_struct **vms;

		inject_set(INJECT_SLAB, nth);
		vms = pcpu_get_vm_areas(offsets, sizes, 3, PAGE_SIZE);
		unreached = inject_clear(INJECT_SLAB);
		failed += !vms;
		if (vms)
			pcpu_free_vm_areas(vms, 3);
		assert_balance(before);
	}
	assert_int_equal(failed, 11); /* the set, the answer, an area and two descriptors each */
}

/* What was made and not needed goes too. */
static void many_times(void **state)
{
	const unsigned long offsets[] = { 16 * PAGE_SIZE, 0 };
	const size_t sizes[] = { 8 * PAGE_SIZE, 2 * PAGE_SIZE };
	struct vm_balance before = vm_balance();
	unsigned long slabs = slab_pages();

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		struct vm_struct **vms = pcpu_get_vm_areas(offsets, sizes, 2, PAGE_SIZE);

		assert_non_null(vms);
		pcpu_free_vm_areas(vms, 2);
		vmalloc_shrink();
	}
	assert_balance(before);
	assert_true(slab_pages() < slabs + 30);
}

static unsigned int nodes_left;

static void *few_nodes(size_t size, gfp_t gfp)
{
	return nodes_left ? nodes_left--, kmalloc(size, gfp) : NULL;
}

/* The index has no memory for the first, second ... of them: those before it go, those behind it were never entered. */
static void the_index_runs_out_of_memory(void **state)
{
	const unsigned long offsets[] = { 0, 4096 * PAGE_SIZE, 8192 * PAGE_SIZE }; /* no two in one node */
	const size_t sizes[] = { 8 * PAGE_SIZE, 2 * PAGE_SIZE, 4 * PAGE_SIZE };
	unsigned int failed = 0;
	struct vm_struct **vms = NULL;

	(void)state;
	for (unsigned int nodes = 0; !vms && nodes < 50; nodes++, failed++) {
		struct vm_balance before = vm_balance();
		unsigned long largest, holes = vm_holes(&largest);

		nodes_left = nodes;
		xa_set_allocator(few_nodes, vm_machine_xa_free);
		vms = pcpu_get_vm_areas(offsets, sizes, 3, PAGE_SIZE);
		xa_set_allocator(vm_machine_xa_alloc, vm_machine_xa_free);
		if (vms)
			break;
		assert_balance(before);
		assert_int_equal(vm_holes(&largest), holes);
	}
	assert_non_null(vms);
	assert_true(failed >= 3);
	pcpu_free_vm_areas(vms, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_trying_every_base),
		cmocka_unit_test(wrong_sets_are_refused),
		cmocka_unit_test(nobody_else_frees_them),
		cmocka_unit_test(each_allocation_fails_once),
		cmocka_unit_test(many_times),
		cmocka_unit_test(the_index_runs_out_of_memory),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
