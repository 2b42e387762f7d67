/* SPDX-License-Identifier: MIT */
/*
 * kernel/lib/string.c. This file and that one are compiled with port/rename.h, so that "memcpy" is the kernel's here;
 * the models are loops over bytes. Buffers are exactly as long as they may be touched, so the address sanitizer sees
 * the rest.
 */
#include "tests/host/port/host.h"

#include <lib/errno.h>
#include <lib/string.h>

#include <stdlib.h>

#define MOST 100

static u8 *random_bytes(size_t n)
{
	u8 *mem = malloc(n ? n : 1);

	for (size_t i = 0; i < n; i++)
		mem[i] = (u8)host_random();
	return mem;
}

static int sign(int x) { return (x > 0) - (x < 0); }

static void assert_same(const u8 *a, const u8 *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(a[i], b[i]);
}

static void memory_copies(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MOST; n++) {
		u8 *from = random_bytes(n), *to = random_bytes(n);

		assert_ptr_equal(memcpy(to, from, n), to);
		assert_same(to, from, n);
		free(from);
		free(to);
	}
}

/* Overlapping in both directions, by every distance. */
static void memory_moves(void **state)
{
	(void)state;
	for (int round = 0; round < 5000; round++) {
		size_t size = 1 + (size_t)host_random_below(MOST), from = (size_t)host_random_below(size);
		size_t to = (size_t)host_random_below(size), n = (size_t)host_random_below(size - max(from, to) + 1);
		u8 *mem = random_bytes(size), *model = malloc(size);

		for (size_t i = 0; i < size; i++)
			model[i] = i >= to && i < to + n ? mem[i - to + from] : mem[i];
		assert_ptr_equal(memmove(mem + to, mem + from, n), mem + to);
		assert_same(mem, model, size);
		free(mem);
		free(model);
	}
}

static void memory_sets(void **state)
{
	(void)state;
	for (size_t n = 0; n <= MOST; n++) {
		u8 *mem = random_bytes(n);

		assert_ptr_equal(memset(mem, 0x1a5, n), mem);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(mem[i], 0xa5);
		free(mem);
	}
}

static void memory_compares(void **state)
{
	(void)state;
	for (size_t n = 1; n <= MOST; n++) {
		u8 *a = random_bytes(n), *b = malloc(n);
		size_t at = (size_t)host_random_below(n);

		memcpy(b, a, n);
		assert_int_equal(memcmp(a, b, n), 0);
		b[at] ^= 0x80;
		assert_int_equal(sign(memcmp(a, b, n)), a[at] < b[at] ? -1 : 1);
		assert_int_equal(memcmp(a, b, at), 0);
		memset(b, 1, n);
		b[at] = 2;
		assert_ptr_equal(memchr(b, 0x102, n), b + at);
		assert_null(memchr(b, 3, n));
		assert_null(memchr(b, 2, at));
		free(a);
		free(b);
	}
}

static void string_lengths(void **state)
{
	char open_end[3] = { 'a', 'b', 'c' };

	(void)state;
	assert_int_equal(strlen(""), 0);
	assert_int_equal(strlen("abc"), 3);
	assert_int_equal(strnlen("abc", 2), 2);
	assert_int_equal(strnlen("abc", 9), 3);
	assert_int_equal(strnlen(open_end, sizeof(open_end)), 3);
}

static void string_compares(void **state)
{
	(void)state;
	assert_int_equal(strcmp("abc", "abc"), 0);
	assert_int_equal(sign(strcmp("ab", "abc")), -1);
	assert_int_equal(sign(strcmp("b", "abc")), 1);
	assert_int_equal(sign(strcmp("\x80", "a")), 1); /* bytes have no sign */
	assert_int_equal(strncmp("abcd", "abce", 3), 0);
	assert_int_equal(sign(strncmp("abcd", "abce", 4)), -1);
	assert_int_equal(strncmp("ab", "ab", 100), 0);
	assert_int_equal(strncmp("a", "b", 0), 0);
	assert_true(strstarts("vmalloc", "vm"));
	assert_true(strstarts("vm", ""));
	assert_false(strstarts("vm", "vma"));
}

static void string_searches(void **state)
{
	const char *s = "abcabd";

	(void)state;
	assert_ptr_equal(strchr(s, 'b'), s + 1);
	assert_ptr_equal(strrchr(s, 'b'), s + 4);
	assert_ptr_equal(strchr(s, '\0'), s + 6);
	assert_ptr_equal(strrchr(s, '\0'), s + 6);
	assert_null(strchr(s, 'x'));
	assert_null(strrchr(s, 'x'));
	assert_ptr_equal(strstr(s, "abd"), s + 3);
	assert_ptr_equal(strstr(s, ""), s);
	assert_null(strstr(s, "abda"));
}

static void string_copies_that_fit(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(strscpy(buf, "abc", sizeof(buf)), 3);
	assert_int_equal(strcmp(buf, "abc"), 0);
	assert_int_equal(strscpy(buf, "abcd", sizeof(buf)), -E2BIG);
	assert_int_equal(strcmp(buf, "abc"), 0);
	assert_int_equal(strscpy(buf, "x", 1), -E2BIG);
	assert_int_equal(buf[0], '\0');
	assert_int_equal(strscpy(buf, "", 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_copies),   cmocka_unit_test(memory_moves),
		cmocka_unit_test(memory_sets),	   cmocka_unit_test(memory_compares),
		cmocka_unit_test(string_lengths),  cmocka_unit_test(string_compares),
		cmocka_unit_test(string_searches), cmocka_unit_test(string_copies_that_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
