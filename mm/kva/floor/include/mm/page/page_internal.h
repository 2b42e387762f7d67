/* SPDX-License-Identifier: MIT */
/*
 * Frames, as kva's chambers see them, on any host (pages.c). Every frame of RAM has a struct page of ours, in an array
 * at the lower end of the arena. Lock ranks are those of our own kernel.
 */
#pragma once

#include <mm/port.h>
#include "mm/page/lock_ranks.h"
#include <mm/highmem.h>
#include <mm/memblock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

static inline unsigned long to_pfn(u64 addr) { return (unsigned long)(addr >> PAGE_SHIFT); }

void page_on_shortage(void (*call)(void));
extern unsigned long pages_retyped;
void page_mark(struct page *page, u8 marks);
