/* SPDX-License-Identifier: MIT */
/*
 * The user half of address spaces: copy-on-write against copies that are really made, stacks, the heap, and pages of
 * the kernel lent to a process. (Areas: unit_user_areas.c.)
 */
#include "tests/host/user_touch.h"

#include <arch/fault.h>
#include <arch/mmu_sync.h>
#include <kernel/inject.h>
#include <kernel/task.h>
#include <mm/mm.h>

static int setup(void **state)
{
	(void)state;
	vm_machine(256 * MIB, 3);
	return 0;
}

/* --- areas -------------------------------------------------------------------------------------------------------- */

#define BASE 0x1000000ul

static vaddr_t page_addr(unsigned int page) { return BASE + page * PAGE_SIZE; }

static void holes_are_found(void **state)
{
	struct mm_struct *mm = mm_create();
	vaddr_t first, second, top;

	(void)state;
	first = (vaddr_t)mm_map_anywhere(mm, 4 * PAGE_SIZE, VM_READ | VM_WRITE);
	assert_int_equal(first, mm->mmap_base);
	second = (vaddr_t)mm_map_anywhere(mm, PAGE_SIZE, VM_READ);
	assert_int_equal(second, first + 4 * PAGE_SIZE);
	assert_int_equal(mm_unmap(mm, first + PAGE_SIZE, 2 * PAGE_SIZE), 0);
	assert_int_equal((vaddr_t)mm_map_anywhere(mm, 3 * PAGE_SIZE, VM_READ), second + PAGE_SIZE);
	assert_int_equal((vaddr_t)mm_map_anywhere(mm, 2 * PAGE_SIZE, VM_READ), first + PAGE_SIZE);
	assert_int_equal(mm_map_stack(mm, &top), 0);
	assert_int_equal(top, layout.user_end);
	assert_int_equal(mm_map_anywhere(mm, layout.user_end - mm->mmap_base - USER_STACK_MAX, VM_READ), -ENOMEM);
	assert_int_equal(mm_map_anywhere(mm, layout.user_end, VM_READ), -EINVAL);
	assert_int_equal(mm_map_anywhere(mm, 0, VM_READ), -EINVAL);
	mm_destroy(mm);
}

/* The last hole ends with the user half. */
static void the_last_hole(void **state)
{
	struct mm_struct *mm = mm_create();
	const unsigned long all = layout.user_end - mm->mmap_base;

	(void)state;
	assert_int_equal(mm_map_anywhere(mm, all + PAGE_SIZE, VM_READ), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, mm->mmap_base, PAGE_SIZE), 0);
	assert_int_equal(mm_map_anywhere(mm, all, VM_READ), -ENOMEM);
	assert_int_equal((vaddr_t)mm_map_anywhere(mm, all - PAGE_SIZE, VM_READ), mm->mmap_base + PAGE_SIZE);
	assert_int_equal(mm_map_anywhere(mm, PAGE_SIZE, VM_READ), -ENOMEM);
	mm_destroy(mm);
}

static void stacks_are_not_joined(void **state)
{
	struct mm_struct *mm = mm_create();

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(mm_map(mm, page_addr(i), PAGE_SIZE, VM_READ | VM_GROWSDOWN), 0);
	assert_int_equal(mm->nr_areas, 3);
	mm_destroy(mm);
}

/* Up to where a stack may grow, and the gap below that; a larger one does not grow. */
static void holes_end_below_stacks(void **state)
{
	static const unsigned long size[] = { PAGE_SIZE, USER_STACK_MAX, USER_STACK_MAX + 2 * STACK_GUARD_GAP };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(size); i++) {
		struct mm_struct *mm = mm_create();
		vaddr_t stack = layout.user_end - size[i];
		vaddr_t end = min(stack, layout.user_end - USER_STACK_MAX - STACK_GUARD_GAP);

		assert_int_equal(mm_map(mm, stack, size[i], VM_READ | VM_WRITE | VM_GROWSDOWN), 0);
		assert_int_equal(mm_map_anywhere(mm, end - mm->mmap_base + PAGE_SIZE, VM_READ), -ENOMEM);
		assert_int_equal((vaddr_t)mm_map_anywhere(mm, end - mm->mmap_base, VM_READ), mm->mmap_base);
		assert_int_equal(mm_map_anywhere(mm, PAGE_SIZE, VM_READ), -ENOMEM);
		mm_destroy(mm);
	}
}

static void the_heap_moves(void **state)
{
	struct mm_struct *mm = mm_create(), *child;

	(void)state;
	assert_int_equal(mm_brk(mm, BASE), 0); /* none yet */
	mm_set_brk(mm, BASE);
	assert_int_equal(mm_brk(mm, 0), BASE);
	assert_int_equal(mm_brk(mm, BASE + 1), BASE + 1);
	assert_non_null(touch(mm, BASE + PAGE_SIZE - 1, true));
	assert_null(touch(mm, BASE + PAGE_SIZE, true));
	assert_int_equal(mm_brk(mm, BASE + 5 * PAGE_SIZE), BASE + 5 * PAGE_SIZE);
	assert_non_null(touch(mm, BASE + 5 * PAGE_SIZE - 1, true));
	assert_int_equal(mm_brk(mm, BASE + PAGE_SIZE), BASE + PAGE_SIZE);
	assert_null(touch(mm, BASE + 4 * PAGE_SIZE, false));
	assert_int_equal(mm->user_pages, 1);
	assert_int_equal(mm_brk(mm, mm->mmap_base + 1), BASE + PAGE_SIZE);
	assert_int_equal(mm_map_anonymous(mm, BASE + 3 * PAGE_SIZE, PAGE_SIZE), 0); /* a stranger in the way */
	assert_int_equal(mm_brk(mm, BASE + 4 * PAGE_SIZE), BASE + PAGE_SIZE);
	assert_int_equal(mm_brk(mm, BASE + 3 * PAGE_SIZE), BASE + 3 * PAGE_SIZE);
	child = mm_fork(mm);
	assert_int_equal(mm_brk(child, 0), BASE + 3 * PAGE_SIZE); /* inherited, and each its own from then on */
	assert_int_equal(mm_brk(child, BASE), BASE);
	assert_int_equal(mm_brk(mm, 0), BASE + 3 * PAGE_SIZE);
	mm_destroy(child);
	mm_destroy(mm);
}

static void a_stack_grows_as_far_as_it_may(void **state)
{
	struct mm_struct *mm = mm_create();
	vaddr_t top, low;

	(void)state;
	assert_int_equal(mm_map_stack(mm, &top), 0);
	assert_non_null(touch(mm, top - 1, true));
	assert_non_null(touch(mm, top - 50 * PAGE_SIZE, true));
	assert_int_equal(mm_find_area(mm, top - 1)->vm_start, top - 50 * PAGE_SIZE);
	assert_int_equal(mm->user_pages, 2);
	low = top - 50 * PAGE_SIZE - STACK_GUARD_GAP;
	assert_int_equal(mm_map_anonymous(mm, low - 11 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_non_null(touch(mm, top - 60 * PAGE_SIZE, false)); /* exactly the gap is left */
	assert_null(touch(mm, top - 61 * PAGE_SIZE, false));
	assert_int_equal(mm_unmap(mm, low - 11 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_non_null(touch(mm, top - USER_STACK_MAX, false));
	assert_null(touch(mm, top - USER_STACK_MAX - 1, false));
	mm_destroy(mm);
}

static void rights_are_kept(void **state)
{
	struct task task;
	struct mm_struct *mm = mm_create();

	(void)state;
	task = (struct task){ .mm = mm };
	assert_int_equal(mm_map(mm, BASE, PAGE_SIZE, VM_READ | VM_EXEC), 0);
	assert_int_equal(mm_map(mm, BASE + PAGE_SIZE, PAGE_SIZE, VM_READ), 0);
	assert_int_equal(mm_write(mm, BASE + 10, "text", 5), 0); /* the kernel may, before anybody runs */
	assert_int_equal(mm_handle_fault(&task, BASE, FAULT_WRITE | FAULT_PRESENT, 0), -EACCES);
	assert_int_equal(mm_handle_fault(&task, BASE + PAGE_SIZE, FAULT_WRITE, 0), -EACCES);
	assert_int_equal(mm_handle_fault(&task, BASE + PAGE_SIZE, FAULT_EXEC, 0), -EACCES);
	assert_int_equal(mm_handle_fault(&task, BASE, FAULT_EXEC, 0), 0);
	assert_string_equal(touch(mm, BASE + 10, false), "text");
	assert_false(pte_writable(pgtable_query(&mm->pgtable, BASE).pte));
	assert_int_equal(mm_write(mm, BASE + 2 * PAGE_SIZE - 2, "abc", 4), -EFAULT);
	mm_destroy(mm);
}

/* --- fork --------------------------------------------------------------------------------------------------------- */

#define FAMILY	   6
#define COW_PAGES  40

/* Each member's memory, and what ought to be in it. */
static struct member {
	struct mm_struct *mm;
	u8 value[COW_PAGES];
} family[FAMILY];

static void check_member(const struct member *m)
{
	for (unsigned int i = 0; i < COW_PAGES; i++)
		assert_int_equal((u8)*touch(m->mm, page_addr(i), false), m->value[i]);
}

static void write_some(struct member *m)
{
	for (unsigned int i = 0; i < 10; i++) {
		unsigned int page = (unsigned int)host_random_below(COW_PAGES);

		m->value[page] = (u8)host_random();
		*touch(m->mm, page_addr(page), true) = (char)m->value[page];
	}
}

/* Members come from others by fork and go in any order; nobody ever sees what another writes. */
static void a_family_that_forks(void **state)
{
	struct vm_balance before = vm_balance();

	(void)state;
	memset(family, 0, sizeof(family));
	family[0].mm = mm_create();
	assert_int_equal(mm_map_anonymous(family[0].mm, BASE, COW_PAGES * PAGE_SIZE), 0);
	for (unsigned int round = 0; round < 400; round++) {
		struct member *m = &family[host_random_below(FAMILY)], *from = &family[host_random_below(FAMILY)];

		if (m->mm)
			write_some(m);
		if (!from->mm || m == from)
			continue;
		if (m->mm)
			mm_destroy(m->mm);
		*m = *from;
		m->mm = mm_fork(from->mm);
		assert_non_null(m->mm);
		for (unsigned int i = 0; i < FAMILY; i++)
			if (family[i].mm)
				check_member(&family[i]);
	}
	for (unsigned int i = 0; i < FAMILY; i++)
		if (family[i].mm)
			mm_destroy(family[i].mm);
	assert_balance(before);
}

static void a_fork_that_fails_changes_nothing(void **state)
{
	static const enum inject_site sites[] = { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB };
	struct member m = { .mm = mm_create() };
	unsigned int failed = 0;

	(void)state;
	mm_map_anonymous(m.mm, BASE, COW_PAGES * PAGE_SIZE);
	mm_map(m.mm, 4 * BASE, PAGE_SIZE, VM_READ);
	touch(m.mm, 4 * BASE, false);
	write_some(&m);
	for (unsigned int s = 0; s < ARRAY_SIZE(sites); s++) {
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			struct vm_balance before;
			struct mm_struct *child;

			check_member(&m);
			before = vm_balance();
			inject_set(sites[s], nth);
			child = mm_fork(m.mm);
			unreached = inject_clear(sites[s]);
			failed += !child;
			if (child)
				mm_destroy(child);
			assert_balance(before);
			write_some(&m);
		}
	}
	assert_true(failed >= 5);
	mm_destroy(m.mm);
}

/* --- museum 32: pages of the kernel in a process ------------------------------------------------------------------ */

static void lent_pages_stay_inside_their_area(void **state)
{
	struct vm_balance before = vm_balance();
	struct mm_struct *mm = mm_create(), *child;
	const unsigned long huge = 1ul << (BITS_PER_LONG - PAGE_SHIFT);
	char *buf = vmalloc_user(4 * PAGE_SIZE), *plain = vmalloc(4 * PAGE_SIZE);

	(void)state;
	assert_int_equal(mm_map(mm, BASE, 16 * PAGE_SIZE, VM_READ | VM_WRITE | VM_SHARED), 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 0, 5 * PAGE_SIZE), -EINVAL); /* the guard page */
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 4, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 1, 4 * PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, huge, PAGE_SIZE), -EINVAL); /* pgoff << 12 is 0 */
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, huge + 1, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, -1ul, 2 * PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 1, -PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 0, 0), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE + 1, buf, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 0, PAGE_SIZE + 1), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf + PAGE_SIZE, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, plain, 0, PAGE_SIZE), -EINVAL); /* not for users */
	assert_int_equal(mm_lend_vmalloc(mm, BASE, (void *)(VMALLOC_END - PAGE_SIZE), 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE + 14 * PAGE_SIZE, buf, 0, 4 * PAGE_SIZE), -EFAULT);
	assert_int_equal(mm_lend_vmalloc(mm, 2 * BASE, buf, 0, PAGE_SIZE), -EFAULT);
	assert_int_equal(mm->user_pages, 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 1, 3 * PAGE_SIZE), 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE + PAGE_SIZE, buf, 0, PAGE_SIZE), -EBUSY);
	*(char *)host_translate((vaddr_t)buf + 2 * PAGE_SIZE) = 'k';
	child = mm_fork(mm);
	assert_int_equal(*touch(child, BASE + PAGE_SIZE, true), 'k');
	*touch(child, BASE + PAGE_SIZE, true) = 'c'; /* the same page in all three */
	assert_int_equal(*touch(mm, BASE + PAGE_SIZE, false), 'c');
	assert_null(touch(mm, BASE + 3 * PAGE_SIZE, false));
	vfree(buf); /* the processes keep what they have */
	assert_int_equal(*touch(mm, BASE + PAGE_SIZE, false), 'c');
	mm_destroy(child);
	mm_destroy(mm);
	vfree(plain);
	assert_balance(before);
}

/*
 * Where a page is missing nothing is lent: the part that vrealloc() gave back, and an area that nobody has mapped yet.
 */
static void what_is_not_there_is_not_lent(void **state)
{
	struct vm_balance before = vm_balance();
	struct mm_struct *mm = mm_create();
	struct vm_struct *bare = get_vm_area(4 * PAGE_SIZE, VM_USERMAP);
	char *buf = vrealloc(vmalloc_user(4 * PAGE_SIZE), PAGE_SIZE, GFP_KERNEL);

	(void)state;
	assert_int_equal(mm_map(mm, BASE, 16 * PAGE_SIZE, VM_READ | VM_WRITE | VM_SHARED), 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 0, 4 * PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, bare->addr, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, 0, PAGE_SIZE), 0); /* so nothing was left there */
	mm_destroy(mm);
	vfree(buf);
	free_vm_area(bare);
	assert_balance(before);
}

/* Pages of a large leaf, too: each by itself, and for longer than the leaf. */
static void pages_of_a_leaf_are_lent(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long leaf = pt_level_size(2), last = (leaf >> PAGE_SHIFT) - 1;
	struct mm_struct *mm = mm_create();
	char *buf = __vmalloc_node_range(leaf + PAGE_SIZE, PAGE_SIZE, VMALLOC_START, VMALLOC_END, GFP_KERNEL,
					 PAGE_KERNEL, VM_USERMAP | VM_ALLOW_HUGE_VMAP, -1, NULL);

	(void)state;
	assert_true(is_vm_area_hugepages(buf));
	assert_int_equal(mm_map(mm, BASE, 16 * PAGE_SIZE, VM_READ | VM_WRITE | VM_SHARED), 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, last, 3 * PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, buf, last, 2 * PAGE_SIZE), 0);
	*(char *)host_translate((vaddr_t)buf + leaf - PAGE_SIZE) = 'a';
	*(char *)host_translate((vaddr_t)buf + leaf) = 'b';
	vfree(buf);
	assert_int_equal(*touch(mm, BASE, false), 'a');
	assert_int_equal(*touch(mm, BASE + PAGE_SIZE, false), 'b');
	mm_destroy(mm);
	assert_balance(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_found),
		cmocka_unit_test(the_last_hole),
		cmocka_unit_test(stacks_are_not_joined),
		cmocka_unit_test(holes_end_below_stacks),
		cmocka_unit_test(the_heap_moves),
		cmocka_unit_test(a_stack_grows_as_far_as_it_may),
		cmocka_unit_test(rights_are_kept),
		cmocka_unit_test(a_family_that_forks),
		cmocka_unit_test(a_fork_that_fails_changes_nothing),
		cmocka_unit_test(lent_pages_stay_inside_their_area),
		cmocka_unit_test(what_is_not_there_is_not_lent),
		cmocka_unit_test(pages_of_a_leaf_are_lent),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
