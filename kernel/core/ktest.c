/* SPDX-License-Identifier: MIT */
/*
 * Running tests and printing KTAP: two levels, suites and their tests. Compiler and linker gather the tests in any
 * order, so they run in the order of their names. Each line of a result is one print_line(), so output of other CPUs
 * cannot get into it.
 *
 * Only one test runs at a time, but the code under test may run on any CPU, and EXPECT works on every CPU.
 */
#include <kernel/ktest.h>
#include <arch/irq.h>
#include <kernel/cmdline.h>
#include <kernel/cpumask.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/format.h>
#include <lib/glob.h>
#include <lib/math.h>
#include <lib/random.h>
#include <lib/string.h>

#define SMOKE_SUITES "founding,museum" /* run by `make run`, within seconds */
/* Not in `all`: long, measuring, or fatal. */
#define OPT_IN_SUITES "stress,fuzz_user,numbers,bench,bench_smp,bench_growth,bench_self,crash"
#define MAX_REPORTS  10		       /* failures of one test that are printed; all count */

extern const struct ktest __ktests_start[], __ktests_end[];
extern const struct ktest_guard __ktest_guards_start[], __ktest_guards_end[];

#define for_each_test(t)  for (const struct ktest *t = __ktests_start; t < __ktests_end; t++)
#define for_each_guard(g) for (const struct ktest_guard *g = __ktest_guards_start; g < __ktest_guards_end; g++)

/* The running test. */
static const struct ktest *running;
static atomic_t failures;
static const char *skip_reason;

static bool active;
static void (*report)(const struct ktest_outcome *totals);
static const char *run_env = "x64";
static char replay_words[96]; /* " CMDLINE='word word", without the last quote */
static u64 run_seed;
static struct rnd_state random_state;

void ktest_set_env(const char *env)
{
	run_env = env;
}

void ktest_add_replay(const char *word)
{
	size_t used = strlen(replay_words);

	scnprintf(replay_words + used, sizeof(replay_words) - used, "%s%s", used ? " " : " CMDLINE='", word);
}

void ktest_set_report(void (*print)(const struct ktest_outcome *totals))
{
	report = print;
}

void ktest_seed(u64 seed)
{
	run_seed = seed;
	random_seed(&random_state, seed);
}

u64 ktest_run_seed(void)
{
	return run_seed;
}

bool ktest_failed(void)
{
	return atomic_read(&failures) != 0;
}

u64 ktest_random(void)
{
	return random_u64(&random_state);
}

bool ktest_active(void)
{
	return READ_ONCE(active);
}

/* --- what tests call ---------------------------------------------------------------------------------------------- */

void ktest_note(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	print_line("    # %s: %s", running ? running->name : "ktest", text);
}

void ktest_skip(const char *why)
{
	skip_reason = why;
}

/* Count a failure. True: its first line has been printed, and the caller prints the others. */
static bool begin_report(const char *file, int line)
{
	int nr = atomic_inc_return(&failures);

	if (nr == MAX_REPORTS + 1)
		ktest_note("more failures, not shown");
	if (nr > MAX_REPORTS)
		return false;
	ktest_note("EXPECTATION FAILED at %s:%d", file, line);
	return true;
}

bool ktest_expect(bool ok, const char *file, int line, const char *text)
{
	if (!ok && begin_report(file, line))
		print_line("    #   Expected %s", text);
	return ok;
}

bool ktest_expect_eq(u64 a, u64 b, const char *file, int line, const char *text_a, const char *text_b)
{
	if (a != b && begin_report(file, line)) {
		print_line("    #   Expected %s == %s", text_a, text_b);
		print_line("    #       but  %s == 0x%llx", text_a, a);
		print_line("    #       and  %s == 0x%llx", text_b, b);
	}
	return a == b;
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/* A pattern may name "suite.test" or a whole suite. */
static bool selected(const struct ktest *test, const char *globs)
{
	char name[128];

	if (strcmp(globs, "*") == 0 && glob_list_match(OPT_IN_SUITES, test->suite))
		return false;
	scnprintf(name, sizeof(name), "%s.%s", test->suite, test->name);
	return glob_list_match(globs, name) || glob_list_match(globs, test->suite);
}

bool ktest_name(unsigned int n, char *buf, size_t size)
{
	const struct ktest *test = __ktests_start + n / 2;

	if (test >= __ktests_end)
		return false;
	scnprintf(buf, size, "%s.%s", test->suite, n % 2 ? test->name : "");
	for (const struct ktest *t = __ktests_start; t < test && n % 2 == 0; t++)
		if (strcmp(t->suite, test->suite) == 0)
			*buf = '\0';
	return true;
}

/* By suite, then by name; the address makes the order total if a name is used twice. */
static bool comes_before(const struct ktest *a, const struct ktest *b)
{
	int order = strcmp(a->suite, b->suite);

	if (!order)
		order = strcmp(a->name, b->name);
	return order ? order < 0 : a < b;
}

/* The next chosen test after `test` (NULL: the first). NULL: there is none. */
static const struct ktest *next_test(const char *globs, const struct ktest *test)
{
	const struct ktest *next = NULL;

	for_each_test(t)
		if ((!test || comes_before(test, t)) && (!next || comes_before(t, next)) && selected(t, globs))
			next = t;
	return next;
}

static bool same_suite(const struct ktest *a, const struct ktest *b)
{
	return a && b && strcmp(a->suite, b->suite) == 0;
}

static unsigned int count_suites(const char *globs)
{
	const struct ktest *test = NULL, *next;
	unsigned int n = 0;

	for (; (next = next_test(globs, test)); test = next)
		n += !same_suite(test, next);
	return n;
}

/* Number of chosen tests in the suite that begins with `first`. */
static unsigned int count_tests(const char *globs, const struct ktest *first)
{
	unsigned int n = 0;

	for (const struct ktest *test = first; same_suite(first, test); test = next_test(globs, test))
		n++;
	return n;
}

/* bench_smp is `make bench-smp`. */
static const char *make_target(const char *suite)
{
	static char name[24];

	strscpy(name, suite, sizeof(name));
	for (char *c = name; *c; c++)
		if (*c == '_')
			*c = '-';
	return name;
}

/* The command that runs a test again. Opt-in suites have targets of their own in the Makefile, named like them. */
static const char *replay_command(const struct ktest *test)
{
	static char text[288];
	const char *end = *replay_words ? "'" : "";

	if (glob_list_match(OPT_IN_SUITES, test->suite))
		scnprintf(text, sizeof(text), "make %s ENV=%s CPUS=%u SEED=0x%llx%s%s", make_target(test->suite),
			  run_env, num_online_cpus(), run_seed, replay_words, end);
	else
		scnprintf(text, sizeof(text), "make test ENV=%s T=%s.%s SEED=0x%llx%s%s", run_env, test->suite,
			  test->name, run_seed, replay_words, end);
	return text;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

/* Run one test between its guards. Returns the microseconds that it took. */
static u64 execute(const struct ktest *test)
{
	u64 start = arch_uptime_us();

	WRITE_ONCE(running, test);
	atomic_set(&failures, 0);
	skip_reason = NULL;
	random_seed(&random_state, run_seed);
	for_each_guard(g)
		if (g->begin)
			g->begin();
	test->run();
	for_each_guard(g)
		if (g->end)
			g->end();
	WRITE_ONCE(running, NULL);
	return arch_uptime_us() - start;
}

static void add_failure(struct ktest_outcome *totals, const struct ktest *test)
{
	if (totals->fail < KTEST_NAMED)
		totals->failed[totals->fail] = test;
	totals->fail++;
}

static void run_test(const struct ktest *test, unsigned int number, struct ktest_outcome *totals)
{
	u64 took = execute(test);
	u32 us;
	u64 ms = div_u64_rem(took, 1000, &us);

	if (atomic_read(&failures)) {
		add_failure(totals, test);
		print_line("    not ok %u %s # replay: %s", number, test->name, replay_command(test));
	} else if (skip_reason) {
		totals->skip++;
		print_line("    ok %u %s # SKIP %s", number, test->name, skip_reason);
	} else {
		totals->pass++;
		print_line("    ok %u %s # time=%llu.%03ums", number, test->name, ms, us);
	}
}

static void print_suite_result(const char *suite, unsigned int number, const struct ktest_outcome *own)
{
	print_line("# %s: pass=%u fail=%u skip=%u", suite, own->pass, own->fail, own->skip);
	if (own->pass || own->fail)
		print_line("%sok %u %s", own->fail ? "not " : "", number, suite);
	else
		print_line("ok %u %s # SKIP every test was skipped", number, suite);
}

static void add_suite(struct ktest_outcome *totals, const struct ktest_outcome *own)
{
	for (unsigned int i = 0; i < min(own->fail, KTEST_NAMED) && totals->fail + i < KTEST_NAMED; i++)
		totals->failed[totals->fail + i] = own->failed[i];
	totals->pass += own->pass;
	totals->fail += own->fail;
	totals->skip += own->skip;
}

/* Returns the first test of the next suite. */
static const struct ktest *run_suite(const char *globs, const struct ktest *first, unsigned int number,
				     struct ktest_outcome *totals)
{
	const struct ktest *test = first;
	struct ktest_outcome own = { 0 };

	print_line("    KTAP version 1");
	print_line("    # Subtest: %s", first->suite);
	print_line("    1..%u", count_tests(globs, first));
	for (unsigned int n = 1; same_suite(first, test); test = next_test(globs, test))
		run_test(test, n++, &own);
	print_suite_result(first->suite, number, &own);
	add_suite(totals, &own);
	return test;
}

static enum ktest_verdict print_verdict(const struct ktest_outcome *totals)
{
	enum ktest_verdict verdict = KTEST_PASS;
	const char *word = "PASS";

	if (totals->error) {
		verdict = KTEST_ERROR;
		word = "ERROR";
	} else if (totals->fail) {
		verdict = KTEST_FAIL;
		word = "FAIL";
	} else if (!totals->pass) {
		verdict = KTEST_SKIPPED;
		word = "SKIP";
	}
	if (report)
		report(totals);
	print_line("# totals: pass=%u fail=%u skip=%u error=%u", totals->pass, totals->fail, totals->skip,
		   totals->error);
	print_line("# exit: %s", word);
	return verdict;
}

enum ktest_verdict ktest_run(const char *globs)
{
	struct ktest_outcome totals = { 0 };
	enum ktest_verdict verdict;
	const struct ktest *test;
	unsigned int number = 0;

	if (!globs || !*globs || strcmp(globs, "all") == 0)
		globs = "*";
	else if (strcmp(globs, "smoke") == 0)
		globs = SMOKE_SUITES;
	WRITE_ONCE(active, true);
	print_line("KTAP version 1");
	print_line("# run: seed=0x%llx cmdline=\"%s\"", run_seed, cmdline_text());
	print_line("1..%u", count_suites(globs));
	for (test = next_test(globs, NULL); test;)
		test = run_suite(globs, test, ++number, &totals);
	if (!number) {
		totals.error++;
		print_line("# no test matches \"%s\"", globs);
	}
	verdict = print_verdict(&totals);
	WRITE_ONCE(active, false);
	return verdict;
}

void ktest_bail_out(const char *why)
{
	const struct ktest *test = READ_ONCE(running);

	if (test)
		print_line("# crashed in %s.%s, replay: %s", test->suite, test->name, replay_command(test));
	print_line("Bail out! panic: %s", why);
}
