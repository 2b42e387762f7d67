/* SPDX-License-Identifier: MIT */
/*
 * What a program can do to its own registers before it enters the kernel: segments, flags, numbers at the
 * edge. Each attempt is a child's, which lives or is killed; the kernel and the other processes do not notice.
 */
#include "program.h"

#include <asm/vectors.h>

static unsigned short selector;
static unsigned long flags;

static int in_and_out(void)
{
	CHECK(getpid() > 0);
	yield();
	CHECK(kbuf_write(0, &flags, 4) == 4);
	return 0;
}

static int load_ds(void) { __asm__ volatile("mov %w0, %%ds" : : "r"(selector)); return in_and_out(); }
static int load_es(void) { __asm__ volatile("mov %w0, %%es" : : "r"(selector)); return in_and_out(); }
static int load_fs(void) { __asm__ volatile("mov %w0, %%fs" : : "r"(selector)); return in_and_out(); }
static int load_gs(void) { __asm__ volatile("mov %w0, %%gs" : : "r"(selector)); return in_and_out(); }
static int load_ss(void) { __asm__ volatile("mov %w0, %%ss" : : "r"(selector)); return in_and_out(); }

static int load_flags(void)
{
	__asm__ volatile("push %0\n\tpopf" : : "r"(flags) : "memory", "cc");
	CHECK(getpid() > 0);
	yield();
	__asm__ volatile("cld");
	return in_and_out();
}

static int return_from_interrupt(void)
{
	__asm__ volatile("push %0\n\tpopf\n\tiretl" : : "r"(0x4002ul) : "memory", "cc"); /* a nested task? */
	return 0;
}

static int fast_call(void) { __asm__ volatile("syscall"); return 0; }
static int fast_call_of_others(void) { __asm__ volatile("sysenter"); return 0; }
static int ice_breakpoint(void) { __asm__ volatile(".byte 0xf1"); return 0; }
static int kernel_call(void) { __asm__ volatile("int $8"); return 0; }
static int nmi_call(void) { __asm__ volatile("int $2"); return 0; }
static int halt(void) { __asm__ volatile("hlt"); return 0; }

static int lives_or_is_killed(int (*fn)(void))
{
	int status = status_of(in_child(fn));

	return status == 0 || status > EXIT_KILLED;
}

/*
 * A CPU comes out of its reset with a local descriptor table of 64 KiB at address 0. A program could fill it in, with a
 * gate to ring 0, if it could map anything there. Two things are against it: the NULL zone, and that the kernel has
 * unloaded that table. LAR asks for a descriptor: no answer without a table, a page fault in the NULL zone with one.
 */
static int no_local_table(void)
{
	unsigned int found;

	CHECK((long)mmap((char *)PAGE, PAGE) == -EINVAL);
	__asm__ volatile("lar %1, %0\n\tsetz %b0\n\tmovzbl %b0, %0"
			 : "=&q"(found)
			 : "q"((unsigned int)PAGE | 7)
			 : "cc");
	return (int)found;
}

static int load_from_own_table(void)
{
	selector = PAGE | 7;
	return load_es();
}

static int segments(void)
{
	static int (*const load[])(void) = { load_ds, load_es, load_fs, load_gs, load_ss };
	static const unsigned short odd[] = { 4, 7, 0x43, 0x7fff, 0xfffb, 0xffff };

	for (unsigned int i = 0; i < sizeof(load) / sizeof(load[0]); i++) {
		for (selector = 0; selector < 8 * NR_GDT_ENTRIES; selector++)
			if ((selector & 7) == 0 || (selector & 7) == 3)
				CHECK(lives_or_is_killed(load[i]));
		for (unsigned int n = 0; n < sizeof(odd) / sizeof(odd[0]); n++) {
			selector = odd[n];
			CHECK(lives_or_is_killed(load[i]));
		}
	}
	CHECK(status_of(in_child(no_local_table)) == 0);
	CHECK(status_of(in_child(load_from_own_table)) == EXIT_KILLED + KILL_MEMORY);
	return 0;
}

/*
 * Each bit above the arithmetic ones, and all together: trap, interrupt, direction, I/O level, nested, virtual 8086,
 * alignment.
 */
static int all_flags(void)
{
	for (unsigned int bit = 8; bit < 22; bit++) {
		flags = 2ul | 1ul << bit;
		CHECK(lives_or_is_killed(load_flags));
	}
	flags = 0x3ffe02; /* without the trap flag, which kills */
	CHECK(status_of(in_child(load_flags)) == 0);
	flags = 0;
	return 0;
}

static int instructions(void)
{
	static int (*const fn[])(void) = {
		return_from_interrupt, fast_call, fast_call_of_others, ice_breakpoint, kernel_call, nmi_call, halt
	};

	for (unsigned int i = 0; i < sizeof(fn) / sizeof(fn[0]); i++)
		CHECK(status_of(in_child(fn[i])) > EXIT_KILLED);
	return 0;
}

/* The last bytes of the stack are the last that a program may have. */
static int edges(void)
{
	char *end = (char *)(((unsigned long)__builtin_frame_address(0) | (PAGE - 1)) + 1);

	CHECK(kbuf_read(0, end - 8, 8) == 8 || kbuf_read(0, end - 8, 8) == -EFAULT);
	CHECK(kbuf_write(0, end - 8, 8) == 8);
	CHECK(kbuf_write(0, end - 8, 9) == -EFAULT);
	CHECK(kbuf_write(0, end, 1) == -EFAULT);
	CHECK(kbuf_write(0, end, 0) == 0);
	CHECK(kbuf_write(0, end + 1, 0) == -EFAULT || kbuf_write(0, end + 1, 0) == 0);
	CHECK(kbuf_write(-1ul, end - 8, 8) == -EINVAL);
	CHECK(kbuf_write(8, end - 8, -8ul) == -EINVAL);
	CHECK(kbuf_write(0, end - 8, -1ul) == -EINVAL);
	CHECK(write(1, end, -1ul) == -EFAULT);
	CHECK(write(1, (char *)-1, -1ul) == -EFAULT);
	CHECK(write(99, end, 1) == -EBADF);
	CHECK(exec(end - 1) == -EFAULT || exec(end - 1) == -ENOENT);
	CHECK((long)mmap(end - PAGE, 2 * PAGE) == -EINVAL);
	CHECK((long)mmap(end, PAGE) == -EINVAL);
	CHECK(munmap(end - PAGE, 2 * PAGE) == -EINVAL);
	CHECK(SYSCALL(-1l, 0, 0, 0) == -ENOSYS && SYSCALL(0, 0, 0, 0) == -ENOSYS &&
	      SYSCALL(NR_SYSCALLS, 0, 0, 0) == -ENOSYS);
	return 0;
}

static int run(void)
{
	CHECK(edges() == 0);
	CHECK(instructions() == 0);
	CHECK(all_flags() == 0);
	CHECK(segments() == 0);
	return in_and_out();
}
PROGRAM(run)
