/* SPDX-License-Identifier: MIT */
/* Wildcards. */
#include <lib/glob.h>

/*
 * Match against the first `len` characters of a pattern. On a mismatch the last star takes one character more; earlier
 * stars never need to be tried again, so this is at worst len * strlen(text) steps.
 */
static bool match(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len, *star = NULL, *retry = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (pattern < end && (*pattern == '?' || *pattern == *text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

static size_t length_up_to(const char *s, char stop)
{
	size_t n = 0;

	while (s[n] && s[n] != stop)
		n++;
	return n;
}

bool glob_match(const char *pattern, const char *text)
{
	return match(pattern, length_up_to(pattern, '\0'), text);
}

bool glob_list_match(const char *list, const char *text)
{
	while (*list) {
		size_t len = length_up_to(list, ',');

		if (len && match(list, len, text))
			return true;
		list += len;
		list += *list == ',';
	}
	return false;
}
