/* SPDX-License-Identifier: MIT */
/*
 * Flushing memory from the caches: by address (CLFLUSH, for the caches of all CPUs), or everything from the caches of
 * this CPU (WBINVD, from the 486 on).
 */
#include <arch/barrier.h>
#include <arch/cache.h>
#include <asm/cpuid.h>

bool arch_flush_cache_range(const void *start, unsigned long bytes)
{
	unsigned long line = boot_cpu.clflush_bytes;

	if (!line)
		return false;
	smp_mb(); /* on all CPUs that have CLFLUSH only full fences order it */
	for (const char *at = (const char *)ALIGN_DOWN((vaddr_t)start, line); at < (const char *)start + bytes;
	     at += line)
		__asm__ volatile("clflush %0" : "+m"(*(char *)(vaddr_t)at));
	smp_mb();
	return true;
}

void arch_flush_caches(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}
