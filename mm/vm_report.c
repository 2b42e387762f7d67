/* SPDX-License-Identifier: MIT */
/* What the log says when vmalloc has nothing to give. */
#include "vm_internal.h"

static atomic_long_t failures;

void *vm_report_failure(const struct vm_area_spec *spec, const char *why)
{
	unsigned long nr;

	if (spec->gfp & __GFP_NOWARN)
		return NULL;
	nr = (unsigned long)atomic_long_inc_return(&failures);
	if (is_power_of_2(nr))
		printk("vmalloc: %lu bytes for %pS: %s (failure %lu)", spec->size, (void *)spec->caller, why, nr);
	return NULL;
}
