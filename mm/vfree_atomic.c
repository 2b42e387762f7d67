/* SPDX-License-Identifier: MIT */
/*
 * vfree where one may not sleep: the address goes onto a list, and a work frees it soon after.
 *
 * The list is a stack without a lock: many push, one takes all of it. A note is kmalloc'ed; when there is no memory for
 * one, it is written into the struct page of the first page, whose free use is the owner's as long as it is allocated,
 * and the owner has just given it up. The memory itself is not touched: it may be read-only.
 */
#include "vm_internal.h"

struct note {
	struct note *next;
	const void *addr;
};
static_assert(sizeof(struct note) <= sizeof(((struct page *)NULL)->words), "a note fits into a struct page");

static struct note *pending;
const void *vfree_refused;

/* Is this note part of a struct page? */
static bool in_page(const struct note *note)
{
	const struct page *page = vmalloc_to_page(note->addr);

	return page && (const void *)note == (const void *)page->words;
}

static void free_one(struct note *note)
{
	const void *addr = note->addr;

	if (!in_page(note))
		kfree(note);
	vfree(addr);
}

static void free_all(struct work_struct *work)
{
	struct note *note = xchg(&pending, NULL), *next;

	(void)work;
	for (; note; note = next) {
		next = note->next;
		free_one(note);
	}
}
static struct work_struct free_work = { .fn = free_all };

static struct note *note_for(const void *addr)
{
	struct note *note = kmalloc(sizeof(*note), GFP_ATOMIC | __GFP_NOWARN);
	struct page *page = note ? NULL : vmalloc_to_page(addr);

	return page ? (struct note *)page->words : note;
}

void vfree_atomic(const void *addr)
{
	struct note *note, *top = READ_ONCE(pending);

	if (!addr || WARN(!is_vmalloc_addr(addr), "vfree_atomic: %p is not in vmalloc space", addr))
		return;
	note = note_for(addr);
	if (WARN(!note, "vfree_atomic: %p is not freed: no memory, and no page of its own", addr))
		return;
	note->addr = addr;
	do
		note->next = top;
	while (!try_cmpxchg(&pending, &top, note));
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
	WARN(was, "vfree: %p was to be freed in an NMI, and is not", was);
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
