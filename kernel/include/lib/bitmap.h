/* SPDX-License-Identifier: MIT */
/*
 * Arrays of bits, in longs, bit 0 of word 0 first (Linux's bitmap.h and bitops.h).
 *
 * set_bit, clear_bit, test_and_*: atomic; those with a value are full barriers. __set_bit, __clear_bit, bitmap_*: the
 * caller excludes other writers. The find functions may run beside writers; they read each word once.
 */
#pragma once

#include <lib/compiler.h>

#define BITS_TO_LONGS(n)	   DIV_ROUND_UP(n, BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define BIT_MASK(bit)		   (1UL << ((bit) % BITS_PER_LONG))
#define BIT_WORD(bit)		   ((bit) / BITS_PER_LONG)

static inline bool test_bit(unsigned long bit, const unsigned long *map)
{
	return __atomic_load_n(&map[BIT_WORD(bit)], __ATOMIC_RELAXED) & BIT_MASK(bit);
}

static inline void __set_bit(unsigned long bit, unsigned long *map)
{
	unsigned long *word = &map[BIT_WORD(bit)];

	__atomic_store_n(word, *word | BIT_MASK(bit), __ATOMIC_RELAXED);
}

static inline void __clear_bit(unsigned long bit, unsigned long *map)
{
	unsigned long *word = &map[BIT_WORD(bit)];

	__atomic_store_n(word, *word & ~BIT_MASK(bit), __ATOMIC_RELAXED);
}

static inline void set_bit(unsigned long bit, unsigned long *map)
{
	__atomic_fetch_or(&map[BIT_WORD(bit)], BIT_MASK(bit), __ATOMIC_RELAXED);
}

static inline void clear_bit(unsigned long bit, unsigned long *map)
{
	__atomic_fetch_and(&map[BIT_WORD(bit)], ~BIT_MASK(bit), __ATOMIC_RELAXED);
}

static inline bool test_and_set_bit(unsigned long bit, unsigned long *map)
{
	return __atomic_fetch_or(&map[BIT_WORD(bit)], BIT_MASK(bit), __ATOMIC_SEQ_CST) & BIT_MASK(bit);
}

static inline bool test_and_clear_bit(unsigned long bit, unsigned long *map)
{
	return __atomic_fetch_and(&map[BIT_WORD(bit)], ~BIT_MASK(bit), __ATOMIC_SEQ_CST) & BIT_MASK(bit);
}

/* First set / clear bit at or after `start`; `size` when there is none below it. */
unsigned long find_next_bit(const unsigned long *map, unsigned long size, unsigned long start);
unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size, unsigned long start);
static inline unsigned long find_first_bit(const unsigned long *map, unsigned long size)
{
	return find_next_bit(map, size, 0);
}
static inline unsigned long find_first_zero_bit(const unsigned long *map, unsigned long size)
{
	return find_next_zero_bit(map, size, 0);
}

/* The last set bit below `size`; `size` when there is none. */
unsigned long find_last_bit(const unsigned long *map, unsigned long size);

/*
 * First run of n clear bits at or after `start` that begins at a multiple of align_mask + 1; more than `size` when
 * none.
 */
unsigned long bitmap_find_next_zero_area(const unsigned long *map, unsigned long size, unsigned long start,
					 unsigned int n, unsigned long align_mask);

/*
 * First run of n set bits, n from 1 to BITS_PER_LONG; `size` when there is none. It looks at each word once, however
 * the bits lie.
 */
unsigned long bitmap_find_run(const unsigned long *map, unsigned long size, unsigned int n);

void bitmap_set(unsigned long *map, unsigned int start, unsigned int n);
void bitmap_clear(unsigned long *map, unsigned int start, unsigned int n);
unsigned int bitmap_weight(const unsigned long *map, unsigned int size);

/* These write whole words: the unused bits of the last word become 0, 1 or those of `from` too. */
static inline void bitmap_zero(unsigned long *map, unsigned int size)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(size); i++)
		map[i] = 0;
}

static inline void bitmap_fill(unsigned long *map, unsigned int size)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(size); i++)
		map[i] = ~0UL;
}

static inline void bitmap_copy(unsigned long *to, const unsigned long *from, unsigned int size)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(size); i++)
		to[i] = from[i];
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int size)
{
	return find_first_bit(map, size) == size;
}

static inline bool bitmap_full(const unsigned long *map, unsigned int size)
{
	return find_first_zero_bit(map, size) == size;
}

#define for_each_set_bit(bit, map, size) \
	for ((bit) = find_first_bit(map, size); (bit) < (size); (bit) = find_next_bit(map, size, (bit) + 1))
#define for_each_clear_bit(bit, map, size) \
	for ((bit) = find_first_zero_bit(map, size); (bit) < (size); (bit) = find_next_zero_bit(map, size, (bit) + 1))
