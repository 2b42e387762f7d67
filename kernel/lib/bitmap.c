/* SPDX-License-Identifier: MIT */
/* Searching and filling bitmaps, a word at a time. */
#include <lib/bitmap.h>
#include <lib/math.h>

/* First bit at or after `start` that is set in map ^ invert (invert 0: finds set bits, ~0: clear bits). */
static unsigned long find_next(const unsigned long *map, unsigned long size, unsigned long start, unsigned long invert)
{
	unsigned long mask = ~0UL << (start % BITS_PER_LONG), word, bit;

	if (start >= size)
		return size;
	for (unsigned long i = BIT_WORD(start); i < BITS_TO_LONGS(size); i++, mask = ~0UL) {
		word = (__atomic_load_n(&map[i], __ATOMIC_RELAXED) ^ invert) & mask;
		if (!word)
			continue;
		bit = i * BITS_PER_LONG + __ffs(word);
		return bit < size ? bit : size; /* the last word may have bits beyond the end */
	}
	return size;
}

unsigned long find_next_bit(const unsigned long *map, unsigned long size, unsigned long start)
{
	return find_next(map, size, start, 0);
}

unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size, unsigned long start)
{
	return find_next(map, size, start, ~0UL);
}

/* Mask of the bits of the last word that are below `end` > 0. */
static unsigned long bits_before(unsigned long end) { return ~0UL >> (-end % BITS_PER_LONG); }

unsigned long find_last_bit(const unsigned long *map, unsigned long size)
{
	unsigned long mask = bits_before(size), word;

	for (unsigned long i = BITS_TO_LONGS(size); i-- > 0; mask = ~0UL) {
		word = __atomic_load_n(&map[i], __ATOMIC_RELAXED) & mask;
		if (word)
			return i * BITS_PER_LONG + __fls(word);
	}
	return size;
}

unsigned long bitmap_find_next_zero_area(const unsigned long *map, unsigned long size, unsigned long start,
					 unsigned int n, unsigned long align_mask)
{
	unsigned long first, taken;

	for (;;) {
		first = find_next_zero_bit(map, size, start);
		first = (first + align_mask) & ~align_mask;
		if (first > size || n > size - first)
			return size + 1;
		taken = find_next_bit(map, first + n, first);
		if (taken == first + n)
			return first;
		start = taken + 1;
	}
}

/* The bits of a word at which n set bits begin. Each step shows it for up to twice as many bits as the last one. */
static unsigned long runs_inside(unsigned long word, unsigned int n)
{
	for (unsigned int have = 1, step; have < n && word; have += step) {
		step = min(have, n - have);
		word &= word >> step;
	}
	return word;
}

unsigned long bitmap_find_run(const unsigned long *map, unsigned long size, unsigned int n)
{
	unsigned long before = 0, words = BITS_TO_LONGS(size); /* before: set bits just below this word */

	for (unsigned long i = 0; i < words; before = BITS_PER_LONG - 1 - __fls(~map[i]), i++) {
		unsigned long word = i == words - 1 ? map[i] & bits_before(size) : map[i], inside;

		if (before + (~word ? __ffs(~word) : BITS_PER_LONG) >= n)
			return i * BITS_PER_LONG - before;
		inside = runs_inside(word, n);
		if (inside)
			return i * BITS_PER_LONG + __ffs(inside);
	}
	return size;
}

void bitmap_set(unsigned long *map, unsigned int start, unsigned int n)
{
	unsigned long mask = ~0UL << start % BITS_PER_LONG;
	unsigned int i = BIT_WORD(start), last = BIT_WORD(start + n - 1);

	if (!n)
		return;
	for (; i < last; i++, mask = ~0UL)
		map[i] |= mask;
	map[last] |= mask & bits_before(start + n);
}

void bitmap_clear(unsigned long *map, unsigned int start, unsigned int n)
{
	unsigned long mask = ~0UL << start % BITS_PER_LONG;
	unsigned int i = BIT_WORD(start), last = BIT_WORD(start + n - 1);

	if (!n)
		return;
	for (; i < last; i++, mask = ~0UL)
		map[i] &= ~mask;
	map[last] &= ~(mask & bits_before(start + n));
}

unsigned int bitmap_weight(const unsigned long *map, unsigned int size)
{
	unsigned int weight = 0, words = BITS_TO_LONGS(size);

	for (unsigned int i = 0; i < words; i++) {
		unsigned long word = __atomic_load_n(&map[i], __ATOMIC_RELAXED);

		weight += (unsigned int)hweight_long(i == words - 1 ? word & bits_before(size) : word);
	}
	return weight;
}
