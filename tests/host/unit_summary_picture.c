/* SPDX-License-Identifier: MIT */
/* kernel/summary_picture.c: whatever room there is, the code fits into it, with three pixels a module and a border of four. */
#include "tests/host/port/host.h"

#include <arch/console.h>
#include "kernel/summary_picture.h"

#define COLS 81

static unsigned int room, side;
static bool (*is_dark)(unsigned int x, unsigned int y);

unsigned int arch_console_room(unsigned int cols)
{
	assert_int_equal(cols, COLS);
	return room;
}

void console_picture(unsigned int cols, unsigned int modules, unsigned int border, bool (*dark)(unsigned int x, unsigned int y))
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

static void draw(const struct summary_text *text, unsigned int pixels)
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
		draw(&text, pixels);
		if (!side)
			continue;
		assert_is_a_code();
		assert_true(side >= last);
		last = side;
	}
	draw(&text, 0);
	assert_int_equal(side, 0);
	draw(&text, 86); /* the smallest code has 21 modules */
	assert_int_equal(side, 0);
}

/* Its lines are in the code, as far as there is room: 8 bits of data a character. */
static void as_much_as_there_is_room_for(void **state)
{
	struct summary_text all = text_of(SUMMARY_LINES, SUMMARY_COLS), one = text_of(1, SUMMARY_COLS);
	unsigned int of_one;

	(void)state;
	draw(&one, 375);
	of_one = side;
	assert_in_range(of_one, 33, 37);
	draw(&all, 375); /* 1024 pixels less 81 columns */
	assert_in_range(side, 109, 117);
	draw(&all, 3 * (of_one + 8));
	assert_int_equal(side, of_one);
	draw(&all, 100000);
	assert_in_range(side, 109, 117);
}

static void blanks_take_no_room(void **state)
{
	struct summary_text narrow = { 1, { "a b" } }, wide = { 1, { "a                                               b" } };
	unsigned int of_narrow;

	(void)state;
	draw(&narrow, 375);
	of_narrow = side;
	draw(&wide, 375);
	assert_int_equal(side, of_narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fits_into_any_room),
		cmocka_unit_test(as_much_as_there_is_room_for),
		cmocka_unit_test(blanks_take_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
