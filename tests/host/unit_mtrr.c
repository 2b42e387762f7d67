/* SPDX-License-Identifier: MIT */
/* MTRRs and large leaves, against a naive model that asks for the type of every page. */
#include "tests/host/port/host.h"

#include <asm/mtrr.h>
#include <lib/math.h>

#define PAGE  0x1000ull
#define SPACE (64ull << 20)
#define ON    (1 << 11)
#define CASES 20000

static struct mtrr_state m;

static bool covers(const struct mtrr_range *r, u64 addr)
{
	return (addr & r->mask) == (r->base & r->mask);
}

/* A bit for each type that ranges give this page: one is the type, several are combined below. */
static unsigned int types_at(u64 addr)
{
	unsigned int types = 0;

	for (unsigned int i = 0; i < m.nr; i++)
		if (covers(&m.range[i], addr))
			types |= 1u << m.range[i].type;
	return types ? types : 1u << m.default_type;
}

static unsigned int type_at(u64 addr)
{
	unsigned int types = types_at(addr);

	if (types & 1u << MTRR_UC)
		return MTRR_UC;
	if (types == (1u << MTRR_WT | 1u << MTRR_WB))
		return MTRR_WT;
	return is_power_of_2(types) ? ilog2(types) : MTRR_UNDEFINED;
}

static bool naive_uniform(u64 start, u64 size)
{
	for (u64 addr = start + PAGE; addr < start + size; addr += PAGE)
		if (type_at(addr) != type_at(start))
			return false;
	return true;
}

/* Some range begins or ends inside, so that `false` was at least caution. */
static bool has_border(u64 start, u64 size)
{
	for (unsigned int i = 0; i < m.nr; i++)
		for (u64 addr = start; addr < start + size; addr += PAGE)
			if (covers(&m.range[i], addr) != covers(&m.range[i], start))
				return true;
	return false;
}

static void add_random_range(void)
{
	static const u8 types[] = { MTRR_UC, MTRR_WC, MTRR_WT, MTRR_WP, MTRR_WB };
	u64 size = PAGE << host_random_below(14), mask = (SPACE - 1) & ~(size - 1);

	if (!host_random_below(8))
		mask &= ~(PAGE << host_random_below(14)); /* not contiguous: rare, but nobody forbids it */
	mtrr_add(&m, (host_random_below(SPACE) & ~0xfffull) | types[host_random_below(5)], mask | ON);
}

static void random_machine(void)
{
	mtrr_begin(&m, 8, ON | (host_random_below(2) ? MTRR_WB : MTRR_UC));
	for (u64 n = host_random_below(5); n; n--)
		add_random_range();
}

static void random_registers_agree_with_the_model(void **state)
{
	unsigned int yes = 0, no = 0, careful = 0;

	(void)state;
	for (unsigned int i = 0; i < CASES; i++) {
		u64 size = 1ull << (21 + host_random_below(3)), start = host_random_below(SPACE) & ~(size - 1);
		bool uniform;

		random_machine();
		uniform = naive_uniform(start, size);
		if (mtrr_uniform(&m, start, size)) {
			assert_true(uniform);
			yes++;
		} else if (uniform) {
			assert_true(has_border(start, size));
			careful++;
		} else {
			no++;
		}
	}
	assert_true(yes > CASES / 4 && no > CASES / 20 && careful < CASES / 100);
}

static void off_means_no_difference(void **state)
{
	(void)state;
	mtrr_begin(&m, 8, MTRR_UC);
	mtrr_add(&m, (2 << 20) | MTRR_WB, (~0x0fffull & 0xffffff000ull) | ON);
	assert_true(mtrr_uniform(&m, 2 << 20, 2 << 20));
	mtrr_begin(&m, 8, ON | MTRR_UC);
	mtrr_add(&m, (2 << 20) | MTRR_WB, 0xffffff000ull); /* not valid */
	assert_true(mtrr_uniform(&m, 2 << 20, 2 << 20));
	mtrr_add(&m, (2 << 20) | MTRR_WB, 0xffffff000ull | ON);
	assert_false(mtrr_uniform(&m, 2 << 20, 2 << 20));
	assert_true(mtrr_uniform(&m, 4 << 20, 2 << 20));
}

static void fixed_ranges_are_below_a_megabyte(void **state)
{
	(void)state;
	mtrr_begin(&m, 1 << 8 | 8, ON | 1 << 10 | MTRR_WB);
	assert_false(mtrr_uniform(&m, 0, 2 << 20));
	assert_true(mtrr_uniform(&m, 2 << 20, 2 << 20));
	mtrr_begin(&m, 8, ON | 1 << 10 | MTRR_WB); /* the CPU has none */
	assert_true(mtrr_uniform(&m, 0, 2 << 20));
}

static void too_many_to_know(void **state)
{
	(void)state;
	mtrr_begin(&m, 64, ON | MTRR_WB);
	for (unsigned int i = 0; i < MTRR_MAX; i++)
		mtrr_add(&m, (u64)i << 30 | MTRR_UC, 0xfc0000000ull | ON);
	assert_true(mtrr_uniform(&m, 2 << 20, 2 << 20));
	mtrr_add(&m, 0, 0xfc0000000ull); /* off: does not count */
	assert_true(mtrr_uniform(&m, 2 << 20, 2 << 20));
	mtrr_add(&m, 0, 0xfc0000000ull | ON);
	assert_false(mtrr_uniform(&m, 2 << 20, 2 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_registers_agree_with_the_model),
		cmocka_unit_test(off_means_no_difference),
		cmocka_unit_test(fixed_ranges_are_below_a_megabyte),
		cmocka_unit_test(too_many_to_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
