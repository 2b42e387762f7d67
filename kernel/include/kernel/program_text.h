/* SPDX-License-Identifier: MIT */
/*
 * Text of programs, prepared for a console to which the kernel prints too.
 *
 *	3| hello from ring 3		the process with this number wrote the rest of the line
 *	3| a bell \x07 and a NUL \x00	a byte that is not text is shown as its number
 *
 * So every line of a program names its process, has only printable characters, and is not wider than a screen. A
 * program cannot forge a line of the kernel, nor send commands to a terminal.
 */
#pragma once

#include <lib/types.h>

#define PROGRAM_TEXT_COLUMNS 76 /* a longer line is continued on the next one */
#define PROGRAM_TEXT_ROOM    24 /* most bytes of one step: end of a line, mark, a byte */

/* The console's last line, if a program wrote it and it has no end yet. */
struct program_text {
	int pid; /* its process; 0: no such line */
	unsigned int column;
};

/*
 * Format text of process `pid` (> 0) into out, as far as there is room (at least PROGRAM_TEXT_ROOM). Moves *text and
 * *len behind what it took. Returns the bytes in out. Any context; `last` belongs to the console and is under its lock.
 */
size_t program_text_put(struct program_text *last, int pid, const char **text, size_t *len, char *out, size_t room);
