/* SPDX-License-Identifier: MIT */
/*
 * The shadow of the image is an array in the image. It must be writable before the first checked function runs, because
 * such a function marks its own stack. So the first tables get entries for it before kmain().
 */
#include "arch/x86/kasan/internal.h"

#include <asm/boot.h>
#include <asm/layout.h>
#include <asm/ptfmt.h>

#define LEAF	       0x200000ul
#define SLOT(n, level) ((n) >> pt_level[level].shift & (PT_ENTRIES - 1))
#define LINK_BITS      (PT_LINK)
#define LEAF_BITS      (PT_LINK | PTE_DIRTY | PTE_PSE)

u8 kasan_image_shadow[KASAN_IMAGE_SHADOW] __aligned(LEAF);
static u64 pud[PT_ENTRIES] __aligned(PAGE_SIZE), pmd[PT_ENTRIES] __aligned(PAGE_SIZE);

static u64 phys_of(const void *virt)
{
	return (vaddr_t)virt - IMAGE_BASE;
}

vaddr_t arch_kasan_image_start(void)
{
	return IMAGE_BASE;
}

/* In both modes boot_root is the table of level 4 that maps the image. Paging is on; the entries were empty. */
void kasan_early_init(void)
{
	vaddr_t shadow = kasan_shadow_of(IMAGE_BASE);

	for (vaddr_t at = 0; at < KASAN_IMAGE_SHADOW; at += LEAF)
		pmd[SLOT(shadow + at, 2)] = (phys_of(kasan_image_shadow) + at) | LEAF_BITS;
	pud[SLOT(shadow, 3)] = phys_of(pmd) | LINK_BITS;
	((u64 *)boot_root)[SLOT(shadow, 4)] = phys_of(pud) | LINK_BITS;
}
