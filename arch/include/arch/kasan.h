/* SPDX-License-Identifier: MIT */
/* The shadow (CONFIG=kasan; theory: arch/x86/kasan/README.md): one byte for 8 bytes of the kernel's memory. */
#pragma once

#include <lib/types.h>

#define KASAN_GRANULE	    8
#define KASAN_SHADOW_OFFSET 0xdffffc0000000000ull /* -fasan-shadow-offset= in boot/kernel.mk says the same */
#define KASAN_IMAGE_SHADOW  0x400000ul		  /* bytes: for an image that ends 32 MiB above IMAGE_BASE */

static inline vaddr_t kasan_shadow_of(vaddr_t addr)
{
	return (vaddr_t)(addr / KASAN_GRANULE + KASAN_SHADOW_OFFSET);
}

/* The shadow of the image, for the reference tables. The first tables have it already. */
extern u8 kasan_image_shadow[KASAN_IMAGE_SHADOW];
vaddr_t arch_kasan_image_start(void); /* what the first byte of that array is the shadow of */

/*
 * From now on accesses are checked: in the image, in vmalloc space, and in the direct map of physical addresses below
 * `end`, all of whose RAM has a shadow. Boot.
 */
void arch_kasan_start(u64 end);

/* The return addresses of the callers, innermost first, 0 behind the last. Any context. */
void arch_kasan_callers(vaddr_t *pc, unsigned int max);
