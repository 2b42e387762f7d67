/* SPDX-License-Identifier: MIT */
/*
 * The two sets of registers that decide how memory is cached: IA32_PAT, which the kernel writes, and the MTRRs, which
 * firmware has written and the kernel only reads.
 */
#include <arch/memtype.h>
#include <asm/msr.h>
#include <lib/string.h>
#include "features.h"

#define CAP_COUNT 0xff

void pat_write(const struct cpu_info *c)
{
	if (c->pat)
		wrmsr(MSR_PAT, PAT_VALUE);
}

void mtrr_read(const struct cpu_info *c, struct mtrr_state *m)
{
	u64 cap;

	memset(m, 0, sizeof(*m));
	if (!c->mtrr || !c->msr)
		return;
	cap = rdmsr(MSR_MTRR_CAP);
	mtrr_begin(m, cap, rdmsr(MSR_MTRR_DEF_TYPE));
	for (unsigned int i = 0; i < (cap & CAP_COUNT); i++)
		mtrr_add(m, rdmsr(MSR_MTRR_BASE + 2 * i), rdmsr(MSR_MTRR_BASE + 2 * i + 1));
}

bool arch_memtype_check(void)
{
	return !boot_cpu.pat || rdmsr(MSR_PAT) == PAT_VALUE;
}
