/* SPDX-License-Identifier: MIT */
/*
 * Kernel virtual memory, under Linux's names and prototypes.
 *
 * Context: thread, interrupts on, no lock held, unless a line says otherwise. Every area has an unmapped guard page behind
 * it. An area can be found (find_vm_area, vmallocinfo, vfree) from the moment it is complete until the moment it begins to go.
 *
 * After a function that unmaps returns, nobody may use the old address, but a CPU may still remember it, and so reach
 * pages that have a new owner by now, if somebody uses it all the same. That ends when the address is mapped again, or with
 * vm_unmap_aliases(), whatever comes first; with quarantine it never begins.
 */
#pragma once

#include <arch/pgtable.h>
#include <mm/page_alloc.h>

#define VM_IOREMAP	 0x001ul
#define VM_ALLOC	 0x002ul
#define VM_MAP		 0x004ul
#define VM_USERMAP	 0x008ul /* may be lent to a process: vmalloc_user() */

struct vm_struct {
	void *addr;
	unsigned long size;	/* bytes, guard page included */
	unsigned long flags;
	struct page **pages;	/* VM_ALLOC: the pages, in order */
	unsigned int nr_pages;
	phys_addr_t phys_addr;	/* VM_IOREMAP */
	vaddr_t caller;		/* who asked */
};

/* Boot CPU, after the page and slab allocators. Before it every lookup finds nothing. */
void vmalloc_init(void);

/* size bytes rounded up to pages, not physically contiguous. NULL: size 0 (warned), more than all RAM, or no memory. */
void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
/* Zeroed, and may be mapped into a process: remap_vmalloc_range() (mm/mm.h). */
void *vmalloc_user(unsigned long size);
/* The same with everything said: alignment, part of vmalloc space, rights. node is a hint (-1 = none). vfree() ends it. */
void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end, gfp_t gfp,
			   pgprot_t prot, unsigned long vm_flags, int node, const void *caller);
/* NULL is fine. An address that is not the start of a vmalloc/vmap area is reported and nothing happens. */
void vfree(const void *addr);

/*
 * Map count pages in order, never executable; they stay the caller's. flags: VM_MAP or 0. NULL: count 0 (warned), more
 * than all RAM, a NULL page or one that is not a struct page of RAM, no space or memory. vunmap: as vfree, of vmap areas.
 */
void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot);
void vunmap(const void *addr);

/* Reserve address space only (VM_IOREMAP aligns it to its size). NULL: no space or memory. */
struct vm_struct *get_vm_area(unsigned long size, unsigned long flags);
struct vm_struct *__get_vm_area_caller(unsigned long size, unsigned long flags, unsigned long start, unsigned long end,
				       const void *caller);
struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long flags, const void *caller);
/*
 * Unmap, flush, give the address space back; pages are not freed. addr is the start of the area; NULL (warned) if there is
 * none. Returns the descriptor, which the caller kfrees. free_vm_area does both.
 */
struct vm_struct *remove_vm_area(const void *addr);
void free_vm_area(struct vm_struct *area);
/* The area that contains addr, or NULL. Stays valid only while the caller knows that nobody frees it. */
struct vm_struct *find_vm_area(const void *addr);
unsigned long get_vm_area_size(const struct vm_struct *area); /* without the guard page */

/*
 * Map a VM_IOREMAP area to physical memory from phys on. [addr, end) is exactly the area, without its guard page: -EINVAL
 * if it is not one or phys is not page-aligned, -ERANGE if it is not exactly it; -ENOMEM; -EBUSY if something is mapped there.
 */
int ioremap_page_range(vaddr_t addr, vaddr_t end, phys_addr_t phys, pgprot_t prot);

/* Any context, NMI too; lock-free. */
bool is_vmalloc_addr(const void *addr);
struct page *vmalloc_to_page(const void *addr);	   /* NULL when nothing or a device is mapped there */
unsigned long vmalloc_to_pfn(const void *addr);	   /* 0 when nothing is mapped there */

/*
 * Short-lived maps of many pages, cheap: up to VMAP_MAX_ALLOC pages come out of per-CPU blocks, without a flush for each.
 * node is a hint (-1 = none). NULL: as vmap. Unmapping takes the same address and count, once; anything else is
 * reported and nothing happens.
 */
#define VMAP_MAX_ALLOC BITS_PER_LONG
void *vm_map_ram(struct page **pages, unsigned int count, int node);
void vm_unmap_ram(const void *mem, unsigned int count);
/* After this no CPU holds a stale translation of anything that was unmapped before the call. */
void vm_unmap_aliases(void);

/* Give back the address space and the memory that freed areas keep for the next ones. May flush. */
void vmalloc_shrink(void);

/*
 * Quarantine (`quarantine` on the command line): a page that was mapped here can be given to somebody else only after
 * every CPU has forgotten the mapping, so a use after vfree or vm_unmap_ram cannot hit another owner's data. Whatever else
 * would put its flush off does not: vm_unmap_ram flushes before it returns, and pages of a vfree wait for the flush.
 */
void vm_set_quarantine(bool on);
extern bool vm_quarantine_on;
static inline bool vm_quarantine(void) { return READ_ONCE(vm_quarantine_on); }

/*
 * Call fn for every page entry of a range, with missing tables allocated / only for entries that are not empty. mm NULL =
 * the kernel's tables; else the process's user half, under its lock. addr, size: page-aligned. What fn returns, if not 0,
 * ends the walk and is returned. -EINVAL: empty or wrapping range, wrong half, a large leaf in the way; -ENOMEM.
 * Flushing what fn has changed is the caller's.
 */
struct mm_struct;
typedef int (*pte_fn_t)(pte_t *pte, unsigned long addr, void *data);
int apply_to_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data);
int apply_to_existing_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data);

/* All areas, sorted by address, in the format of Linux's /proc/vmallocinfo. emit gets one line with its '\n'. */
void vmallocinfo(void (*emit)(void *ctx, const char *line), void *ctx);

struct vmalloc_stats {
	unsigned long areas, area_bytes; /* busy, guard pages included */
	unsigned long blocks, block_bytes;
	unsigned long rams, ram_bytes;	 /* vm_map_ram mappings too long for a block */
	unsigned long lazy_bytes;	 /* freed, and not forgotten by every CPU */
	unsigned long cached_bytes;	 /* freed and forgotten, kept for the next user */
	unsigned long free_bytes, largest_free;
	unsigned long total_bytes;	 /* all of these together: the arena, at a quiet moment */
	unsigned long nr_pages;		 /* allocated by vmalloc */
};
void vmalloc_stats(struct vmalloc_stats *out);
/* Trees, blocks and conservation at a quiet moment: number of faults found, each printed. Tests. */
unsigned int vmalloc_check(void);
/* Counters that the museum asks about. */
struct vmap_block_stats {
	unsigned long created, freed, live, visits; /* visits: blocks looked at by vm_unmap_aliases */
};
void vmap_block_stats(struct vmap_block_stats *out);
