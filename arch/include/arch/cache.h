/* SPDX-License-Identifier: MIT */
/*
 * Caches and memory whose type changes. Write-back memory may have lines, also dirty ones, in any CPU's caches. They
 * must be flushed before the memory is used uncached or write-combined: after the last write-back translation has left
 * the TLBs (tlb.h), and before the first access with the new type.
 */
#pragma once

#include <lib/compiler.h>

/*
 * Write back and drop the lines of [start, start + bytes) in the caches of all CPUs. The range is mapped here, with any
 * type. False: this CPU cannot do that by address and has done nothing; every CPU must call arch_flush_caches(). Any
 * context.
 */
bool arch_flush_cache_range(const void *start, unsigned long bytes);

/* Flush all caches of this CPU. Takes milliseconds. Any context. */
void arch_flush_caches(void);
