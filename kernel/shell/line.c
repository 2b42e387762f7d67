/* SPDX-License-Identifier: MIT */
/*
 * The line editor: echo, backspace, Ctrl-U (clear the line), Ctrl-C (begin a new line), arrows up and down through the
 * last lines, Tab to complete a word or to list the words that may complete it. It writes nothing but characters and
 * backspaces, so it works on a serial line and on any screen.
 */
#include "internal.h"

#include <arch/console.h>
#include <kernel/printk.h>
#include <kernel/task.h>
#include <lib/string.h>

#define HISTORY_LINES 8
#define LIST_COLUMNS  76
#define CTRL(c)	      ((c) & 0x1f)

static char history[HISTORY_LINES][SHELL_LINE_MAX];
static unsigned int nr_history; /* lines ever remembered; the last HISTORY_LINES of them are still there */

/* Bytes typed while a program ran. Further bytes are dropped, so that Ctrl-C is always read. */
static char typed_ahead[SHELL_LINE_MAX];
static unsigned int nr_ahead, nr_taken;

bool shell_interrupted(void)
{
	int c;

	while ((c = arch_console_getc()) >= 0) {
		if (c == CTRL('C')) {
			nr_ahead = nr_taken = 0;
			return true;
		}
		if (nr_ahead < sizeof(typed_ahead))
			typed_ahead[nr_ahead++] = (char)c;
	}
	return false;
}

static int next_byte(void)
{
	if (nr_taken < nr_ahead)
		return (u8)typed_ahead[nr_taken++];
	nr_ahead = nr_taken = 0;
	return arch_console_getc();
}

/* The console has no interrupt, so it is polled every tick or two. */
static int wait_for_byte(void)
{
	int c;

	while ((c = next_byte()) < 0)
		msleep(1);
	return c;
}

/* Decode a sequence ESC [ ... letter. Page Up is ESC [ 5 ~, Page Down is ESC [ 6 ~. */
static int sequence(void)
{
	int c, parameter = 0;

	if (wait_for_byte() != '[')
		return KEY_OTHER;
	while ((c = wait_for_byte()) < '@' || c > '~')
		parameter = c;
	if (c == '~' && (parameter == '5' || parameter == '6'))
		console_look_back(parameter == '5' ? -1 : 1);
	return c == 'A' ? KEY_UP : c == 'B' ? KEY_DOWN : KEY_OTHER;
}

int shell_wait_for_key(void)
{
	int c = wait_for_byte();

	return c == '\033' ? sequence() : c;
}

static void remember(const char *line)
{
	if (line[0] && (!nr_history || strcmp(line, history[(nr_history - 1) % HISTORY_LINES]) != 0))
		memcpy(history[nr_history++ % HISTORY_LINES], line, strlen(line) + 1);
}

static size_t erase(char *line, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		cprintf("\b \b");
	line[from] = '\0';
	return from;
}

static size_t replace(char *line, size_t len, const char *text)
{
	erase(line, 0, len);
	memcpy(line, text, strlen(text) + 1);
	cprintf("%s", line);
	return strlen(line);
}

/* Move `back` (0: the new line; 1: the last remembered one, ...) one step, if there is a line. */
static unsigned int step_history(unsigned int back, int key)
{
	unsigned int kept = nr_history < HISTORY_LINES ? nr_history : HISTORY_LINES;

	if (key == KEY_UP)
		return back < kept ? back + 1 : back;
	return back ? back - 1 : 0;
}

static size_t type(char *line, size_t len, int c)
{
	if (c < ' ' || c > '~' || len == SHELL_LINE_MAX - 1)
		return len;
	line[len++] = (char)c;
	line[len] = '\0';
	cprintf("%c", c);
	return len;
}

/*
 * The words that may complete the last word of the line: the commands if it is the first word, otherwise the words of
 * the command.
 */
static shell_words words_for(const char *line)
{
	const struct shell_command *command;
	char name[SHELL_LINE_MAX], *blank;

	while (*line == ' ')
		line++;
	strscpy(name, line, sizeof(name));
	blank = strchr(name, ' ');
	if (!blank)
		return shell_command_names;
	*blank = '\0';
	command = shell_find_command(name);
	return command ? command->words : NULL;
}

/* Print below the line all words that may complete it; then print the prompt and the line again. */
static void list_words(const char *prompt, const char *line, const char *begun, shell_words words)
{
	unsigned int column = 0;
	bool pager;
	const char *word;

	cprintf("\n");
	pager = shell_pager_begin(false);
	for (unsigned int n = 0; (word = words(n)); n++) {
		if (!shell_offers(word, begun))
			continue;
		if (column && column + strlen(word) > LIST_COLUMNS) {
			cprintf("\n");
			column = 0;
		}
		cprintf("%s  ", word);
		column += (unsigned int)strlen(word) + 2;
	}
	if (pager)
		shell_pager_end();
	cprintf("\n%s%s", prompt, line);
}

/* If nothing can be added because several words are possible, they are listed. */
static size_t complete(const char *prompt, char *line, size_t len)
{
	shell_words words = words_for(line);
	size_t start, grown;
	unsigned int nr;

	if (!words)
		return len;
	nr = shell_complete(line, SHELL_LINE_MAX, words, &start);
	grown = strlen(line);
	cprintf("%s", line + len);
	if (nr > 1 && grown == len)
		list_words(prompt, line, line + start, words);
	return grown;
}

/* Handle a key that edits the line; not Tab, Ctrl-C and Enter. Returns the line's new length. */
static size_t edit(char *line, size_t len, int key, unsigned int *back)
{
	switch (key) {
	case '\b':
	case 0x7f:
		return len ? erase(line, len - 1, len) : 0;
	case CTRL('U'):
		return erase(line, 0, len);
	case KEY_UP:
	case KEY_DOWN:
		*back = step_history(*back, key);
		return replace(line, len, *back ? history[(nr_history - *back) % HISTORY_LINES] : "");
	default:
		return type(line, len, key);
	}
}

void shell_read_line(const char *prompt, char line[SHELL_LINE_MAX])
{
	unsigned int back = 0;
	size_t len = 0;
	int key;

	line[0] = '\0';
	cprintf("%s", prompt);
	while ((key = shell_wait_for_key()) != '\r' && key != '\n') {
		if (key == CTRL('C')) {
			cprintf("^C\n%s", prompt);
			line[len = 0] = '\0';
		} else if (key == '\t') {
			len = complete(prompt, line, len);
		} else {
			len = edit(line, len, key, &back);
		}
	}
	cprintf("\n");
	remember(line);
}
