/* SPDX-License-Identifier: MIT */
/*
 * Text to the consoles and into the log ring.
 *
 * One lock keeps lines whole. An exception or NMI may interrupt the holder and print too. It cannot wait for its own
 * CPU, so it prints at once, on a line of its own. A handler that finds the lock held by another CPU waits a while,
 * then does the same. A thread waits as long as it takes. So all code under the lock may be interrupted by other
 * output: the worst result is torn text, never a bad access.
 */
#include <kernel/printk.h>
#include <arch/barrier.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/ktest.h>
#include <kernel/program_text.h>
#include <lib/atomic.h>
#include <lib/format.h>
#include <lib/math.h>
#include <lib/string.h>

#define TEXT_MAX       1024	   /* bytes of one call; the rest is cut off */
#define RING_SIZE      (64 * 1024) /* a power of two */
#define PROGRAM_PIECE    128 /* bytes of a program's text that are written at once */
#define HANDLER_WAITS_US 1000000

static int lock_holder; /* CPU + 1; 0: free */
static bool lock_broken;
static bool mid_line; /* the consoles' column is not 0 */
static struct program_text program_line;

static bool (*pager)(const char *text, size_t len); /* see cprintf_set_pager() */

static char ring[RING_SIZE];
static unsigned long ring_end; /* bytes ever written; byte n is at n % RING_SIZE */

struct lock_state {
	bool irqs, owned;
};

/*
 * Between attempts interrupts are as the caller had them: if they are on, a CPU that waits for this CPU's answer need
 * not wait for a serial line too.
 */
static struct lock_state console_lock(void)
{
	unsigned int waited = 0;

	for (;;) {
		struct lock_state state = { .irqs = arch_local_irq_save() };
		int me = (int)smp_processor_id() + 1;

		if (READ_ONCE(lock_broken) || READ_ONCE(lock_holder) == me)
			return state;
		state.owned = cmpxchg(&lock_holder, 0, me) == 0;
		if (state.owned || (in_interrupt() && waited++ == HANDLER_WAITS_US))
			return state;
		local_irq_restore(state.irqs);
		if (in_interrupt())
			arch_udelay(1);
		cpu_relax();
	}
}

static void console_unlock(struct lock_state state)
{
	if (state.owned)
		smp_store_release(&lock_holder, 0);
	local_irq_restore(state.irqs);
}

void printk_break_lock(void)
{
	WRITE_ONCE(lock_broken, true);
	WRITE_ONCE(pager, NULL);
}

static void ring_append(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ring[(ring_end + i) % RING_SIZE] = text[i];
	ring_end += len;
}

static void write_bytes(const char *text, size_t len)
{
	arch_console_write(text, len);
	mid_line = text[len - 1] != '\n';
}

/* The kernel's own text never shares a line with a program's. */
static void end_program_line(void)
{
	if (!program_line.pid)
		return;
	program_line.pid = 0;
	write_bytes("\n", 1);
}

static void write_text(const char *text, size_t len)
{
	if (!len)
		return;
	end_program_line();
	write_bytes(text, len);
}

/* One line without its '\n', for consoles and ring. */
static void write_line(const char *stamp, const char *text, size_t len)
{
	end_program_line();
	if (mid_line)
		write_text("\n", 1);
	write_text(stamp, strlen(stamp));
	write_text(text, len);
	write_text("\n", 1);
	ring_append(stamp, strlen(stamp));
	ring_append(text, len);
	ring_append("\n", 1);
}

static void make_stamp(char *buf, size_t size)
{
	u32 fraction;
	u32 seconds = (u32)div_u64_rem(arch_uptime_us(), 1000000, &fraction);

	scnprintf(buf, size, "[%5u.%06u] ", seconds, fraction);
}

#define FIRST_PROBLEM_MAX 80

static atomic_long_t problems;
static char first_problem[FIRST_PROBLEM_MAX];

unsigned long printk_problems(void)
{
	return (unsigned long)atomic_long_read(&problems);
}

const char *printk_first_problem(void)
{
	return first_problem;
}

/* Problems during a test run do not count, since tests provoke some. */
static void count_problem(const char *text)
{
	const char *end = strchr(text, '\n');
	size_t len = end ? (size_t)(end - text) : strlen(text);

	if (!ktest_active() && atomic_long_inc_return(&problems) == 1)
		strscpy(first_problem, text, min(sizeof(first_problem), len + 1));
}

void printk(const char *fmt, ...)
{
	bool problem = *fmt == KERN_PROBLEM[0];
	char text[TEXT_MAX], stamp[24];
	const char *line = text, *end;
	struct lock_state state;
	va_list args;

	va_start(args, fmt);
	end = text + vscnprintf(text, sizeof(text), fmt + problem, args);
	va_end(args);
	if (problem)
		count_problem(text);
	make_stamp(stamp, sizeof(stamp));
	state = console_lock();
	do {
		const char *eol = memchr(line, '\n', (size_t)(end - line));

		eol = eol ? eol : end;
		write_line(stamp, line, (size_t)(eol - line));
		line = eol + 1;
	} while (line < end);
	console_unlock(state);
}

void print_line(const char *fmt, ...)
{
	char text[TEXT_MAX];
	struct lock_state state;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	state = console_lock();
	write_line("", text, (size_t)len);
	console_unlock(state);
}

void cprintf_set_pager(bool (*takes)(const char *text, size_t len))
{
	WRITE_ONCE(pager, takes);
}

static void print_raw(const char *text, size_t len)
{
	bool (*takes)(const char *text, size_t len) = READ_ONCE(pager);
	struct lock_state state;

	if (takes && takes(text, len))
		return;
	state = console_lock();
	write_text(text, len);
	console_unlock(state);
}

void cprintf(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	print_raw(text, (size_t)len);
}

/* In pieces, so that neither the lock is held nor interrupts are off for long. */
void print_program(int pid, const char *text, size_t len)
{
	char piece[PROGRAM_PIECE];
	struct lock_state state;

	while (len) {
		size_t n = 0;

		state = console_lock();
		if (mid_line && !program_line.pid)
			piece[n++] = '\n';
		n += program_text_put(&program_line, pid, &text, &len, piece + n, sizeof(piece) - n);
		write_bytes(piece, n);
		console_unlock(state);
	}
}

void console_page(void)
{
	struct lock_state state = console_lock();

	arch_console_page();
	console_unlock(state);
}

void console_look_back(int pages)
{
	struct lock_state state = console_lock();

	arch_console_look_back(pages);
	console_unlock(state);
}

void console_picture(unsigned int cols, unsigned int side, unsigned int border,
		     bool (*dark)(unsigned int x, unsigned int y))
{
	struct lock_state state = console_lock();

	arch_console_picture(cols, side, border, dark);
	console_unlock(state);
}

#define PIECE 128

/* Copy from the ring at *pos up to the end of a line or of a piece. 0: that was all. */
static size_t take_piece(char piece[PIECE], unsigned long *pos)
{
	size_t len = 0;

	if (ring_end - *pos > RING_SIZE) /* overwritten: go on with what is left */
		*pos = ring_end - RING_SIZE;
	while (*pos != ring_end && len < PIECE) {
		char c = ring[(*pos)++ % RING_SIZE];

		piece[len++] = c;
		if (c == '\n')
			break;
	}
	return len;
}

/* The position of the first whole line in the ring. */
static unsigned long ring_start(unsigned long end)
{
	unsigned long pos = 0;

	if (end > RING_SIZE)
		for (pos = end - RING_SIZE; pos != end && ring[pos++ % RING_SIZE] != '\n';)
			;
	return pos;
}

/* Prints only what is there now, since other CPUs go on writing. Drops the lock after each piece. */
void dmesg_dump(void)
{
	unsigned long end = READ_ONCE(ring_end), pos = ring_start(end);
	char piece[PIECE];

	while (pos < end) {
		struct lock_state state = console_lock();
		size_t len = take_piece(piece, &pos);

		console_unlock(state);
		print_raw(piece, len);
	}
}

/* Drops the lock after each piece too: 64 KiB take a minute at 9600 baud. */
void printk_replay(void (*write)(const char *text, size_t len))
{
	unsigned long end = READ_ONCE(ring_end), pos = ring_start(end);
	char piece[PIECE];

	while (pos < end) {
		struct lock_state state = console_lock();

		write(piece, take_piece(piece, &pos));
		console_unlock(state);
	}
}
