/* SPDX-License-Identifier: MIT */
/* Wildcards. */
#include <lib/glob.h>

/*
 * Match c against a set like [a-z_] or [!0-9]; p is behind its bracket. Returns what follows it; NULL: no end, so it is
 * no set.
 */
static const char *match_set(const char *p, const char *end, char c, bool *matches)
{
	bool inverted = p < end && *p == '!', found = false;
	const char *first = p + inverted;

	for (p = first; p < end && (*p != ']' || p == first); p++) {
		u8 low = (u8)*p, high = low;

		if (end - p > 2 && p[1] == '-' && p[2] != ']') {
			high = (u8)p[2];
			p += 2;
		}
		found |= low <= (u8)c && (u8)c <= high;
	}
	*matches = found != inverted;
	return p < end ? p + 1 : NULL;
}

/* Does c match the first element of the pattern, which is no star? *pattern moves behind the element. */
static bool match_one(const char **pattern, const char *end, char c)
{
	const char *p = *pattern, *rest;
	bool matches;

	if (*p == '[' && (rest = match_set(p + 1, end, c, &matches))) {
		*pattern = rest;
		return matches;
	}
	if (*p == '\\' && p + 1 < end)
		p++;
	else if (*p == '?')
		c = '?';
	*pattern = p + 1;
	return *p == c;
}

/*
 * Match against the first `len` characters of a pattern. On a mismatch the last star takes one more character; earlier
 * stars need not be tried again. So it takes at most len * strlen(text) steps.
 */
static bool match(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len, *star = NULL, *retry = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (pattern < end && match_one(&pattern, end, *text)) {
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
