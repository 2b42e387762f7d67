/* SPDX-License-Identifier: MIT */
/*
 * The kernel's address space on x86_64: two layouts, one for each depth. The first three regions move, unless `nokaslr`
 * is given:
 *
 *	kernel_start | gap | direct map | gap | vmalloc space | gap | page array | gap | private, entry area | image
 *
 * Each starts at a top entry. Their order stays, and an empty entry stays between two of them.
 */
#include <arch/init.h>
#include <arch/kasan.h>
#include <arch/layout.h>
#include <asm/boot.h>
#include <asm/cpuid.h>
#include <asm/layout.h>
#include <asm/ptfmt.h>
#include <asm/pti.h>
#include <kernel/config.h>
#include <kernel/printk.h>
#include <lib/math.h>
#include <lib/random.h>
#include <lib/size.h>
#include <lib/string.h>

static const struct vm_layout layout_l4 = {
	.user_end = L4_USER_END,
	.kernel_start = L4_DIRECT_START,
	.direct_start = L4_DIRECT_START,
	.direct_end = L4_DIRECT_END,
	.vmemmap_start = L4_VMEMMAP_START,
	.vmemmap_end = L4_VMEMMAP_END,
	.vmalloc_start = L4_VMALLOC_START,
	.vmalloc_end = L4_VMALLOC_END,
	.private_start = L4_PRIVATE_START,
	.private_end = L4_PRIVATE_END,
	.entry_start = L4_ENTRY_START,
};

static const struct vm_layout layout_l5 = {
	.user_end = L5_USER_END,
	.kernel_start = L5_DIRECT_START,
	.direct_start = L5_DIRECT_START,
	.direct_end = L5_DIRECT_END,
	.vmemmap_start = L5_VMEMMAP_START,
	.vmemmap_end = L5_VMEMMAP_END,
	.vmalloc_start = L5_VMALLOC_START,
	.vmalloc_end = L5_VMALLOC_END,
	.private_start = L5_PRIVATE_START,
	.private_end = L5_PRIVATE_END,
	.entry_start = L5_ENTRY_START,
};

unsigned int pt_levels __ro_after_init = 4;

void arch_init_layout(u64 ram_end, size_t page_struct_size, u64 vmalloc_size)
{
	(void)ram_end;
	(void)page_struct_size;
	pt_levels = boot_levels;
	layout = pt_levels == 5 ? layout_l5 : layout_l4;
	layout.entry_start = pti_on ? layout.entry_start : 0;
	layout.entry_end = pti_on ? layout.entry_start + ENTRY_AREA_SIZE : 0;
	layout.fixmap_start = FIXMAP_START;
	layout.fixmap_end = FIXMAP_END;
	layout.image_start = (vaddr_t)__image_start;
	layout.image_end = (vaddr_t)__image_end;
	if (vmalloc_size)
		pr_warn("vmalloc=: ignored, vmalloc space is %s in this mode",
			SIZE((u64)(layout.vmalloc_end - layout.vmalloc_start)));
}

/* --- bases at random ---------------------------------------------------------------------------------------------- */

#define NR_MOVED 3
#define HOLE	 1 /* top entries that stay empty between two regions */

struct region {
	vaddr_t *start, *end;
};

/* Draw NR_MOVED numbers below `places`, in ascending order. */
static void draw_ascending(struct rnd_state *random, u32 places, u32 *drawn)
{
	for (unsigned int n = 0; n < NR_MOVED; n++) {
		u32 number = random_below(random, places);
		unsigned int i = n;

		for (; i > 0 && drawn[i - 1] > number; i--)
			drawn[i] = drawn[i - 1];
		drawn[i] = number;
	}
}

/* Until the reference tables are loaded, RAM is reached by the boot tables: give these an entry at the new place. */
static void move_boot_entry(vaddr_t from, vaddr_t to)
{
	u64 *root = (u64 *)(pt_levels == 5 ? boot_root5 : boot_root);

	root[(to >> pt_level[pt_levels].shift) % PT_ENTRIES] = root[(from >> pt_level[pt_levels].shift) % PT_ENTRIES];
}

/* Where what moves must end: below the private slots, or, with CONFIG=kasan, below the lowest shadow. */
static vaddr_t moved_end(vaddr_t slot)
{
	if (CONFIG_KASAN)
		return ALIGN_DOWN(kasan_shadow_of(layout.kernel_start), slot);
	return pt_levels == 5 ? L5_MOVED_END : L4_MOVED_END;
}

unsigned int arch_move_layout(u64 seed)
{
	const struct region moved[NR_MOVED] = { { &layout.direct_start, &layout.direct_end },
						{ &layout.vmalloc_start, &layout.vmalloc_end },
						{ &layout.vmemmap_start, &layout.vmemmap_end } };
	vaddr_t slot = 1ul << pt_level[pt_levels].shift, at = layout.kernel_start, before = layout.direct_start;
	u32 places = (u32)((moved_end(slot) - at) / slot) + 1, drawn[NR_MOVED];
	struct rnd_state random;

	for (unsigned int i = 0; i < NR_MOVED; i++)
		places -= (u32)((*moved[i].end - *moved[i].start) / slot) + (i ? HOLE : 0);
	random_seed(&random, seed);
	draw_ascending(&random, places, drawn);
	for (unsigned int i = 0; i < NR_MOVED; i++) {
		vaddr_t size = *moved[i].end - *moved[i].start;

		*moved[i].start = at + drawn[i] * slot;
		*moved[i].end = *moved[i].start + size;
		at += size + HOLE * slot;
	}
	move_boot_entry(before, layout.direct_start);
	return (unsigned int)ilog2(places);
}

u64 arch_phys_limit(void)
{
	u64 direct = boot_levels == 5 ? L5_DIRECT_END - L5_DIRECT_START : L4_DIRECT_END - L4_DIRECT_START;

	return min(direct, 1ull << boot_cpu.phys_bits);
}

u64 arch_lowmem_limit(void)
{
	return arch_phys_limit();
}

u64 arch_boot_reach(void)
{
	return 1ull << 30;
}

const char *arch_mode_name(void)
{
	return pt_levels == 5 ? "x64-la57" : "x64";
}

/* Clear the lower half of the first top table. The APs needed it to start; nobody uses it from now on. */
void pgtable_drop_boot_identity(void)
{
	memset(pt_levels == 5 ? boot_root5 : boot_root, 0, PAGE_SIZE / 2);
}
