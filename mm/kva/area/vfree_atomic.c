/* SPDX-License-Identifier: MIT */
/*
 * vfree where one may not sleep: the range is claimed at once, so a wrong free is reported where it happens, and a work
 * frees it soon after. That takes no memory. The list is a stack without a lock: many push, one takes all of it.
 */
#include "mm/kva/vm_internal.h"

static struct vm_range *pending;
const void *vfree_refused;

static void free_all(struct work_struct *work)
{
	struct vm_range *range = xchg(&pending, NULL), *next;

	(void)work;
	for (; range; range = next) {
		next = range->next;
		vm_area_free(range);
	}
}
static struct work_struct free_work = { .fn = free_all };

void vfree_atomic(const void *addr)
{
	struct vm_range *top = READ_ONCE(pending), *range = addr ? vm_area_claim(addr, VM_ALLOC | VM_MAP, "vfree") : NULL;

	if (!range)
		return;
	do
		range->next = top;
	while (!try_cmpxchg(&pending, &top, range));
	if (system_wq)
		queue_work(system_wq, &free_work);
}

void vfree_atomic_drain(void)
{
	flush_work(&free_work);
	free_all(&free_work); /* what came before there were workers */
}

/* An NMI may have struck inside any lock, the console's and the list's included: nothing but remembering is safe there. */
static bool refuse_in_nmi(const void *addr)
{
	const void *was;

	if (in_nmi()) {
		WRITE_ONCE(vfree_refused, addr);
		return true;
	}
	was = xchg(&vfree_refused, NULL);
	WARN_ONCE(was, "vfree: %p was to be freed in an NMI, and is not", was);
	return false;
}

bool vfree_put_off_slow(const void *addr)
{
	if (refuse_in_nmi(addr))
		return true;
	if (preemptible() || !system_wq) /* before there are workers there is nobody to wait for either */
		return false;
	vfree_atomic(addr);
	return true;
}
