/* SPDX-License-Identifier: MIT */
/* The contract of block/ towards kva.c and reports. Its own files share vmap_block.h. */
#pragma once

#include "mm/kva/space/space.h"

/* Boot: decide how large blocks are. */
void vmap_block_init(void);
/* A block as vmallocinfo shows it. The lowest block that starts at or above `from`; false: no more. May sleep. */
struct vmap_block_info {
	vaddr_t start, end;
	unsigned int clean, live, dirty, flushing; /* pages */
	unsigned int runs;			   /* live mappings */
};
bool vmap_block_next(vaddr_t from, struct vmap_block_info *info);
extern const struct vm_keeper vmap_block_keeper; /* vmap_purge.c */
/* Bitmaps, counts and queues of all blocks at a quiet moment. Number of faults, each printed. */
unsigned int vmap_block_check(void);
