/* SPDX-License-Identifier: MIT */
/*
 * The sweep: the n-th allocation behind a call fails, for n = 1, 2, ... until none is reached, at every site. Whatever
 * comes of it: the error is the documented one, nothing is lost or half done, every PGD agrees, and the same call then
 * succeeds.
 *
 *	SWEEP(vmalloc, FAILS, MADE(vmalloc(P)), vfree(made));
 *
 * is all that it takes for one function: its name, what may come of it, the call (0 or its error), and what ends it
 * again. SWEEP_ON has two more: what the call finds, made while nothing fails yet; and, after a failure, that this is
 * unharmed. SWEEP_FREES is for a statement that ends what it finds, for which no memory may be needed.
 *
 * The checks of the house read these lines: each function of mm/include/mm stands in one of them, or in the list
 * `not-swept`.
 */
#pragma once

#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"
#include "mm/kva/block/block.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>

enum sweep_outcome {
	FAILS,                /* at one of the allocations at least */
	/* the same; the process keeps the tables that came first, for the next try and until it ends */
	FAILS_KEEPING_TABLES,
	MAY_FAIL,             /* it has another way, which may do */
	NEVER_FAILS,
};

struct sweep_balance {
	struct vm_balance vm;
	unsigned long objects;
	int differs; /* between PGDs */
};

struct sweep {
	const char *function;
	enum sweep_outcome outcome;
	unsigned int site, nth, failed;
	bool unreached;
	struct sweep_balance before, found;
};

static void *made;
#define MADE(pointer) ((made = (void *)(pointer)) ? 0 : -ENOMEM)
#define DOES(statement) ({ statement; 0; })
#define SWEPT(function) ((void)&(function)) /* by hand, in the lines below this one */

#define SWEEP(function, outcome, call, end) SWEEP_ON(function, outcome, (void)0, call, end, (void)0)
#define SWEEP_FREES(function, prepare, statement) \
	SWEEP_ON(function, NEVER_FAILS, prepare, DOES(statement), (void)0, (void)0)
#define SWEEP_ON(function, outcome, prepare, call, end, unharmed) do { \
	struct sweep _s = { #function, outcome, 0, 0, 0, false, {}, {} }; \
	SWEPT(function); \
	while (sweep_step(&_s)) { \
		prepare; \
		sweep_arm(&_s); \
		if (sweep_disarm(&_s, (call))) { \
			unharmed; \
			sweep_expect(&_s, (call) == 0, "does not succeed afterwards"); \
		} \
		end; \
		sweep_settled(&_s, &_s.before, "does not end with what there was before"); \
	} \
} while (0)

static inline void sweep_expect(const struct sweep *s, bool good, const char *what)
{
	static const char *const names[] = { "page", "table", "object" };

	if (!good)
		fail_msg("%s, %s %u refused: %s", s->function, names[s->site], s->nth, what);
}

static inline struct sweep_balance sweep_balance(void)
{
	struct sweep_balance now = { .vm = vm_balance() };

	vm_cache_reclaim(); /* what is kept could not fail */
	now.objects = kmalloc_objects();
	now.differs = (int)(pgd_parity_check().differs + pgd_parity_check().missing);
	return now;
}

static inline void sweep_settled(const struct sweep *s, const struct sweep_balance *before, const char *what)
{
	struct sweep_balance now = sweep_balance();

	sweep_expect(s, now.vm.pages == before->vm.pages, "pages are lost");
	sweep_expect(s, now.objects == before->objects, "objects are lost");
	sweep_expect(s, memcmp(&now.vm, &before->vm, sizeof(now.vm)) == 0, what);
	sweep_expect(s, !now.differs, "a PGD differs");
	sweep_expect(s, vmalloc_check() == 0, "the books are wrong");
}

/* On to the next allocation, or site. False: that was all. */
static inline bool sweep_step(struct sweep *s)
{
	s->nth++;
	if (s->unreached) {
		s->site++;
		s->nth = 1;
	}
	s->unreached = false;
	s->before = sweep_balance();
	if (s->site < NR_INJECT_SITES)
		return true;
	if (s->outcome <= FAILS_KEEPING_TABLES && !s->failed)
		fail_msg("%s never fails, whatever is refused", s->function);
	return false;
}

static inline void sweep_arm(struct sweep *s)
{
	s->found = sweep_balance();
	inject_set((enum inject_site)s->site, s->nth);
}

/* The call is over. True: it has failed, and left everything as it was. */
static inline bool sweep_disarm(struct sweep *s, int err)
{
	s->unreached = inject_clear((enum inject_site)s->site);
	if (!err)
		return false;
	s->failed++;
	sweep_expect(s, !s->unreached, "fails for no reason");
	sweep_expect(s, err == -ENOMEM, "another error than that for no memory");
	sweep_expect(s, s->outcome != NEVER_FAILS, "fails all the same");
	if (s->outcome == FAILS_KEEPING_TABLES)
		s->found.vm.pages = vm_balance().pages;
	sweep_settled(s, &s->found, "does something by halves");
	return true;
}
