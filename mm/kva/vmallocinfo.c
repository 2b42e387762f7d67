/* SPDX-License-Identifier: MIT */
/*
 * The users of vmalloc space: a line for each range in use or lazy, sorted by address. There are three formats: that of
 * Linux's /proc/vmallocinfo, one for people, and one for programs (with the clean ranges too). No lock is held while a
 * line is printed, so nobody waits for a slow console.
 */
#include "mm/kva/area/area.h"
#include "mm/kva/block/block.h"

#define LINE_SIZE 200

/* A line that grows at its end. */
struct line {
	char text[LINE_SIZE];
	size_t len;
};

static void add(struct line *line, const char *fmt, ...) __printf(2, 3);
static void add(struct line *line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line->len += (size_t)vscnprintf(line->text + line->len, sizeof(line->text) - line->len, fmt, args);
	va_end(args);
}

/* Print the line. It always ends with '\n', even if its text was cut off. */
static void end(struct line *line, void (*emit)(void *ctx, const char *line), void *ctx)
{
	line->len = min(line->len, sizeof(line->text) - 2);
	memcpy(line->text + line->len, "\n", 2);
	emit(ctx, line->text);
	line->len = 0;
}

static const struct { unsigned long flag; const char *word; } words[] = {
	{ VM_IOREMAP, "ioremap" }, { VM_SPARSE, "sparse" }, { VM_ALLOC, "vmalloc" }, { VM_MAP, "vmap" },
	{ VM_USERMAP, "user" }, { VM_DMA_COHERENT, "dma-coherent" },
};

static void add_area(struct line *line, const struct vm_struct *area)
{
	add(line, " %pS", (void *)area->caller);
	if (area->nr_pages)
		add(line, " pages=%u", area->nr_pages);
	if (area->phys_addr)
		add(line, " phys=%pa", &area->phys_addr);
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (area->flags & words[i].flag)
			add(line, " %s", words[i].word);
	if (is_vmalloc_addr(area->pages))
		add(line, " vpages");
}

static void emit_ranges(bool human, void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct vm_range_info range;
	struct line line = { 0 };

	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end) {
		if (range.state == VM_CLEAN)
			continue; /* people count it as free */
		if (human)
			add(&line, "0x%p-0x%p %10s", (void *)range.start, (void *)range.end,
			    SIZE(range.end - range.start));
		else
			add(&line, "0x%p-0x%p %7ld", (void *)range.start, (void *)range.end,
			    (long)(range.end - range.start));
		if (range.state == VM_LAZY)
			add(&line, " unpurged vm_area");
		else if (range.kind == VM_RANGE_AREA)
			add_area(&line, &range.area);
		else
			add(&line, " vm_map_ram");
		end(&line, emit, ctx);
	}
}

void vmallocinfo(void (*emit)(void *ctx, const char *line), void *ctx)
{
	emit_ranges(false, emit, ctx);
}

void vmallocinfo_human(void (*emit)(void *ctx, const char *line), void *ctx)
{
	emit_ranges(true, emit, ctx);
	vmallocinfo_summary(emit, ctx);
}

/* --- for programs: KEY=VALUE -------------------------------------------------------------------------------------- */

static void add_range(struct line *line, const char *what, vaddr_t start, vaddr_t limit)
{
	add(line, "%s start=0x%lx end=0x%lx size=%lu", what, start, limit, limit - start);
}

static const char *kind_of(const struct vm_range_info *range)
{
	if (range->kind == VM_RANGE_BLOCK)
		return "block";
	if (range->kind == VM_RANGE_RAM)
		return "vm_map_ram";
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (range->area.flags & words[i].flag)
			return words[i].word;
	return "area";
}

static void add_exact(struct line *line, const struct vm_struct *area)
{
	add(line, " pages=%u", area->nr_pages);
	if (area->phys_addr)
		add(line, " phys=%pa", &area->phys_addr);
	add(line, " user=%d vpages=%d caller=%pS", !!(area->flags & VM_USERMAP), is_vmalloc_addr(area->pages),
	    (void *)area->caller);
}

static void emit_block(const struct vmap_block_info *block, void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct line line = { 0 };

	add_range(&line, "block", block->start, block->end);
	add(&line, " live=%u maps=%u clean=%u dirty=%u flushing=%u", block->live, block->runs, block->clean,
	    block->dirty, block->flushing);
	end(&line, emit, ctx);
}

void vmallocinfo_machine(void (*emit)(void *ctx, const char *line), void *ctx)
{
	static const char *const states[NR_VM_RANGE_STATES] = {
		[VM_BUSY] = "busy", [VM_LAZY] = "lazy", [VM_CLEAN] = "clean"
	};
	struct vmap_block_info block;
	struct vm_range_info range;
	struct line line = { 0 };

	might_sleep();
	add_range(&line, "space", VMALLOC_START, VMALLOC_END);
	end(&line, emit, ctx);
	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end) {
		add_range(&line, "range", range.start, range.end);
		add(&line, " state=%s", states[range.state]);
		if (range.state == VM_BUSY)
			add(&line, " kind=%s", kind_of(&range));
		if (range.state == VM_BUSY && range.kind == VM_RANGE_AREA)
			add_exact(&line, &range.area);
		end(&line, emit, ctx);
	}
	for (vaddr_t from = VMALLOC_START; vmap_block_next(from, &block); from = block.end)
		emit_block(&block, emit, ctx);
}

/* --- summary ------------------------------------------------------------------------------------------------------ */

/* Free space between ranges (lazy and clean ones too), by size: class c counts gaps of [1 << c, 2 << c) pages. */
#define GAP_CLASSES (BITS_PER_LONG - PAGE_SHIFT)

struct gaps {
	unsigned long nr, bytes, largest, by_size[GAP_CLASSES];
	unsigned long used; /* bytes of vmalloc space that are not in gaps */
};

static void count_gap(struct gaps *gaps, vaddr_t start, vaddr_t end)
{
	unsigned long size = end - start;

	if (start >= end)
		return;
	gaps->nr++;
	gaps->bytes += size;
	gaps->largest = max(gaps->largest, size);
	gaps->by_size[ilog2(size >> PAGE_SHIFT)]++;
}

static void find_gaps(struct gaps *gaps)
{
	vaddr_t from = VMALLOC_START;
	struct vm_range_info range;

	for (; vm_range_next(from, &range); from = range.end) {
		count_gap(gaps, from, range.start);
		gaps->used += range.end - range.start;
	}
	count_gap(gaps, from, VMALLOC_END);
}

/* The part of free space that a single allocation cannot get, in percent. (bytes * 100 could overflow.) */
static unsigned int fragmentation(const struct gaps *gaps)
{
	unsigned long percent = gaps->bytes / 100;

	return percent ? (unsigned int)((gaps->bytes - gaps->largest) / percent) : 0;
}

static void emit_gaps(const struct gaps *gaps, void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct line line = { 0 };

	add(&line, "used %s, free %s in %lu gaps, largest %s, fragmentation %u%%", SIZE(gaps->used), SIZE(gaps->bytes),
	    gaps->nr, SIZE(gaps->largest), fragmentation(gaps));
	end(&line, emit, ctx);
	for (unsigned int class = 0; class < GAP_CLASSES; class++) {
		if (!gaps->by_size[class])
			continue;
		add(&line, "gaps from %s: %lu", SIZE(1ull << (class + PAGE_SHIFT)), gaps->by_size[class]);
		end(&line, emit, ctx);
	}
}

void vmallocinfo_summary(void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct vmap_block_info block;
	struct line line = { 0 };
	struct gaps gaps = { 0 };

	might_sleep();
	find_gaps(&gaps);
	emit_gaps(&gaps, emit, ctx);
	for (vaddr_t from = VMALLOC_START; vmap_block_next(from, &block); from = block.end) {
		add(&line, "block 0x%p-0x%p: %u pages in %u maps, free %u, dirty %u, flushing %u", (void *)block.start,
		    (void *)block.end, block.live, block.runs, block.clean, block.dirty, block.flushing);
		end(&line, emit, ctx);
	}
}
