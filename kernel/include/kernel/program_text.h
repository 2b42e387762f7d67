/* SPDX-License-Identifier: MIT */
/*
 * What programs print, made fit for a console that the kernel prints to as well.
 *
 *	3| hello from ring 3		the process with this number wrote the rest of the line
 *	3| a bell \x07 and a NUL \x00	a byte that is not text is shown as its number
 *
 * So every line of a program's says whose it is, has nothing in it but what can be seen, and is no longer than a screen is
 * wide: no program can write what looks like a line of the kernel's, or tell a terminal to do something.
 */
#pragma once

#include <lib/types.h>

#define PROGRAM_TEXT_COLUMNS 76 /* a longer line goes on in the next one */
#define PROGRAM_TEXT_ROOM    24 /* the least that one step may need: end of a line, mark, a byte */

/* The console's last line, if it is a program's and has no end yet. */
struct program_text {
	int pid; /* whose; 0: it is none */
	unsigned int column;
};

/*
 * Put what process `pid` (> 0) writes into out, as far as there is room (at least PROGRAM_TEXT_ROOM). Moves *text and *len
 * behind what it took; returns the bytes in out. Any context; the caller keeps `last` for the console, under its lock.
 */
size_t program_text_put(struct program_text *last, int pid, const char **text, size_t *len, char *out, size_t room);
