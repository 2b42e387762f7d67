/* SPDX-License-Identifier: MIT */
/*
 * Keepers: parts of kva that keep freed address space or memory for the next user, and give it back when it is short.
 *
 * When vm_range_obtain() finds no space and may wait, it asks the keepers in the order of their list. When the page
 * allocator finds no memory, the background (vm_purge.c) asks them. So space/ need not know the chambers above it.
 */
#include "mm/kva/space/space.h"

static const struct vm_keeper *const nobody[] = { NULL };
const struct vm_keeper *const *vm_keepers = nobody;

bool vm_make_space(void)
{
	bool some = false;

	for (const struct vm_keeper *const *k = vm_keepers; *k; k++)
		some |= (*k)->reclaim && (*k)->reclaim();
	return some;
}

void vmalloc_shrink(void)
{
	might_sleep();
	for (const struct vm_keeper *const *k = vm_keepers; *k; k++) {
		if ((*k)->shrink)
			(*k)->shrink();
		else if ((*k)->reclaim)
			(*k)->reclaim();
	}
}

bool vm_keepers_want_flush(void)
{
	for (const struct vm_keeper *const *k = vm_keepers; *k; k++)
		if ((*k)->wants_flush && (*k)->wants_flush())
			return true;
	return false;
}

void vm_keepers_flushed(void)
{
	for (const struct vm_keeper *const *k = vm_keepers; *k; k++)
		if ((*k)->flushed)
			(*k)->flushed();
}
