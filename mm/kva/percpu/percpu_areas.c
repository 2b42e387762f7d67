/* SPDX-License-Identifier: MIT */
/*
 * The areas for the CPUs' static variables: RAM in the direct map, PERCPU_STRIDE apart (<kernel/percpu.h>).
 *
 *	... | area 0 | - - - | area 1 | - - - | area 2 | - - - ...     RAM; after bring-up the gaps are freed, and the
 *	      boot CPU   free   next one  free   no CPU, free		areas of CPUs that do not exist
 *
 * The boot CPU takes its area before the page allocator starts. The number of CPUs is not known then, so room for
 * MAX_CPUS is kept. If there is too little RAM for that, room for half as many is kept, and so on. CPUs without an area
 * are not started.
 */
#include "mm/page/page_internal.h"

#include <mm/percpu_alloc.h>

static phys_addr_t first __ro_after_init;
static unsigned int nr_areas, nr_taken;

/* Bytes from the first area to the end of the last. */
static u64 span_of(unsigned int nr)
{
	return (u64)(nr - 1) * PERCPU_STRIDE + PAGE_ALIGN(percpu_area_size());
}

/* The highest free place, because early page tables and boot loaders need low memory. 0: there is none. */
static u64 find_span(u64 span, u64 limit)
{
	u64 pos, stop, found = 0;

	for (pos = 0; memblock_next_free(&pos, &stop, limit); pos = stop)
		if (stop - pos >= span)
			found = stop - span;
	return found;
}

void *percpu_areas_init(void)
{
	u64 limit = min(arch_lowmem_limit(), BOOT_ONLINE_SIZE); /* online at boot, so the rest can be freed */

	nr_taken = 0;
	for (nr_areas = MAX_CPUS; nr_areas; nr_areas /= 2) {
		first = (phys_addr_t)find_span(span_of(nr_areas), limit);
		if (first)
			break;
	}
	if (!nr_areas)
		panic("no memory for the boot CPU's variables");
	memblock_reserve(first, first + span_of(nr_areas));
	return percpu_area_alloc(percpu_area_size());
}

void *percpu_area_alloc(size_t bytes)
{
	if (WARN_ONCE(bytes > PERCPU_UNIT_SIZE, "a per-CPU area of %zu bytes", bytes) || nr_taken == nr_areas)
		return NULL;
	return phys_to_virt(first + (phys_addr_t)nr_taken++ * PERCPU_STRIDE);
}

void percpu_areas_done(void)
{
	u64 pos = first, end = first + span_of(nr_areas);

	for (unsigned int i = 0; i < nr_taken; i++) {
		page_online_give(pos, first + (u64)i * PERCPU_STRIDE);
		pos = first + span_of(i + 1);
	}
	page_online_give(pos, end);
	nr_areas = nr_taken;
}
