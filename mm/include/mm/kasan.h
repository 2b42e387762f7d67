/* SPDX-License-Identifier: MIT */
/*
 * Shadow of the kernel's memory (CONFIG=kasan; theory: mm/kasan/README.md). Other builds have no code for it.
 */
#pragma once

#include <kernel/kasan.h>
#include <lib/gfp.h>

struct vm_range;

/*
 * Boot. After pgtable_init_image(): map the image's shadow. After all lowmem is mapped: map its shadow too; from then
 * on accesses are checked. They panic if there is no memory.
 */
void kasan_map_image(void);
void kasan_map_lowmem(void);

/* --- mm/kasan/vm_shadow.c: vmalloc space --- */

/*
 * A range was cut out of a hole: it gets a shadow, and nobody may access it yet. -ENOMEM: it has none, or a
 * part of one, which is 0; so kasan_range_leaves() must not be called.
 */
int kasan_range_enters(const struct vm_range *range, gfp_t gfp);
/* It has a user, who may access what was asked for. It is freed. It becomes a hole. */
void kasan_range_used(const struct vm_range *range);
void kasan_range_freed(const struct vm_range *range);
void kasan_range_leaves(const struct vm_range *range);
/* Free the shadow of these addresses of vmalloc space. Nothing there is in use, nor will be meanwhile. May sleep. */
void kasan_release(vaddr_t start, vaddr_t end);
/* Pages of shadow in vmalloc space, for those who count pages. They come and go with ranges. */
unsigned long kasan_shadow_pages(void);
static inline unsigned long kasan_pages(void) { return CONFIG_KASAN ? kasan_shadow_pages() : 0; }
