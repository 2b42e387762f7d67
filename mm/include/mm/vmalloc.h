/* SPDX-License-Identifier: MIT */
/*
 * Kernel virtual memory, under Linux's names and prototypes.
 *
 * CONTEXTS. Each function is of one of these classes; [sleeps], unless its line says otherwise:
 *
 *		  thread  preemption off,  interrupts off,  interrupt	   NMI handler
 *			  spinlock held	   in a thread	    handler
 *	sleeps	  yes	  no		   no		    no		   no
 *	atomic	  yes	  yes		   NULL		    NULL	   NULL
 *	frees	  yes	  later		   later	    later	   reported later
 *	looks	  yes	  yes		   yes		    no		   no
 *	anywhere  yes	  yes		   yes		    yes		   yes
 *
 * "No" is asserted at the head of the function in debug builds. NULL comes with a report. "Spinlock held" means a lock
 * of context T, of a rank below mm's (mm/page/page_internal.h). [atomic] functions are atomic only with __GFP_NOWAIT
 * (GFP_ATOMIC, GFP_NOWAIT); without it they sleep. With it they do not purge, ask no notifier for space, and do not
 * wait for memory, page tables included. They still wait for spinlocks, and, after a failure half-way, for the other
 * CPUs' answers to a flush.
 *
 * Every area but those of pcpu_get_vm_areas() has an unmapped guard page behind it. An area can be found (find_vm_area,
 * vmallocinfo, vfree) from the moment it is complete until it is freed.
 *
 * After a function that unmaps returns, the old address must not be used. A TLB may still hold its translation, so a
 * wrong use may reach pages that have a new owner (an alias). The alias is gone after the next flush of all TLBs: after
 * vm_unmap_aliases(), or before the address is mapped again. With quarantine there are no aliases.
 */
#pragma once

#include <arch/pgtable.h>
#include <lib/uio.h>
#include <mm/page_alloc.h>
#include <mm/set_memory.h>

/* Bytes of vmalloc space; valid when the layout is known. */
#define VMALLOC_TOTAL (VMALLOC_END - VMALLOC_START)
/* log2 of the largest alignment that an area with VM_IOREMAP gets: no leaf needs more. */
#define IOREMAP_MAX_ORDER (BITS_PER_LONG == 64 ? 30u : 22u)

#define VM_IOREMAP	 0x001ul
#define VM_ALLOC	 0x002ul
#define VM_MAP		 0x004ul
#define VM_USERMAP	 0x008ul /* may be lent to a process: vmalloc_user() */
#define VM_DMA_COHERENT	 0x010ul /* the same, for memory that devices see as the CPU does; set by the mapper */
#define VM_NO_GUARD	 0x040ul /* no guard page behind it: only pcpu_get_vm_areas() */
#define VM_FLUSH_RESET_PERMS 0x100ul /* rights were changed: flush before the pages are freed */
#define VM_MAP_PUT_PAGES 0x200ul /* vmap: vfree() drops the pages and the array too */
#define VM_ALLOW_HUGE_VMAP 0x400ul /* large leaves, where possible: vmalloc_huge() */
#define VM_SPARSE	 0x1000ul /* a sparse area: vm_area_map_pages() */

struct vm_struct {
	void *addr;
	unsigned long size;	/* bytes, guard page included if it has one */
	unsigned long flags;
	struct page **pages;	/* VM_ALLOC, VM_MAP_PUT_PAGES: the pages, in order */
	unsigned int nr_pages;
	unsigned int page_order; /* its large leaves have 2^page_order pages; 0: it was made without */
	unsigned long requested_size; /* VM_ALLOC: bytes that the caller wanted, not rounded */
	phys_addr_t phys_addr;	/* VM_IOREMAP */
	vaddr_t caller;		/* the address of the code that asked */
};

/* Boot CPU, after the page and slab allocators. Before it every lookup finds nothing. */
void vmalloc_init(void);
/* When all CPUs and the work queues are up: from now on the background flushes. */
void vmalloc_init_purge(void);

/*
 * Memory of `size` bytes, rounded up to pages, not physically contiguous. NULL: size 0 (warned); more than all RAM or
 * all address space, or no address space left (in the log, unless __GFP_NOWARN; of many failures only some); no memory.
 */
void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
/* Zeroed, and may be mapped into a process: remap_vmalloc_range(), mm_lend_vmalloc() (mm/mm.h). */
void *vmalloc_user(unsigned long size);
/* [atomic] The same with alignment, part of vmalloc space, and rights. node is a hint (-1 = none). gfp: __vmalloc(). */
void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end, gfp_t gfp,
			   pgprot_t prot, unsigned long vm_flags, int node, const void *caller);
/* [atomic] */
void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node, const void *caller);
/*
 * [atomic] GFP_KERNEL, with __GFP_ZERO, __GFP_DMA32, __GFP_HIGHMEM, __GFP_NOWARN, __GFP_NORETRY, __GFP_NOFAIL, or
 * __GFP_NOWAIT; other flags are ignored with a report. NOFAIL: sleeps a little and tries again until it succeeds,
 * unless the request can never succeed (size 0, more than all RAM or all address space). NOFAIL is ignored with
 * __GFP_NOWAIT.
 */
void *__vmalloc(unsigned long size, gfp_t gfp);
void *vmalloc_node(unsigned long size, int node);
void *vzalloc_node(unsigned long size, int node);
/*
 * The same with large leaves of 2 or 4 MiB, as many as fit into the size, and small pages for the rest. If CPU, memory
 * or address space do not allow that, it uses small pages only; so it does with __GFP_NOWAIT, or with `nohugevmalloc`
 * on the command line. The size is not rounded up to leaves. Each page has its own user count all the same.
 * set_memory_*() changes or refuses a large leaf as a whole.
 */
void *vmalloc_huge(unsigned long size, gfp_t gfp);
void *vmalloc_huge_node(unsigned long size, gfp_t gfp, int node);
/* [looks] Was the area that contains addr made with large leaves? addr is in an area that nobody frees. */
bool is_vm_area_hugepages(const void *addr);
/* Every page below 4 GiB; the second one zeroed and for remap_vmalloc_range(), mm_lend_vmalloc(). */
void *vmalloc_32(unsigned long size);
void *vmalloc_32_user(unsigned long size);
/* n * size bytes; NULL if that overflows; vcalloc: zeroed. Those with gfp are [atomic]. */
void *__vmalloc_array(size_t n, size_t size, gfp_t gfp);
void *vmalloc_array(size_t n, size_t size);
void *__vcalloc(size_t n, size_t size, gfp_t gfp);
void *vcalloc(size_t n, size_t size);

/*
 * Make memory of the vmalloc family larger or smaller. Returns its address, which is new if it had to move; the bytes
 * that fit are kept. p NULL: as __vmalloc(). Size 0: as vfree(); returns NULL. Smaller: it stays in place, and pages
 * behind the new end are freed; a large leaf is kept or freed as a whole. Larger: it stays if its address space is
 * large enough (because it was made smaller before), otherwise it moves. With __GFP_NOFAIL it also moves if there is no
 * memory to stay. With __GFP_ZERO at every call, all bytes behind the old size are zero. NULL: no memory, or p is not
 * such memory or not so aligned (reported); the old memory is as it was. Nobody else may use the memory meanwhile.
 */
void *vrealloc_node_align(const void *p, size_t size, unsigned long align, gfp_t gfp, int node);
void *vrealloc_node(const void *p, size_t size, gfp_t gfp, int node);
void *vrealloc(const void *p, size_t size, gfp_t gfp);

/*
 * [frees] NULL is fine. An address that is not the start of a vmalloc/vmap area is reported, and nothing happens. If
 * the caller may not sleep, vfree() does what vfree_atomic() does. In an NMI nothing is freed, and the next call
 * reports that.
 */
void vfree(const void *addr);
/* Free soon, in a thread. From now on the area cannot be found. Needs no memory. Any context but NMI. */
void vfree_atomic(const void *addr);
/* Wait until all that vfree_atomic() got before the call is freed. */
void vfree_atomic_drain(void);

/*
 * Map count pages in order, never executable; without VM_MAP_PUT_PAGES the caller keeps them. Whole blocks get large
 * leaves. flags: VM_MAP or 0, and VM_MAP_PUT_PAGES, VM_USERMAP, VM_DMA_COHERENT, VM_IOREMAP (aligns the area to its
 * size; no large leaves). Other flags are ignored with a warning; VM_FLUSH_RESET_PERMS is refused. NULL: count 0
 * (warned), more than all RAM, a NULL page or one that is not a struct page of RAM, a page of another memory type than
 * prot, no space or memory. vunmap() unmaps a vmap area and frees no page; a wrong address is handled as by vfree().
 */
void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot);
void vunmap(const void *addr);
/*
 * The same for frames that the kernel does not use as RAM (devices; RAM excluded by mem=). A frame of RAM, or one that
 * this CPU cannot address, is refused with a report. Never executable. vunmap() unmaps it.
 */
void *vmap_pfn(unsigned long *pfns, unsigned int count, pgprot_t prot);

/* Reserve address space only (VM_IOREMAP aligns it to its size). NULL: size 0 (warned), no space or memory. */
struct vm_struct *get_vm_area(unsigned long size, unsigned long flags);
struct vm_struct *__get_vm_area_caller(unsigned long size, unsigned long flags, unsigned long start, unsigned long end,
				       const void *caller);
struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long flags, const void *caller);
/*
 * Unmap the area that starts at addr and free its address space; pages are not freed. Returns the descriptor. The
 * caller kvfrees its array `pages`, if there is one, and then kfrees the descriptor. NULL: there is no such area
 * (warned), or no memory; then nothing has happened. free_vm_area() removes an area without pages and kfrees the
 * descriptor.
 */
struct vm_struct *remove_vm_area(const void *addr);
void free_vm_area(struct vm_struct *area);
/* [looks] The area that contains addr, or NULL. Valid only as long as the caller knows that nobody frees the area. */
struct vm_struct *find_vm_area(const void *addr);
/* [anywhere] The size without the guard page. */
static inline size_t get_vm_area_size(const struct vm_struct *area)
{
	return area->flags & VM_NO_GUARD ? area->size : area->size - PAGE_SIZE;
}

/* The addresses of a range: [va_start, va_end), guard page included. */
struct vmap_area {
	unsigned long va_start, va_end;
	struct vm_struct *vm;
};
/* [looks] The busy range that contains addr, or NULL. Valid as find_vm_area(). */
struct vmap_area *find_vmap_area(unsigned long addr);
/*
 * Unmap and flush [addr, end) of an area in which the caller has made the entries. It must be page-aligned and in
 * vmalloc space; otherwise that is reported, and nothing happens. Holes are fine. A large leaf that is only partly
 * inside is reported and stays.
 */
void vunmap_range(unsigned long addr, unsigned long end);

/*
 * Congruent areas for per-CPU memory: nr_vms areas, sizes[i] bytes at offsets[i] from one base. The base is the highest
 * aligned one for which all of them are free. There are no guard pages. align: a power of two, at least a page, which
 * divides all sizes and offsets. NULL: areas that overlap or are wrong otherwise (reported), no space, or no memory.
 * pcpu_free_vm_areas() unmaps and removes them; the caller frees their pages after that.
 */
struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr_vms, size_t align);
void pcpu_free_vm_areas(struct vm_struct **vms, int nr_vms);

/*
 * Sparse areas: get_vm_area(size, VM_SPARSE), in which the caller maps and unmaps pages. [start, end): page-aligned.
 * Errors: -EINVAL the area is not sparse, the range is empty or unaligned, a page is not RAM or has another memory
 * type; -E2BIG more than all RAM; -ERANGE beyond the area; -ENOMEM a NULL page, or no table page; -EBUSY something is
 * mapped there. Then nothing has changed. The caller keeps the pages. Unmapping also flushes. It may meet holes; a
 * wrong range is reported, and nothing happens.
 */
int vm_area_map_pages(struct vm_struct *area, unsigned long start, unsigned long end, struct page **pages);
void vm_area_unmap_pages(struct vm_struct *area, unsigned long start, unsigned long end);

/*
 * Early areas: address space in use before vmalloc_init(). Boot CPU, after the layout is known. The caller owns the
 * descriptor and keeps it; size includes the guard page; the area is never freed. add: at vm->addr, which must not
 * overlap another one. register: at the lowest free address that is aligned to align (a power of two, or 0), which is
 * written to vm->addr. Both panic if that is not possible, and after vmalloc_init().
 */
void vm_area_add_early(struct vm_struct *vm);
void vm_area_register_early(struct vm_struct *vm, size_t align);

/*
 * Map a VM_IOREMAP area to physical memory from phys on. [addr, end) must be exactly the area, without its guard page.
 * -EINVAL: it is no such area, or phys is not page-aligned; -ERANGE: it is not exactly the area; -EBUSY: something is
 * mapped there, or the frames are reserved with another memory type or are RAM; -ENOMEM.
 */
int ioremap_page_range(vaddr_t addr, vaddr_t end, phys_addr_t phys, pgprot_t prot);

/* [anywhere], lock-free. */
bool is_vmalloc_addr(const void *addr);
/* there are no modules */
static inline int is_vmalloc_or_module_addr(const void *addr) { return is_vmalloc_addr(addr); }
unsigned long vmalloc_nr_pages(void); /* pages of the vmalloc family, now */
/* NULL when nothing or a device is mapped there. */
static inline struct page *vmalloc_to_page(const void *addr)
{
	return pfn_to_page_checked(kernel_pgtable_pfn((vaddr_t)addr)); /* PGTABLE_NO_PFN has no page */
}
/* 0 when nothing is mapped there. */
static inline unsigned long vmalloc_to_pfn(const void *addr)
{
	unsigned long pfn = kernel_pgtable_pfn((vaddr_t)addr);

	return pfn == PGTABLE_NO_PFN ? 0 : pfn;
}

/*
 * Cheap short-lived mappings: address space for up to VMAP_MAX_ALLOC pages comes from per-CPU blocks, without a flush
 * for each. node is a hint (-1 = none). NULL: as vmap. Unmapping takes the same address and count, once; anything else
 * is reported, and nothing happens.
 */
#define VMAP_MAX_ALLOC BITS_PER_LONG
void *vm_map_ram(struct page **pages, unsigned int count, int node);
void vm_unmap_ram(const void *mem, unsigned int count);
/* On return no TLB holds a translation of anything that was unmapped before the call. */
void vm_unmap_aliases(void);

/*
 * Free what keepers keep: address space and memory of freed areas, blocks without a mapping, unused page tables (after
 * a grace period), an idle reservation of a memory type. May flush and sleep. The background calls it when memory is
 * short.
 */
void vmalloc_shrink(void);

/*
 * Quarantine (`quarantine` on the command line): a page that was mapped here gets a new owner only after a flush. So a
 * use after vfree or vm_unmap_ram cannot hit another owner's data. vm_unmap_ram() flushes before it returns, and
 * vfree() flushes before it frees the pages.
 */
void vm_set_quarantine(bool on);
extern bool vm_quarantine_on;
static inline bool vm_quarantine(void) { return READ_ONCE(vm_quarantine_on); }

/* [looks] Set VM_FLUSH_RESET_PERMS of the area that starts at addr; nothing happens if there is none. */
void set_vm_flush_reset_perms(void *addr);

/*
 * Notifiers, for users that keep address space which they can do without. They are called, one at a time, when an
 * allocation finds no space and purging has not helped. A notifier adds the bytes or pages that it gave back to
 * *(unsigned long *)freed; if the sum is more than 0, the allocation is tried again. It may sleep and free, but must
 * not allocate from vmalloc space. Registering returns 0 or -EEXIST, unregistering 0 or -ENOENT.
 */
struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long action, void *freed); /* action is 0; returns 0 */
	struct list_head list;
};
int register_vmap_purge_notifier(struct notifier_block *nb);
int unregister_vmap_purge_notifier(struct notifier_block *nb);

/*
 * [looks] Copy from vmalloc space; any address is allowed. Holes, devices and sparse areas read as zero, and so does a
 * page that is unmapped meanwhile. Returns count, cut off at the end of the address space; 0: no part of it is in use.
 */
long vread(char *buf, const char *addr, unsigned long count);
/*
 * The same into an iterator: count bytes, or as many as it has room for. 0: no part is in use, and nothing was written.
 */
long vread_iter(struct iov_iter *iter, const char *addr, size_t count);
/* Print the area that contains the pointer. False: there is none, or somebody looks at it now. Any context but NMI. */
bool vmalloc_dump_obj(void *object);

/*
 * What the machine offers for large leaves, under Linux's names: which sizes it has (p4d: 512 GiB, pud: 1 GiB, pmd: 2
 * or 4 MiB). x86 has neither several small entries that act as one nor a tag in each entry.
 */
static inline bool arch_vmap_p4d_supported(pgprot_t prot __maybe_unused) { return false; }
static inline bool arch_vmap_pud_supported(pgprot_t prot __maybe_unused) { return pt_top() >= 3 && pt_leaf_allowed(3); }
static inline bool arch_vmap_pmd_supported(pgprot_t prot __maybe_unused) { return pt_leaf_allowed(2); }
static inline unsigned long arch_vmap_pte_range_map_size(unsigned long addr __maybe_unused,
							 unsigned long end __maybe_unused, u64 pfn __maybe_unused,
							 unsigned int max_page_shift __maybe_unused)
{
	return PAGE_SIZE;
}
static inline int arch_vmap_pte_supported_shift(unsigned long size __maybe_unused) { return PAGE_SHIFT; }
static inline pgprot_t arch_vmap_pgprot_tagged(pgprot_t prot) { return prot; }

/*
 * Call fn for every page entry of a range. apply_to_page_range() allocates missing tables;
 * apply_to_existing_page_range() skips empty entries. mm == &init_mm: the kernel's tables; otherwise the process's user
 * half, under its lock. addr, size: page-aligned. If fn does not return 0, the walk ends and returns that. -EINVAL: an
 * empty or wrapping range, the wrong half, a private slot, a large leaf in the way; -ENOMEM. The caller flushes what fn
 * has changed; in a process's half it is done here.
 */
struct mm_struct;
extern struct mm_struct init_mm; /* stands for the kernel; nothing reads its fields */
typedef int (*pte_fn_t)(pte_t *pte, unsigned long addr, void *data);
int apply_to_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data);
int apply_to_existing_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data);

/*
 * [looks] All ranges in use or lazy, sorted by address, in the format of Linux's /proc/vmallocinfo. emit gets one line
 * with its '\n'.
 */
void vmallocinfo(void (*emit)(void *ctx, const char *line), void *ctx);
/* A summary: the fragmentation of free space, and each vmap block. Lines as above, sizes with units. */
void vmallocinfo_summary(void (*emit)(void *ctx, const char *line), void *ctx);
/* All areas and the summary, sizes with units. */
void vmallocinfo_human(void (*emit)(void *ctx, const char *line), void *ctx);
/*
 * The same for programs: a word and KEY=VALUE pairs on each line, addresses in hexadecimal, sizes in bytes. Later
 * versions may add keys at the end; order and meaning of the others stay.
 *
 *	space start= end= size=				vmalloc space; first of all, once
 *	range start= end= size= state=busy kind=...	sorted; the guard page is the range's last. kind: vmalloc, vmap,
 *		pages= [phys=] user= vpages= caller=	ioremap, sparse, area; or block, vm_map_ram without more keys
 *	range ... state=lazy				freed, but perhaps still in a TLB
 *	range ... state=clean				kept for the next request of its size
 *	block start= end= size= live= maps= clean= dirty= flushing=	the pages of a vmap block; last, sorted
 *
 * Addresses in no range are free.
 */
void vmallocinfo_machine(void (*emit)(void *ctx, const char *line), void *ctx);

struct vmalloc_stats {
	unsigned long areas, area_bytes; /* busy, guard pages included */
	unsigned long blocks, block_bytes;
	unsigned long rams, ram_bytes;	 /* vm_map_ram mappings too long for a block */
	unsigned long lazy_bytes;	 /* freed, but perhaps still in a TLB */
	unsigned long cached_bytes;	 /* clean: kept for the next user */
	unsigned long free_bytes, largest_free;
	unsigned long total_bytes;	 /* all bytes above but largest_free; the arena, at a quiet moment */
	unsigned long nr_pages;		 /* vmalloc_nr_pages() */
};
void vmalloc_stats(struct vmalloc_stats *out); /* [looks] */
/* Check trees, caches, blocks, and that holes + ranges = arena, at a quiet moment. Number of faults, each printed. */
unsigned int vmalloc_check(void);
/* Counters of the vmap blocks. */
struct vmap_block_stats {
	unsigned long created, freed, live, visits; /* visits: blocks that purges have visited */
	unsigned int usable; /* pages that a block can give */
};
void vmap_block_stats(struct vmap_block_stats *out);
