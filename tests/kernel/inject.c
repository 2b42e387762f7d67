/* SPDX-License-Identifier: MIT */
/*
 * Fault injection in the running kernel: by caller, which needs the stack, and again and again under everything that
 * allocates.
 */
#include <kernel/inject.h>
#include <kernel/ktest.h>
#include <kernel/process.h>
#include <kernel/task.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define OBJECTS 10

static __noinline unsigned int allocate(void)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < OBJECTS; i++) {
		void *object = kmalloc(64, GFP_KERNEL | __GFP_NOWARN);

		got += object != NULL;
		kfree(object);
	}
	return got;
}

static __noinline unsigned int caller_that_is_meant(void)
{
	unsigned int got = allocate();

	barrier();
	return got;
}

KTEST(inject, only_below_one_caller)
{
	KTEST_NEEDS(FAULT_INJECT);
	KTEST_NEEDS(FRAME_POINTER);

	inject_repeat(INJECT_SLAB, &(struct inject_repeat){ .every = 2, .by = "caller_that_is_*" });
	EXPECT_EQ(allocate(), OBJECTS);
	EXPECT_EQ(caller_that_is_meant(), OBJECTS / 2);
	EXPECT_EQ(inject_failures(INJECT_SLAB), OBJECTS / 2);
	EXPECT_EQ(inject_clear(INJECT_SLAB), 1);
	EXPECT_EQ(caller_that_is_meant(), OBJECTS);
}

/* What cannot be had is refused and nothing is lost, however often; what the guards compare is part of the test. */
KTEST(inject, again_and_again)
{
	KTEST_NEEDS(FAULT_INJECT);
	unsigned int refused = 0, failures = 0;

	for (unsigned int site = 0; site < NR_INJECT_SITES; site++)
		inject_repeat((enum inject_site)site, &(struct inject_repeat){ .every = 9 + 4 * site });
	for (unsigned int i = 0; i < 60; i++) {
		void *area = __vmalloc((1 + i % 16) * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);
		struct process *process = process_spawn("frugal");

		refused += !area + !process;
		vfree(area);
		if (process)
			process_wait(process);
	}
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++) {
		EXPECT_EQ(inject_clear((enum inject_site)site), 1);
		failures += inject_failures((enum inject_site)site);
	}
	EXPECT(refused);
	while (process_count()) /* orphans */
		msleep(1);
	ktest_note("%u allocations were made to fail, %u areas and programs were refused", failures, refused);
}
