/* SPDX-License-Identifier: MIT */
/* Stacks of kernel threads. The first page of the area stays unmapped, below the stack; its guard page is above. */
#include "mm/kva/area/area.h"

#include <mm/kstack.h>

void *kstack_alloc(void)
{
	return vmalloc_area(&(struct vm_area_spec){
		.lead = PAGE_SIZE, .size = KSTACK_SIZE, .flags = VM_ALLOC, .prot = PAGE_KERNEL, .caller = _RET_IP_ });
}

void kstack_free(void *stack)
{
	if (stack)
		vfree((char *)stack - PAGE_SIZE);
}
