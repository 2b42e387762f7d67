/* SPDX-License-Identifier: MIT */
/*
 * Tests inside the kernel. Write a function anywhere under tests/kernel/ and it is built in and found:
 *
 *	KTEST(vmalloc, guard_page)
 *	{
 *		char *p = vmalloc(PAGE_SIZE);
 *		ASSERT(p != NULL);
 *		EXPECT_EQ(probe_read(p + PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
 *		vfree(p);
 *	}
 *
 * EXPECT records a failure and goes on; ASSERT also leaves the test function. KTEST_SKIP leaves it and needs a reason.
 * Tests run one after another in a thread on the boot CPU with interrupts on. The results are KTAP on every console.
 * After each test guards check (KTEST_GUARD): no not-present fault in the kernel, all trees equal to the reference, no
 * unexpected WARN, no leaked vmalloc area, trap depth 0, no leaked pages, and more.
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

struct ktest {
	const char *suite, *name;
	void (*run)(void);
};

#define KTEST(_suite, _name) \
	static void ktest_##_suite##_##_name(void); \
	static const struct ktest ktest_entry_##_suite##_##_name __table_entry(".ktests") = { \
		#_suite, #_name, ktest_##_suite##_##_name }; \
	static void ktest_##_suite##_##_name(void)

#define EXPECT(cond) ktest_expect(!!(cond), __FILE__, __LINE__, #cond)

/* Both sides are evaluated once and printed as numbers when they differ. */
#define EXPECT_EQ(a, b) ktest_expect_eq((u64)(a), (u64)(b), __FILE__, __LINE__, #a, #b)

#define ASSERT(cond)	do { if (!EXPECT(cond)) return; } while (0)
#define ASSERT_EQ(a, b) do { if (!EXPECT_EQ(a, b)) return; } while (0)

#define KTEST_SKIP(why) do { ktest_skip(why); return; } while (0)

/* Skip the test in builds without CONFIG_<option>; at its top: KTEST_NEEDS(SCHED_POINTS). */
#define KTEST_NEEDS(option) do { if (!CONFIG_##option) KTEST_SKIP("this build has no CONFIG_" #option); } while (0)

/* A diagnostic line "# test: ..." for the running test. */
void ktest_note(const char *fmt, ...) __printf(1, 2);

bool ktest_expect(bool ok, const char *file, int line, const char *text);
bool ktest_expect_eq(u64 a, u64 b, const char *file, int line, const char *text_a, const char *text_b);
void ktest_skip(const char *why);

/* Checks that run around each test. `begin` records, `end` EXPECTs. */
struct ktest_guard {
	const char *name;
	void (*begin)(void);
	void (*end)(void);
};
#define KTEST_GUARD(_name, _begin, _end) \
	static const struct ktest_guard ktest_guard_##_name __table_entry(".ktest_guards") = { \
		#_name, _begin, _end }

enum ktest_verdict {
	KTEST_PASS = 0x10, KTEST_FAIL = 0x11, KTEST_ERROR = 0x13, KTEST_SKIPPED = 0x14, KTEST_CRASH = 0x15
};

#define KTEST_NAMED 32u /* names of failed tests that are kept */

struct ktest_outcome {
	unsigned int pass, fail, skip, error;
	const struct ktest *failed[KTEST_NAMED]; /* the first ones, in order */
};

/*
 * Called at the end of each run, before its totals are printed; it may print lines that begin with "# ". NULL: nothing.
 */
void ktest_set_report(void (*print)(const struct ktest_outcome *totals));

/*
 * Run every test whose "suite.name", or suite, matches the glob list (comma-separated), and print KTAP. NULL, "" and
 * "all": all but the opt-in suites. "smoke": the quick suites. (ktest.c lists both.) KTEST_ERROR: nothing matches.
 */
enum ktest_verdict ktest_run(const char *globs);

/*
 * The n-th name for completion in the shell. n = 2i: the suite of test i as "suite.", or "" if an earlier test has the
 * same suite. n = 2i + 1: its "suite.name". False: there are no more.
 */
bool ktest_name(unsigned int n, char *buf, size_t size);

/* Random numbers for tests. Each test starts at the seed of the run, which is printed. */
u64 ktest_random(void);
void ktest_seed(u64 seed);
u64 ktest_run_seed(void); /* the last ktest_seed(); it is part of the replay command */
/* Has an expectation of the running test failed? */
bool ktest_failed(void);

/* The ENV= of `make test` that selects this kernel; part of the replay command. */
void ktest_set_env(const char *env);
/* One more word of the kernel's command line that decides how the run goes. It is copied. */
void ktest_add_replay(const char *word);

/* For a panic: is a test run going on; and report the crash of the running test. Any context. */
bool ktest_active(void);
void ktest_bail_out(const char *why);
