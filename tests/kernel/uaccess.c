/* SPDX-License-Identifier: MIT */
/*
 * User memory, touched by the kernel in a thread that runs on a process's tables: what is copied, and what is refused.
 */
#include "worker.h"

#include <arch/fault.h>
#include <arch/uaccess.h>
#include <kernel/preempt.h>
#include <lib/string.h>
#include <mm/vmalloc.h>

#define AT ((char *)0x400000ul)

static void in_process(void (*fn)(void *))
{
	struct worker w;

	ASSERT(worker_start(&w, smp_processor_id(), true));
	EXPECT_EQ(mm_map_anonymous(w.mm, (vaddr_t)AT, 2 * PAGE_SIZE), 0);
	worker_call(&w, fn, NULL);
	worker_stop(&w);
}

static void do_copies(void *unused)
{
	char *end = AT + 2 * PAGE_SIZE, buf[8];
	unsigned long served = fault_counters().user;

	(void)unused;
	EXPECT_EQ(copy_to_user(AT + PAGE_SIZE - 3, "abcdef", 7), 0);
	EXPECT_EQ(fault_counters().user - served, 2);
	EXPECT_EQ(copy_from_user(buf, AT + PAGE_SIZE - 3, 7), 0);
	EXPECT(strcmp(buf, "abcdef") == 0);
	EXPECT_EQ(copy_to_user(end - 3, "abcdef", 7), 4);
	memset(buf, 'x', sizeof(buf));
	EXPECT_EQ(copy_from_user(buf, end - 3, 7), 4);
	EXPECT(memcmp(buf, "abc\0\0\0\0x", 8) == 0); /* what could not be read is 0 */
	EXPECT_EQ(copy_to_user(AT - 1, "a", 1), 1);
	EXPECT_EQ(put_user((char)1, AT), 0);
	EXPECT_EQ(put_user((char)1, end), -EFAULT);
}

KTEST(uaccess, copies)
{
	in_process(do_copies);
}

/* Addresses that are not the user's are refused before anything is touched. */
static void do_foreign(void *unused)
{
	char *kernel = vmalloc(PAGE_SIZE), *last = (char *)layout.user_end;
	unsigned long expected = fault_counters().expected;
	char buf[8] = "secret";

	(void)unused;
	ASSERT(kernel);
	strscpy(kernel, "kernel", 8);
	EXPECT_EQ(copy_from_user(buf, kernel, 7), 7);
	EXPECT_EQ(buf[0], 0);
	EXPECT_EQ(copy_to_user(kernel, "broken", 7), 7);
	EXPECT(strcmp(kernel, "kernel") == 0);
	EXPECT_EQ(copy_to_user(last - 3, "abcdef", 7), 7); /* begins in the user half */
	EXPECT_EQ(copy_to_user((char *)-3ul, "abcdef", 7), 7);
	EXPECT_EQ(copy_to_user(AT, "abcdef", -1ul), -1ul);
	EXPECT_EQ(strscpy_from_user(buf, kernel, sizeof(buf)), -EFAULT);
	EXPECT(access_ok(AT, 0) && access_ok(last, 0) && access_ok(NULL, layout.user_end));
	EXPECT(!access_ok(last, 1) && !access_ok(AT, layout.user_end) && !access_ok((char *)-1ul, 2));
	EXPECT_EQ(fault_counters().expected, expected);
	vfree(kernel);
}

KTEST(uaccess, foreign_addresses)
{
	in_process(do_foreign);
}

static void do_strings(void *unused)
{
	char *end = AT + 2 * PAGE_SIZE, buf[8];

	(void)unused;
	EXPECT_EQ(copy_to_user(end - 4, "abc", 4), 0);
	EXPECT_EQ(strscpy_from_user(buf, end - 4, sizeof(buf)), 3); /* does not look behind its end */
	EXPECT(strcmp(buf, "abc") == 0);
	EXPECT_EQ(strscpy_from_user(buf, end - 4, 4), 3);
	EXPECT_EQ(strscpy_from_user(buf, end - 4, 3), -E2BIG);
	EXPECT_EQ(copy_to_user(end - 4, "abcd", 4), 0);
	EXPECT_EQ(strscpy_from_user(buf, end - 4, sizeof(buf)), -EFAULT);
	EXPECT_EQ(copy_to_user(AT + PAGE_SIZE - 2, "abcd", 5), 0);
	EXPECT_EQ(strscpy_from_user(buf, AT + PAGE_SIZE - 2, sizeof(buf)), 4); /* across a page */
	EXPECT_EQ(strscpy_from_user(buf, NULL, sizeof(buf)), -EFAULT);
}

KTEST(uaccess, strings)
{
	in_process(do_strings);
}

/* Where the thread must not sleep, a page that is not there yet is as good as none. */
static void do_atomic(void *unused)
{
	bool flags;

	(void)unused;
	preempt_disable();
	EXPECT_EQ(copy_to_user(AT, "a", 1), 1);
	preempt_enable();
	flags = arch_local_irq_save();
	EXPECT_EQ(copy_to_user(AT, "a", 1), 1);
	local_irq_restore(flags);
	EXPECT_EQ(current->mm->user_pages, 0);
	EXPECT_EQ(copy_to_user(AT, "a", 1), 0);
	preempt_disable();
	EXPECT_EQ(copy_to_user(AT, "b", 1), 0); /* it is there now */
	preempt_enable();
}

KTEST(uaccess, where_sleeping_is_forbidden)
{
	in_process(do_atomic);
}

/* --- museum 32: pages of the kernel, lent to a process ------------------------------------------------------------ */

static void lend_and_look(struct mm_struct *mm, u32 *buf)
{
	const unsigned long wraps = 1ul << (BITS_PER_LONG - PAGE_SHIFT);
	vaddr_t at = (vaddr_t)AT + 4 * PAGE_SIZE;

	EXPECT_EQ(mm_map(mm, at, 4 * PAGE_SIZE, VM_READ | VM_WRITE | VM_SHARED), 0);
	EXPECT_EQ(mm_lend_vmalloc(mm, at, buf, wraps, PAGE_SIZE), -EINVAL); /* pgoff << PAGE_SHIFT is 0 */
	EXPECT_EQ(mm_lend_vmalloc(mm, at, buf, -1ul, 2 * PAGE_SIZE), -EINVAL);
	EXPECT_EQ(mm_lend_vmalloc(mm, at, buf, 1, 2 * PAGE_SIZE), -EINVAL); /* one page of it is the guard */
	EXPECT_EQ(mm_lend_vmalloc(mm, at, buf, 2, PAGE_SIZE), -EINVAL);
	EXPECT(!pgtable_query(&mm->pgtable, at).present);
	EXPECT_EQ(mm_lend_vmalloc(mm, at, buf, 1, PAGE_SIZE), 0);
}

static void write_lent(void *unused)
{
	(void)unused;
	EXPECT_EQ(put_user(0x32u, (u32 *)(AT + 4 * PAGE_SIZE)), 0);
	EXPECT_EQ(put_user(0x32u, (u32 *)(AT + 5 * PAGE_SIZE)), -EFAULT); /* the area has it, nothing was lent there */
}

KTEST(museum, m32_remap_vmalloc_range_beyond_its_area)
{
	u32 *buf = vmalloc_user(2 * PAGE_SIZE);
	struct worker w;

	ASSERT(buf);
	if (EXPECT(worker_start(&w, smp_processor_id(), true))) {
		lend_and_look(w.mm, buf);
		worker_call(&w, write_lent, NULL);
		EXPECT_EQ(buf[PAGE_SIZE / sizeof(u32)], 0x32);
		worker_stop(&w);
	}
	vfree(buf);
}
