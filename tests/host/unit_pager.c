/* SPDX-License-Identifier: MIT */
/*
 * kernel/shell/pager.c: never more than a page without a key, nothing lost but what was not wanted, no wait where
 * nobody may.
 */
#include "tests/host/port/host.h"

#include <arch/console.h>
#include <kernel/preempt.h>
#include <lib/format.h>
#include <lib/string.h>
#include "kernel/shell/internal.h"

#define COLS  20u
#define LINES 10u /* nine of text, and the question */

static char shown[64 * 1024], question[64];
static size_t nr_shown;
static bool at_screen;
static unsigned int screen_lines = LINES;
static const char *keys;
static unsigned int nr_asked;
static bool (*pager)(const char *text, size_t len);

/* host.mk compiles pager.c with these in place of cprintf() and of two of <arch/console.h>. */
void test_cprintf(const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(shown + nr_shown, sizeof(shown) - nr_shown, fmt, args);
	va_end(args);
	if (!pager(shown + nr_shown, (size_t)len)) /* its own text is not its business */
		nr_shown += (size_t)len;
	shown[nr_shown] = '\0';
}

void cprintf_set_pager(bool (*takes)(const char *text, size_t len))
{
	if (takes)
		pager = takes;
}

bool test_typed_at_screen(void) { return at_screen; }

bool test_console_size(unsigned int *cols, unsigned int *lines)
{
	*cols = COLS;
	*lines = screen_lines;
	return true;
}

/* Keys that mean nothing are passed over; when the script has ended, somebody has had enough. */
int shell_wait_for_key(void)
{
	const char *from = strstr(shown, "--");

	assert_non_null(from);
	strscpy(question, from, sizeof(question));
	nr_asked++;
	return *keys ? *keys++ : 'q';
}

/* The question is gone when the answer has come: backspaces have taken it away. */
static void forget_questions(void)
{
	char *to = shown, *from = shown;

	while (*from)
		if (*from == '\b' && to > shown)
			to--, from += 3; /* \b blank \b */
		else
			*to++ = *from++;
	*to = '\0';
	nr_shown = (size_t)(to - shown);
}

static void print(const char *text)
{
	if (!pager(text, strlen(text)))
		test_cprintf("%s", text);
}

static bool begin(const char *script, bool asked)
{
	this_cpu_write(current_task, (struct task *)shown); /* anybody */
	keys = script;
	nr_shown = nr_asked = 0;
	shown[0] = '\0';
	return shell_pager_begin(asked);
}

static void end(void)
{
	shell_pager_end();
	forget_questions();
}

static unsigned int rows_of(const char *text)
{
	unsigned int rows = 0, col = 0;

	for (; *text; text++) {
		if (*text == '\n' || col == COLS) {
			rows++;
			col = 0;
		}
		col += *text != '\n';
	}
	return rows + (col != 0);
}

static char all[16 * 1024];

/* `n` lines of different lengths, in pieces that end anywhere. */
static void print_lines(unsigned int n)
{
	char piece[16];
	size_t len = 0;

	for (unsigned int i = 0; i < n; i++) {
		len += (size_t)scnprintf(all + len, sizeof(all) - len, "%u ", i);
		for (unsigned int j = 0; j < i * 7 % 50; j++)
			all[len++] = 'x';
		all[len++] = '\n';
	}
	all[len] = '\0';
	for (size_t at = 0, i = 0; at < len; at += strlen(piece), i++) {
		strscpy(piece, all + at, 1 + 1 + i % 14);
		print(piece);
	}
}

static void spaces_show_all(void **state)
{
	(void)state;
	at_screen = true;
	for (unsigned int n = 0; n < 100; n++) {
		assert_true(
			begin("                                                                            x", false));
		print_lines(n);
		end();
		assert_string_equal(shown, all);
		assert_int_equal(nr_asked, rows_of(all) ? (rows_of(all) - 1) / (LINES - 1) : 0);
		all[0] = '\0';
	}
}

static void a_line_more_and_no_more(void **state)
{
	(void)state;
	at_screen = true;
	assert_true(begin("z\r\n q", false)); /* not a key; two lines; a page */
	for (unsigned int i = 0; i < 100; i++)
		print("line\n");
	end();
	assert_int_equal(rows_of(shown), 9 + 2 + 9);
	assert_int_equal(nr_asked, 5);
	assert_true(begin("\003", false));
	for (unsigned int i = 0; i < 100; i++)
		print("line\n");
	end();
	assert_int_equal(rows_of(shown), 9);
	assert_int_equal(nr_asked, 1);
	assert_true(begin("", false)); /* nothing of it is left */
	print("line\n");
	end();
	assert_string_equal(shown, "line\n");
}

/* With a lock in hand nobody waits: it is shown afterwards, in its order, by pages. */
static void not_with_a_lock_in_hand(void **state)
{
	(void)state;
	at_screen = true;
	assert_true(begin("    ", false));
	print("first\n");
	preempt_disable();
	for (unsigned int i = 0; i < 30; i++)
		print("line\n");
	assert_int_equal(nr_asked, 0);
	preempt_enable();
	print("and\n");
	preempt_disable();
	print("last\n");
	preempt_enable();
	end();
	assert_int_equal(nr_asked, 3);
	assert_int_equal(rows_of(shown), 33);
	assert_true(strstarts(shown, "first\nline\n"));
	assert_string_equal(shown + nr_shown - 14, "line\nand\nlast\n");
	assert_true(begin("", false));
	preempt_disable();
	for (unsigned int i = 0; i < 5000; i++) /* more than it keeps: nobody waits all the same, and nothing is lost */
		print("line\n");
	preempt_enable();
	assert_int_equal(nr_asked, 0);
	assert_in_range(nr_shown, 1000, 5 * 5000);
	end();
}

static void who_is_asked(void **state)
{
	(void)state;
	at_screen = false;
	assert_false(begin("", false)); /* a serial line: a program may read there */
	assert_true(begin("", true));
	assert_false(shell_pager_begin(true));
	for (unsigned int i = 0; i < 100; i++)
		print("line\n");
	end();
	assert_int_equal(rows_of(shown), 23);
	assert_true(strstr(question, "space"));
}

/* The smallest screens: a line and the question, and a single line, where nothing can be asked. */
static void small_screens(void **state)
{
	(void)state;
	at_screen = true;
	screen_lines = 2;
	assert_true(begin("  \n", false));
	print("a\nb\nc\nd\n");
	end();
	assert_string_equal(shown, "a\nb\nc\nd\n");
	assert_int_equal(nr_asked, 3);
	screen_lines = 1;
	assert_false(begin("", false));
	assert_true(begin("", true)); /* as at a serial line */
	print("a\nb\n");
	end();
	assert_string_equal(shown, "a\nb\n");
	screen_lines = LINES;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spaces_show_all),
		cmocka_unit_test(a_line_more_and_no_more),
		cmocka_unit_test(not_with_a_lock_in_hand),
		cmocka_unit_test(who_is_asked),
		cmocka_unit_test(small_screens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
