/* SPDX-License-Identifier: MIT */
/*
 * The kernel's address space on i386, with and without PAE: one gigabyte. The amount of RAM decides who gets how much.
 *
 *	PAGE_OFFSET  direct map of lowmem | page array | gap | vmalloc space | private | fixmap  4G
 *			grows up to here ─┘		     └─ gets what is left, at least vmalloc=
 * With page-table isolation the entry area lies before the private slots.
 */
#include <arch/init.h>
#include <arch/layout.h>
#include <asm/boot.h>
#include <asm/cpuid.h>
#include <asm/layout.h>
#include <asm/ptfmt.h>
#include <asm/pti.h>
#include <kernel/printk.h>
#include <lib/math.h>
#include <lib/random.h>
#include <lib/size.h>
#include <lib/string.h>

/* Page array and vmalloc space begin and end at entries of the shared level, in either mode. */
#define SLOT (4ul << 20)

static vaddr_t vmalloc_least; /* vmalloc space must keep that much */

static vaddr_t clamp_vmalloc(u64 wanted)
{
	u64 used = wanted ? clamp(wanted, (u64)VMALLOC_LEAST, (u64)VMALLOC_MOST) : VMALLOC_DEFAULT;

	if (wanted && used != wanted)
		pr_warn("vmalloc=%llu: it is %s at least and %s at most, using %s", wanted, SIZE(VMALLOC_LEAST),
			SIZE(VMALLOC_MOST), SIZE(used));
	return (vaddr_t)ALIGN(used, (u64)SLOT); /* the bounds lie on slots */
}

void arch_init_layout(u64 ram_end, size_t page_struct_size, u64 vmalloc_size)
{
	vaddr_t page_array = ALIGN((vaddr_t)((ram_end + PAGE_SIZE - 1) >> PAGE_SHIFT) * page_struct_size, SLOT);
	vaddr_t top = pti_on ? ALIGN_DOWN(ENTRY_START, SLOT) : VMALLOC_TOP;
	vaddr_t most = top - (vmalloc_least = clamp_vmalloc(vmalloc_size)) - VMALLOC_GAP - page_array;
	vaddr_t lowmem = (vaddr_t)min(ram_end, (u64)(most - PAGE_OFFSET));

	layout = (struct vm_layout){
		.user_end = PAGE_OFFSET - PAGE_SIZE,
		.kernel_start = PAGE_OFFSET,
		.direct_start = PAGE_OFFSET,
		.direct_end = PAGE_OFFSET + PAGE_ALIGN_DOWN(lowmem),
		.private_start = PRIVATE_START,
		.private_end = PRIVATE_END,
		.fixmap_start = FIXMAP_START,
		.fixmap_end = FIXMAP_END,
		.image_start = (vaddr_t)__image_start,
		.image_end = (vaddr_t)__image_end,
	};
	layout.vmemmap_start = ALIGN(layout.direct_end, SLOT);
	layout.vmemmap_end = layout.vmemmap_start + page_array;
	layout.vmalloc_start = layout.vmemmap_end + VMALLOC_GAP;
	layout.vmalloc_end = top;
	layout.entry_start = pti_on ? ENTRY_START : 0;
	layout.entry_end = pti_on ? ENTRY_START + ENTRY_AREA_SIZE : 0;
}

/* The image lies in the direct map, so that stays. Half of what vmalloc space has above its least size is for gaps. */
unsigned int arch_move_layout(u64 seed)
{
	vaddr_t size = layout.vmalloc_end - layout.vmalloc_start;
	u32 places = size > vmalloc_least ? (u32)((size - vmalloc_least) / 2 / SLOT) + 1 : 1;
	struct rnd_state random;
	u32 one, other;

	random_seed(&random, seed);
	one = random_below(&random, places);
	other = random_below(&random, places);
	layout.vmemmap_start += min(one, other) * SLOT;
	layout.vmemmap_end += min(one, other) * SLOT;
	layout.vmalloc_start += max(one, other) * SLOT;
	return (unsigned int)ilog2(places);
}

/*
 * An entry has 32 address bits without PAE. With PAE the limit is 36 bits at most: one page array cannot describe more.
 */
u64 arch_phys_limit(void)
{
	if (PT_MAX_LEVEL == 2)
		return 1ull << 32;
	return 1ull << min(boot_cpu.phys_bits, 36u);
}

u64 arch_lowmem_limit(void)
{
	return layout.direct_end - layout.direct_start;
}

/* The boot tables of the 2-level kernel use 4 KiB pages, because the CPU may lack PSE. */
u64 arch_boot_reach(void)
{
	return PT_MAX_LEVEL == 2 ? 16ull << 20 : 1ull << 30;
}

const char *arch_mode_name(void)
{
	return PT_MAX_LEVEL == 2 ? "i386" : "pae";
}

/* Clear three quarters of the first top table. The APs needed it to start; nobody uses it from now on. */
void pgtable_drop_boot_identity(void)
{
	memset(boot_root, 0, sizeof(pte_t) * 3 << (pt_level[PT_MAX_LEVEL].bits - 2));
}
