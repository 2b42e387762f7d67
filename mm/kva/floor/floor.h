/* SPDX-License-Identifier: MIT */
/* The private contract of floor/: what its files share. */
#pragma once

#include "mm/kva/area/area.h"
#include "mm/kva/kva_internal.h"
#include "mm/kva/floor/kva.h"
#include "mm/kva/host.h"

#include <asm/cpuid.h>

/* --- config.c ----------------------------------------------------------------------------------------------------- */

extern struct kva_config kva_config;
/* Check the configuration, and set `layout`. */
int config_adopt(const struct kva_config *config);

/* --- cpu.c -------------------------------------------------------------------------------------------------------- */

/* What this CPU has switched on. -EINVAL: kva cannot work like that. Boot CPU. */
int cpu_adopt(void);
/* The words of the thread that called kva_init(): no other CPU comes online with them. */
extern const struct kva_thread *kva_boot_thread;
void cpu_announce(unsigned int cpu);
/* Take the CPUs that are not online out of a mask that nobody else uses. */
static inline void cpus_keep_online(cpumask_t *mask)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(mask->bits); i++)
		mask->bits[i] &= READ_ONCE(cpu_online_mask->bits[i]);
}
/* Say once if more CPUs run than have been announced. */
void cpu_count_check(void);

/* --- trees.c ------------------------------------------------------------------------------------------------------ */

/* The tables that are in use become the reference. Compares them with the configuration. */
int trees_adopt(void);

/* --- pages.c ------------------------------------------------------------------------------------------------------ */

/* Bytes of addresses that the page array needs. */
unsigned long pages_array_size(const struct kva_config *config);
/* Map the page array, and make struct pages for all RAM. -ENOMEM. */
int pages_init(void);
void pages_free_deferred(void);
/* How many pages kva has of the host; counted in debug builds. */
extern atomic_long_t pages_taken;

/* --- stacks without a lock: many push, one takes all of it by xchg() ---------------------------------------------- */

/* link: the field of the item for the one below it. */
#define stack_push(stack, item, link) do { \
	__typeof__(*(stack)) _below = READ_ONCE(*(stack)); \
	do \
		(item)->link = _below; \
	while (!try_cmpxchg(stack, &_below, item)); \
} while (0)

/* --- objects.c, rcu.c, chores.c ----------------------------------------------------------------------------------- */

void objects_free_deferred(void);
/* Run the callbacks of call_rcu() after a grace period. Thread. */
void rcu_run(void);
/* May the caller sleep, and does it hold nothing for which a chore would wait? */
bool chores_allowed(void);
