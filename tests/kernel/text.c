/* SPDX-License-Identifier: MIT */
/*
 * Formatted text where the width of a long decides where the next argument is (all else of it:
 * tests/host/unit_format.c), and the reports that the shell prints.
 */
#include <arch/mmu_sync.h>
#include <kernel/ktest.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <kernel/process.h>
#include <kernel/rcupdate.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

static bool prints(const char *expected, const char *fmt, ...)
{
	char text[96];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (strcmp(text, expected) == 0)
		return true;
	ktest_note("\"%s\" gives \"%s\"", fmt, text);
	return false;
}

/* Each takes as many words of the arguments as it needs, or the string behind it is read from nowhere. */
KTEST(text, arguments_stay_in_place)
{
	phys_addr_t phys = 0x1234;
	char digits[2 * sizeof(phys_addr_t) + 3];

	EXPECT(prints("5 abc", "%Lx %s", 5ULL, "abc"));
	EXPECT(prints("5 6 7 abc", "%qd %jd %lld %s", 5LL, 6LL, 7LL, "abc"));
	EXPECT(prints("5 6 7 abc", "%ld %zd %td %s", 5L, (ssize_t)6, (ptrdiff_t)7, "abc"));
	EXPECT(prints("5 6 abc", "%hhd %hd %s", 0x105, 0x10006, "abc"));
	EXPECT(prints("-ENOMEM (efault) 5 abc", "%pe %s %Ld %s", ERR_PTR(-ENOMEM), (char *)8, 5LL, "abc"));
	EXPECT(prints("5 %y %s", "%Lx %y %s", 5ULL, 7, "abc"));
	snprintf(digits, sizeof(digits), "0x%0*x", (int)(2 * sizeof(phys)), 0x1234);
	EXPECT(prints(digits, "%pap", &phys));
	EXPECT(prints("012 3", "%#o %d", 10, 3));
}

/* A NUL in the middle cuts nothing off: what follows it comes out, too. */
KTEST(text, a_nul_is_a_byte)
{
	char text[8];

	EXPECT_EQ(snprintf(text, sizeof(text), "a%cb", 0), 3);
	EXPECT_EQ(text[2], 'b');
}

static unsigned int pieces, with_a_lock;

static bool note_locks(const char *text, size_t len)
{
	(void)text;
	(void)len;
	pieces++;
	with_a_lock += !preemptible() || rcu_read_lock_held();
	return true;
}

static void print_to_console(void *ctx, const char *line)
{
	(void)ctx;
	cprintf("%s", line);
}

static void vmallocinfo_for_people(void)
{
	vmallocinfo_human(print_to_console, NULL);
}

static void vmallocinfo_for_programs(void)
{
	vmallocinfo_machine(print_to_console, NULL);
}

static void dump_vmalloc_space(void)
{
	pgtable_dump_range(&kernel_pgtable, VMALLOC_START, VMALLOC_END);
}

/* A console may be slow for seconds, and somebody may look at a page of text for minutes: nobody waits for that. */
KTEST(text, reports_are_printed_without_a_lock)
{
	static const struct { const char *name; void (*print)(void); } reports[] = {
		{ "pgds", pgd_parity_dump }, { "pgds -m", pgd_parity_machine }, { "slabs", slab_dump },
		{ "slabs -m", slab_dump_machine }, { "vmallocinfo", vmallocinfo_for_people },
		{ "vmallocinfo -m", vmallocinfo_for_programs }, { "ptdump", dump_vmalloc_space },
		{ "threads", sched_dump }, { "processes", process_dump }, { "dmesg", dmesg_dump },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(reports); i++) {
		pieces = with_a_lock = 0;
		cprintf_set_pager(note_locks);
		reports[i].print();
		cprintf_set_pager(NULL);
		if (!pieces || with_a_lock)
			ktest_note("%s: %u of %u pieces with a lock in hand", reports[i].name, with_a_lock, pieces);
		EXPECT(pieces && !with_a_lock);
	}
}
