/* SPDX-License-Identifier: MIT */
/*
 * Registers that this kernel does not use, and in which firmware or an earlier kernel may have left anything. That
 * could be a way into ring 0 (the entry points of SYSENTER and SYSCALL), stop programs or the kernel (breakpoints),
 * write to memory (branch and processor traces, event counters), or be read by programs. So every CPU writes them all.
 *
 * Other registers need no code here. CR0, CR4 and EFER are written whole (features.c). Without their bits SYSCALL,
 * XGETBV, RDPKRU, RDPMC, RDFSBASE, shadow stacks and user interrupts do not work, whatever XCR0, XSS, PKRU, the CET and
 * the UINTR registers hold. The bases of FS and GS and LDTR are written with the descriptor tables (gdt_*.c), the PAT
 * in memtype.c, the local vector table in apic.c.
 *
 * The word `leftovers` on the command line first puts something bad into each MSR, and sets a breakpoint, as bad
 * firmware would.
 */
#include <asm/leftovers.h>
#include <arch/context.h>
#include <arch/layout.h>
#include <asm/cr_bits.h>
#include <asm/msr.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/cmdline.h>

CMDLINE_OPTION(leftovers, "leftovers", "fill registers as bad firmware would, before they are written (for tests)");

#define DR6_NONE 0xffff0ff0ul
#define DR7_NONE 0x400ul

/* Watches the word at LEFTOVER_WATCHED for reads and writes. */
#define DR7_WATCH (DR7_NONE | 0x3 | 0xful << 16)

/* For the test: the entry points that are left behind lead here. */
static void __noreturn entered(void)
{
	panic("a program came into ring 0 through an entry that was left behind");
}

static bool has_sysenter(const struct cpu_info *c) { return c->sysenter; }
static bool has_syscall(const struct cpu_info *c) { return c->syscall || c->long_mode; }
static bool has_long_mode(const struct cpu_info *c) { return c->long_mode; }
static bool has_tsc_aux(const struct cpu_info *c) { return c->rdtscp || c->rdpid; }
static bool has_debugctl(const struct cpu_info *c) { return c->msr && c->family >= 6; }
static bool has_perf_global(const struct cpu_info *c) { return c->perf_version >= 2; }
static bool has_processor_trace(const struct cpu_info *c) { return c->processor_trace; }

/* All are set to 0. entry: an entry point, whose bad value is the address of entered(). */
static const struct leftover {
	u32 msr;
	bool (*exists)(const struct cpu_info *c);
	bool entry;
	u64 bad;
} leftovers[] = {
	{ MSR_SYSENTER_CS, has_sysenter, false, SEL_KERNEL_CODE },
	{ MSR_SYSENTER_ESP, has_sysenter, true, 0 },
	{ MSR_SYSENTER_EIP, has_sysenter, true, 0 },
	{ MSR_STAR, has_syscall, false, (u64)SEL_KERNEL_CODE << 32 },
	{ MSR_LSTAR, has_long_mode, true, 0 },
	{ MSR_CSTAR, has_long_mode, true, 0 },
	{ MSR_SFMASK, has_long_mode, false, FLAGS_TF },
	{ MSR_TSC_AUX, has_tsc_aux, false, 0x5ec2e7 },
	{ MSR_DEBUGCTL, has_debugctl, false, 0x2 },
	{ MSR_PERF_GLOBAL_CTRL, has_perf_global, false, 0x1 },
	{ MSR_RTIT_CTL, has_processor_trace, false, 0x8 },
};

#define WRITE_DR(n, value) __asm__ volatile("mov %0, %%dr" #n : : "r"((unsigned long)(value)))
#define READ_DR(n) ({ unsigned long _value; __asm__ volatile("mov %%dr" #n ", %0" : "=r"(_value)); _value; })

/* A register that refuses its bad value stays as it is. */
void leftovers_fill(const struct cpu_info *c)
{
	if (!cmdline_has("leftovers"))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(leftovers); i++)
		if (leftovers[i].exists(c))
			wrmsr_safe(leftovers[i].msr, leftovers[i].entry ? (vaddr_t)entered : leftovers[i].bad);
	WRITE_DR(0, LEFTOVER_WATCHED);
	WRITE_DR(3, 0x5ec2e7);
	WRITE_DR(7, DR7_WATCH);
}

void leftovers_remove(const struct cpu_info *c)
{
	WRITE_DR(7, DR7_NONE); /* first: no breakpoint is on while the others are written */
	WRITE_DR(6, DR6_NONE);
	WRITE_DR(0, 0);
	WRITE_DR(1, 0);
	WRITE_DR(2, 0);
	WRITE_DR(3, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(leftovers); i++)
		if (leftovers[i].exists(c))
			wrmsr_safe(leftovers[i].msr, 0); /* safe: CPUID may promise one that the CPU does not have */
}

const char *leftovers_found(const struct cpu_info *c)
{
	if ((READ_DR(7) & ~0x300ul) != DR7_NONE || READ_DR(0) || READ_DR(1) || READ_DR(2) || READ_DR(3))
		return "a breakpoint";
	for (unsigned int i = 0; i < ARRAY_SIZE(leftovers); i++)
		if (leftovers[i].exists(c) && rdmsr_safe(leftovers[i].msr))
			return leftovers[i].entry ? "an entry point" : "another register";
	return NULL;
}
