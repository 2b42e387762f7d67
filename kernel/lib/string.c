/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings.
 *
 * Copying and filling go word by word, because they also serve whole pages. Their loops, and that of strnlen(), have a
 * barrier() in their bodies: without it gcc recognises what such a loop does and replaces it by a call to the very
 * function that it is part of.
 */
#include <lib/string.h>
#include <lib/errno.h>

/* A word, and four bytes, that need not be aligned. */
typedef unsigned long __attribute__((aligned(1), may_alias)) any_word;
typedef u32 __attribute__((aligned(1), may_alias)) any_u32;
#define WORD sizeof(any_word)

/* Less than a word. */
static void copy_few(u8 *to, const u8 *from, size_t n)
{
	if (n >= 4) {
		u32 first = *(const any_u32 *)from, last = *(const any_u32 *)(from + n - 4);

		*(any_u32 *)to = first;
		*(any_u32 *)(to + n - 4) = last;
		return;
	}
	for (; n; n--) {
		*to++ = *from++;
		barrier();
	}
}

/* The last word is read first and written last; it may overlap the one before. So no single bytes are left. */
static void copy_up(u8 *to, const u8 *from, size_t n)
{
	any_word *end = (any_word *)(to + n - WORD);
	unsigned long last;

	if (n < WORD) {
		copy_few(to, from, n);
		return;
	}
	last = *(const any_word *)(from + n - WORD);
	for (; n >= 4 * WORD; n -= 4 * WORD, to += 4 * WORD, from += 4 * WORD) {
		any_word *t = (any_word *)to;
		const any_word *f = (const any_word *)from;
		unsigned long a = f[0], b = f[1], c = f[2], d = f[3];

		t[0] = a;
		t[1] = b;
		t[2] = c;
		t[3] = d;
		barrier();
	}
	for (; n > WORD; n -= WORD, to += WORD, from += WORD) {
		*(any_word *)to = *(const any_word *)from;
		barrier();
	}
	*end = last;
}

static void copy_down(u8 *to, const u8 *from, size_t n)
{
	for (; n >= WORD; n -= WORD) {
		*(any_word *)(to + n - WORD) = *(const any_word *)(from + n - WORD);
		barrier();
	}
	for (; n; n--) {
		to[n - 1] = from[n - 1];
		barrier();
	}
}

void *memcpy(void *to, const void *from, size_t n)
{
	copy_up(to, from, n);
	return to;
}

/* Copying upwards is right unless the target begins inside the source. */
void *memmove(void *to, const void *from, size_t n)
{
	if ((vaddr_t)to - (vaddr_t)from >= n)
		copy_up(to, from, n);
	else
		copy_down(to, from, n);
	return to;
}

void *memset(void *mem, int byte, size_t n)
{
	unsigned long word = (u8)byte * (~0UL / 255);
	u8 *to = mem;

	for (; n >= 4 * WORD; n -= 4 * WORD, to += 4 * WORD) {
		any_word *t = (any_word *)to;

		t[0] = word;
		t[1] = word;
		t[2] = word;
		t[3] = word;
		barrier();
	}
	for (; n >= WORD; n -= WORD, to += WORD) {
		*(any_word *)to = word;
		barrier();
	}
	for (; n; n--) {
		*to++ = (u8)byte;
		barrier();
	}
	return mem;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

void *memchr(const void *mem, int byte, size_t n)
{
	const u8 *p = mem;

	for (size_t i = 0; i < n; i++)
		if (p[i] == (u8)byte)
			return (void *)(p + i);
	return NULL;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n]) {
		n++;
		barrier();
	}
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, (size_t)-1);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		u8 x = (u8)a[i], y = (u8)b[i];

		if (x != y)
			return x < y ? -1 : 1;
		if (!x)
			break;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, (size_t)-1);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}

bool strstarts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

char *strstr(const char *text, const char *part)
{
	for (;; text++) {
		if (strstarts(text, part))
			return (char *)text;
		if (!*text)
			return NULL;
	}
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t n = strnlen(from, size);

	if (!size)
		return -E2BIG;
	if (n < size) {
		memcpy(to, from, n + 1);
		return (ssize_t)n;
	}
	memcpy(to, from, size - 1);
	to[size - 1] = '\0';
	return -E2BIG;
}
