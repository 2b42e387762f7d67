/* SPDX-License-Identifier: MIT */
/*
 * Pages that a fork shares: who may write them when, what is flushed, and faults that meet. (The family at random:
 * unit_user.c.)
 */
#include "tests/host/user_touch.h"

#include "mm/user/user_internal.h"

#include <arch/tlb.h>
#include <kernel/schedule_point.h>

#define BASE 0x1000000ul

static int setup(void **state)
{
	(void)state;
	vm_machine(256 * MIB, 3);
	return 0;
}

static void the_last_user_keeps_the_page(void **state)
{
	struct mm_struct *parent = mm_create(), *child;
	struct mm_counters before, after;
	char *page;

	(void)state;
	mm_map_anonymous(parent, BASE, PAGE_SIZE);
	page = touch(parent, BASE, true);
	child = mm_fork(parent);
	assert_ptr_equal(touch(child, BASE, false), page);
	before = mm_counters();
	assert_ptr_not_equal(touch(child, BASE, true), page);
	assert_ptr_equal(touch(parent, BASE, true), page);
	after = mm_counters();
	assert_int_equal(after.copied, before.copied + 1);
	assert_int_equal(after.reused, before.reused + 1);
	mm_destroy(child);
	mm_destroy(parent);
}

/* What the parent's CPU may still hold is flushed: its right to write at the fork, the shared page at the copy. */
static void rights_taken_are_flushed(void **state)
{
	struct mm_struct *parent = mm_create(), *child;
	struct tlb_log_entry entry;
	unsigned long seq;

	(void)state;
	mm_map_anonymous(parent, BASE, PAGE_SIZE);
	touch(parent, BASE, true);
	seq = tlb_log_seq();
	child = mm_fork(parent);
	assert_true(tlb_log_seq() > seq && tlb_log_read(seq + 1, &entry));
	assert_int_equal(entry.tree, parent->pgtable.id);
	assert_true(entry.all || (entry.start == BASE && entry.end == BASE + PAGE_SIZE));
	seq = tlb_log_seq();
	touch(parent, BASE, true);
	assert_true(tlb_log_seq() > seq && tlb_log_read(seq + 1, &entry));
	assert_int_equal(entry.tree, parent->pgtable.id);
	mm_destroy(child);
	mm_destroy(parent);
}

/* An area over several tables, an empty one among them, with more pages than go in one batch. */
static void a_fork_over_several_tables(void **state)
{
	vaddr_t table = pt_level_size(2), base = 4 * table, first = base + table - 53 * PAGE_SIZE;
	struct mm_struct *mm = mm_create(), *child;

	(void)state;
	assert_int_equal(user_area_add(mm, base, base + 4 * table, VM_READ | VM_WRITE), 0);
	for (unsigned int i = 0; i < 80; i++)
		*touch(mm, first + (i + i / 3) * PAGE_SIZE, true) = (char)i; /* with holes */
	*touch(mm, base + 3 * table + 5 * PAGE_SIZE, true) = 99;
	child = mm_fork(mm);
	assert_non_null(child);
	assert_int_equal(child->user_pages, 81);
	for (unsigned int i = 0; i < 80; i++)
		assert_int_equal(*touch(child, first + (i + i / 3) * PAGE_SIZE, false), (char)i);
	assert_int_equal(child->user_pages, 81); /* each was where it was looked for */
	assert_int_equal(*touch(child, base + 3 * table + 5 * PAGE_SIZE, false), 99);
	mm_destroy(child);
	mm_destroy(mm);
}

/* What is written from outside joins what is there, and what a fork shares is copied first. */
static void written_from_outside(void **state)
{
	struct mm_struct *mm = mm_create(), *child;

	(void)state;
	mm_map_anonymous(mm, BASE, 2 * PAGE_SIZE);
	assert_int_equal(mm_write(mm, BASE, "ab", 2), 0);
	assert_int_equal(mm_write(mm, BASE + 2, "cd", 2), 0);
	assert_memory_equal(touch(mm, BASE, false), "abcd", 4);
	assert_int_equal(mm->user_pages, 1);
	child = mm_fork(mm);
	assert_int_equal(mm_write(mm, BASE, "xy", 2), 0);
	assert_memory_equal(touch(child, BASE, false), "abcd", 4);
	assert_memory_equal(touch(mm, BASE, false), "xycd", 4);
	assert_int_equal(mm_write(mm, BASE + PAGE_SIZE - 1, "12", 2), 0);
	assert_int_equal(mm->user_pages, 2);
	assert_int_equal(mm_write(mm, BASE + 2 * PAGE_SIZE - 1, "34", 2), -EFAULT);
	mm_destroy(child);
	mm_destroy(mm);
}

static vaddr_t seen_at;
static bool seen_writable;
static struct mm_struct *watched;

/* At the flush: what could a CPU do there that looks now? */
static void look_at_entry(void)
{
	struct pgtable_leaf leaf = pgtable_query(&watched->pgtable, seen_at);

	seen_writable |= leaf.present && pte_writable(leaf.pte);
}

/* A copy can be written when every CPU has forgotten the old page, and not before. */
static void a_copy_waits_for_the_flush(void **state)
{
	struct mm_struct *child;
	unsigned long seq;

	(void)state;
	watched = mm_create();
	seen_at = BASE;
	mm_map_anonymous(watched, BASE, PAGE_SIZE);
	touch(watched, BASE, true);
	child = mm_fork(watched);
	seq = tlb_log_seq();
	seen_writable = false;
	schedule_point_set_visitor(look_at_entry);
	touch(watched, BASE, true);
	schedule_point_set_visitor(NULL);
	assert_int_equal(tlb_log_seq(), seq + 1);
	assert_false(seen_writable);
	assert_true(pte_writable(pgtable_query(&watched->pgtable, BASE).pte));
	mm_destroy(child);
	mm_destroy(watched);
}

/* Whether a flush has ended since the access was refused is what tells a colliding fault from a spurious one. */
static void faults_that_collide(void **state)
{
	const unsigned int write = FAULT_WRITE | FAULT_PRESENT;
	struct mm_struct *mm = mm_create(), *child;
	struct task task = { .mm = mm };
	unsigned long refused;

	(void)state;
	mm_map_anonymous(mm, BASE, PAGE_SIZE);
	touch(mm, BASE, true);
	/* the faster one copies; it is the last user and keeps the page */
	for (unsigned int round = 0; round < 2; round++) {
		child = mm_fork(mm);
		if (round)
			mm_destroy(child);
		refused = pgtable_flushed(&mm->pgtable);
		assert_int_equal(mm_handle_fault(&task, BASE, write, refused), 0);
		assert_int_equal(mm_handle_fault(&task, BASE, write, refused), 0);
		assert_int_equal(mm_handle_fault(&task, BASE, write, pgtable_flushed(&mm->pgtable)), FAULT_SPURIOUS);
		if (!round)
			mm_destroy(child);
	}
	refused = pgtable_flushed(&mm->pgtable); /* unmapped and mapped anew, and brought in by another thread */
	assert_int_equal(mm_unmap(mm, BASE, PAGE_SIZE), 0);
	mm_map_anonymous(mm, BASE, PAGE_SIZE);
	touch(mm, BASE, true);
	assert_int_equal(mm_handle_fault(&task, BASE, write, refused), 0);
	assert_int_equal(mm_handle_fault(&task, BASE, FAULT_WRITE, pgtable_flushed(&mm->pgtable)), 0);
	mm_destroy(mm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_user_keeps_the_page),
		cmocka_unit_test(rights_taken_are_flushed),
		cmocka_unit_test(a_fork_over_several_tables),
		cmocka_unit_test(written_from_outside),
		cmocka_unit_test(a_copy_waits_for_the_flush),
		cmocka_unit_test(faults_that_collide),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
