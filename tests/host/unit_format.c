/* SPDX-License-Identifier: MIT */
/* kernel/lib/format*.c: against the C library's printf, and what only a kernel's has. */
#include "tests/host/port/host.h"

#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

#include <limits.h>

/* The C library's own: host.mk gives the name to the kernel's. */
#undef snprintf
extern int snprintf(char *buf, size_t size, const char *fmt, ...);
#define ours kvasir_snprintf

#define assert_format(expected, ...) do { \
	char _text[160]; \
	assert_int_equal(ours(_text, sizeof(_text), __VA_ARGS__), strlen(expected)); \
	assert_string_equal(_text, expected); \
} while (0)

/* --- what C says: any conversion, any flags, any value ------------------------------------------------------------ */

#define ROOM 256

struct conversion {
	char text[48];
	char letter;
	int star[2]; /* what the stars take */
	unsigned int stars;
	unsigned int length;
};

static const char *const lengths[] = { "hh", "h", "", "l", "ll", "L", "q", "z", "t", "j" };

/* Those that C leaves undefined are none of the test's: 0 and # where they mean nothing. */
static void add_flags(struct conversion *c, size_t *n)
{
	static const char flags[] = "-+ 0#";

	for (unsigned int i = 0; flags[i]; i++) {
		if (host_random_below(3))
			continue;
		if ((flags[i] == '0' && strchr("cs", c->letter)) || (flags[i] == '#' && strchr("cusid", c->letter)))
			continue;
		c->text[(*n)++] = flags[i];
	}
}

/* Digits or a star. */
static void add_number(struct conversion *c, size_t *n, int least, unsigned int range)
{
	int value = least + (int)host_random_below(range);

	if (host_random_below(2)) {
		c->star[c->stars++] = value;
		c->text[(*n)++] = '*';
	} else {
		*n += (size_t)ours(c->text + *n, 12, "%d", value < 0 ? -value : value);
	}
}

static struct conversion random_conversion(const char *letters)
{
	struct conversion c = { .text = "[%", .letter = letters[host_random_below(strlen(letters))], .length = 2 };
	size_t n = 2;

	add_flags(&c, &n);
	if (host_random_below(2))
		add_number(&c, &n, -30, 60);
	if (c.letter != 'c' && host_random_below(2)) {
		c.text[n++] = '.';
		add_number(&c, &n, -3, 33);
	}
	if (!strchr("cs", c.letter))
		c.length = (unsigned int)host_random_below(ARRAY_SIZE(lengths));
	ours(c.text + n, sizeof(c.text) - n, "%s%c] %%d|%%s", lengths[c.length], c.letter);
	return c;
}

static u64 random_value(void)
{
	static const u64 edges[] = { 0,   1,     7,     8,       9,        10,       127,      128,
				     255, 32768, 65535, INT_MAX, UINT_MAX, LONG_MAX, ULONG_MAX };

	if (host_random_below(3) == 0)
		return edges[host_random_below(ARRAY_SIZE(edges))] * (host_random() & 1 ? 1 : -1ull);
	return host_random() >> host_random_below(64);
}

/* Both print the conversion and then two arguments more, which are misplaced if it took too many or too few. */
#define BOTH(value) \
	do { \
		if (c->stars == 0) \
			len[0] = ours(text[0], room, c->text, value, 42, "end"), \
			len[1] = snprintf(text[1], room, c->text, value, 42, "end"); \
		else if (c->stars == 1) \
			len[0] = ours(text[0], room, c->text, c->star[0], value, 42, "end"), \
			len[1] = snprintf(text[1], room, c->text, c->star[0], value, 42, "end"); \
		else \
			len[0] = ours(text[0], room, c->text, c->star[0], c->star[1], value, 42, "end"), \
			len[1] = snprintf(text[1], room, c->text, c->star[0], c->star[1], value, 42, "end"); \
	} while (0)

static void print_both(const struct conversion *c, char text[2][ROOM], size_t room, int len[2])
{
	const char *tail = &"abcdefghijklmnopqrst"[host_random_below(21)];
	u64 value = random_value();

	if (c->letter == 's')
		BOTH(tail);
	else if (c->length < 3)
		BOTH((int)value);
	else if (c->length == 3 || c->length >= 7)
		BOTH((long)value);
	else
		BOTH((long long)value);
}

static void compare_with_c(const char *letters, int rounds)
{
	while (rounds--) {
		struct conversion c = random_conversion(letters);
		size_t room = host_random_below(4) ? ROOM : (size_t)host_random_below(40);
		char text[2][ROOM];
		int len[2];

		memset(text, '#', sizeof(text));
		print_both(&c, text, room, len);
		if (len[0] != len[1] || memcmp(text[0], text[1], ROOM) != 0)
			fail_msg("\"%s\" (%d, %d) in %zu: \"%s\", %d, and C says \"%s\", %d", c.text, c.star[0],
				 c.star[1], room, room ? text[0] : "", len[0], room ? text[1] : "", len[1]);
	}
}

static void numbers_as_in_c(void **state)
{
	(void)state;
	compare_with_c("diuxXo", 400000);
}

static void text_as_in_c(void **state)
{
	(void)state;
	compare_with_c("cs", 100000);
}

/* A NUL that is asked for is a character like any other. */
static void a_nul_character_is_one(void **state)
{
	char text[8];

	(void)state;
	assert_int_equal(ours(text, sizeof(text), "a%cb%3c.", 0, 0), 7);
	assert_memory_equal(text, "a\0b  \0.", 8);
}

/* --- what nobody can print ---------------------------------------------------------------------------------------- */

/* What is unknown takes no argument, and after it nobody knows whose the next one is. */
static void unknown_conversions_end_it(void **state)
{
	const char *volatile behind_one = "%d %y %s";
	const char *volatile unknown[] = { "%y %s %d", "%",   "%5",   "%l",    "%lc %s", "%ls",
					   "%f %s",    "%Lf", "%1$d", "%hhhd", "%\xff" };
	char text[64];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(ours(text, sizeof(text), unknown[i], 7, 7, 7), strlen(unknown[i]));
		assert_string_equal(text, unknown[i]);
	}
	assert_format("7 %y %s", behind_one, 7, "x");
}

static void n_writes_nothing(void **state)
{
	const char *volatile format = "ab%n%s";
	int n = 99;
	char text[16];

	(void)state;
	assert_int_equal(ours(text, sizeof(text), format, &n, "cd"), 4);
	assert_string_equal(text, "abcd");
	assert_int_equal(n, 99);
}

/* In no time, and without a length that has become negative. */
static void enormous_widths(void **state)
{
	const char *volatile formats[] = { "%2147483647d", "%-99999999999d", "%.4294967296d",
					   "%9999999999.9999999999x" };
	char text[8];

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		assert_int_equal(ours(text, sizeof(text), formats[i], 5), INT_MAX);
		assert_int_equal(strlen(text), sizeof(text) - 1);
	}
	assert_int_equal(ours(text, sizeof(text), "%*d", INT_MIN, 5), INT_MAX);
	assert_string_equal(text, "5      ");
	assert_int_equal(ours(text, sizeof(text), "%*d%*d%*d", INT_MAX, 1, INT_MAX, 2, INT_MAX, 3), INT_MAX);
	assert_int_equal(ours(text, sizeof(text), "%.*s", INT_MIN, "abc"), 3);
}

static void bad_strings(void **state)
{
	const char *volatile bad[] = { (char *)1, (char *)4095, (char *)-1, (char *)-4095 };
	const char *volatile missing = NULL;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_format("[(efault)]", "[%s]", bad[i]);
		assert_format("[  (efault)]", "[%10s]", bad[i]);
		assert_format("[(efa]", "[%.4s]", bad[i]);
		assert_format("[(efault)]", "[%pa]", (void *)bad[i]);
		assert_format("[(efault)]", "[%8ph]", (void *)bad[i]);
		assert_format("[(efault)]", "[%pV]", (void *)bad[i]);
	}
	assert_format("(null) (null) (null)", "%s %pa %*ph", missing, (void *)missing, 3, missing);
}

/* --- behind %p ---------------------------------------------------------------------------------------------------- */

static void pointers(void **state)
{
	const char *volatile prefixed = "%#p %#px";
	void *p = (void *)0x1234;

	(void)state;
	assert_format("0000000000001234 0000000000001234 0000000000001234", "%p %px %pK", p, p, p);
	assert_format("0x0000000000001234 0x0000000000001234", prefixed, p, p);
	assert_format("[    0000000000001234][0000000000001234    ]", "[%20px][%-20px]", p, p);
	assert_format("0000000000001234yz", "%pyz", p);
}

static void physical_addresses(void **state)
{
	phys_addr_t phys = 0x12345;

	(void)state;
	assert_format("0x0000000000012345 0x0000000000012345 0x0000000000012345x", "%pa %pap %padx", &phys, &phys,
		      &phys);
}

static void error_pointers(void **state)
{
	(void)state;
	assert_format("-ENOMEM -ETIMEDOUT -EPERM", "%pe %pe %pe", ERR_PTR(-ENOMEM), ERR_PTR(-ETIMEDOUT),
		      ERR_PTR(-EPERM));
	assert_format("[   -EIO] -4000 0000000000000000 0000000000001234", "[%7pe] %pe %pe %pe", ERR_PTR(-EIO),
		      ERR_PTR(-4000), NULL, (void *)0x1234);
	assert_string_equal(errname(EFAULT), "EFAULT");
	assert_string_equal(errname(-EFAULT), "-EFAULT");
	assert_null(errname(0));
	assert_null(errname(3999));
	assert_null(errname(INT_MIN));
}

static void bytes(void **state)
{
	u8 mem[80];
	char text[256];

	(void)state;
	for (unsigned int i = 0; i < sizeof(mem); i++)
		mem[i] = (u8)(0x9a + i);
	assert_format("9a 9b 9c|9a:9b|9a-9b|9a9b9c9d|9a", "%3ph|%*phC|%2phD|%*phN|%ph", mem, 2, mem, mem, 4, mem, mem);
	assert_format("[]", "[%*ph]", 0, mem);
	assert_int_equal(ours(text, sizeof(text), "%*ph", 80, mem), 64 * 3 - 1);
}

static size_t fake_symbol(char *buf, size_t len, vaddr_t addr)
{
	if (addr < 0x100000)
		return (size_t)kvasir_snprintf(buf, len, "0x%lx", addr);
	return (size_t)kvasir_snprintf(buf, len, "f_%lu+0x%lx", addr / 256, addr % 256);
}

static void symbols(void **state)
{
	void *inside = (void *)0x100010, *start = (void *)0x100100, *outside = (void *)0x4000;

	(void)state;
	assert_format("0x0000000000100010 0x0000000000100010", "%pS %ps", inside, inside);
	format_set_symbol_formatter(fake_symbol);
	assert_format("f_4096+0x10 f_4096 f_4096+0x10", "%pS %ps %pB", inside, inside, inside);
	assert_format("f_4097+0x0 f_4097 f_4096+0x100", "%pS %ps %pB", start, start, start);
	assert_format("0x4000 0x4000 0x4000", "%pS %ps %pB", outside, outside, outside);
	assert_format("f_4096+0x10. f_4096+0x10, f_4096", "%pSb. %pBb, %psR", inside, inside, inside);
	assert_format("[    f_4096]", "[%10ps]", inside);
	format_set_symbol_formatter(NULL);
}

static int nested(char *buf, size_t size, const char *fmt, ...)
{
	struct va_format format = { .fmt = fmt };
	va_list args;
	int len;

	va_start(args, fmt);
	format.va = &args;
	len = ours(buf, size, "<%pV|%pV> %d", &format, &format, 9);
	va_end(args);
	return len;
}

static void formats_in_formats(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(nested(text, sizeof(text), "%s %d %llx", "abc", 5, 6ull), 19);
	assert_string_equal(text, "<abc 5 6|abc 5 6> 9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_as_in_c),	      cmocka_unit_test(text_as_in_c),
		cmocka_unit_test(a_nul_character_is_one),     cmocka_unit_test(unknown_conversions_end_it),
		cmocka_unit_test(n_writes_nothing),	      cmocka_unit_test(enormous_widths),
		cmocka_unit_test(bad_strings),		      cmocka_unit_test(pointers),
		cmocka_unit_test(physical_addresses),	      cmocka_unit_test(error_pointers),
		cmocka_unit_test(bytes),		      cmocka_unit_test(symbols),
		cmocka_unit_test(formats_in_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
