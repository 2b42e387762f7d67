/* SPDX-License-Identifier: MIT */
/*
 * Mistakes of the kernel that must end in a clean report. Each of these ends the machine: they run when they are named,
 * one a boot, and tests/qemu/crash.t looks at what the kernel said.
 */
#include "handlers.h"
#include "worker.h"

#include <arch/fault.h>
#include <arch/uaccess.h>
#include <arch/user.h>
#include <asm/trap.h>
#include <kernel/printk.h>
#include <kernel/stack_protector.h>
#include <lib/format.h>
#include <lib/list.h>
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

/* As the shell's pager does while somebody reads. */
static bool keep_it_all(const char *text, size_t len)
{
	(void)text;
	(void)len;
	return true;
}

/* The report comes whole, whoever reads something else just then. */
KTEST(crash, read_of_a_guard_page)
{
	static struct worker w;
	char *area = vmalloc(PAGE_SIZE);

	ASSERT(area && worker_start(&w, another_cpu(), true));
	cprintf_set_pager(keep_it_all);
	worker_call(&w, read_it, area + PAGE_SIZE);
}

/* --- a report must get out whatever state the CPU is in ----------------------------------------------------------- */

#ifdef __x86_64__
#define STACK_POINTER	 "rsp"
#define LOSE_PERCPU_BASE "mov $0xc0000101, %%ecx\n\txor %%eax, %%eax\n\txor %%edx, %%edx\n\twrmsr" /* of GS */
#else
#define STACK_POINTER	 "esp"
#define LOSE_PERCPU_BASE "xor %%eax, %%eax\n\tmov %%eax, %%fs"
#endif

#define FIRST  0xe2ad000ul
#define SECOND 0xc2ef000ul

static void bad_tracer(vaddr_t addr)
{
	if (addr == FIRST)
		(void)*(volatile char *)SECOND;
}

static __noinline void first_fault(void)
{
	(void)*(volatile char *)FIRST;
}

static void first_fault_there(void *arg __maybe_unused)
{
	REPLACE_HANDLER(arch_set_fault_tracer(bad_tracer));
	first_fault();
}

/* The report names what the fault handler had interrupted, too (MentOS #219). */
KTEST(crash, fault_in_the_fault_handler)
{
	static struct worker w;

	ASSERT(worker_start(&w, another_cpu(), true));
	worker_call(&w, first_fault_there, NULL);
}

static void check_of_machine(void *arg __maybe_unused)
{
	/* With a stack that is none: the report has one of its own. */
	__asm__ volatile("mov %0, %%" STACK_POINTER "\n\tint %1"
			 :
			 : "r"(0x1000ul), "i"(VECTOR_MACHINE_CHECK)
			 : "memory");
}

KTEST(crash, machine_check_on_a_bad_stack)
{
	static struct worker w;

	ASSERT(worker_start(&w, another_cpu(), true));
	worker_call(&w, check_of_machine, NULL);
}

/*
 * As between SWAPGS and IRET: another CPU's, or nobody's, per-CPU data. On i386 the entry loads the segment each time.
 */
static void fault_with_a_strange_base(void *arg __maybe_unused)
{
	__asm__ volatile(LOSE_PERCPU_BASE "\n\tmovb (%0), %b0" : : "q"(SECOND) : "eax", "ecx", "edx", "memory");
}

KTEST(crash, fault_without_per_cpu_base)
{
	static struct worker w;

	ASSERT(worker_start(&w, another_cpu(), true));
	worker_call(&w, fault_with_a_strange_base, NULL);
}

/*
 * IRET refuses what is loaded into SS. It is the last instruction of the way to ring 3: with page-table isolation it
 * runs on the user root, on the entry stack, and with the program's GS.
 */
static void return_to_nowhere(void *arg __maybe_unused)
{
	struct trap_frame frame;

	user_frame_init(&frame, USER_ADDR, USER_ADDR);
	frame.ss = 0x1003;
	arch_enter_user(&frame);
}

KTEST(crash, iret_is_refused)
{
	static struct worker w;

	ASSERT(worker_start(&w, another_cpu(), true));
	worker_call(&w, return_to_nowhere, NULL);
}

/* What the report calls is itself broken. */
static size_t bad_formatter(char *buf __maybe_unused, size_t len __maybe_unused, vaddr_t addr __maybe_unused)
{
	return (size_t)*(volatile char *)SECOND;
}

KTEST(crash, fault_in_the_report)
{
	REPLACE_HANDLER(format_set_symbol_formatter(bad_formatter));
	first_fault();
}

static __noinline void write_too_far(char *at, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		((volatile char *)at)[i] = 'x';
}

static __noinline void smash(void)
{
	char room[16];

	write_too_far(room, sizeof(room) + 2 * sizeof(long));
}

static void smash_here(void *arg __maybe_unused)
{
	smash();
}

KTEST(crash, overwritten_stack_frame)
{
	static struct worker w;

	EXPECT(__stack_chk_guard != 0);
	ASSERT(worker_start(&w, another_cpu(), true));
	worker_call(&w, smash_here, NULL);
}

static void late_tick(struct trap_frame *frame __maybe_unused)
{
}

/* A node of another list, or one that was written over: its neighbours point elsewhere. */
static __noinline void leave_a_broken_list(void)
{
	static LIST_HEAD(head);
	static struct list_head first, second, other;

	list_add_tail(&first, &head);
	list_add_tail(&second, &head);
	second.prev = &other;
	list_del(&first);
}

KTEST(crash, broken_list)
{
	KTEST_NEEDS(DEBUG_MM);
	leave_a_broken_list();
}

/* Handlers are set while the kernel comes up, and never after that. */
KTEST(crash, handler_set_too_late)
{
	arch_set_timer_handler(late_tick);
}

/* Without NX no error code tells that it was an execution. */
KTEST(crash, jump_to_null)
{
	((void (*)(void))NULL)();
}
