/* SPDX-License-Identifier: MIT */
/* Completing a word. Pure: host tests can run it. */
#include "internal.h"

#include <lib/string.h>

/* Where the last word begins, or its part behind its last comma: in a list each name is completed on its own. */
static size_t begin_of_last(const char *line)
{
	size_t start = strlen(line);

	while (start && line[start - 1] != ' ' && line[start - 1] != ',')
		start--;
	return start;
}

static size_t common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

bool shell_offers(const char *word, const char *typed)
{
	const char *rest, *dot;

	if (!*word || !strstarts(word, typed))
		return false;
	rest = word + strlen(typed);
	dot = strchr(rest, '.');
	return dot ? !dot[1] : *rest || !*typed || rest[-1] != '.';
}

unsigned int shell_complete(char *line, size_t room, shell_words words, size_t *start)
{
	size_t common = 0;
	char first[SHELL_LINE_MAX] = "";
	unsigned int nr = 0;
	const char *word;

	*start = begin_of_last(line);
	for (unsigned int n = 0; (word = words(n)); n++) {
		if (!shell_offers(word, line + *start))
			continue;
		if (!nr++)
			/* the words may share a buffer */
			common = (size_t)max(strscpy(first, word, sizeof(first)), (ssize_t)0);
		else
			common = min(common, common_length(first, word));
	}
	if (!nr || *start + common + 2 > room)
		return nr;
	memcpy(line + *start, first, common);
	line[*start + common] = '\0';
	if (nr == 1 && common && first[common - 1] != '.')
		memcpy(line + *start + common, " ", 2);
	return nr;
}
