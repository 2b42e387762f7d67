/* SPDX-License-Identifier: MIT */
/*
 * Symbols by binary search in the image's own table, and backtraces along the frame pointers:
 *
 *	frame pointer -> [ caller's frame pointer | return address ]
 *
 * At a trap the chain leads from the handler to the caller of the interrupted function, and skips that function itself.
 * So at a return address into trap entry, the walk takes the trap frame saved there: it tells what was interrupted, by
 * what, and where to go on.
 *
 * A build without frame pointers (CONFIG_FRAME_POINTER) guesses: any word on the stack that points into the code may be
 * a return address. All true ones are among them, and some that earlier calls have left; each such line has a question
 * mark.
 *
 * A backtrace is printed when something is wrong, so it checks everything: a frame must be above the last one, not far
 * from it, in the kernel's half, and mapped in the tables that this CPU uses.
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

	if (layout.entry_start && addr - layout.entry_start < (vaddr_t)(__entry_text_end - __entry_text_start))
		addr += (vaddr_t)__entry_text_start - layout.entry_start; /* the image's text, mapped there again */
	if (addr >= image && addr < (vaddr_t)__image_end)
		name = symbol_before((u32)(addr - image), &start);
	if (!name)
		return (size_t)scnprintf(buf, len, "0x%lx", addr);
	return (size_t)scnprintf(buf, len, "%s+0x%lx", name, addr - image - start);
}

/* Before the kernel has tables of its own there is nothing to query, but the image is mapped. */
static bool in_image(vaddr_t first, vaddr_t last)
{
	return first >= (vaddr_t)__image_start && last < (vaddr_t)__image_end;
}

/* Interrupts are off, because a borrowed tree could be taken away. size: at most a page. */
static bool readable(vaddr_t addr, size_t size)
{
	vaddr_t last = addr + size - 1;
	const struct pgtable *pt;
	bool mapped, flags;

	if (!IS_ALIGNED(addr, sizeof(vaddr_t)) || addr < layout.user_end || last < addr)
		return false;
	flags = arch_local_irq_save();
	pt = pgtable_current();
	mapped = pt->root_phys ? pgtable_query(pt, addr).present && pgtable_query(pt, last).present
			       : in_image(addr, last);
	local_irq_restore(flags);
	return mapped;
}

static void add_caller(struct backtrace *trace, vaddr_t pc)
{
	trace->entry[trace->nr++] = (struct backtrace_entry){ .pc = pc };
}

/* Adds the interrupted code. Returns where its callers are found; 0: it was a program. */
static vaddr_t add_interrupted(struct backtrace *trace, const struct trap_frame *frame)
{
	trace->entry[trace->nr++] = (struct backtrace_entry){
		.pc = trap_frame_pc(frame), .interrupted = true, .cause = trap_frame_cause(frame),
	};
	return trap_frame_stack(frame);
}

/* The interrupted code may have been on another stack, so only its callers must be above it. */
static void follow_frames(struct backtrace *trace, vaddr_t fp)
{
	while (readable(fp, 2 * sizeof(vaddr_t)) && trace->nr < BACKTRACE_FRAMES) {
		vaddr_t next = ((const vaddr_t *)fp)[0], pc = ((const vaddr_t *)fp)[1];
		const struct trap_frame *frame = trap_frame_above(pc, fp + 2 * sizeof(vaddr_t), readable);

		if (frame) {
			fp = add_interrupted(trace, frame);
			continue;
		}
		if (!pc)
			return;
		add_caller(trace, pc);
		/* The outermost frame may be followed by anything; its own return address is still valid. */
		if (next <= fp || next - fp > MAX_DISTANCE)
			return;
		fp = next;
	}
}

static void guess_frames(struct backtrace *trace, vaddr_t sp)
{
	vaddr_t end = sp + MAX_DISTANCE;

	if (!readable(sp, sizeof(vaddr_t)))
		sp = ALIGN(sp + 1, PAGE_SIZE); /* after a stack overflow sp is in the guard page */
	while (sp < end && readable(sp, sizeof(vaddr_t)) && trace->nr < BACKTRACE_FRAMES) {
		vaddr_t word = *(const vaddr_t *)sp;
		const struct trap_frame *frame = trap_frame_above(word, sp + sizeof(vaddr_t), readable);

		sp += sizeof(vaddr_t);
		if (frame) {
			sp = add_interrupted(trace, frame);
			end = sp + MAX_DISTANCE;
		} else if (word > (vaddr_t)__text_start && word < (vaddr_t)__text_end) {
			add_caller(trace, word);
		}
	}
}

void backtrace_take(struct backtrace *trace, vaddr_t pc, vaddr_t from)
{
	trace->nr = 0;
	add_caller(trace, pc); /* even 0: a call of a null pointer gets there */
	if (CONFIG_FRAME_POINTER)
		follow_frames(trace, from);
	else
		guess_frames(trace, from);
}

static void show_entry(const struct backtrace_entry *entry, bool innermost)
{
	const char *guess = innermost || CONFIG_FRAME_POINTER ? "" : "? ";
	bool returns = !innermost && !entry->interrupted;
	char cause[96];

	if (entry->interrupted) {
		trap_cause_format(cause, sizeof(cause), &entry->cause);
		printk("  %s%s struck at:\n", guess, cause);
	}
	/* A return address may lie behind the end of its function, after a call that never comes back. */
	printk("  %px %s%pS\n", (void *)entry->pc, guess, (void *)(entry->pc - returns));
}

void backtrace_show(const struct backtrace *trace)
{
	for (unsigned int i = 0; i < trace->nr; i++)
		show_entry(&trace->entry[i], i == 0);
}

void backtrace_print(vaddr_t pc, vaddr_t from)
{
	struct backtrace trace;

	backtrace_take(&trace, pc, from);
	backtrace_show(&trace);
}

/* The compiler knows this function's own frame, even without frame pointers: [ caller's | return address ] */
void __noinline backtrace_here(void)
{
	const vaddr_t *frame = __builtin_frame_address(0);

	backtrace_print(frame[1], CONFIG_FRAME_POINTER ? frame[0] : (vaddr_t)(frame + 2));
}
