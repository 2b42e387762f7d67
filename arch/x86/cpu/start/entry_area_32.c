/* SPDX-License-Identifier: MIT */
/* Page-table isolation is not done in these modes yet: pti_decide() refuses it, so nobody asks for an entry area. */
#include <arch/init.h>
#include <asm/pti.h>
#include <kernel/bug.h>

void arch_init_entry_area(void)
{
	BUG_ON(pti_on);
}

bool entry_area_add(unsigned int cpu __maybe_unused)
{
	return false;
}

void entry_area_use(unsigned int cpu __maybe_unused)
{
	BUG_ON(pti_on);
}
