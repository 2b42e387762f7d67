/* SPDX-License-Identifier: MIT */
/*
 * Mistakes of the kernel that must end in a clean report. Each of these ends the machine: they run when they are named, one a
 * boot, and tests/qemu/crash.t looks at what the kernel said.
 */
#include "worker.h"

#include <arch/uaccess.h>
#include <lib/string.h>
#include <mm/vmalloc.h>

static volatile unsigned int bottom = ~0u;

/* Each level has some stack of its own that nobody may leave out. */
static __noinline unsigned int dig(unsigned int depth)
{
	volatile char hole[256];

	hole[0] = (char)depth;
	hole[255] = 1;
	return depth == bottom ? 0 : dig(depth + 1) + (unsigned int)hole[0] + (unsigned int)hole[255];
}

static void dig_to_the_end(void *arg)
{
	(void)arg;
	EXPECT_EQ(dig(0), 0);
}

/* On the boot CPU's first stack, which lies in the image. */
KTEST(crash, overflow_of_the_boot_stack)
{
	dig_to_the_end(NULL);
}

/* On a stack from vmalloc space, in a process, on another CPU if there is one. */
KTEST(crash, overflow_of_a_thread_stack)
{
	static struct worker w;

	ASSERT(worker_start(&w, another_cpu(), true));
	worker_call(&w, dig_to_the_end, NULL);
}

#define USER_ADDR 0x400000ul

static void copy_to_program(void *from)
{
	EXPECT_EQ(copy_to_user((void *)USER_ADDR, from, 16), 16);
}

/* The program's side is fine, the kernel's is not: no -EFAULT must hide that. */
KTEST(crash, copy_of_kernel_memory_that_is_gone)
{
	static struct worker w;
	void *gone = vmalloc(PAGE_SIZE);

	ASSERT(gone && worker_start(&w, another_cpu(), true));
	ASSERT_EQ(mm_map_anonymous(w.mm, USER_ADDR, PAGE_SIZE), 0);
	vfree(gone);
	worker_call(&w, copy_to_program, gone);
}

static void read_it(void *at)
{
	EXPECT_EQ(*(volatile char *)at, 0);
}

KTEST(crash, read_of_a_guard_page)
{
	static struct worker w;
	char *area = vmalloc(PAGE_SIZE);

	ASSERT(area && worker_start(&w, another_cpu(), true));
	worker_call(&w, read_it, area + PAGE_SIZE);
}
