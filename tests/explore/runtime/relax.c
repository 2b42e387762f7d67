/* SPDX-License-Identifier: MIT */
/*
 * Waiting. A loop that waits reads some words, finds that it must wait, and calls xp_relax(). Another round without a
 * change in one of these words would find the same, so the agent is blocked until one has been written, be it by its
 * own CPU. The words are those that it has read since its last call. In the first round these are more than the loop
 * reads; then it may go round once for nothing.
 */
#include "tests/explore/runtime/internal.h"

#define MAX_WORDS 256

struct word {
	uintptr_t addr;
	unsigned int size;
	int written; /* the first step that wrote it since; -1: none */
};
static struct watch {
	struct word word[MAX_WORDS];
	unsigned int nr;
} watches[NR_AGENTS];

void watch_reset(void)
{
	for (unsigned int a = 0; a < NR_AGENTS; a++)
		watches[a].nr = 0;
}

void watch_clear(unsigned int agent) { watches[agent].nr = 0; }

void watch_read(unsigned int agent, uintptr_t addr, unsigned int size)
{
	struct watch *w = &watches[agent];
	unsigned int i;

	for (i = 0; i < w->nr; i++)
		if (w->word[i].addr == addr && w->word[i].size == size)
			break;
	if (i == MAX_WORDS) { /* the oldest goes: no loop waits for so many words */
		for (i = 0; i + 1 < MAX_WORDS; i++)
			w->word[i] = w->word[i + 1];
		w->nr--;
	}
	if (i == w->nr)
		w->nr++;
	w->word[i] = (struct word){ addr, size, -1 };
}

void watch_event(uintptr_t addr, unsigned int size, int step)
{
	for (unsigned int a = 0; a < BUFFER; a++)
		for (unsigned int i = 0; i < watches[a].nr; i++) {
			struct word *w = &watches[a].word[i];

			if (w->written < 0 && addr < w->addr + w->size && w->addr < addr + size)
				w->written = step;
		}
}

bool watch_may_go_on(unsigned int agent)
{
	unsigned int words;

	return watch_enabler(agent, &words) >= 0;
}

int watch_enabler(unsigned int agent, unsigned int *words)
{
	const struct watch *w = &watches[agent];
	int first = -1;

	*words = w->nr;
	for (unsigned int i = 0; i < w->nr; i++)
		if (w->word[i].written >= 0 && (first < 0 || w->word[i].written < first))
			first = w->word[i].written;
	return first;
}
