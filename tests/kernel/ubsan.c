/* SPDX-License-Identifier: MIT */
/* Undefined behaviour of each kind is reported by its name, where it happened (CONFIG=ubsan). */
#include <kernel/bug.h>
#include <kernel/ktest.h>
#include <kernel/ubsan.h>
#include <lib/string.h>

/* What the compiler must not know. */
static volatile int ub_most = 0x7fffffff, ub_least = -0x7fffffff - 1, ub_one = 1, ub_many = 40, ub_none;
static volatile bool ub_bool;
static int ub_array[4];

/* Run the statement: exactly ub_one report, of that kind, in this line. */
#define UNDEFINED(what, statement) \
	do { \
		unsigned long _warnings = warn_count(); \
		ubsan_last = (struct ubsan_report){ 0 }; \
		warn_expected(true); \
		statement; \
		warn_expected(false); \
		EXPECT_EQ(warn_count(), _warnings + 1); \
		EXPECT(ubsan_last.kind && !strcmp(ubsan_last.kind, what)); \
		EXPECT_EQ(ubsan_last.line, __LINE__); \
		EXPECT(ubsan_last.file && strstr(ubsan_last.file, "ubsan.c")); \
	} while (0)

KTEST(ubsan, numbers)
{
	volatile int result = 0;

	KTEST_NEEDS(UBSAN);
	UNDEFINED("signed overflow of +", result = ub_most + ub_one);
	UNDEFINED("signed overflow of -", result = ub_least - ub_one);
	UNDEFINED("signed overflow of *", result = ub_most * ub_many);
	UNDEFINED("signed overflow of a negation", result = -ub_least);
	UNDEFINED("shift", result = ub_one << ub_many);
	UNDEFINED("shift", result = ub_one >> -ub_many);
	UNDEFINED("count of the zeros of 0", result = __builtin_clz((unsigned int)ub_none));
	(void)result;
}

static __attribute__((nonnull)) __noinline void never_null(volatile int *p)
{
	OPTIMIZER_HIDE_VAR(p);
}

KTEST(ubsan, memory)
{
	static char room[16] __aligned(8);
	volatile int *pointer = (volatile int *)(room + ub_one);
	volatile int result = 0;

	KTEST_NEEDS(UBSAN);
	UNDEFINED("index", result = (int)(vaddr_t)&ub_array[ub_many]);
	UNDEFINED("access outside of an object", result = *(volatile int *)((char *)ub_array + 4 * ub_many));
	UNDEFINED("index", result = ub_array[ub_none - 1]);
	UNDEFINED("misaligned access", result = *pointer);
	UNDEFINED("misaligned access", *pointer = 1);
	pointer = NULL;
	OPTIMIZER_HIDE_VAR(pointer);
	UNDEFINED("NULL where it is not allowed", never_null(pointer));
	*(volatile u8 *)&ub_bool = 2;
	UNDEFINED("value that a bool or an enum does not have", result = ub_bool);
	UNDEFINED("array without elements", char array[ub_none]; (void)array);
	(void)result;
}
