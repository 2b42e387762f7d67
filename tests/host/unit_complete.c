/* SPDX-License-Identifier: MIT */
/* kernel/shell/complete.c: what Tab makes of a line. */
#include "tests/host/port/host.h"

#include "kernel/shell/internal.h"
#include <lib/string.h>

static const char *const *list;

static const char *words(unsigned int n) { return list[n]; }

static const char *const commands[] = { "meminfo", "memtypes", "pgds", "ps", "ptdump", "vmallocinfo", NULL };
static const char *const tests[] = { "vmalloc.", "vmalloc.guard_page", "",     "vmalloc.huge",
				     "vmap.",    "vmap.one",           "tlb.", "tlb.a",
				     NULL };

/* The line before and after Tab, and how many words are offered. */
static void expect(const char *const *from, const char *before, const char *after, unsigned int offered)
{
	char line[SHELL_LINE_MAX];
	size_t start;

	list = from;
	strscpy(line, before, sizeof(line));
	assert_int_equal(shell_complete(line, sizeof(line), words, &start), offered);
	assert_string_equal(line, after);
	assert_true(start <= strlen(before));
}

static void one_word_is_finished(void **state)
{
	(void)state;
	expect(commands, "v", "vmallocinfo ", 1);
	expect(commands, "pg", "pgds ", 1);
	expect(commands, "ps", "ps ", 1);
	expect(commands, "run vm", "run vmallocinfo ", 1);
}

static void many_words_grow_as_far_as_they_agree(void **state)
{
	(void)state;
	expect(commands, "m", "mem", 2);
	expect(commands, "mem", "mem", 2);
	expect(commands, "p", "p", 3);
	expect(commands, "", "", 6);
	expect(commands, "run ", "run ", 6);
}

static void no_word_changes_nothing(void **state)
{
	(void)state;
	expect(commands, "x", "x", 0);
	expect(commands, "psx", "psx", 0);
	expect(commands, "ps ,x", "ps ,x", 0);
}

/* First the suite, then its tests. */
static void words_with_a_dot_grow_in_two_steps(void **state)
{
	(void)state;
	expect(tests, "test v", "test vma", 2);
	expect(tests, "test vmal", "test vmalloc.", 1);
	expect(tests, "test vmalloc.", "test vmalloc.", 2);
	expect(tests, "test vmalloc.h", "test vmalloc.huge ", 1);
	expect(tests, "test ", "test ", 3);
	expect(tests, "test vmap.", "test vmap.one ", 1);
}

static void lists_grow_behind_their_last_comma(void **state)
{
	(void)state;
	expect(tests, "test tlb.a,vmap", "test tlb.a,vmap.", 1);
	expect(tests, "test tlb.a,vmap.o", "test tlb.a,vmap.one ", 1);
}

static void a_full_line_stays_as_it_is(void **state)
{
	char line[SHELL_LINE_MAX];
	size_t start;

	(void)state;
	list = commands;
	memset(line, 'a', sizeof(line));
	strscpy(line + SHELL_LINE_MAX - 9, " vmall", 9);
	assert_int_equal(shell_complete(line, sizeof(line), words, &start), 1);
	assert_string_equal(line + SHELL_LINE_MAX - 9, " vmall");
	strscpy(line, "vmall", sizeof(line));
	assert_int_equal(shell_complete(line, 13, words, &start), 1);
	assert_string_equal(line, "vmallocinfo ");
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(one_word_is_finished),		 cmocka_unit_test(many_words_grow_as_far_as_they_agree),
		cmocka_unit_test(no_word_changes_nothing),	 cmocka_unit_test(words_with_a_dot_grow_in_two_steps),
		cmocka_unit_test(lists_grow_behind_their_last_comma), cmocka_unit_test(a_full_line_stays_as_it_is),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
