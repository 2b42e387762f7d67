/* SPDX-License-Identifier: MIT */
/*
 * arch/x86/cpu/console/screen.c: what the screen shows is what was written, also while somebody looks back and beside a
 * picture.
 */
#include "tests/host/port/host.h"

#include <arch/console.h>
#include <asm/console_driver.h>
#include <asm/screen.h>
#include <lib/format.h>
#include <lib/parse.h>
#include <lib/string.h>

#define COLS	40
#define ROWS	10
#define CELL_X	8
#define CELL_Y	16
#define MARGIN	6 /* pixels right of the last column and below the last row */
#define PICTURE 'P'
#define NO_CURSOR 0xffff
#define RING_LINES (0x20000 / COLS)

static u8 shown[ROWS][COLS];
static unsigned int cursor_at = NO_CURSOR, nr_draws;
static const struct console_driver *screen;
static struct boot_info boot = { .fb.kind = BOOT_FB_TEXT };

static void fake_draw(unsigned int col, unsigned int row, u8 ch)
{
	assert_in_range(col, 0, COLS - 1);
	assert_in_range(row, 0, ROWS - 1);
	shown[row][col] = ch;
	nr_draws++;
	if (cursor_at == row * COLS + col)
		cursor_at = NO_CURSOR;
}

static void fake_cursor(unsigned int col, unsigned int row, u8 ch)
{
	fake_draw(col, row, ch);
	cursor_at = row * COLS + col;
}

static void fake_fill(unsigned int x, unsigned int y, unsigned int side, bool light)
{
	(void)light;
	assert_in_range(x + side, side, COLS * CELL_X);
	assert_in_range(y + side, side, ROWS * CELL_Y);
	for (unsigned int i = 0; i < side; i++)
		for (unsigned int j = 0; j < side; j++)
			shown[(y + i) / CELL_Y][(x + j) / CELL_X] = PICTURE;
}

const struct screen_device *vga_probe(const struct boot_framebuffer *fb)
{
	static const struct screen_device device = { "fake", COLS, ROWS, fake_draw, fake_cursor, fake_fill,
						     COLS * CELL_X + MARGIN, ROWS * CELL_Y + MARGIN };

	(void)fb;
	return &device;
}

static void write(const char *text)
{
	screen->write(text, strlen(text));
}

/* An empty screen, and nothing to look back to. */
static int setup(void **state)
{
	(void)state;
	screen = screen_probe(&boot);
	memset(shown, ' ', sizeof(shown));
	arch_console_look_back(1000);
	for (unsigned int i = 0; i < RING_LINES + ROWS; i++)
		write("\n");
	arch_console_page();
	return 0;
}

static const char *row(unsigned int n)
{
	static char text[COLS + 1];
	int len = COLS;

	memcpy(text, shown[n], COLS);
	while (len && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	return text;
}

/* "0", "1", ... on lines of their own. */
static void count(unsigned int from, unsigned int to)
{
	char text[16];

	for (; from < to; from++) {
		snprintf(text, sizeof(text), "%u\n", from);
		write(text);
	}
}

/* Row 0 shows the number, and all others follow it, down to the line behind the last number. */
static void assert_counts_from(unsigned int number, unsigned int end)
{
	char text[16];

	for (unsigned int r = 0; r < ROWS; r++) {
		snprintf(text, sizeof(text), "%u", number + r);
		assert_string_equal(row(r), number + r < end ? text : "");
	}
}

static void lines_wrap_and_scroll(void **state)
{
	(void)state;
	write("a tab:\tand text\b\b\bsigns\x80\x1b[31m.");
	assert_string_equal(row(0), "a tab:  and tsigns?.");
	assert_int_equal(cursor_at, strlen(row(0)));
	write("\r0123456789012345678901234567890123456789");
	assert_string_equal(row(1), "");
	write("x");
	assert_string_equal(row(1), "x");
	write("\n");
	for (unsigned int n = 1; n < 100; n++) {
		count(n - 1, n);
		if (n >= 2 * ROWS)
			assert_true(strlen(row(0)) && strlen(row(ROWS - 2)));
	}
	assert_string_equal(row(ROWS - 2), "98");
}

/* What is promised to the pager: a page, and the line of its question. */
static void the_last_lines_are_always_seen(void **state)
{
	unsigned int cols, lines;
	char text[16];

	(void)state;
	assert_true(arch_console_size(&cols, &lines));
	assert_int_equal(cols, COLS);
	assert_in_range(lines, ROWS / 2, ROWS);
	for (unsigned int n = 1; n < 5 * ROWS; n++) {
		bool seen = n < lines;

		count(n - 1, n);
		snprintf(text, sizeof(text), "%u", n < lines ? 0 : n - (lines - 1));
		for (unsigned int r = 0; r < ROWS; r++)
			seen = seen || strcmp(row(r), text) == 0;
		assert_true(seen);
	}
}

static void looking_back(void **state)
{
	(void)state;
	count(0, 100);
	write("prompt");
	assert_string_equal(row(ROWS - 1), "prompt");
	assert_int_equal(cursor_at, (ROWS - 1) * COLS + strlen("prompt"));
	arch_console_look_back(-1);
	assert_counts_from(91 - (ROWS - 1), 100);
	assert_int_equal(cursor_at, NO_CURSOR);
	arch_console_look_back(-1);
	assert_counts_from(91 - 2 * (ROWS - 1), 100);
	arch_console_look_back(1);
	assert_counts_from(91 - (ROWS - 1), 100);
	arch_console_look_back(5);
	assert_string_equal(row(ROWS - 1), "prompt");
	assert_int_equal(cursor_at, (ROWS - 1) * COLS + strlen("prompt"));
	arch_console_look_back(-3);
	write("!");
	assert_string_equal(row(ROWS - 1), "prompt!");
	assert_string_equal(row(0), "91");
}

/* The ring has many pages, and the oldest one ends it. */
static void back_to_the_oldest(void **state)
{
	unsigned int first;
	u64 number;

	(void)state;
	count(0, 20000);
	arch_console_look_back(-10000);
	assert_int_equal(kstrtou64(row(0), 10, &number), 0);
	first = (unsigned int)number;
	assert_in_range(first, 20000 - RING_LINES, 20000 - RING_LINES + 2 * ROWS);
	assert_counts_from(first, 20000);
	arch_console_look_back(-1);
	assert_counts_from(first, 20000);
	count(20000, 20001);
	assert_string_equal(row(ROWS - 2), "20000");
	arch_console_look_back(10000);
	assert_string_equal(row(ROWS - 2), "20000");
}

static void a_page_of_its_own(void **state)
{
	(void)state;
	count(0, 3);
	arch_console_page();
	assert_string_equal(row(0), "");
	write("block");
	assert_string_equal(row(0), "block");
	assert_string_equal(row(2), "");
	arch_console_look_back(-1);
	for (unsigned int r = 0; r < ROWS; r++)
		if (strcmp(row(r), "block") == 0)
			assert_true(r >= 3 && strcmp(row(r - 2), "2") == 0);
}

static bool dark(unsigned int x, unsigned int y) { return (x ^ y) & 1; }

static unsigned int covered(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < ROWS * COLS; i++)
		nr += (&shown[0][0])[i] == PICTURE;
	return nr;
}

#define PICTURE_COL 20

/* Text on its left leaves it alone; whatever comes into its place makes it go, and nothing of it stays. */
static void a_picture_beside_text(void **state)
{
	static const char *const ends[] = { "\n\n\n\n\n\n\n\n\n\n\n", "0123456789012345678901234567890",
					    "01234567890123456789", "0123456789012345678901234567890\r", "" };

	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
		setup(state);
		write("block\n");
		assert_int_equal(arch_console_room(PICTURE_COL), min((COLS - PICTURE_COL) * CELL_X, ROWS * CELL_Y));
		arch_console_picture(PICTURE_COL, 21, 4, dark);
		assert_in_range(covered(), (29 * 3 / CELL_X) * (29 * 3 / CELL_Y), (COLS - PICTURE_COL) * ROWS);
		assert_int_equal(shown[0][COLS - 1], PICTURE);
		write("0123456789012345678\n");
		assert_int_equal(shown[0][COLS - 1], PICTURE);
		if (*ends[i])
			write(ends[i]);
		else
			arch_console_look_back(-1);
		assert_int_equal(covered(), 0);
	}
	assert_int_equal(arch_console_room(COLS), 0);
}

static void only_what_differs_is_drawn(void **state)
{
	(void)state;
	count(0, 100);
	nr_draws = 0;
	count(100, 100 + ROWS);
	assert_in_range(nr_draws, ROWS, ROWS * COLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_wrap_and_scroll, setup),
		cmocka_unit_test_setup(the_last_lines_are_always_seen, setup),
		cmocka_unit_test_setup(looking_back, setup),
		cmocka_unit_test_setup(back_to_the_oldest, setup),
		cmocka_unit_test_setup(a_page_of_its_own, setup),
		cmocka_unit_test_setup(a_picture_beside_text, setup),
		cmocka_unit_test_setup(only_what_differs_is_drawn, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
