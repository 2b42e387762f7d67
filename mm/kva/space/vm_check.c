/* SPDX-License-Identifier: MIT */
/* Is each address of vmalloc space in exactly one range? (Invariant 1 of vm_holes.c.) */
#include "mm/kva/space/space.h"

unsigned int vm_range_check(void)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START, used = 0, largest, free;
	unsigned int faults = vm_holes_check() + vm_index_check(&used, vm_range_has_hole);

	free = vm_holes(&largest);
	if (used + free != arena) {
		printk("vmalloc: %lx bytes in use and %lx free, but the arena has %lx\n", used, free, arena);
		faults++;
	}
	return faults;
}
