/* SPDX-License-Identifier: MIT */
/* Formatting the text of programs for the console, line by line and byte by byte. */
#include <kernel/program_text.h>
#include <lib/compiler.h>
#include <lib/format.h>
#include <lib/string.h>

/* Begin a line with its mark, after ending the last line if it has no end. Returns the bytes in out. */
static size_t begin_line(struct program_text *last, int pid, char *out, size_t room)
{
	int n = scnprintf(out, room, "%s%d| ", last->pid ? "\n" : "", pid);

	last->pid = pid;
	last->column = (unsigned int)n - (out[0] == '\n');
	return (size_t)n;
}

static size_t put_byte(struct program_text *last, char c, char *out, size_t room)
{
	size_t n = 1;

	if (c == '\n') {
		last->pid = 0;
		*out = c;
	} else if (is_print(c)) {
		*out = c;
	} else {
		n = (size_t)scnprintf(out, room, "\\x%02x", (u8)c);
	}
	last->column += (unsigned int)n;
	return n;
}

/* A tab becomes the spaces that it stands for at this column. */
static size_t put_tab(struct program_text *last, char *out)
{
	size_t n = 8 - last->column % 8;

	memset(out, ' ', n);
	last->column += (unsigned int)n;
	return n;
}

size_t program_text_put(struct program_text *last, int pid, const char **text, size_t *len, char *out, size_t room)
{
	size_t done = 0;

	for (; *len && room - done >= PROGRAM_TEXT_ROOM; ++*text, --*len) {
		if (last->pid != pid || (last->column >= PROGRAM_TEXT_COLUMNS && **text != '\n'))
			done += begin_line(last, pid, out + done, room - done);
		done += **text == '\t' ? put_tab(last, out + done) : put_byte(last, **text, out + done, room - done);
	}
	return done;
}
