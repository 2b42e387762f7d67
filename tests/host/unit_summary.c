/* SPDX-License-Identifier: MIT */
/*
 * kernel/core/summary_text.c: the block never has more than 15 lines of 78 columns, and says what matters.
 * kernel/summary_picture.c: whatever room there is, the code fits into it, with three pixels a module and a border of
 * four.
 */
#include "tests/host/port/host.h"

#include <arch/console.h>
#include <lib/format.h>
#include <lib/string.h>
#include "kernel/summary_picture.h"

#define LONG "a text of more than eighty columns, as a CPU, a loader or a card may have for a name; "

static struct summary_text text;
static struct ktest test[100];
static char names[100][160];

static struct summary plain(void)
{
	return (struct summary){ .mode = "x64",
				 .build = "debug",
				 .cpu = "A CPU",
				 .firmware = "BIOS",
				 .console = "COM1",
				 .levels = 4,
				 .cpus = 2,
				 .cpus_found = 4,
				 .ram = 64 << 20,
				 .ram_found = 70 << 20,
				 .keyboard = true };
}

/* `fail` failures, with names that are `len` bytes long behind "suite.". */
static struct ktest_outcome failures(unsigned int fail, size_t len)
{
	struct ktest_outcome tests = { .pass = 3, .fail = fail, .skip = 1 };

	for (unsigned int i = 0; i < 100; i++) {
		memset(names[i], 'a' + (int)(i % 26), len);
		names[i][len] = '\0';
		test[i] = (struct ktest){ "suite", names[i], NULL };
		if (i < min(fail, KTEST_NAMED))
			tests.failed[i] = &test[i];
	}
	return tests;
}

static const char *line_of(const char *word)
{
	for (unsigned int i = 0; i < text.nr; i++)
		if (strstarts(text.line[i], word) && text.line[i][strlen(word)] == ' ')
			return text.line[i];
	return "";
}

static bool says(const char *part)
{
	for (unsigned int i = 0; i < text.nr; i++)
		if (strstr(text.line[i], part))
			return true;
	return false;
}

static void format(const struct summary *facts)
{
	memset(&text, 0xff, sizeof(text));
	summary_format(&text, facts);
	assert_in_range(text.nr, 1, SUMMARY_LINES);
	for (unsigned int i = 0; i < text.nr; i++)
		assert_true(strnlen(text.line[i], SUMMARY_COLS + 1) <= SUMMARY_COLS);
}

static void a_machine_without_faults(void **state)
{
	struct ktest_outcome tests = failures(0, 1);
	struct summary facts = plain();

	(void)state;
	facts.tests = &tests;
	format(&facts);
	assert_string_equal(text.line[0], "Kvasir    " KERNEL_VERSION " x64: 4-level page tables, debug build");
	assert_string_equal(line_of("verdict"), "verdict   PASS: 3 tests passed, 0 failed, 1 skipped");
	assert_string_equal(line_of("CPUs"), "CPUs      2 of 4 run, A CPU");
	assert_string_equal(line_of("memory"), "memory    64 MiB of 70 MiB used");
	assert_string_equal(line_of("warnings"), "warnings  none");
	assert_string_equal(line_of("failed"), "");
	assert_string_equal(line_of("left out"), "");
	assert_false(says("no keyboard"));
}

static void what_is_wrong_is_said(void **state)
{
	struct ktest_outcome tests = failures(2, 4);
	struct summary facts = plain();

	(void)state;
	facts.tests = &tests;
	facts.keyboard = false;
	facts.warnings = 2;
	facts.problems = 5;
	facts.first_problem = "a table is short";
	format(&facts);
	assert_string_equal(line_of("verdict"), "verdict   FAIL: 3 tests passed, 2 failed, 1 skipped");
	assert_string_equal(line_of("failed"), "failed    suite.aaaa, suite.bbbb");
	assert_true(strstr(line_of("warnings"), "2 broken invariants (WARNING), 5 other problems"));
	assert_true(says("first: a table is short"));
	assert_string_equal(line_of("keyboard"), "keyboard  no keyboard was found");
	facts.warnings = facts.problems = tests.pass = 1;
	format(&facts);
	assert_true(strstr(line_of("warnings"), "1 broken invariant (WARNING), 1 other problem;"));
	assert_true(strstr(line_of("verdict"), "1 test passed"));
	facts.tests = NULL;
	format(&facts);
	assert_string_equal(line_of("verdict"), "verdict   no self-test was asked for");
}

static unsigned int named(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < text.nr; i++)
		for (const char *at = text.line[i]; (at = strstr(at, "suite.")); at++)
			nr++;
	return nr;
}

/* All are named or counted, whatever their names' length. */
static void many_failures_are_counted(void **state)
{
	(void)state;
	for (unsigned int fail = 1; fail <= 100; fail++)
		for (size_t len = 1; len < 150; len += 1 + len / 4) {
			struct ktest_outcome tests = failures(fail, len);
			struct summary facts = plain();
			char rest[32];

			facts.tests = &tests;
			facts.problems = 1;
			facts.first_problem =
				"a problem, told in a sentence that has no end, or none in a line of the block";
			format(&facts);
			scnprintf(rest, sizeof(rest), " and %u more", fail - named());
			assert_int_equal(says(" more"), named() != fail);
			assert_true(named() == fail || says(rest));
		}
}

static void losses_are_all_counted(void **state)
{
	static const struct summary_loss loss[] = {
		{ "one", 1 << 20 }, { "nothing", 0 }, { "two", 2 << 20 }, { "three", 4 << 20 }, { "four", 8 << 20 }
	};
	struct summary facts = plain();

	(void)state;
	facts.loss = loss;
	facts.nr_losses = 4;
	format(&facts);
	assert_string_equal(line_of("left out"), "left out  1 MiB one");
	assert_true(says("2 MiB two") && says("4 MiB three"));
	assert_false(says("nothing") || says("reasons"));
	facts.nr_losses = 5;
	format(&facts);
	assert_true(says("2 MiB two") && says("12 MiB for 2 other reasons"));
}

static void everything_is_too_long(void **state)
{
	static const struct summary_loss loss[] = {
		{ LONG LONG, ~0ull >> 1 }, { LONG, 1ull << 60 }, { LONG, 3 }, { LONG, 9 }, { LONG, 9 }
	};
	struct ktest_outcome tests = failures(100, 150);
	struct summary facts = { LONG,  LONG,  LONG, LONG, LONG, ~0u,  ~0u,   ~0u,
				 ~0ull, ~0ull, loss, 5,    ~0ul, ~0ul, LONG, false, &tests };

	(void)state;
	tests.pass = tests.skip = ~0u;
	format(&facts);
	assert_int_equal(text.nr, SUMMARY_LINES);
	assert_string_not_equal(line_of("more"), "");
}

/* --- the picture: kernel/summary_picture.c ------------------------------------------------------------------------ */

#define COLS 81

static unsigned int room, side;
static bool (*is_dark)(unsigned int x, unsigned int y);

/* For arch_console_room() in summary_picture.c (host.mk). */
unsigned int test_console_room(unsigned int cols)
{
	assert_int_equal(cols, COLS);
	return room;
}

void console_picture(unsigned int cols, unsigned int modules, unsigned int border,
		     bool (*dark)(unsigned int x, unsigned int y))
{
	assert_int_equal(cols, COLS);
	assert_int_equal(border, 4);
	assert_true((modules + 2 * border) * 3 <= room);
	side = modules;
	is_dark = dark;
}

/* `lines` of `len` characters, no two of them alike, so that nothing can be left out. */
static struct summary_text text_of(unsigned int lines, unsigned int len)
{
	struct summary_text text = { .nr = lines };

	for (unsigned int i = 0; i < lines; i++)
		for (unsigned int j = 0; j < len; j++)
			text.line[i][j] = (char)('!' + (i * 7 + j * 11) % 90);
	return text;
}

static void draw_code(const struct summary_text *text, unsigned int pixels)
{
	room = pixels;
	side = 0;
	summary_draw(text, COLS);
}

/* The ring of a finder pattern, at the upper left (ISO 18004, 6.3.3). */
static void assert_is_a_code(void)
{
	assert_int_equal((side - 17) % 4, 0);
	for (unsigned int i = 0; i < 7; i++) {
		assert_true(is_dark(i, 0) && is_dark(0, i) && is_dark(i, 6) && is_dark(6, i));
		assert_false(is_dark(i, 7) || is_dark(7, i));
	}
}

static void it_fits_into_any_room(void **state)
{
	struct summary_text text = text_of(SUMMARY_LINES, 30);
	unsigned int last = 0;

	(void)state;
	for (unsigned int pixels = 0; pixels < 500; pixels += 7) {
		draw_code(&text, pixels);
		if (!side)
			continue;
		assert_is_a_code();
		assert_true(side >= last);
		last = side;
	}
	draw_code(&text, 0);
	assert_int_equal(side, 0);
	draw_code(&text, 86); /* the smallest code has 21 modules */
	assert_int_equal(side, 0);
}

/* Its lines are in the code, as far as there is room: 8 bits of data a character. */
static void as_much_as_there_is_room_for(void **state)
{
	struct summary_text all = text_of(SUMMARY_LINES, SUMMARY_COLS), one = text_of(1, SUMMARY_COLS);
	unsigned int of_one;

	(void)state;
	draw_code(&one, 375);
	of_one = side;
	assert_in_range(of_one, 33, 37);
	draw_code(&all, 375); /* 1024 pixels less 81 columns */
	assert_in_range(side, 109, 117);
	draw_code(&all, 3 * (of_one + 8));
	assert_int_equal(side, of_one);
	draw_code(&all, 100000);
	assert_in_range(side, 109, 117);
}

static void blanks_take_no_room(void **state)
{
	struct summary_text narrow = { 1, { "a b" } },
			    wide = { 1, { "a                                               b" } };
	unsigned int of_narrow;

	(void)state;
	draw_code(&narrow, 375);
	of_narrow = side;
	draw_code(&wide, 375);
	assert_int_equal(side, of_narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_without_faults),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(many_failures_are_counted),
		cmocka_unit_test(losses_are_all_counted),
		cmocka_unit_test(everything_is_too_long),
		cmocka_unit_test(it_fits_into_any_room),
		cmocka_unit_test(as_much_as_there_is_room_for),
		cmocka_unit_test(blanks_take_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
