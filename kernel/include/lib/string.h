/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings. The mem* functions are also what the compiler calls for structure copies.
 * As in C unless a line says otherwise. Any context.
 */
#pragma once

#include <lib/compiler.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *mem, int byte, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *text, const char *part);

/* Copy into `size` bytes, NUL included. Returns the length, or -E2BIG when it was cut (it then ends with NUL too). */
ssize_t strscpy(char *to, const char *from, size_t size);

/* Does s begin with prefix? */
bool strstarts(const char *s, const char *prefix);

/* ASCII only; no locale. */
static inline bool is_digit(int c) { return c >= '0' && c <= '9'; }
static inline bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline bool is_print(int c) { return c >= ' ' && c <= '~'; }
