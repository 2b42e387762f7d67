/* SPDX-License-Identifier: MIT */
/* This CPU, as the host numbers it. A CPU that nobody has announced would keep stale translations: it stops here. */
#pragma once

#include <lib/compiler.h>
#include "mm/kva/floor/kva.h"
#include "mm/kva/host.h"

extern bool kva_announced[KVA_MAX_CPUS];
void kva_not_announced(unsigned int cpu);

/* The number as the host says it, announced or not. */
static inline unsigned int host_cpu_number(void) { return KVA_MAX_CPUS > 1 ? host_cpu() : 0; }

static inline unsigned int smp_processor_id(void)
{
	unsigned int cpu = host_cpu_number();

	if (unlikely(cpu >= KVA_MAX_CPUS || !kva_announced[cpu]))
		kva_not_announced(cpu);
	return cpu;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}
