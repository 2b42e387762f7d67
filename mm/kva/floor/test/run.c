/* SPDX-License-Identifier: MIT */
/* Running the tests and saying the results, as TAP. After each test all structures are compared. */
#include "mm/kva/floor/floor.h"
#include "mm/kva/floor/test/kva_test.h"
#include "mm/kva/floor/test/threads.h"

#include <kernel/ktest.h>
#include <lib/glob.h>
#include <lib/random.h>

#define SEED 0x5eed0001

static const struct ktest kva_tests[KVA_TESTS]; /* make-kva fills it in at the end */

bool blocks_missing;
static atomic_t failures;
static const char *skip_reason;
static struct rnd_state random_state;

u64 ktest_random(void) { return random_u64(&random_state); }
u64 ktest_run_seed(void) { return SEED; }
bool ktest_failed(void) { return atomic_read(&failures) != 0; }
void ktest_skip(const char *why) { skip_reason = why; }

void ktest_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cprintf("# %pV\n", &(struct va_format){ fmt, &args });
	va_end(args);
}

bool ktest_expect(bool ok, const char *file, int line, const char *text)
{
	if (!ok && atomic_inc_return(&failures) <= 10 && !blocks_missing)
		ktest_note("%s:%d: expected %s", file, line, text);
	return ok;
}

bool ktest_expect_eq(u64 a, u64 b, const char *file, int line, const char *text_a, const char *text_b)
{
	if (a != b && atomic_inc_return(&failures) <= 10 && !blocks_missing)
		ktest_note("%s:%d: expected %s == %s, they are %llu and %llu", file, line, text_a, text_b, a, b);
	return a == b;
}

static void run_one(const struct ktest *t)
{
	unsigned long warned = warn_unexpected_count(), faults = host_test_faults();

	atomic_set(&failures, 0);
	skip_reason = NULL;
	blocks_missing = false;
	random_seed(&random_state, SEED);
	t->run();
	kva_tidy();
	if (blocks_missing) { /* what failed, failed for this reason */
		atomic_set(&failures, 0);
		ktest_skip("host_pages_alloc() has no blocks of that order");
	}
	EXPECT_EQ(kva_check(), 0);
	EXPECT_EQ(warn_unexpected_count(), warned);
	EXPECT_EQ(host_test_faults(), faults);
}

static bool chosen(const struct ktest *t, const char *globs)
{
	char name[100];

	scnprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
	return !globs || glob_list_match(globs, name);
}

unsigned int kva_test(const char *globs)
{
	unsigned int nr = 0, failed = 0;

	for (const struct ktest *t = kva_tests; t < kva_tests + KVA_TESTS; t++) {
		if (!chosen(t, globs))
			continue;
		run_one(t);
		failed += ktest_failed();
		cprintf("%sok %u - %s.%s%s%s\n", ktest_failed() ? "not " : "", ++nr, t->suite, t->name,
			skip_reason ? " # SKIP " : "", skip_reason ? skip_reason : "");
	}
	cprintf("1..%u\n", nr);
	return failed;
}
