/* SPDX-License-Identifier: MIT */
/* What the files of the shell share: the shape of a command, the tables of commands, the line editor. */
#pragma once

#include <lib/compiler.h>

#define SHELL_LINE_MAX 128 /* bytes of one line, NUL included */

/*
 * What a word may become, one after the other from n = 0 on; NULL behind the last, "" is skipped. A word that ends with
 * '.' is the common part of others, which are offered once it is there.
 */
typedef const char *(*shell_words)(unsigned int n);

/*
 * A command takes nothing (run), or the rest of its line, which it may cut up (run_with; "" when there is none). words:
 * what its last argument may be, for the Tab key; NULL: nothing that is known.
 */
struct shell_command {
	const char *name, *argument, *help;
	void (*run)(void);
	void (*run_with)(char *argument);
	shell_words words;
	bool own_pace; /* its text comes while something happens, which must not stop for a reader */
};

/* Each ends with an entry without name. */
extern const struct shell_command shell_commands[];	   /* the machine, the tests, the shell itself */
extern const struct shell_command shell_memory_commands[]; /* memory and page tables */

/* All commands, one after the other; NULL behind the last. And the one with a name, or NULL. */
const struct shell_command *shell_command(unsigned int n);
const struct shell_command *shell_find_command(const char *name);

/* words.c: arguments that are known. */
const char *shell_command_names(unsigned int n);
const char *shell_program_names(unsigned int n);
const char *shell_test_names(unsigned int n);

/*
 * complete.c: the line's last word, perhaps only a part of it behind a comma, becomes what all words that begin like it
 * have in common, and is ended by a blank if there is only one. The line stays below `room` bytes, NUL included.
 * Returns how many such words there are; *start: where in the line what is completed begins.
 */
unsigned int shell_complete(char *line, size_t room, shell_words words, size_t *start);

/* Is the word one of those that what has been typed may become at this step? */
bool shell_offers(const char *word, const char *typed);

/* Run one line, which is cut up. paged: stop at each page of its text, wherever it was typed. */
void shell_execute(char *line, bool paged);

/*
 * pager.c: from now on, this thread's text is stopped at each page; for a line that was typed at the keyboard of a
 * screen, or if that was asked for. False: it is not, or has been already; else the end must be told. Thread context.
 */
bool shell_pager_begin(bool asked);
void shell_pager_end(void);

/*
 * The next key, however long it takes: a byte, or one of these. Page Up and Page Down are not among them: they scroll
 * the screen.
 */
enum shell_key { KEY_UP = 0x100, KEY_DOWN, KEY_OTHER };
int shell_wait_for_key(void);

/* Has somebody typed Ctrl-C? All else that has been typed is kept for the next line. Thread context. */
bool shell_interrupted(void);

/* Show the prompt and let the user type one line; it comes without its end of line, perhaps empty. Thread context. */
void shell_read_line(const char *prompt, char line[SHELL_LINE_MAX]);
