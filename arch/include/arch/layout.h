/* SPDX-License-Identifier: MIT */
/*
 * The layout of the kernel's half of the address space.
 *
 * The borders are data, not constants: they depend on 5-level paging, the amount of RAM and `vmalloc=`, which are known
 * only at boot. They are fixed before mm starts and never change afterwards. <asm/layout.h> (one for each target) has
 * the constants: the kernel's link address and the possible borders.
 */
#pragma once

#include <kernel/config.h> /* MAX_CPUS */
#include <lib/compiler.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define PAGE_ALIGN(x)	   ALIGN(x, PAGE_SIZE)
#define PAGE_ALIGN_DOWN(x) ALIGN_DOWN(x, PAGE_SIZE)
#define offset_in_page(p)  ((vaddr_t)(p) & ~PAGE_MASK)

struct vm_layout {
	vaddr_t user_end;	/* first address a process may not use */
	/* lowest address of the kernel: from here up all trees share their entries, private slots apart */
	vaddr_t kernel_start;
	vaddr_t direct_start;	/* direct map: virtual = direct_start + physical, RAM only */
	vaddr_t direct_end;
	vaddr_t vmemmap_start;	/* the struct page array, indexed by frame number */
	vaddr_t vmemmap_end;
	vaddr_t vmalloc_start;	/* vmalloc, vmap, ioremap, vmap blocks */
	vaddr_t vmalloc_end;
	vaddr_t private_start;	/* private kernel slots: each process has its own */
	vaddr_t private_end;
	vaddr_t entry_start;	/* with page-table isolation: what the user roots map of the kernel; else 0 */
	vaddr_t entry_end;
	vaddr_t fixmap_start;	/* per-CPU kmap_local slots */
	vaddr_t fixmap_end;
	vaddr_t image_start;	/* the kernel's own text and data */
	vaddr_t image_end;
};
extern struct vm_layout layout;

#define VMALLOC_START (layout.vmalloc_start)
#define VMALLOC_END   (layout.vmalloc_end)
#define VMEMMAP_START (layout.vmemmap_start)

/* Address of a frame in the direct map. Only for RAM that the direct map covers (not for highmem on i386). */
static inline void *phys_to_virt(phys_addr_t phys)
{
	return (void *)(layout.direct_start + (vaddr_t)phys);
}

/* Frame address of a pointer into the direct map; never for the image or vmalloc space. */
static inline phys_addr_t virt_to_phys(const void *virt)
{
	return (vaddr_t)virt - layout.direct_start;
}

/* Physical address of an object that is part of the kernel's image (text, data, bss). */
phys_addr_t image_to_phys(const void *virt);

/*
 * The part of the image that contains a frame, and where that part ends. Outside of the image both flags are false, and
 * `end` is the start of the image or the end of the address space.
 */
struct image_part {
	phys_addr_t end;
	bool text;     /* code: stays executable */
	bool constant; /* code, constants, __ro_after_init: read-only, at the latest after boot */
};
struct image_part arch_image_part(phys_addr_t phys);

/* The limit of physical addresses, in bytes: what this CPU, the page tables and the kernel's layout can reach. */
u64 arch_phys_limit(void);

/* Bytes of physical memory from 0 that the direct map may cover (lowmem). On x86_64 that is arch_phys_limit(). */
u64 arch_lowmem_limit(void);

/* The boot tables map physical memory below this limit. */
u64 arch_boot_reach(void);
