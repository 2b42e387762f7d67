/* SPDX-License-Identifier: MIT */
/*
 * kernel/lib: lists, formatted text, wildcards, numbers. (Bitmaps: unit_bitmap.c; trees: unit_rbtree.c; strings:
 * unit_string.c.)
 */
#include "tests/host/port/host.h"

#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/glob.h>
#include <lib/list.h>
#include <lib/math.h>
#include <lib/parse.h>
#include <lib/random.h>
#include <lib/size.h>
#include <lib/string.h>

/* --- list ------------------------------------------------------------------------------------------------------- */

struct item {
	int n;
	struct list_head link;
};

/* "1 2 3" read forwards, and the same read backwards. */
static void assert_list(struct list_head *head, const char *expected)
{
	char text[64] = "", reverse[64] = "";
	struct item *it;
	int len = 0;

	list_for_each_entry(it, head, link)
		len += scnprintf(text + len, sizeof(text) - len, len ? " %d" : "%d", it->n);
	assert_string_equal(text, expected);
	list_for_each_entry_reverse(it, head, link) {
		char rest[64];

		strscpy(rest, reverse, sizeof(rest));
		snprintf(reverse, sizeof(reverse), rest[0] ? "%d %s" : "%d", it->n, rest);
	}
	assert_string_equal(reverse, expected);
}

static void list_keeps_order(void **state)
{
	struct item a = { .n = 1 }, b = { .n = 2 }, c = { .n = 3 }, d = { .n = 4 };
	LIST_HEAD(head);

	(void)state;
	assert_true(list_empty(&head));
	assert_null(list_first_entry_or_null(&head, struct item, link));
	list_add(&a.link, &head);
	assert_true(list_is_singular(&head));
	list_add_tail(&b.link, &head);
	list_add(&c.link, &head);
	assert_list(&head, "3 1 2");
	list_move_tail(&c.link, &head);
	assert_list(&head, "1 2 3");
	list_move(&b.link, &head);
	assert_list(&head, "2 1 3");
	list_replace(&a.link, &d.link);
	assert_list(&head, "2 4 3");
	assert_int_equal(list_last_entry(&head, struct item, link)->n, 3);
	assert_int_equal(list_next_entry(&b, link)->n, 4);
	assert_int_equal(list_prev_entry(&d, link)->n, 2);
	list_del_init(&d.link);
	assert_true(list_empty(&d.link));
	list_del(&b.link);
	assert_null(b.link.next);
	assert_list(&head, "3");
}

static void list_splices(void **state)
{
	struct item x[6];
	LIST_HEAD(one);
	LIST_HEAD(two);

	(void)state;
	for (int i = 0; i < 6; i++) {
		x[i].n = i;
		list_add_tail(&x[i].link, i < 3 ? &one : &two);
	}
	list_splice_init(&two, &one);
	assert_list(&one, "3 4 5 0 1 2");
	assert_true(list_empty(&two));
	list_splice_init(&two, &one);
	assert_list(&one, "3 4 5 0 1 2");
	list_move(&x[0].link, &two);
	list_splice_tail_init(&two, &one);
	assert_list(&one, "3 4 5 1 2 0");
}

static void list_safe_walk_may_delete(void **state)
{
	struct item x[5], *it, *next;
	LIST_HEAD(head);

	(void)state;
	for (int i = 0; i < 5; i++) {
		x[i].n = i;
		list_add_tail(&x[i].link, &head);
	}
	list_for_each_entry_safe(it, next, &head, link)
		if (it->n % 2)
			list_del(&it->link);
	assert_list(&head, "0 2 4");
}

#define assert_type(type, expression) assert_true(__builtin_types_compatible_p(type, __typeof__(expression)))

/* What a caller computes with depends on it: fls(0) - 1 is less than 0. */
static void types_are_linux_s(void **state)
{
	unsigned long map[1] = { 0 };

	(void)state;
	assert_type(int, fls(1));
	assert_type(int, fls64(1));
	assert_type(int, ffs(1));
	assert_type(int, ilog2(1));
	assert_type(int, order_base_2(1));
	assert_type(unsigned long, __ffs(1));
	assert_type(unsigned long, __fls(1));
	assert_type(unsigned long, hweight64(1));
	assert_type(unsigned long, hweight_long(1));
	assert_type(unsigned int, hweight32(1));
	assert_type(unsigned long, find_next_bit(map, 1, 0));
	assert_type(unsigned long, find_last_bit(map, 1));
	assert_type(unsigned long, bitmap_find_next_zero_area(map, 1, 0, 1, 0));
	assert_type(unsigned int, bitmap_weight(map, 1));
	assert_type(bool, IS_ERR(map));
	assert_type(ssize_t, strscpy((char *)map, "", 1));
	assert_true(fls(0) - 1 < 0 && ilog2(0) == -1);
	assert_int_equal(PTR_ERR_OR_ZERO(map), 0);
	assert_int_equal(PTR_ERR_OR_ZERO(ERR_PTR(-EIO)), -EIO);
	assert_true(IS_ERR_OR_NULL(NULL) && IS_ERR_OR_NULL(ERR_PTR(-EIO)) && !IS_ERR_OR_NULL(map));
	assert_string_equal(__stringify(a, b), "a, b");
}

/* --- text ------------------------------------------------------------------------------------------------------- */

#define assert_format(expected, ...) do { \
	char _text[128]; \
	assert_int_equal(snprintf(_text, sizeof(_text), __VA_ARGS__), strlen(expected)); \
	assert_string_equal(_text, expected); \
} while (0)

static void format_numbers(void **state)
{
	(void)state;
	assert_format("-5 5 7", "%d %u %i", -5, 5u, 7);
	assert_format("[   42][42   ][00042][+42][ 42]", "[%5d][%-5d][%05d][%+d][% d]", 42, 42, 42, 42, 42);
	assert_format("ff FF 0xff 17", "%x %X %#x %o", 255, 255, 255, 15);
	assert_format("[  007][7    ]", "[%5.3d][%-*d]", 7, 5, 7);
	assert_format("18446744073709551615 -9223372036854775808", "%llu %lld", ~0ull, (long long)(1ull << 63));
	assert_format("ffffffff 255 -1 12", "%lx %hhu %hd %zu", 0xfffffffful, (u8)0xff, (short)-1, (size_t)12);
	assert_format("100%", "%d%%", 100);
	assert_format("0 0", "%d %x", 0, 0);
}

static void format_text(void **state)
{
	const char *volatile missing = NULL; /* volatile: a compiler that knows the value objects */

	(void)state;
	assert_format("[abc][  abc][abc  ][ab]", "[%s][%5s][%-5s][%.2s]", "abc", "abc", "abc", "abc");
	assert_format("(null)", "%s", missing);
	assert_format("x  y", "%c%3c", 'x', 'y');
}

/* Room for n bytes: n - 1 characters and the NUL, nothing behind is touched; the length is that of the whole text. */
static void format_cuts(void **state)
{
	char text[8];

	(void)state;
	for (size_t room = 0; room <= sizeof(text); room++) {
		memset(text, '#', sizeof(text));
		assert_int_equal(snprintf(text, room, "%s%d", "abcdef", 123), 9);
		for (size_t i = 0; i < sizeof(text); i++)
			assert_int_equal(text[i], i + 1 < room ? "abcdef123"[i] : i + 1 == room ? '\0' : '#');
		memset(text, '#', sizeof(text));
		assert_int_equal(scnprintf(text, room, "abcdef123"), room ? room - 1 : 0);
	}
}

static size_t fake_symbol(char *buf, size_t len, vaddr_t addr)
{
	return scnprintf(buf, len, "symbol_%lx", addr);
}

static void format_pointers(void **state)
{
	phys_addr_t phys = 0x12345;

	(void)state;
	assert_format("0000000000001234", "%px", (void *)0x1234);
	assert_format("0x0000000000012345", "%pa", &phys);
	assert_format("0x0000000000001234", "%pS", (void *)0x1234);
	format_set_symbol_formatter(fake_symbol);
	assert_format("symbol_1234", "%pS", (void *)0x1234);
	format_set_symbol_formatter(NULL);
}

static void glob_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "vmalloc.*", "vmalloc.guard_page", true }, { "vmalloc.*", "vmap.guard", false },
		{ "*", "", true }, { "", "", true }, { "", "a", false }, { "?", "", false }, { "a?c", "abc", true },
		{ "*b*b", "abab", true }, { "*b*b", "aba", false }, { "a*", "a", true }, { "**a**", "xax", true },
		{ "*.smoke", "x.smoker", false }, { "[a]", "a", true }, { "[a]", "b", false },
		{ "[!a]", "b", true }, { "[!a]", "a", false },
		{ "m[0-9][0-9]_*", "m07_x", true }, { "m[0-9]", "mx", false }, { "[]a]", "]", true },
		{ "[!]a]", "]", false },
		{ "[a-]", "-", true }, { "[a-]", "b", false }, { "[ab", "[ab", true }, { "[", "[", true },
		{ "x[", "x", false },
		{ "\\*", "*", true }, { "\\*", "a", false }, { "a\\", "a\\", true }, { "*[0-9]", "a5b6", true },
		{ "[\x01-\xff]", "\x80", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(glob_match(cases[i].pattern, cases[i].text), cases[i].match);
	assert_true(glob_list_match("a.*,b.*", "b.x"));
	assert_true(glob_list_match("a.*,b.*", "a.x"));
	assert_false(glob_list_match("a.*,b.*", "c.x"));
	assert_false(glob_list_match("", "c"));
	assert_false(glob_list_match("ab", "a,b"));
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

static void parse_numbers(void **state)
{
	u64 v = 7;

	(void)state;
	assert_int_equal(kstrtou64("18446744073709551615", 10, &v), 0);
	assert_true(v == ~0ull);
	assert_int_equal(kstrtou64("18446744073709551616", 10, &v), -ERANGE);
	assert_int_equal(kstrtou64("0xffffffffffffffff", 0, &v), 0);
	assert_int_equal(kstrtou64("0x10000000000000000", 0, &v), -ERANGE);
	assert_int_equal(kstrtou64("beef", 16, &v), 0);
	assert_int_equal(v, 0xbeef);
	assert_int_equal(kstrtou64("12x", 10, &v), -EINVAL);
	assert_int_equal(kstrtou64("", 10, &v), -EINVAL);
	assert_int_equal(kstrtou64("0x", 0, &v), -EINVAL);
	assert_int_equal(kstrtou64("-1", 10, &v), -EINVAL);
	assert_int_equal(v, 0xbeef);
}

/* What Linux takes: what a person writes into a file of /sys ends with an end of line. */
static void parse_numbers_as_linux(void **state)
{
	static const struct {
		const char *text;
		unsigned int base;
		int err;
		u64 value;
	} cases[] = {
		{ "12\n", 10, 0, 12 }, { "12\n\n", 10, -EINVAL, 0 }, { "12 \n", 10, -EINVAL, 0 },
		{ "\n", 10, -EINVAL, 0 }, { "+12", 10, 0, 12 }, { "+-1", 0, -EINVAL, 0 }, { "++1", 10, -EINVAL, 0 },
		{ "+", 10, -EINVAL, 0 }, { "010", 0, 0, 8 }, { "08", 0, -EINVAL, 0 }, { "0", 0, 0, 0 },
		{ "010", 10, 0, 10 }, { "0x10", 16, 0, 16 }, { "0x10", 8, -EINVAL, 0 }, { "0x10", 10, -EINVAL, 0 },
		{ "0xg", 0, -EINVAL, 0 }, { "+0x1F\n", 0, 0, 31 }, { "101", 2, 0, 5 }, { "12", 2, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 v = 99;

		assert_int_equal(kstrtou64(cases[i].text, cases[i].base, &v), cases[i].err);
		assert_int_equal(v, cases[i].err ? 99 : cases[i].value);
	}
}

static void parse_sizes(void **state)
{
	static const struct {
		const char *text;
		u64 value;
		size_t used;
	} cases[] = {
		{ "64M", 64ull << 20, 3 }, { "0x10k", 16384, 5 }, { "1G@5", 1ull << 30, 2 }, { "70G", 70ull << 30, 3 },
		{ "4096", 4096, 4 }, { "16E", 0, 0 }, { "15E", 15ull << 60, 3 }, { "M", 0, 0 }, { "", 0, 0 },
		{ "99999999999999999999", 0, 0 }, { "3T", 3ull << 40, 2 }, { "2P!", 2ull << 50, 2 },
		{ "7m", 7 << 20, 2 }, { "010", 10, 3 },
	};
	const char *end;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(parse_size(cases[i].text, &end) == cases[i].value);
		assert_int_equal(end - cases[i].text, cases[i].used);
	}
}

static void math_division(void **state)
{
	u32 rem;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		u64 n = host_random() >> host_random_below(64), d64 = host_random() >> host_random_below(64);
		u32 d = (u32)(host_random() >> (32 + host_random_below(32)));

		if (!d || !d64)
			continue;
		assert_true(div_u64_rem(n, d, &rem) == n / d);
		assert_int_equal(rem, n % d);
		assert_true(div_u64(n, d) == n / d);
		assert_true(div64_u64(n, d64) == n / d64);
	}
}

static void math_bits(void **state)
{
	(void)state;
	assert_int_equal(ffs(0), 0);
	assert_int_equal(fls(0), 0);
	assert_int_equal(fls64(0), 0);
	for (unsigned int bit = 0; bit < 64; bit++) {
		u64 x = 1ull << bit, noise = host_random() & (x - 1);

		assert_int_equal(ilog2(x | noise), bit);
		assert_int_equal(fls64(x | noise), bit + 1);
		assert_int_equal(__fls(x | noise), bit);
		assert_int_equal(__ffs(host_random() << bit | x), bit);
		assert_int_equal(order_base_2(x), bit);
		assert_int_equal(hweight64(x | noise), __builtin_popcountll(x | noise));
		assert_int_equal(hweight32((u32)noise), __builtin_popcount((u32)noise));
		assert_true(rounddown_pow_of_two(x | noise) == x);
		assert_true(bit == 63 || !noise || roundup_pow_of_two(x | noise) == x << 1);
	}
	assert_int_equal(order_base_2(0), 0);
	assert_int_equal(order_base_2(5), 3);
}

static void sizes_for_people(void **state)
{
	static const struct { u64 bytes; const char *text; } cases[] = {
		{ 0, "0 B" }, { 1, "1 B" }, { 1023, "1023 B" }, { 1024, "1 KiB" }, { 1536, "1.5 KiB" },
		{ 20480, "20 KiB" },
		{ (1 << 20) - 1, "1023.9 KiB" }, { 1 << 20, "1 MiB" }, { 13743895343520ull << 10, "12.4 PiB" },
		{ 13743895343520ull, "12.4 TiB" }, { 1ull << 40, "1 TiB" }, { ~0ull, "15.9 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(size_text(cases[i].bytes).text, cases[i].text);
}

static void random_repeats(void **state)
{
	struct rnd_state a, b;
	u64 seen[2] = { 0, 0 };

	(void)state;
	random_seed(&a, 42);
	random_seed(&b, 42);
	for (int i = 0; i < 1000; i++) {
		u32 x = random_below(&a, 100);

		assert_int_equal(x, random_below(&b, 100));
		assert_true(x < 100);
		seen[x / 64] |= 1ull << x % 64;
	}
	assert_true(__builtin_popcountll(seen[0]) + __builtin_popcountll(seen[1]) > 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_keeps_order),	cmocka_unit_test(list_splices),
		cmocka_unit_test(list_safe_walk_may_delete),
		cmocka_unit_test(format_numbers),	cmocka_unit_test(format_text),
		cmocka_unit_test(format_cuts),		cmocka_unit_test(format_pointers),
		cmocka_unit_test(glob_patterns),	cmocka_unit_test(parse_numbers),
		cmocka_unit_test(parse_numbers_as_linux),
		cmocka_unit_test(types_are_linux_s),
		cmocka_unit_test(sizes_for_people),
		cmocka_unit_test(parse_sizes),		cmocka_unit_test(math_division),
		cmocka_unit_test(math_bits),		cmocka_unit_test(random_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
