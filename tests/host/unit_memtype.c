/* SPDX-License-Identifier: MIT */
/* Reservations of memory types against a naive model: a list of them, each compared with each. */
#include "tests/host/vm_machine.h"

#include <mm/memtype.h>

#define RAM    (64ull << 20)
#define DEVICE (3ull << 30)
#define PAGES  96 /* of the physical space that is played in */
#define MOST   64
#define STEPS  150000

static struct memtype_info model[MOST]; /* sorted as memtype_next() goes */
static unsigned int nr;

static int compare(const struct memtype_info *a, const struct memtype_info *b)
{
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	return (int)a->type - (int)b->type;
}

static bool model_conflict(const struct memtype_info *r)
{
	for (unsigned int i = 0; i < nr; i++)
		if (model[i].type != r->type && model[i].start < r->end && r->start < model[i].end)
			return true;
	return false;
}

static void model_add(const struct memtype_info *r)
{
	unsigned int at = 0;

	while (at < nr && compare(&model[at], r) < 0)
		at++;
	if (at < nr && compare(&model[at], r) == 0) {
		model[at].count++;
		return;
	}
	memmove(&model[at + 1], &model[at], (nr++ - at) * sizeof(model[0]));
	model[at] = *r;
	model[at].count = 1;
}

static void model_remove(unsigned int at)
{
	if (--model[at].count == 0) {
		nr--;
		memmove(&model[at], &model[at + 1], (nr - at) * sizeof(model[0]));
	}
}

static void compare_all(void)
{
	struct memtype_info info = { 0 };
	unsigned int i = 0;

	for (; memtype_next(&info); i++) {
		assert_true(i < nr && compare(&info, &model[i]) == 0);
		assert_int_equal(info.count, model[i].count);
	}
	assert_int_equal(i, nr);
	assert_int_equal(memtype_check(), 0);
}

/* Each page of the device leans to one type, so that reservations can be plenty and conflicts are common too. */
static struct memtype_info random_range(void)
{
	u64 start = host_random_below(PAGES), pages = 1 + host_random_below(host_random_below(8) ? 5 : PAGES - start);
	u64 lean = start * NR_MEMTYPES / PAGES;

	return (struct memtype_info){
		.start = DEVICE + start * PAGE_SIZE,
		.end = DEVICE + (start + pages) * PAGE_SIZE,
		.type = host_random_below(6) ? lean : host_random_below(NR_MEMTYPES),
	};
}

static void random_steps_agree_with_the_model(void **state)
{
	unsigned int refused = 0, shared = 0, again = 0, most = 0;
	struct memtype_info freed = { .start = DEVICE, .end = DEVICE + PAGE_SIZE };

	(void)state;
	for (unsigned int step = 0; step < STEPS; step++) {
		bool filling = step / 500 % 2;

		if (nr && (nr == MOST - 1 || host_random_below(8) > (filling ? 6 : 2))) {
			unsigned int at = (unsigned int)host_random_below(nr);

			freed = model[at];
			assert_int_equal(memtype_free(model[at].start, model[at].end, model[at].type), 0);
			model_remove(at);
		} else {
			/* the last one is kept at hand */
			struct memtype_info r = host_random_below(4) ? random_range() : freed;
			bool conflict = model_conflict(&r);
			unsigned int before = nr;

			assert_int_equal(memtype_reserve(r.start, r.end, r.type), conflict ? -EBUSY : 0);
			if (!conflict)
				model_add(&r);
			refused += conflict;
			again += !conflict && freed.count == 1 && !compare(&r, &freed);
			shared += !conflict && nr == before;
		}
		most = max(most, nr);
		if (step % 16 == 0)
			compare_all();
		host_log_clear();
	}
	assert_true(refused > STEPS / 100 && shared > STEPS / 1000 && again > STEPS / 1000 && most > MOST / 2);
	while (nr) {
		assert_int_equal(memtype_free(model[0].start, model[0].end, model[0].type), 0);
		model_remove(0);
	}
	compare_all();
}

static void a_conflict_names_both(void **state)
{
	(void)state;
	assert_int_equal(memtype_reserve(DEVICE, DEVICE + 0x4000, MEMTYPE_WC), 0);
	host_log_clear();
	assert_int_equal(memtype_reserve(DEVICE + 0x3000, DEVICE + 0x5000, MEMTYPE_UC_MINUS), -EBUSY);
	assert_non_null(strstr(host_log(), "0xc0003000-0xc0004fff as uncached-minus refused: "
					   "0xc0000000-0xc0003fff is mapped write-combining"));
	assert_int_equal(memtype_reserve(DEVICE + 0x4000, DEVICE + 0x5000, MEMTYPE_UC_MINUS), 0);
	assert_int_equal(memtype_free(DEVICE, DEVICE + 0x4000, MEMTYPE_WC), 0);
	assert_int_equal(memtype_free(DEVICE + 0x4000, DEVICE + 0x5000, MEMTYPE_UC_MINUS), 0);
}

static void what_was_freed_last_is_in_nobodys_way(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		assert_int_equal(memtype_reserve(DEVICE, DEVICE + 0x4000, MEMTYPE_WC), 0);
		assert_int_equal(memtype_free(DEVICE, DEVICE + 0x4000, MEMTYPE_WC), 0);
		assert_int_equal(memtype_reserve(DEVICE + 0x1000, DEVICE + 0x2000, MEMTYPE_UC), 0);
		assert_int_equal(memtype_reserve(DEVICE, DEVICE + 0x4000, MEMTYPE_WC), -EBUSY);
		assert_int_equal(memtype_free(DEVICE + 0x1000, DEVICE + 0x2000, MEMTYPE_UC), 0);
	}
	memtype_forget();
	memtype_forget();
	assert_int_equal(memtype_check(), 0);
}

static void what_was_not_reserved_is_not_freed(void **state)
{
	(void)state;
	assert_int_equal(memtype_reserve(DEVICE, DEVICE + 0x4000, MEMTYPE_WT), 0);
	warn_expected(true);
	assert_int_equal(memtype_free(DEVICE, DEVICE + 0x3000, MEMTYPE_WT), -EINVAL);
	assert_int_equal(memtype_free(DEVICE + 0x1000, DEVICE + 0x4000, MEMTYPE_WT), -EINVAL);
	assert_int_equal(memtype_free(DEVICE, DEVICE + 0x4000, MEMTYPE_WC), -EINVAL);
	assert_int_equal(memtype_free(DEVICE, DEVICE + 0x4000, MEMTYPE_WT), 0);
	assert_int_equal(memtype_free(DEVICE, DEVICE + 0x4000, MEMTYPE_WT), -EINVAL);
	warn_expected(false);
}

static void ram_is_refused(void **state)
{
	struct memtype_info info = { 0 };

	(void)state;
	warn_expected(true);
	assert_int_equal(memtype_reserve(0, 0x1000, MEMTYPE_WB), -EBUSY);
	assert_int_equal(memtype_reserve(RAM - 0x1000, RAM + 0x1000, MEMTYPE_WC), -EBUSY);
	assert_int_equal(memtype_reserve(HOLE_START, HOLE_END + 0x1000, MEMTYPE_WC), -EBUSY);
	warn_expected(false);
	assert_int_equal(memtype_reserve(HOLE_START, HOLE_END, MEMTYPE_WC), 0);
	assert_int_equal(memtype_free(HOLE_START, HOLE_END, MEMTYPE_WC), 0);
	assert_false(memtype_next(&info));
}

/* All bits of an address count, to the last that a CPU may have. */
static void far_apart(void **state)
{
	(void)state;
	for (unsigned int bit = 32; bit < 52; bit++) {
		u64 far = DEVICE + (1ull << bit);
		struct memtype_info info = { .start = far - 0x1000, .end = far, .count = 1 };

		assert_int_equal(memtype_reserve(DEVICE, DEVICE + 0x1000, MEMTYPE_WC), 0);
		assert_int_equal(memtype_reserve(far, far + 0x1000, MEMTYPE_UC), 0);
		assert_true(memtype_next(&info) && info.start == far && info.end == far + 0x1000);
		assert_int_equal(memtype_free(DEVICE, DEVICE + 0x1000, MEMTYPE_WC), 0);
		assert_int_equal(memtype_free(far, far + 0x1000, MEMTYPE_UC), 0);
	}
}

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	return 0;
}

/*
 * What was refused, made twice, kept for the next, or has to make room for another, leaves no object behind. Each a
 * hundred times: kmalloc_objects() counts what lies in a CPU's magazine too, and so does not see a single one.
 */
static void nothing_is_left(void **state)
{
	const u64 a = DEVICE, b = DEVICE + PAGE_SIZE, c = b + PAGE_SIZE, d = c + PAGE_SIZE;
	unsigned long before;

	(void)state;
	memtype_forget();
	before = kmalloc_objects();
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(memtype_reserve(a, b, MEMTYPE_WC), 0);
		assert_int_equal(memtype_reserve(a, b, MEMTYPE_WC), 0);
		assert_int_equal(memtype_reserve(b, c, MEMTYPE_UC), 0);
		assert_int_equal(memtype_reserve(a, b, MEMTYPE_UC), -EBUSY);
		assert_int_equal(memtype_free(a, b, MEMTYPE_WC), 0);
		assert_int_equal(memtype_free(b, c, MEMTYPE_UC), 0);
		assert_int_equal(memtype_free(a, b, MEMTYPE_WC), 0);
	}
	memtype_forget();
	assert_int_equal(kmalloc_objects(), before);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(memtype_reserve(a, b, MEMTYPE_WC), 0);
		assert_int_equal(memtype_free(a, b, MEMTYPE_WC), 0); /* kept, until another comes */
		assert_int_equal(memtype_reserve(c, d, MEMTYPE_WC), 0);
		assert_int_equal(memtype_free(c, d, MEMTYPE_WC), 0);
	}
	memtype_forget();
	assert_int_equal(kmalloc_objects(), before);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(memtype_reserve(a, b, MEMTYPE_WC), 0);
		assert_int_equal(memtype_free(a, b, MEMTYPE_WC), 0);
		memtype_forget();
	}
	assert_int_equal(kmalloc_objects(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_agree_with_the_model),
		cmocka_unit_test(a_conflict_names_both),
		cmocka_unit_test(what_was_freed_last_is_in_nobodys_way),
		cmocka_unit_test(what_was_not_reserved_is_not_freed),
		cmocka_unit_test(ram_is_refused),
		cmocka_unit_test(far_apart),
		cmocka_unit_test(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
