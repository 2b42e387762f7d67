/* SPDX-License-Identifier: MIT */
/* An interrupt in the middle of a restartable sequence returns to the sequence's beginning (<asm/restart.h>). */
#include <arch/layout.h>
#include <asm/restart.h>
#include <asm/trap.h>
#include <lib/compiler.h>

/*
 * Sequences lie in few pages, and nearly every interrupt comes in another page. has_some has a byte for each page of
 * code; pages 1 MiB apart share a byte.
 */
static bool has_some[256];

static bool *page_entry(vaddr_t addr) { return &has_some[(addr >> PAGE_SHIFT) % ARRAY_SIZE(has_some)]; }

void restart_init(void)
{
	for (const struct restartable *r = __restartable_start; r < __restartable_end; r++)
		*page_entry(r->start) = *page_entry(r->end) = true;
}

void restart_sequence(struct trap_frame *frame)
{
	if (likely(!*page_entry(frame->ip)))
		return;
	for (const struct restartable *r = __restartable_start; r < __restartable_end; r++)
		if (frame->ip > r->start && frame->ip < r->end)
			frame->ip = r->start;
}
