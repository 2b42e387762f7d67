/* SPDX-License-Identifier: MIT */
/*
 * Who uses vmalloc space: a line for each range in use, in the format of Linux's /proc/vmallocinfo, sorted by address.
 * Each line is a copy taken under the lock; it is printed without one, so a slow console stops nobody.
 */
#include "vm_internal.h"

#define LINE_SIZE 160

static const struct { unsigned long flag; const char *word; } words[] = {
	{ VM_IOREMAP, "ioremap" }, { VM_SPARSE, "sparse" }, { VM_ALLOC, "vmalloc" }, { VM_MAP, "vmap" },
	{ VM_USERMAP, "user" }, { VM_DMA_COHERENT, "dma-coherent" },
};

static int format_area(char *buf, size_t size, const struct vm_struct *area)
{
	int len = scnprintf(buf, size, " %pS", (void *)area->caller);

	if (area->nr_pages)
		len += scnprintf(buf + len, size - len, " pages=%u", area->nr_pages);
	if (area->phys_addr)
		len += scnprintf(buf + len, size - len, " phys=%pa", &area->phys_addr);
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (area->flags & words[i].flag)
			len += scnprintf(buf + len, size - len, " %s", words[i].word);
	return is_vmalloc_addr(area->pages) ? len + scnprintf(buf + len, size - len, " vpages") : len;
}

void vmallocinfo(void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct vm_range_info range;
	char line[LINE_SIZE];

	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end) {
		const size_t room = sizeof(line) - 1; /* the end of the line */
		int len = scnprintf(line, room, "0x%p-0x%p %7ld", (void *)range.start, (void *)range.end,
				    (long)(range.end - range.start));

		if (range.state == VM_CLEAN)
			continue; /* as good as free */
		if (range.state == VM_LAZY)
			len += scnprintf(line + len, room - len, " unpurged vm_area");
		else if (range.kind == VM_RANGE_AREA)
			len += format_area(line + len, room - len, &range.area);
		else
			len += scnprintf(line + len, room - len, " vm_map_ram");
		scnprintf(line + len, sizeof(line) - len, "\n");
		emit(ctx, line);
	}
}

/* --- summary ------------------------------------------------------------------------------------------------------ */

/* Free space between ranges in use, by size: class c counts gaps of [1 << c, 2 << c) pages. */
#define GAP_CLASSES (BITS_PER_LONG - PAGE_SHIFT)

struct gaps {
	unsigned long nr, bytes, largest, by_size[GAP_CLASSES];
	unsigned long used; /* bytes between VMALLOC_START and the end that are not in gaps */
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

/* How much of the free space a single allocation cannot have, in percent. 64-bit sizes times 100 would not fit everywhere. */
static unsigned int fragmentation(const struct gaps *gaps)
{
	unsigned long percent = gaps->bytes / 100;

	return percent ? (unsigned int)((gaps->bytes - gaps->largest) / percent) : 0;
}

static void emit_gaps(const struct gaps *gaps, void (*emit)(void *ctx, const char *line), void *ctx)
{
	char line[LINE_SIZE];

	scnprintf(line, sizeof(line), "used %lu K, free %lu K in %lu gaps, largest %lu K, fragmentation %u%%\n",
		  gaps->used >> 10, gaps->bytes >> 10, gaps->nr, gaps->largest >> 10, fragmentation(gaps));
	emit(ctx, line);
	for (unsigned int class = 0; class < GAP_CLASSES; class++) {
		if (!gaps->by_size[class])
			continue;
		scnprintf(line, sizeof(line), "gaps from %lu K: %lu\n", 1UL << (class + PAGE_SHIFT - 10), gaps->by_size[class]);
		emit(ctx, line);
	}
}

void vmallocinfo_summary(void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct vmap_block_info block;
	struct gaps gaps = { 0 };
	char line[LINE_SIZE];

	might_sleep();
	find_gaps(&gaps);
	emit_gaps(&gaps, emit, ctx);
	for (vaddr_t from = VMALLOC_START; vmap_block_next(from, &block); from = block.end) {
		scnprintf(line, sizeof(line), "block 0x%p-0x%p: %u pages in %u maps, free %u, dirty %u, flushing %u\n",
			  (void *)block.start, (void *)block.end, block.live, block.runs, block.clean, block.dirty,
			  block.flushing);
		emit(ctx, line);
	}
}
