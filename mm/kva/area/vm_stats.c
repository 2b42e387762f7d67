/* SPDX-License-Identifier: MIT */
/* Sums over vmalloc space: bytes by state and kind, and pages. */
#include "mm/kva/area/area.h"

DEFINE_PER_CPU(unsigned long, vmalloc_pages);

unsigned long vmalloc_nr_pages(void)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(vmalloc_pages, cpu));
	return sum;
}

static void count_range(struct vmalloc_stats *stats, const struct vm_range_info *range)
{
	unsigned long bytes = range->end - range->start;

	if (range->state != VM_BUSY) {
		*(range->state == VM_LAZY ? &stats->lazy_bytes : &stats->cached_bytes) += bytes;
		return;
	}
	switch (range->kind) {
	case VM_RANGE_AREA:
		stats->areas++;
		stats->area_bytes += bytes;
		break;
	case VM_RANGE_BLOCK:
		stats->blocks++;
		stats->block_bytes += bytes;
		break;
	default:
		stats->rams++;
		stats->ram_bytes += bytes;
	}
}

void vmalloc_stats(struct vmalloc_stats *out)
{
	struct vm_range_info range;

	*out = (struct vmalloc_stats){ .nr_pages = vmalloc_nr_pages() };
	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end)
		count_range(out, &range);
	out->free_bytes = vm_holes(&out->largest_free);
	out->total_bytes = out->area_bytes + out->block_bytes + out->ram_bytes + out->free_bytes + out->lazy_bytes +
			   out->cached_bytes;
}
