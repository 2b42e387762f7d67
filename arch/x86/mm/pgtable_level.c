/* SPDX-License-Identifier: MIT */
/* What the rest of the kernel asks about levels: names, spans, and which may hold leaves on this CPU. */
#include "internal.h"

#include <arch/cpu.h>

const char *pt_level_name(unsigned int level)
{
	static const char *const names[] = { "?", "PTE", "PMD", "PUD", "P4D", "PGD" };

	return level == pt_top() ? "PGD" : names[level];
}

vaddr_t pt_level_size(unsigned int level)
{
	return pt_size(level);
}

bool pt_large_leaves __ro_after_init = true;

bool pt_leaf_allowed(unsigned int level)
{
	if (level > 1 && !pt_large_leaves)
		return false;
	switch (pt_level[level].leaf) {
	case PT_LEAF_ALWAYS:
		return true;
	case PT_LEAF_WITH_2M:
		return cpu_has(FEATURE_HUGE_2M);
	case PT_LEAF_WITH_1G:
		return cpu_has(FEATURE_HUGE_1G);
	default:
		return false;
	}
}
