/* SPDX-License-Identifier: MIT */
/*
 * Caches and memory that changes its type: what was write-back may have lines in any CPU's caches, dirty ones too, and must
 * leave them before it is used uncached or write-combined. After the last write-back translation of it is forgotten (tlb.h),
 * and before the first access of the new type.
 */
#pragma once

#include <lib/compiler.h>

/*
 * Write back and drop the lines of [start, start + bytes), which is mapped here with any type, on every CPU. False: this CPU
 * cannot do it by address, and nothing has happened: then every CPU must call arch_flush_caches(). Any context.
 */
bool arch_flush_cache_range(const void *start, unsigned long bytes);

/* All caches of this CPU. Milliseconds. Any context. */
void arch_flush_caches(void);
