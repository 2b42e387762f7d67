/* SPDX-License-Identifier: MIT */
/*
 * The pager: shows page by page what a command prints, and the list of possible words. cprintf() hands the text over.
 * The pager counts lines, and waits for a key when the screen is full. Text that the thread prints where it must not
 * wait, for example under a lock, is kept and shown later. Text of handlers and of other threads is printed at once.
 */
#include "internal.h"

#include <arch/console.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <lib/string.h>

#define KEPT_MAX     (16 * 1024) /* further text is printed without a stop */
#define SERIAL_COLS  80
#define SERIAL_LINES 24
#define PIECE	     256 /* bytes that put() gives to one cprintf() */
#define QUESTION     "-- more: space, Enter, q --"
#define CTRL_C	     3

static struct task *reader; /* the thread whose text is paged; NULL: none */
static unsigned int cols, lines;
static unsigned int col, row; /* where the page's next character goes */
static bool quit, asking;     /* asking: the pager itself is printing */
static char kept[KEPT_MAX];
static size_t nr_kept;

/* Print without the pager. */
static void put(const char *text, size_t len)
{
	asking = true;
	for (; len > PIECE; text += PIECE, len -= PIECE)
		cprintf("%.*s", PIECE, text);
	cprintf("%.*s", (int)len, text);
	asking = false;
}

static bool page_is_full(void)
{
	return row >= lines - 1;
}

/* Ask whether to show a page more, a line more, or nothing more. */
static void ask(void)
{
	put(QUESTION, strlen(QUESTION));
	for (;;) {
		int key = shell_wait_for_key();

		quit = key == 'q' || key == 'Q' || key == CTRL_C;
		if (quit || key == ' ' || key == '\r' || key == '\n') {
			row = key == ' ' ? 0 : lines - 2;
			break;
		}
	}
	for (size_t i = 0; i < strlen(QUESTION); i++)
		put("\b \b", 3);
}

static void next_row(void)
{
	row++;
	col = 0;
}

/* Count characters that still fit on this page. Returns their number. A full line goes on in the next row. */
static size_t take(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && !page_is_full()) {
		if (text[n] == '\n') {
			next_row();
			n++;
		} else if (col == cols) {
			next_row();
		} else {
			col++;
			n++;
		}
	}
	return n;
}

static void show(const char *text, size_t len)
{
	while (len && !quit) {
		size_t n = take(text, len);

		put(text, n);
		text += n;
		len -= n;
		if (len && page_is_full())
			ask();
	}
}

static void show_kept(void)
{
	size_t len = nr_kept;

	nr_kept = 0;
	show(kept, len);
}

/* cprintf() and dmesg_dump() call this before they print. True: the pager has taken the text. */
static bool takes(const char *text, size_t len)
{
	if (current != reader || in_interrupt() || asking)
		return false;
	if (quit)
		return true;
	if (preemptible()) {
		show_kept();
		show(text, len);
		return true;
	}
	if (len > KEPT_MAX - nr_kept)
		return false;
	memcpy(kept + nr_kept, text, len);
	nr_kept += len;
	return true;
}

bool shell_pager_begin(bool asked)
{
	/* On a screen of one line there is no room for a page and a question. */
	bool screen = arch_console_typed_at_screen() && arch_console_size(&cols, &lines) && lines > 1;

	if (reader || (!screen && !asked))
		return false;
	if (!screen) {
		cols = SERIAL_COLS;
		lines = SERIAL_LINES;
	}
	col = row = 0;
	nr_kept = 0;
	quit = false;
	reader = current;
	cprintf_set_pager(takes);
	return true;
}

void shell_pager_end(void)
{
	show_kept();
	cprintf_set_pager(NULL);
	reader = NULL;
}
