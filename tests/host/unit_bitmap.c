/* SPDX-License-Identifier: MIT */
/* Bitmaps against an array of bytes. */
#include "tests/host/port/host.h"

#include <lib/bitmap.h>
#include <lib/string.h>

#define BITS 200

static unsigned int naive_find(const u8 *model, unsigned int size, unsigned int start, u8 wanted)
{
	while (start < size && model[start] != wanted)
		start++;
	return start < size ? start : size;
}

static unsigned long naive_run(const u8 *model, unsigned long size, unsigned int n)
{
	unsigned int length = 0;

	for (unsigned long i = 0; i < size; i++) {
		length = model[i] ? length + 1 : 0;
		if (length == n)
			return i + 1 - n;
	}
	return size;
}

static unsigned int naive_area(const u8 *model, unsigned int size, unsigned int start, unsigned int n,
			       unsigned int mask)
{
	for (unsigned int at = (start + mask) & ~mask; at + n <= size; at += mask + 1)
		if (naive_find(model, at + n, at, 1) == at + n)
			return at;
	return size;
}

static void bitmap_compare(const unsigned long *map, const u8 *model, unsigned int size)
{
	unsigned int weight = 0, last = size, start = (unsigned int)host_random_below(size + 1);
	unsigned int n = 1 + (unsigned int)host_random_below(20), mask = (1u << host_random_below(5)) - 1, bit;
	unsigned long area;

	for (unsigned int i = 0; i < size; i++) {
		weight += model[i];
		last = model[i] ? i : last;
		assert_int_equal(test_bit(i, map), model[i]);
	}
	assert_int_equal(bitmap_weight(map, size), weight);
	assert_int_equal(bitmap_empty(map, size), weight == 0);
	assert_int_equal(bitmap_full(map, size), weight == size);
	assert_int_equal(find_last_bit(map, size), last);
	assert_int_equal(find_next_bit(map, size, start), naive_find(model, size, start, 1));
	assert_int_equal(find_next_zero_bit(map, size, start), naive_find(model, size, start, 0));
	area = bitmap_find_next_zero_area(map, size, start, n, mask);
	assert_int_equal(area > size ? size : area, naive_area(model, size, start, n, mask));
	assert_true(area != size);
	for_each_set_bit(bit, map, size)
		weight--;
	assert_int_equal(weight, 0);
	for (unsigned int run = 1; run <= BITS_PER_LONG; run++)
		assert_int_equal(bitmap_find_run(map, size, run), naive_run(model, size, run));
}

static void matches_bytes(void **state)
{
	DECLARE_BITMAP(map, BITS);
	u8 model[BITS];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		unsigned int size = 1 + (unsigned int)host_random_below(BITS);
		unsigned int ops = (unsigned int)host_random_below(12);

		bitmap_zero(map, BITS);
		memset(model, 0, sizeof(model));
		while (ops--) {
			unsigned int start = (unsigned int)host_random_below(size);
			unsigned int n = (unsigned int)host_random_below(size - start + 1);
			bool set = host_random() & 4;

			(set ? bitmap_set : bitmap_clear)(map, start, n);
			memset(model + start, set, n);
		}
		bitmap_compare(map, model, size);
	}
}

static void single_bits(void **state)
{
	DECLARE_BITMAP(map, BITS);

	(void)state;
	bitmap_fill(map, BITS);
	assert_true(bitmap_full(map, BITS));
	assert_true(test_and_clear_bit(130, map));
	assert_false(test_and_clear_bit(130, map));
	assert_int_equal(find_first_zero_bit(map, BITS), 130);
	assert_false(test_and_set_bit(130, map));
	assert_true(test_and_set_bit(130, map));
	clear_bit(63, map);
	__clear_bit(64, map);
	assert_int_equal(bitmap_weight(map, BITS), BITS - 2);
	set_bit(63, map);
	__set_bit(64, map);
	assert_true(bitmap_full(map, BITS));
}

/* As in Linux: these write the last word as a whole, whatever number of bits was asked for. */
static void whole_words(void **state)
{
	unsigned long map[3] = { 0, 0, 5 }, other[2] = { ~0ul, ~0ul };

	(void)state;
	bitmap_fill(map, 67);
	assert_true(map[0] == ~0ul && map[1] == ~0ul && map[2] == 5);
	bitmap_copy(other, map, 65);
	assert_true(other[1] == ~0ul);
	bitmap_zero(map, 65);
	assert_true(!map[0] && !map[1] && map[2] == 5);
	bitmap_set(map, 0, 3);
	assert_true(map[0] == 7);
	assert_true(bitmap_find_next_zero_area(map, 10, 0, 7, 0) == 3);
	assert_true(bitmap_find_next_zero_area(map, 10, 0, 8, 0) > 10);
	assert_true(bitmap_find_next_zero_area(map, 10, 11, 1, 0) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_bytes),
		cmocka_unit_test(single_bits),
		cmocka_unit_test(whole_words),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
