/* SPDX-License-Identifier: MIT */
/* Messages: formatted here, printed by the host. */
#include "mm/kva/floor/floor.h"

#include <kernel/bug.h>
#include <kernel/trace.h>

#define LINE_MAX 256

static bool panicking;

/* A whole line: with our name in front, and its end. */
static void format_line(char line[LINE_MAX], const char *fmt, va_list args)
{
	size_t at = scnprintf(line, LINE_MAX - 1, "kva: ");

	at += vscnprintf(line + at, LINE_MAX - 1 - at, fmt, args);
	if (line[at - 1] != '\n')
		memcpy(line + at, "\n", 2);
}

void printk(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;

	va_start(args, fmt);
	format_line(line, fmt[0] == KERN_PROBLEM[0] ? fmt + 1 : fmt, args);
	va_end(args);
	host_log(line);
}

/* Parts of lines too. */
void cprintf(const char *fmt, ...)
{
	char text[LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	host_log(text);
}

void panic(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;

	WRITE_ONCE(panicking, true);
	va_start(args, fmt);
	format_line(line, fmt, args);
	va_end(args);
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
