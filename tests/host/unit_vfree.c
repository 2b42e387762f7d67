/* SPDX-License-Identifier: MIT */
/* Frees from everywhere, right and wrong ones. */
#include "tests/host/vm_machine.h"

#include <kernel/inject.h>
#include <kernel/schedule_point.h>

#define P PAGE_SIZE

static struct page *pages[1];

static int setup(void **state)
{
	(void)state;
	vm_machine(64 * MIB, 1);
	pages[0] = alloc_page(GFP_KERNEL);
	assert_non_null(pages[0]);
	return 0;
}

/* From a handler, under a lock, without memory; and not at all in an NMI. There is no such area from then on. */
static void frees_from_anywhere(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();
	void *p[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		p[i] = vmalloc(2 * P);
	host_trap_depth++;
	vfree(p[0]);
	host_trap_depth--;
	preempt_disable();
	inject_set(INJECT_SLAB, 1);
	vfree(p[1]);
	assert_int_equal(inject_clear(INJECT_SLAB), 1); /* none is asked for */
	preempt_enable();
	vfree_atomic(p[2]);
	for (unsigned int i = 0; i < 3; i++) {
		assert_null(find_vm_area(p[i]));
		assert_non_null(vmalloc_to_page(p[i]));
	}
	vfree_atomic_drain();
	for (unsigned int i = 0; i < 3; i++)
		assert_null(vmalloc_to_page(p[i]));
	host_trap_depth++;
	host_in_nmi = true;
	vfree(p[3]);
	host_in_nmi = false;
	host_trap_depth--;
	assert_non_null(find_vm_area(p[3]));
	assert_int_equal(warn_count(), warnings);
	warn_expected(true);
	vfree(p[3]); /* the report, and then the free */
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 1);
	assert_balance(before);
}

/* What is wrong is reported at once, and the pages of a vmap() are their owner's, words included. */
static void frees_that_wait_are_claimed(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();
	char *p = vmalloc(2 * P), *a = vmap(pages, 1, VM_MAP, PAGE_KERNEL), *b = vmap(pages, 1, VM_MAP, PAGE_KERNEL);

	(void)state;
	pages[0]->words[0] = pages[0]->private = 0x1234;
	preempt_disable();
	vfree(p);
	vfree(a);
	vfree(b);
	warn_expected(true);
	vfree(p);
	vfree(p + P);
	vfree(a);
	warn_expected(false);
	preempt_enable();
	assert_int_equal(warn_count(), warnings + 3);
	vfree_atomic_drain();
	assert_int_equal(warn_count(), warnings + 3);
	assert_int_equal(pages[0]->words[0], 0x1234);
	assert_int_equal(pages[0]->private, 0x1234);
	assert_balance(before);
}

static void *from_handler;

/* A handler that strikes while somebody's wrong vunmap() looks at the range. It is in nobody's way for ever. */
static void free_in_a_handler(void)
{
	void *p = from_handler;

	if (!p)
		return;
	from_handler = NULL;
	host_trap_depth++;
	vfree(p);
	host_trap_depth--;
}

static void handler_strikes_a_claim(void **state)
{
	unsigned long warnings = warn_count();
	void *p = vmalloc(P);

	(void)state;
	from_handler = p;
	warn_expected(true);
	schedule_point_set_visitor(free_in_a_handler);
	vunmap(p); /* which is not a vmap: refused; the handler's is refused too, for it cannot wait */
	schedule_point_set_visitor(NULL);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 2);
	assert_non_null(find_vm_area(p));
	vfree(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frees_from_anywhere),
		cmocka_unit_test(frees_that_wait_are_claimed),
		cmocka_unit_test(handler_strikes_a_claim),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
