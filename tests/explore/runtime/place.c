/* SPDX-License-Identifier: MIT */
/* A table of the words (of 4 bytes) that steps of this run have touched. A new run finds it empty, at no cost. */
#include "tests/explore/runtime/internal.h"

#include <string.h>

#define PLACES (1u << 14)

static struct place places[PLACES];
static unsigned int run;

void places_reset(void) { run++; }

static void place_init(struct place *p, uintptr_t word)
{
	*p = (struct place){ .word = word, .run = run, .last_write = -1, .last_locked = -1 };
	memset(p->last_read, -1, sizeof(p->last_read));
}

struct place *place_at(uintptr_t addr)
{
	uintptr_t word = addr & ~3ul;
	unsigned int i = (unsigned int)((word >> 2) * 0x9e3779b97f4a7c15ul >> 50) % PLACES;

	for (; places[i].run == run; i = (i + 1) % PLACES)
		if (places[i].word == word)
			return &places[i];
	place_init(&places[i], word);
	return &places[i];
}
