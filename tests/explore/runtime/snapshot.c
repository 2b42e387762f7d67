/* SPDX-License-Identifier: MIT */
/*
 * Every run begins with the same memory. The program's regions are copied once; each write of the program notes the
 * lines that it touches, and only these are copied back. When all runs of a scenario are done, everything is compared:
 * a write that nobody noted would be found.
 */
#include "tests/explore/runtime/internal.h"

#include <stdlib.h>
#include <string.h>

#define LINE	    256ul
#define MAX_REGIONS 8

static struct region {
	char *start, *copy;
	unsigned long size;
	unsigned char *dirty;
} regions[MAX_REGIONS];
static unsigned int nr_regions;
static struct {
	unsigned int region;
	unsigned long line;
} *touched;
static unsigned long nr_touched;

static struct {
	void *start;
	unsigned long size;
} always[MAX_REGIONS * 2];
static unsigned int nr_always;

void xp_state(void *start, unsigned long size)
{
	if (nr_always == MAX_REGIONS * 2)
		abort();
	always[nr_always].start = start;
	always[nr_always++].size = size;
}

void xp_region(void *start, unsigned long size)
{
	if (nr_regions == MAX_REGIONS)
		abort();
	regions[nr_regions++] = (struct region){ .start = start, .size = size };
}

void snapshot_take(void)
{
	unsigned long lines = 0;

	for (unsigned int i = 0; i < nr_regions; i++) {
		struct region *r = &regions[i];

		r->copy = malloc(r->size);
		memcpy(r->copy, r->start, r->size);
		r->dirty = calloc(r->size / LINE + 1, 1);
		lines += r->size / LINE + 1;
	}
	touched = calloc(lines, sizeof(*touched));
}

void snapshot_dirty(uintptr_t addr, unsigned long size)
{
	for (unsigned int i = 0; i < nr_regions; i++) {
		struct region *r = &regions[i];
		unsigned long at = addr - (uintptr_t)r->start;

		if (!r->dirty || at >= r->size || !size)
			continue;
		for (unsigned long line = at / LINE; line <= (at + size - 1) / LINE; line++) {
			if (r->dirty[line])
				continue;
			r->dirty[line] = 1;
			touched[nr_touched].region = i;
			touched[nr_touched++].line = line;
		}
	}
}

void snapshot_restore(void)
{
	for (unsigned int i = 0; i < nr_always; i++)
		snapshot_dirty((uintptr_t)always[i].start, always[i].size);
	for (unsigned long i = 0; i < nr_touched; i++) {
		struct region *r = &regions[touched[i].region];
		unsigned long at = touched[i].line * LINE, n = r->size - at < LINE ? r->size - at : LINE;

		memcpy(r->start + at, r->copy + at, n);
		r->dirty[touched[i].line] = 0;
	}
	nr_touched = 0;
}

/* After a restore: the first byte that differs, or NULL. */
const char *snapshot_check(void)
{
	for (unsigned int i = 0; i < nr_regions; i++)
		for (unsigned long at = 0; at < regions[i].size; at++)
			if (regions[i].start[at] != regions[i].copy[at])
				return regions[i].start + at;
	return NULL;
}
