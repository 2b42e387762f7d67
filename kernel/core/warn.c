/* SPDX-License-Identifier: MIT */
/* Broken invariants that need not stop the kernel are reported and counted. */
#include <kernel/backtrace.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/format.h>

static atomic_long_t total, unexpected;
static bool expecting;

unsigned long warn_count(void)
{
	return (unsigned long)atomic_long_read(&total);
}

unsigned long warn_unexpected_count(void)
{
	return (unsigned long)atomic_long_read(&unexpected);
}

void warn_expected(bool expected)
{
	WRITE_ONCE(expecting, expected);
}

/* An expected report does not count as the one report of its place. */
void warn_report(bool *warned, const char *file, int line, const char *fmt, ...)
{
	bool expected = READ_ONCE(expecting);
	char message[256];
	va_list args;

	atomic_long_inc(&total);
	if (!expected)
		atomic_long_inc(&unexpected);
	if (!expected && xchg(warned, true))
		return;
	va_start(args, fmt);
	vscnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	printk("%s at %s:%d: %s\n", expected ? "expected warning" : "WARNING", file, line, message);
	if (!expected)
		backtrace_here();
}
