/* SPDX-License-Identifier: MIT */
/* Shared by the files of the shell: commands and their tables, completion, the pager, the line editor. */
#pragma once

#include <lib/compiler.h>

#define SHELL_LINE_MAX 128 /* bytes of one line, NUL included */

/*
 * The n-th word that may complete a typed one, from n = 0 on; NULL behind the last, "" is skipped. A word that ends
 * with '.' is the beginning of others. These are offered once it has been typed.
 */
typedef const char *(*shell_words)(unsigned int n);

/*
 * A command takes no argument (run), or the rest of its line, which it may change (run_with; "" if there is no rest).
 * words: for completing its last argument; NULL: none.
 */
struct shell_command {
	const char *name, *argument, *help;
	void (*run)(void);
	void (*run_with)(char *argument);
	shell_words words;
	bool own_pace; /* no pager: what the command does must not wait for a reader */
};

/* Each ends with an entry without name. */
extern const struct shell_command shell_commands[];	   /* the machine, the tests, the shell itself */
extern const struct shell_command shell_memory_commands[]; /* memory and page tables */

/* The n-th of all commands; NULL behind the last. The command with this name, or NULL. */
const struct shell_command *shell_command(unsigned int n);
const struct shell_command *shell_find_command(const char *name);

/* words.c: words for completion. */
const char *shell_command_names(unsigned int n);
const char *shell_program_names(unsigned int n);
const char *shell_test_names(unsigned int n);

/*
 * complete.c: extends the line's last word, or the part of it behind its last comma, to the common beginning of all
 * words that begin like it. If there is only one such word, and it does not end with '.', a blank follows it. The line
 * stays below `room` bytes, NUL included. Returns the number of such words; *start: where the completed word begins in
 * the line.
 */
unsigned int shell_complete(char *line, size_t room, shell_words words, size_t *start);

/* May `word` complete the typed text at this step? */
bool shell_offers(const char *word, const char *typed);

/* Run one line, which is changed. paged: stop at each page of its text, wherever the line was typed. */
void shell_execute(char *line, bool paged);

/*
 * pager.c: from now on this thread's text stops at each page, if the line was typed at the keyboard of a machine with a
 * screen, or if `asked`. True: the caller must call shell_pager_end(). False: the text does not stop, or the pager is
 * in use already. Thread context.
 */
bool shell_pager_begin(bool asked);
void shell_pager_end(void);

/* Wait for the next key: a byte, or one of these. Page Up and Page Down scroll the screen and return KEY_OTHER. */
enum shell_key { KEY_UP = 0x100, KEY_DOWN, KEY_OTHER };
int shell_wait_for_key(void);

/* Has the user typed Ctrl-C? All other bytes typed so far are kept for the next line. Thread context. */
bool shell_interrupted(void);

/*
 * Show the prompt and let the user type one line. It is returned without end of line; it may be empty. Thread context.
 */
void shell_read_line(const char *prompt, char line[SHELL_LINE_MAX]);
