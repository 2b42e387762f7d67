/* SPDX-License-Identifier: MIT */
/* kernel/core/program_text.c: whatever programs write, every line says whose it is, and all of it can be seen. */
#include "tests/host/port/host.h"

#include <kernel/program_text.h>
#include <lib/format.h>
#include <lib/string.h>


static char shown[1 << 16];
static size_t nr_shown;
static struct program_text last;

static void begin(void)
{
	nr_shown = 0;
	last = (struct program_text){ 0 };
}

/* In pieces of any size: what comes out must not depend on it. */
static void write_as(int pid, const char *text, size_t len)
{
	while (len) {
		size_t room = PROGRAM_TEXT_ROOM + (size_t)host_random_below(80);

		assert_true(nr_shown + room < sizeof(shown));
		nr_shown += program_text_put(&last, pid, &text, &len, shown + nr_shown, room);
	}
	shown[nr_shown] = '\0';
}

#define WRITE(pid, text) write_as(pid, text, sizeof(text) - 1)

static void lines_say_whose_they_are(void **state)
{
	(void)state;
	begin();
	WRITE(3, "one\ntwo\n\nthree");
	WRITE(3, " and more\n");
	assert_string_equal(shown, "3| one\n3| two\n3| \n3| three and more\n");
}

static void two_programs_share_no_line(void **state)
{
	(void)state;
	begin();
	WRITE(3, "abc");
	WRITE(32767, "x\ny");
	WRITE(3, "def\n");
	assert_string_equal(shown, "3| abc\n32767| x\n32767| y\n3| def\n");
}

static void what_is_no_text_is_a_number(void **state)
{
	(void)state;
	begin();
	WRITE(3, "pub[A\0B\0C]bup\n");
	WRITE(4, "\033[2J\r\b\x7f\x9b" "31m\xff\n");
	assert_string_equal(shown, "3| pub[A\\x00B\\x00C]bup\n4| \\x1b[2J\\x0d\\x08\\x7f\\x9b31m\\xff\n");
}

/* Else a terminal would break it, and the rest would stand where the kernel's lines begin. */
static void long_lines_go_on_in_the_next(void **state)
{
	char text[200];

	(void)state;
	begin();
	memset(text, 'a', sizeof(text));
	write_as(3, text, sizeof(text));
	WRITE(3, "\n");
	assert_int_equal(nr_shown, 200 + 3 * 4); /* 76 columns a line, and each loses 3 to the mark */
	for (size_t at = 0; at < nr_shown; at += PROGRAM_TEXT_COLUMNS + 1)
		assert_memory_equal(shown + at, "3| ", 3);
	begin();
	write_as(3, text, PROGRAM_TEXT_COLUMNS - 3);
	WRITE(3, "\nb\n"); /* as long as it may be: no empty line behind it */
	assert_int_equal(nr_shown, PROGRAM_TEXT_COLUMNS + 1 + 5);
}

static void tabs_become_spaces(void **state)
{
	(void)state;
	begin();
	WRITE(3, "\ta\tb\n");
	assert_string_equal(shown, "3|      a       b\n");
}

/* One line as it is shown: whose, and no byte that does not belong. */
static void check_line(const char *line, size_t len)
{
	size_t mark = 0;

	while (is_digit(line[mark]))
		mark++;

	assert_true(mark >= 1 && mark <= 5 && line[mark] == '|' && line[mark + 1] == ' ');
	assert_true(len <= PROGRAM_TEXT_COLUMNS + 8);
	for (size_t i = 0; i < len; i++)
		assert_true(is_print(line[i]));
}

static void any_bytes_of_any_programs(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		const char *line = shown;

		begin();
		for (unsigned int n = 1 + (unsigned int)host_random_below(8); n; n--) {
			char text[300];
			size_t len = 1 + (size_t)host_random_below(sizeof(text));

			for (size_t i = 0; i < len; i++)
				text[i] = (char)host_random();
			write_as(1 + (int)host_random_below(3), text, len);
		}
		for (char *end; (end = strchr(line, '\n')); line = end + 1)
			check_line(line, (size_t)(end - line));
		if (*line)
			check_line(line, strlen(line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_say_whose_they_are),	cmocka_unit_test(two_programs_share_no_line),
		cmocka_unit_test(what_is_no_text_is_a_number),	cmocka_unit_test(long_lines_go_on_in_the_next),
		cmocka_unit_test(tabs_become_spaces),		cmocka_unit_test(any_bytes_of_any_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
