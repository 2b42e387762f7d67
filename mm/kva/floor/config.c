/* SPDX-License-Identifier: MIT */
/* The configuration of another kernel becomes `layout`. */
#include "mm/kva/floor/floor.h"

#include <arch/init.h>

struct kva_config kva_config;
struct vm_layout layout;

u64 arch_phys_limit(void)
{
	return BITS_PER_LONG == 32 && PT_MAX_LEVEL == 2 ? 1ull << 32 : 1ull << min(boot_cpu.phys_bits, 52u);
}
u64 arch_lowmem_limit(void) { return kva_config.direct_size; }

/* The image is no affair of kva's: set_memory changes vmalloc memory and the direct map. */
struct image_part arch_image_part(phys_addr_t phys __maybe_unused)
{
	return (struct image_part){ .end = ~(phys_addr_t)0 };
}
phys_addr_t image_to_phys(const void *virt __maybe_unused) { return 0; } /* of an image without pages */

/* The page array lies at the lower end of the arena; vmalloc space begins behind it. */
static int divide_arena(const struct kva_config *c)
{
	u64 array = ALIGN((u64)pages_array_size(c), (u64)SHARED_SLOT > 4 << 20 ? 4ull << 20 : (u64)SHARED_SLOT);

	if (array + (16 << 20) > c->arena_end - c->arena_start)
		return kva_refuse("the arena %lx-%lx has no room for the page array of %llx bytes and 16 MiB behind it",
				  (vaddr_t)c->arena_start, (vaddr_t)c->arena_end, array);
	layout = (struct vm_layout){
		.user_end = BITS_PER_LONG == 32
				    ? c->kernel_start
				    : (vaddr_t)1 << (pt_level[pt_top()].shift + pt_level[pt_top()].bits - 1),
		.kernel_start = c->kernel_start,
		.direct_start = c->direct_start,
		.direct_end = c->direct_start + (vaddr_t)c->direct_size,
		.vmemmap_start = c->arena_start,
		.vmemmap_end = c->arena_start + (vaddr_t)array,
		.vmalloc_start = c->arena_start + (vaddr_t)array,
		.vmalloc_end = c->arena_end,
		.private_start = c->private_start,
		.private_end = c->private_end,
	};
	return 0;
}

int config_adopt(const struct kva_config *c)
{
	int err = kva_config_check(c);

	if (err)
		return err;
	kva_config = *c;
	return divide_arena(c);
}
