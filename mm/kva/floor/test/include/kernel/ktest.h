/* SPDX-License-Identifier: MIT */
/* Our own kernel's tests, without its runner: make-kva gathers them in a table, run.c runs them. */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

struct ktest {
	const char *suite, *name;
	void (*run)(void);
};

#define KTEST(suite, name) static void ktest_##suite##_##name(void)

/* Guards are our own runner's; run.c compares all structures after each test. */
#define KTEST_GUARD(name, begin, end) static_assert(sizeof(#name), "a guard")

#define EXPECT(cond) ktest_expect(!!(cond), __FILE__, __LINE__, #cond)
#define EXPECT_EQ(a, b) ktest_expect_eq((u64)(a), (u64)(b), __FILE__, __LINE__, #a, #b)
#define ASSERT(cond)	do { if (!EXPECT(cond)) return; } while (0)
#define ASSERT_EQ(a, b) do { if (!EXPECT_EQ(a, b)) return; } while (0)
#define KTEST_SKIP(why) do { ktest_skip(why); return; } while (0)
#define KTEST_NEEDS(option) do { if (!CONFIG_##option) KTEST_SKIP("this build has no CONFIG_" #option); } while (0)

void ktest_note(const char *fmt, ...) __printf(1, 2);
bool ktest_expect(bool ok, const char *file, int line, const char *text);
bool ktest_expect_eq(u64 a, u64 b, const char *file, int line, const char *text_a, const char *text_b);
void ktest_skip(const char *why);
u64 ktest_random(void);
u64 ktest_run_seed(void);
bool ktest_failed(void);
