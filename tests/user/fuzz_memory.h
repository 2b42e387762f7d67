/* SPDX-License-Identifier: MIT */
/*
 * Mappings that come and go at random, with a list of what must be there: zeros at first, then what was written. Every
 * system call is a right one, so it fails for want of memory or not at all.
 */
#pragma once

#include "fuzz.h"

#define MEMORY_SLOTS  8
#define MEMORY_PAGES  12
#define MEMORY_STEPS  60
#define MEMORY_ADDR   0x20000000ul /* for mappings at chosen addresses: a stretch each */
#define MEMORY_STRIDE 0x400000ul

static struct mapping {
	char *addr;
	unsigned int pages;
	unsigned char there[MEMORY_PAGES]; /* by page: gone, fresh, or the byte that it holds */
} mapping[MEMORY_SLOTS];

enum { GONE, FRESH, FIRST_BYTE };

static int no_memory(long result)
{
	return result == -ENOMEM;
}

static void memory_map(struct mapping *m)
{
	unsigned int pages = 1 + below(MEMORY_PAGES);
	char *want = below(2) ? NULL
			      : (char *)(MEMORY_ADDR + MEMORY_STRIDE * (unsigned int)(m - mapping) + PAGE * below(16));
	char *got = mmap(want, pages * PAGE - below((unsigned int)PAGE));

	if (failed(got)) {
		CHECK(no_memory((long)got));
		return;
	}
	CHECK(!want || got == want);
	m->addr = got;
	m->pages = pages;
	for (unsigned int i = 0; i < pages; i++)
		m->there[i] = FRESH;
}

/* In a stretch of its own; elsewhere a hole in it may be given to the next mapping, so there it goes as a whole. */
static int has_stretch(const struct mapping *m)
{
	return (unsigned long)m->addr - MEMORY_ADDR < MEMORY_SLOTS * MEMORY_STRIDE;
}

/* Some pages of it, which may leave a hole. */
static void memory_unmap(struct mapping *m)
{
	unsigned int from = has_stretch(m) ? below(m->pages) : 0, left = 0;
	unsigned int pages = has_stretch(m) ? 1 + below(m->pages - from) : m->pages;
	long result = munmap(m->addr + from * PAGE, pages * PAGE);

	if (result) {
		CHECK(no_memory(result));
		return;
	}
	for (unsigned int i = from; i < from + pages; i++)
		m->there[i] = GONE;
	for (unsigned int i = 0; i < m->pages; i++)
		left += m->there[i] != GONE;
	if (!left)
		m->pages = 0;
}

static volatile char *missing;

static int touch_missing(void)
{
	touch((volatile unsigned char *)missing, 1);
	return 0;
}

/* A child that touches what is gone is killed for it. */
static void memory_gone(char *page)
{
	long pid;
	int status = -1;

	missing = page;
	pid = in_child(touch_missing);
	if (pid < 0)
		return;
	CHECK(wait(&status) == pid);
	CHECK(status && (status == EXIT_KILLED + KILL_MEMORY || is_clean_end(status)));
}

static void memory_touch(struct mapping *m)
{
	unsigned int i = below(m->pages), at = below((unsigned int)PAGE);
	char *page = m->addr + i * PAGE;

	if (m->there[i] == GONE) {
		if (!below(8))
			memory_gone(page + at);
		return;
	}
	CHECK(page[0] == (m->there[i] == FRESH ? 0 : (char)m->there[i]));
	CHECK(page[PAGE - 1] == page[0] && (m->there[i] != FRESH || page[at] == 0));
	m->there[i] = (unsigned char)(FIRST_BYTE + below(250));
	page[0] = page[PAGE - 1] = (char)m->there[i];
}

/* What comes back to the heap is zero again. */
static void memory_heap(void)
{
	char *end = brk(NULL), *grown = end + PAGE * (1 + below(8));

	if (brk(grown) != grown)
		return;
	for (char *page = end; page < grown; page += PAGE) {
		CHECK(*page == 0);
		*page = 1;
	}
	CHECK(brk(end) == end);
}

static int memory_changes(void)
{
	for (unsigned int left = 1 + below(MEMORY_STEPS); left; left--) {
		struct mapping *m = &mapping[below(MEMORY_SLOTS)];

		if (!m->pages)
			memory_map(m);
		else if (!below(3))
			memory_unmap(m);
		else
			memory_touch(m);
		if (!below(10))
			memory_heap();
	}
	return 0;
}
