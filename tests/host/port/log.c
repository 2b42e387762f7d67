/* SPDX-License-Identifier: MIT */
/* printk, WARN and panic. All text goes to standard error, as comments in TAP, and into a buffer for tests. */
#include "tests/host/port/port.h"
#include "tests/host/port/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[64 * 1024];
static size_t text_len;
static pthread_mutex_t text_lock = PTHREAD_MUTEX_INITIALIZER;

const char *host_log(void) { return text; }

void host_log_clear(void)
{
	text_len = 0;
	text[0] = '\0';
}

/* When the buffer is full, the older half goes. */
void host_log_write(const char *line)
{
	size_t len = strlen(line);

	pthread_mutex_lock(&text_lock);
	if (text_len + len >= sizeof(text)) {
		text_len -= sizeof(text) / 2;
		memmove(text, text + sizeof(text) / 2, text_len);
	}
	memcpy(text + text_len, line, len + 1);
	text_len += len;
	pthread_mutex_unlock(&text_lock);
	if (getenv("HOST_QUIET") && !panic_in_progress())
		return;
	if (write(2, "# ", 2) < 0 || write(2, line, len) < 0 || (line[len - 1] != '\n' && write(2, "\n", 1) < 0))
		abort();
}

#define FORMAT_TO_LOG(fmt) do { \
	char _line[1024]; \
	va_list _args; \
	va_start(_args, fmt); \
	vsnprintf(_line, sizeof(_line), fmt, _args); \
	va_end(_args); \
	host_log_write(_line); \
} while (0)

void printk(const char *fmt, ...)
{
	fmt += *fmt == KERN_PROBLEM[0];
	FORMAT_TO_LOG(fmt);
}

void cprintf(const char *fmt, ...) { FORMAT_TO_LOG(fmt); }
void print_line(const char *fmt, ...) { FORMAT_TO_LOG(fmt); }

/* --- broken invariants ------------------------------------------------------------------------------------------ */

static __thread jmp_buf panic_env;
static __thread bool panic_awaited;
static bool panicking;

jmp_buf *host_panic_arm(void)
{
	panic_awaited = true;
	return &panic_env;
}

void host_panic_disarm(void) { panic_awaited = false; }
bool panic_in_progress(void) { return panicking; }

void __noreturn host_die(void)
{
	if (panic_awaited)
		longjmp(panic_env, 1);
	abort();
}

void __noreturn panic(const char *fmt, ...)
{
	panicking = !panic_awaited;
	host_log_write(panic_awaited ? "panic, awaited:" : "PANIC:");
	FORMAT_TO_LOG(fmt);
	host_die();
}

static unsigned long warnings;
static bool warnings_expected;

unsigned long warn_count(void) { return warnings; }
void warn_expected(bool expected) { warnings_expected = expected; }

void warn_report(bool *warned, const char *file, int line, const char *fmt, ...)
{
	(void)warned;
	warnings++;
	if (!warnings_expected)
		cprintf("unexpected WARN at %s:%d:", file, line);
	FORMAT_TO_LOG(fmt);
	if (!warnings_expected)
		host_die();
}
