/* SPDX-License-Identifier: MIT */
/* Messages about failed allocations: which caller wanted how much, and how much is free. */
#include "mm/kva/area/area.h"

static atomic_long_t failures;

/* The number of this failure if it is to be printed: the first, second, fourth, ... 0: it is not. */
static unsigned long count_failure(const struct vm_area_spec *spec)
{
	unsigned long nr;

	if (spec->gfp & __GFP_NOWARN)
		return 0;
	nr = (unsigned long)atomic_long_inc_return(&failures);
	return is_power_of_2(nr) ? nr : 0;
}

void *vm_report_failure(const char *who, const struct vm_area_spec *spec, const char *why)
{
	unsigned long nr = count_failure(spec);

	if (nr)
		printk("%s: %lu bytes for %pS: %s (failure %lu)", who, spec->size, (void *)spec->caller, why, nr);
	return NULL;
}

/* Only the 32-bit modes have an option for the size of vmalloc space. */
static const char *advice(void)
{
	return BITS_PER_LONG == 32 ? "; vmalloc=SIZE makes more" : "";
}

void *vm_report_too_large(const char *who, const struct vm_area_spec *spec)
{
	unsigned long nr = count_failure(spec);

	if (nr)
		printk("%s: %lu bytes for %pS: vmalloc space has %s in all%s (failure %lu)", who, spec->size,
		       (void *)spec->caller, SIZE(VMALLOC_END - VMALLOC_START), advice(), nr);
	return NULL;
}

/* The size of the largest hole shows whether address space was short, or memory for descriptors. */
void *vm_report_no_range(const char *who, const struct vm_area_spec *spec)
{
	unsigned long nr = count_failure(spec);
	struct vmalloc_stats stats;

	if (!nr)
		return NULL;
	vmalloc_stats(&stats);
	if (spec->size + PAGE_SIZE > stats.largest_free)
		printk("%s: %lu bytes for %pS: no room: %s of %s are free, in one piece %s%s (failure %lu)", who,
		       spec->size, (void *)spec->caller, SIZE(stats.free_bytes), SIZE(VMALLOC_END - VMALLOC_START),
		       SIZE(stats.largest_free), advice(), nr);
	else if (spec->align > PAGE_SIZE || spec->lo > VMALLOC_START || (spec->hi && spec->hi < VMALLOC_END))
		printk("%s: %lu bytes for %pS: no place that suits, or no memory to describe it (failure %lu)", who,
		       spec->size, (void *)spec->caller, nr);
	else
		printk("%s: %lu bytes for %pS: no memory to describe them (failure %lu)", who, spec->size,
		       (void *)spec->caller, nr);
	return NULL;
}
