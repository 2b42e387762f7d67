/* SPDX-License-Identifier: MIT */
/* The shadow of the image and of lowmem, in the reference tables, at boot. */
#include <mm/port.h>

#include <mm/kasan.h>
#include <mm/memblock.h>

#define PIECE (2ul << 20) /* of shadow: a large leaf */

/* For each source file a function that marks the redzones behind its variables (gcc's constructors). */
extern void (*const __init_array_start[])(void), (*const __init_array_end[])(void);

static void map(vaddr_t start, vaddr_t end, phys_addr_t phys)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, phys, PAGE_KERNEL, 21);
	arch_update_kernel_mappings_end(&u);
	if (err)
		panic("kasan: the shadow at %lx cannot be mapped (error %d)", start, err);
}

void kasan_map_image(void)
{
	vaddr_t shadow = kasan_shadow_of(arch_kasan_image_start());

	map(shadow, shadow + KASAN_IMAGE_SHADOW, image_to_phys(kasan_image_shadow));
}

/* Memory and a place in the tables for PIECE bytes of shadow, from that of `virt` on. */
static void map_piece(vaddr_t virt, u64 below)
{
	vaddr_t shadow = kasan_shadow_of(virt);
	u64 phys = memblock_alloc(PIECE, PIECE, below);

	if (!phys)
		panic("kasan: no memory for the shadow of %lx", virt);
	map(shadow, shadow + PIECE, (phys_addr_t)phys);
}

/* A piece at a time. Where a piece describes no RAM, there is none: nobody maps such addresses in the direct map. */
void kasan_map_lowmem(void)
{
	u64 end = min(memblock_end_of_ram(), arch_lowmem_limit());

	for (u64 at = 0; at < end; at += PIECE * KASAN_GRANULE)
		if (memblock_overlaps_ram(at, at + PIECE * KASAN_GRANULE))
			map_piece((vaddr_t)phys_to_virt((phys_addr_t)at), end);
	if (layout.entry_start) /* with page-table isolation NMIs and the like run on stacks there; a piece is enough */
		map_piece(layout.entry_start, end);
	for (void (*const *mark)(void) = __init_array_start; mark < __init_array_end; mark++)
		(*mark)();
	arch_kasan_start(end);
	printk("kasan: an eighth of memory is its shadow; each access is checked\n");
}
