/* SPDX-License-Identifier: MIT */
/* Messages: formatted here, printed by the host. */
#include "mm/kva/floor/floor.h"

#include <kernel/bug.h>
#include <kernel/trace.h>

#define LINE_MAX 256

static bool panicking;

static void say_args(const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX];
	size_t at = scnprintf(line, sizeof(line) - 1, "%s", prefix);

	at += vscnprintf(line + at, sizeof(line) - 1 - at, fmt, args);
	if (*prefix && line[at - 1] != '\n')
		memcpy(line + at, "\n", 2);
	host_log(line);
}

void printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_args("kva: ", fmt[0] == KERN_PROBLEM[0] ? fmt + 1 : fmt, args);
	va_end(args);
}

/* Parts of lines too. */
void cprintf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_args("", fmt, args);
	va_end(args);
}

void panic(const char *fmt, ...)
{
	char line[LINE_MAX];
	size_t at = scnprintf(line, sizeof(line), "kva: ");
	va_list args;

	WRITE_ONCE(panicking, true);
	va_start(args, fmt);
	at += vscnprintf(line + at, sizeof(line) - at - 1, fmt, args);
	va_end(args);
	memcpy(line + at, "\n", 2);
	host_panic(line);
}

bool panic_in_progress(void)
{
	return READ_ONCE(panicking);
}

/* Nothing is traced. */
unsigned long trace_enabled;
void trace_slow(enum trace_event event, unsigned long a, unsigned long b, unsigned long c)
{
	(void)event, (void)a, (void)b, (void)c;
}

/* --- contexts ----------------------------------------------------------------------------------------------------- */

void might_sleep_at(const char *file, int line)
{
	if (preemptible() || panic_in_progress())
		return;
	panic("%s:%d: a function that may sleep is called with %s: preemption is off %u deep, interrupts are %s", file,
	      line, in_interrupt() ? "an interrupt below it" : "no right to sleep", this_thread()->count,
	      irqs_disabled() ? "off" : "on");
}

/* Where the thread may be switched out again, and was asked to meanwhile. */
void preempt_schedule(void)
{
	if (!preemptible())
		return;
	WRITE_ONCE(this_thread()->switch_due, false);
	host_reschedule();
}

bool kva_may_preempt(void)
{
	struct thread_words *thread = this_thread();

	if (!thread->count)
		return true;
	WRITE_ONCE(thread->switch_due, true);
	return false;
}
