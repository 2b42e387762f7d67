/* SPDX-License-Identifier: MIT */
/*
 * Early areas: boot code takes stretches of vmalloc space, at fixed addresses or not, before vmalloc_init(), which
 * enters them in the index. Boot CPU only.
 */
#include "mm/kva/area/area.h"

#define EARLY_MAX 16

static struct vm_struct *early[EARLY_MAX]; /* sorted by address */
static unsigned int nr_early;
static bool imported;

static vaddr_t start_of(const struct vm_struct *vm)
{
	return (vaddr_t)vm->addr;
}

static bool valid(const struct vm_struct *vm)
{
	vaddr_t start = start_of(vm);

	return vm->size > PAGE_SIZE && IS_ALIGNED(start | vm->size, PAGE_SIZE) && start >= VMALLOC_START &&
	       start < VMALLOC_END && vm->size <= VMALLOC_END - start;
}

void vm_area_add_early(struct vm_struct *vm)
{
	vaddr_t start = start_of(vm), end = start + vm->size;
	unsigned int i;

	if (imported || nr_early == EARLY_MAX || !valid(vm))
		panic("vmalloc: early area %p, %lx bytes: %s", vm->addr, vm->size,
		      imported ? "too late" : nr_early == EARLY_MAX ? "too many" : "not in vmalloc space");
	for (i = nr_early; i && start_of(early[i - 1]) >= end; i--)
		early[i] = early[i - 1];
	if (i && start_of(early[i - 1]) + early[i - 1]->size > start)
		panic("vmalloc: early area %p, %lx bytes, overlaps %p, %lx bytes", vm->addr, vm->size,
		      early[i - 1]->addr, early[i - 1]->size);
	early[i] = vm;
	nr_early++;
}

void vm_area_register_early(struct vm_struct *vm, size_t align)
{
	vaddr_t at = ALIGN(VMALLOC_START, max(align, (size_t)PAGE_SIZE));

	for (unsigned int i = 0; i < nr_early; i++) {
		if (start_of(early[i]) >= at && start_of(early[i]) - at >= vm->size)
			break;
		at = max(at, (vaddr_t)ALIGN(start_of(early[i]) + early[i]->size, max(align, (size_t)PAGE_SIZE)));
	}
	vm->addr = (void *)at;
	vm_area_add_early(vm);
}

void vm_early_import(void)
{
	imported = true;
	for (unsigned int i = 0; i < nr_early; i++) {
		const struct vm_request rq = {
			.size = early[i]->size,
			.align = PAGE_SIZE,
			.lo = start_of(early[i]),
			.hi = start_of(early[i]) + early[i]->size,
			.kind = VM_RANGE_AREA,
		};
		struct vm_range *range = vm_range_alloc(&rq);

		if (!range)
			panic("vmalloc: no memory for early area %p", early[i]->addr);
		range->area = early[i];
		vm_range_publish(range);
	}
}
