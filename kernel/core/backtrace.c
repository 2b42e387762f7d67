/* SPDX-License-Identifier: MIT */
/*
 * Symbols by binary search in the image's own table, and backtraces along the frame pointers:
 *
 *	frame pointer -> [ caller's frame pointer | return address ]
 *
 * A build without frame pointers (CONFIG_FRAME_POINTER) guesses: whatever on the stack points into the code may be a return
 * address. All true ones are among them, and some that an earlier call has left there; such a line has a question mark.
 *
 * A backtrace is printed when something is wrong already, so it believes nothing: a frame must lie above the last one,
 * not far from it, in the kernel's half, and be mapped in the tables that this CPU uses.
 */
#include <kernel/backtrace.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <kernel/printk.h>
#include <kernel/symbols.h>
#include <lib/format.h>

#define MAX_DISTANCE (16 * 1024) /* from one frame to the next: a whole stack */

/* The last symbol at or before an offset into the image; NULL: none. */
static const char *symbol_before(u32 offset, u32 *start)
{
	u32 count = __symbols[0];
	const u32 *addr = __symbols + 1, *name = addr + count;
	const char *names = (const char *)(name + count);
	u32 low = 0, high = count; /* addr[i] <= offset for all i < low; addr[i] > offset for all i >= high */

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (addr[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	*start = addr[low - 1];
	return names + name[low - 1];
}

size_t symbol_format(char *buf, size_t len, vaddr_t addr)
{
	vaddr_t image = (vaddr_t)__image_start;
	const char *name = NULL;
	u32 start = 0;

	if (addr >= image && addr < (vaddr_t)__image_end)
		name = symbol_before((u32)(addr - image), &start);
	if (!name)
		return (size_t)scnprintf(buf, len, "0x%lx", addr);
	return (size_t)scnprintf(buf, len, "%s+0x%lx", name, addr - image - start);
}

/* Before the kernel has tables of its own nothing can be asked, but the image is mapped. */
static bool in_image(vaddr_t first, vaddr_t last)
{
	return first >= (vaddr_t)__image_start && last < (vaddr_t)__image_end;
}

/* Can a frame be read at fp? Interrupts are off meanwhile, because a tree that is borrowed could be taken away. */
static bool readable(vaddr_t fp)
{
	vaddr_t last = fp + 2 * sizeof(vaddr_t) - 1;
	const struct pgtable *pt;
	bool mapped, flags;

	if (!IS_ALIGNED(fp, sizeof(vaddr_t)) || fp < layout.user_end || last < fp)
		return false;
	flags = arch_local_irq_save();
	pt = pgtable_current();
	mapped = pt->root_phys ? pgtable_query(pt, fp).present && pgtable_query(pt, last).present : in_image(fp, last);
	local_irq_restore(flags);
	return mapped;
}

static void follow_frames(struct backtrace *trace, vaddr_t fp)
{
	while (readable(fp) && trace->nr < BACKTRACE_FRAMES) {
		vaddr_t next = ((const vaddr_t *)fp)[0], pc = ((const vaddr_t *)fp)[1];

		if (!pc)
			return;
		trace->pc[trace->nr++] = pc;
		/* After the outermost frame there may be anything; this one's return address is still good. */
		if (next <= fp || next - fp > MAX_DISTANCE)
			return;
		fp = next;
	}
}

static void guess_frames(struct backtrace *trace, vaddr_t sp)
{
	vaddr_t end = sp + MAX_DISTANCE;

	if (!readable(sp))
		sp = ALIGN(sp + 1, PAGE_SIZE); /* what overflows a stack stands in the guard page below it */
	for (; sp < end && readable(sp) && trace->nr < BACKTRACE_FRAMES; sp += sizeof(vaddr_t)) {
		vaddr_t word = *(const vaddr_t *)sp;

		if (word > (vaddr_t)__text_start && word < (vaddr_t)__text_end)
			trace->pc[trace->nr++] = word;
	}
}

void backtrace_take(struct backtrace *trace, vaddr_t pc, vaddr_t from)
{
	trace->nr = 0;
	if (!pc)
		return;
	trace->pc[trace->nr++] = pc;
	if (CONFIG_FRAME_POINTER)
		follow_frames(trace, from);
	else
		guess_frames(trace, from);
}

void backtrace_show(const struct backtrace *trace)
{
	for (unsigned int i = 0; i < trace->nr; i++) {
		vaddr_t pc = trace->pc[i];

		/* A return address may lie behind the end of its function, after a call that never comes back. */
		printk("  %px %s%pS\n", (void *)pc, i && !CONFIG_FRAME_POINTER ? "? " : "", (void *)(pc - (i > 0)));
	}
}

void backtrace_print(vaddr_t pc, vaddr_t from)
{
	struct backtrace trace;

	backtrace_take(&trace, pc, from);
	backtrace_show(&trace);
}

/* Of this function's own frame the compiler knows, frame pointers or not: [ caller's | return address ] */
void __noinline backtrace_here(void)
{
	const vaddr_t *frame = __builtin_frame_address(0);

	backtrace_print(frame[1], CONFIG_FRAME_POINTER ? frame[0] : (vaddr_t)(frame + 2));
}
