/* SPDX-License-Identifier: MIT */
/*
 * The lines of the summary: each has a word that names its subject, and facts behind it. Text without room is cut, and
 * a list says how many entries it leaves out. So the summary never grows: 15 lines = 1 + verdict 1 + failed 3 +
 * warnings 1 (2 if there is room) + CPU 1 + memory 1 + left out 3 + firmware, console, keyboard, more 1 each.
 */
#include <kernel/summary.h>
#include <lib/format.h>
#include <lib/size.h>
#include <lib/string.h>

#define MARGIN	     10 /* columns in front of the facts */
#define MOST_LOSSES  3
#define FAILED_LINES 3
#define MORE_ROOM    16 /* for " and 99999 more" */

static void __printf(3, 4) add(struct summary_text *text, const char *word, const char *fmt, ...)
{
	char *line = text->line[text->nr++];
	int len = scnprintf(line, SUMMARY_COLS + 1, "%-*s", MARGIN, word);
	va_list args;

	va_start(args, fmt);
	vscnprintf(line + len, (size_t)(SUMMARY_COLS + 1 - len), fmt, args);
	va_end(args);
}

static const char *plural(unsigned long n)
{
	return n == 1 ? "" : "s";
}

static const char *verdict_word(const struct ktest_outcome *tests)
{
	return tests->error ? "ERROR" : tests->fail ? "FAIL" : tests->pass ? "PASS" : "SKIP";
}

static void add_verdict(struct summary_text *text, const struct ktest_outcome *tests)
{
	if (!tests)
		add(text, "verdict", "no self-test was asked for");
	else
		add(text, "verdict", "%s: %u test%s passed, %u failed, %u skipped", verdict_word(tests), tests->pass,
		    plural(tests->pass), tests->fail, tests->skip);
}

static const char *failed_name(char name[SUMMARY_COLS], const struct ktest *test)
{
	scnprintf(name, SUMMARY_COLS, "%s.%s", test->suite, test->name);
	return name;
}

/*
 * Add one line of names, from the n-th on. The last line keeps room for the number of names that are left. Returns the
 * number of the next name.
 */
static unsigned int add_names(struct summary_text *text, const struct ktest_outcome *tests, unsigned int n, bool last)
{
	unsigned int room = SUMMARY_COLS - MARGIN - (last ? MORE_ROOM : 0), known = min(tests->fail, KTEST_NAMED);
	char names[SUMMARY_COLS + 1], name[SUMMARY_COLS];
	unsigned int first = n, len = 0;

	for (; n < known; n++) {
		const char *next = failed_name(name, tests->failed[n]);

		if (n > first && len + 2 + strlen(next) + 1 > room)
			break;
		len += (unsigned int)scnprintf(names + len, room + 1 - len, "%s%s", n > first ? ", " : "", next);
	}
	if (n < tests->fail && last)
		add(text, first ? "" : "failed", "%s and %u more", names, tests->fail - n);
	else
		add(text, first ? "" : "failed", "%s%s", names, n < known ? "," : "");
	return n;
}

static void add_failed(struct summary_text *text, const struct ktest_outcome *tests)
{
	unsigned int n = 0, known = min(tests->fail, KTEST_NAMED);

	for (unsigned int line = 1; line <= FAILED_LINES && n < known; line++)
		n = add_names(text, tests, n, line == FAILED_LINES);
}

#define LINES_BELOW 6 /* below the warnings: CPUs, memory, firmware, console, keyboard, more; losses not counted */

static unsigned int loss_lines(const struct summary *facts)
{
	unsigned int lines = 0;

	for (unsigned int i = 0; i < facts->nr_losses; i++)
		lines += facts->loss[i].bytes != 0;
	return min(lines, (unsigned int)MOST_LOSSES);
}

/* What the first problem was, if there is room for it. */
static void add_problem(struct summary_text *text, const struct summary *facts)
{
	if (facts->problems && facts->first_problem && text->nr + LINES_BELOW + loss_lines(facts) < SUMMARY_LINES)
		add(text, "", "first: %s", facts->first_problem);
}

static void add_warnings(struct summary_text *text, const struct summary *facts)
{
	if (facts->warnings || facts->problems)
		add(text, "warnings", "%lu broken invariant%s (WARNING), %lu other problem%s; 'dmesg' has them",
		    facts->warnings, plural(facts->warnings), facts->problems, plural(facts->problems));
	else
		add(text, "warnings", "none");
}

/* If there are more reasons than lines, the last line has the sum of the rest. */
static void add_losses(struct summary_text *text, const struct summary *facts)
{
	unsigned int nr = 0, lines = 0;
	u64 rest = 0;

	for (unsigned int i = 0; i < facts->nr_losses; i++) {
		nr += facts->loss[i].bytes != 0;
		rest += facts->loss[i].bytes;
	}
	for (const struct summary_loss *loss = facts->loss; nr && lines < MOST_LOSSES; loss++) {
		if (!loss->bytes)
			continue;
		lines++;
		if (lines == MOST_LOSSES && nr > 1) {
			add(text, "", "%s for %u other reasons; 'dmesg' has them", SIZE(rest), nr);
			break;
		}
		add(text, lines == 1 ? "left out" : "", "%s %s", SIZE(loss->bytes), loss->why);
		rest -= loss->bytes;
		nr--;
	}
}

void summary_format(struct summary_text *text, const struct summary *facts)
{
	text->nr = 0;
	add(text, "Kvasir", KERNEL_VERSION " %s: %u-level page tables, %s build", facts->mode, facts->levels,
	    facts->build);
	add_verdict(text, facts->tests);
	if (facts->tests)
		add_failed(text, facts->tests);
	add_warnings(text, facts);
	add_problem(text, facts);
	add(text, "CPUs", "%u of %u run, %.50s", facts->cpus, facts->cpus_found, facts->cpu);
	add(text, "memory", "%s of %s used", SIZE(facts->ram), SIZE(facts->ram_found));
	add_losses(text, facts);
	add(text, "firmware", "%s", facts->firmware);
	add(text, "console", "%s", facts->console);
	add(text, "keyboard", facts->keyboard ? "yes" : "no keyboard was found");
	add(text, "more", "'dmesg' shows the log, 'help' all commands, 'summary' this again");
}
