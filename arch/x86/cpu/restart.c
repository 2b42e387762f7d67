/* SPDX-License-Identifier: MIT */
/* Where an interrupt returns to, if it came in the middle of a restartable sequence (<asm/restart.h>). */
#include <arch/layout.h>
#include <asm/restart.h>
#include <asm/trap.h>
#include <lib/compiler.h>

/* Sequences lie in few pages, and nearly every interrupt comes elsewhere: bit n is for pages whose number is n, modulo a word. */
static unsigned long pages;

static unsigned long page_bit(vaddr_t addr) { return BIT((addr >> PAGE_SHIFT) % BITS_PER_LONG); }

void restart_init(void)
{
	for (const struct restartable *r = __restartable_start; r < __restartable_end; r++)
		pages |= page_bit(r->start) | page_bit(r->end);
}

void restart_sequence(struct trap_frame *frame)
{
	if (likely(!(pages & page_bit(frame->ip))))
		return;
	for (const struct restartable *r = __restartable_start; r < __restartable_end; r++)
		if (frame->ip > r->start && frame->ip < r->end)
			frame->ip = r->start;
}
