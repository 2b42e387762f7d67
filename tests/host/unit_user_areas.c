/* SPDX-License-Identifier: MIT */
/*
 * The areas of a process against a naive map of pages: mapping at an address and anywhere, unmapping, touching and
 * forking at random. After each step the areas, their number and the holes that the tree knows are what the map says.
 */
#include "tests/host/user_touch.h"

#include "mm/user/user_internal.h"

#define PAGES 400
#define FRONT 60  /* of them lie below mmap_base, where nothing is searched */
#define MOST  40  /* pages of one request */
#define BASE  0x1000000ul

static int setup(void **state)
{
	(void)state;
	vm_machine(256 * MIB, 3);
	return 0;
}

/* What ought to be: the rights of each page (0: not in use), which call mapped it, and is it there? */
static struct model_page {
	unsigned int flags, call;
	bool touched;
} model[PAGES + MOST];

static struct mm_struct *mm;

static vaddr_t page_addr(unsigned int page) { return mm->mmap_base + page * PAGE_SIZE - FRONT * PAGE_SIZE; }

static bool model_free(unsigned int from, unsigned int n)
{
	for (unsigned int i = from; i < from + n; i++)
		if (model[i].flags)
			return false;
	return true;
}

static void model_set(unsigned int from, unsigned int n, unsigned int flags)
{
	static unsigned int call;

	call++;
	for (unsigned int i = from; i < from + n; i++)
		model[i] = (struct model_page){ .flags = flags, .call = call };
}

/* The lowest place that is not below mmap_base. */
static unsigned int model_hole(unsigned int n)
{
	unsigned int from = FRONT;

	while (!model_free(from, n))
		from++;
	return from;
}

static unsigned int model_end_of_area(unsigned int from)
{
	const struct model_page *page = &model[from];

	while (page[1].flags == page->flags && (!(page->flags & VM_SHARED) || page[1].call == page->call))
		page++;
	return (unsigned int)(page - model) + 1;
}

/* --- what the tree says ------------------------------------------------------------------------------------------- */

static unsigned long check_subtree(struct rb_node *node)
{
	const struct vm_area_struct *vma = rb_entry_safe(node, struct vm_area_struct, node);
	unsigned long most;

	if (!vma)
		return 0;
	most = max(vma->hole, max(check_subtree(node->rb_left), check_subtree(node->rb_right)));
	assert_int_equal(vma->largest_hole, most);
	return most;
}

static void check_area(const struct mm_struct *who, const struct vm_area_struct *vma, unsigned int at, vaddr_t below)
{
	vaddr_t start = max(below, who->mmap_base);

	assert_non_null(vma);
	assert_ptr_equal(vma->vm_mm, who);
	assert_int_equal(vma->vm_start, page_addr(at));
	assert_int_equal(vma->vm_end, page_addr(model_end_of_area(at)));
	assert_int_equal(vma->vm_flags, model[at].flags);
	assert_int_equal(vma->hole, vma->vm_start > start ? vma->vm_start - start : 0);
}

/* Each area of the map, in order, and no other one. */
static void check_areas(const struct mm_struct *who)
{
	const struct vm_area_struct *vma = user_area_first(who), *before = NULL;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < PAGES; i++) {
		if (!model[i].flags)
			continue;
		check_area(who, vma, i, before ? before->vm_end : 0);
		assert_ptr_equal(user_area_before(vma), before);
		before = vma;
		vma = user_area_next(vma);
		nr++;
		i = model_end_of_area(i) - 1;
	}
	assert_null(vma);
	assert_int_equal(who->nr_areas, nr);
	check_subtree(who->areas.rb_node);
}

static void check_pages(struct mm_struct *who)
{
	unsigned long touched = 0;

	for (unsigned int i = 0; i < PAGES; i++) {
		assert_int_equal(mm_find_area(who, page_addr(i)) != NULL, model[i].flags != 0);
		assert_int_equal(pgtable_query(&who->pgtable, page_addr(i)).present, model[i].touched);
		touched += model[i].touched;
	}
	assert_int_equal(who->user_pages, touched);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static unsigned int some_rights(void)
{
	static const unsigned int rights[] = { VM_READ, VM_READ | VM_WRITE, VM_READ | VM_WRITE, VM_READ | VM_EXEC,
					       VM_READ | VM_SHARED };

	return rights[host_random_below(ARRAY_SIZE(rights))];
}

static void map_some(unsigned int from, unsigned int n)
{
	unsigned int flags = some_rights();
	int err = mm_map(mm, page_addr(from), n * PAGE_SIZE, flags);

	assert_int_equal(err, model_free(from, n) ? 0 : -EEXIST);
	if (!err)
		model_set(from, n, flags);
}

static void map_anywhere(unsigned int n)
{
	unsigned int flags = some_rights(), at = model_hole(n);

	assert_int_equal((vaddr_t)mm_map_anywhere(mm, n * PAGE_SIZE, flags), page_addr(at));
	model_set(at, n, flags);
	if (at + n > PAGES) { /* beyond the map */
		assert_int_equal(mm_unmap(mm, page_addr(PAGES), MOST * PAGE_SIZE), 0);
		model_set(PAGES, MOST, 0);
	}
}

static void touch_some(void)
{
	for (unsigned int i = 0; i < 10; i++) {
		unsigned int page = (unsigned int)host_random_below(PAGES);
		bool write = i % 2, allowed = !write || (model[page].flags & VM_WRITE);
		char *byte = touch(mm, page_addr(page), write);

		assert_int_equal(byte != NULL, model[page].flags && !(model[page].flags & VM_SHARED) && allowed);
		if (byte && !model[page].touched)
			assert_int_equal(*byte, 0);
		if (byte && write)
			*byte = 1;
		model[page].touched |= byte != NULL;
	}
}

/* The child has the same; sometimes the walk goes on with it. */
static void fork_it(void)
{
	struct mm_struct *child = mm_fork(mm), *other = mm;

	assert_non_null(child);
	check_areas(child);
	check_pages(child);
	if (host_random_below(2)) {
		other = child;
		child = mm;
		mm = other;
	}
	mm_destroy(child);
}

static void one_step(void)
{
	unsigned int from = (unsigned int)host_random_below(PAGES - MOST);
	unsigned int n = 1 + (unsigned int)host_random_below(1 + host_random_below(MOST));
	unsigned int what = (unsigned int)host_random_below(8);

	if (what < 3) {
		map_some(from, n);
	} else if (what == 3) {
		map_anywhere(n);
	} else if (what < 7) {
		assert_int_equal(mm_unmap(mm, page_addr(from), n * PAGE_SIZE), 0);
		model_set(from, n, 0);
	} else {
		fork_it();
	}
}

static void as_a_map_of_pages(void **state)
{
	struct vm_balance before = vm_balance();

	(void)state;
	mm = mm_create();
	model_set(0, PAGES + MOST, 0);
	for (unsigned int round = 0; round < 1500; round++) {
		one_step();
		touch_some();
		check_areas(mm);
		check_pages(mm);
	}
	mm_destroy(mm);
	assert_balance(before);
}

/* --- how many ----------------------------------------------------------------------------------------------------- */

static void as_many_as_there_may_be(void **state)
{
	struct vm_balance before = vm_balance();
	const vaddr_t end = BASE + 4ul * USER_AREAS_MAX * PAGE_SIZE;
	struct mm_struct *child;

	(void)state;
	mm = mm_create();
	for (unsigned long i = 0; i < USER_AREAS_MAX; i++) /* three pages, and a hole of one */
		assert_int_equal(mm_map_anonymous(mm, BASE + 4 * i * PAGE_SIZE, 3 * PAGE_SIZE), 0);
	assert_int_equal(mm->nr_areas, USER_AREAS_MAX);
	assert_int_equal(mm_map_anonymous(mm, end, PAGE_SIZE), -ENOMEM);
	assert_int_equal(mm_map_anywhere(mm, PAGE_SIZE, VM_READ), -ENOMEM);
	assert_int_equal(mm_unmap(mm, BASE + PAGE_SIZE, PAGE_SIZE), -ENOMEM); /* would make two of one */
	assert_int_equal(mm_find_area(mm, BASE + PAGE_SIZE)->vm_end, BASE + 3 * PAGE_SIZE);
	child = mm_fork(mm);
	assert_int_equal(child->nr_areas, USER_AREAS_MAX);
	mm_destroy(child);
	assert_int_equal(mm_map_anonymous(mm, BASE + 3 * PAGE_SIZE, PAGE_SIZE), 0); /* makes one of two */
	assert_int_equal(mm_unmap(mm, BASE + PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(mm_map_anonymous(mm, end, PAGE_SIZE), -ENOMEM);
	assert_int_equal(mm_unmap(mm, BASE, USER_AREAS_MAX * PAGE_SIZE), 0);
	assert_int_equal(mm_map_anonymous(mm, end, PAGE_SIZE), 0);
	mm_destroy(mm);
	assert_balance(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_a_map_of_pages),
		cmocka_unit_test(as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
