/* SPDX-License-Identifier: MIT */
/*
 * Kernel virtual memory, under Linux's names and prototypes.
 *
 * WHERE WHAT MAY BE CALLED. Each function is of one of these classes; [sleeps], unless its line says otherwise:
 *
 *		  thread  preemption off,  interrupts off,  interrupt	   NMI handler
 *			  spinlock held	   in a thread	    handler
 *	sleeps	  yes	  no		   no		    no		   no
 *	atomic	  yes	  yes		   NULL		    NULL	   NULL
 *	frees	  yes	  later		   later	    later	   reported later
 *	looks	  yes	  yes		   yes		    no		   no
 *	anywhere  yes	  yes		   yes		    yes		   yes
 *
 * "No" is asserted at the head of the function in debug builds. NULL comes with a report. A spinlock that is held is one of
 * threads, of a rank below mm's (mm/page/page_internal.h). [atomic] holds with __GFP_NOWAIT (GFP_ATOMIC, GFP_NOWAIT); without it the
 * function sleeps: nothing is purged, nobody is asked for space, and no memory is waited for, page tables included; what it
 * does wait for are spinlocks, and after a failure half-way the other CPUs' answers to a flush.
 *
 * Every area has an unmapped guard page behind it. An area can be found (find_vm_area, vmallocinfo, vfree) from the moment it
 * is complete until the moment it begins to go.
 *
 * After a function that unmaps returns, nobody may use the old address, but a CPU may still remember it, and so reach
 * pages that have a new owner by now, if somebody uses it all the same. That ends when the address is mapped again, or with
 * vm_unmap_aliases(), whatever comes first; with quarantine it never begins.
 */
#pragma once

#include <arch/pgtable.h>
#include <lib/uio.h>
#include <mm/page_alloc.h>
#include <mm/set_memory.h>

/* Bytes of vmalloc space; known when the layout is. */
#define VMALLOC_TOTAL (VMALLOC_END - VMALLOC_START)
/* log2 of the largest alignment that an area with VM_IOREMAP gets: that of the largest leaf. */
#define IOREMAP_MAX_ORDER (BITS_PER_LONG == 64 ? 30u : 22u)

#define VM_IOREMAP	 0x001ul
#define VM_ALLOC	 0x002ul
#define VM_MAP		 0x004ul
#define VM_USERMAP	 0x008ul /* may be lent to a process: vmalloc_user() */
#define VM_DMA_COHERENT	 0x010ul /* the same, of memory that devices see as the CPU does; whoever mapped it knows why */
#define VM_NO_GUARD	 0x040ul /* no guard page behind it: pcpu_get_vm_areas(), and nobody else */
#define VM_FLUSH_RESET_PERMS 0x100ul /* rights were changed: no CPU may remember them when the pages are freed */
#define VM_MAP_PUT_PAGES 0x200ul /* vmap: vfree() drops the pages and the array too */
#define VM_ALLOW_HUGE_VMAP 0x400ul /* large leaves, where they can be had: vmalloc_huge() */
#define VM_SPARSE	 0x1000ul /* pages come and go: vm_area_map_pages() */

struct vm_struct {
	void *addr;
	unsigned long size;	/* bytes, guard page included if it has one */
	unsigned long flags;
	struct page **pages;	/* VM_ALLOC: the pages, in order */
	unsigned int nr_pages;
	unsigned int page_order; /* 2^this pages have the large leaves that it was made with; 0: it has none */
	unsigned long requested_size; /* VM_ALLOC: bytes that the caller wanted, not rounded */
	phys_addr_t phys_addr;	/* VM_IOREMAP */
	vaddr_t caller;		/* who asked */
};

/* Boot CPU, after the page and slab allocators. Before it every lookup finds nothing. */
void vmalloc_init(void);
/* When all CPUs and the work queues are up: from now on purging goes on in the background. */
void vmalloc_init_purge(void);

/*
 * size bytes rounded up to pages, not physically contiguous. NULL: size 0 (warned); more than all RAM or all address space, no
 * address space left (a line in the log, unless __GFP_NOWARN), no memory.
 */
void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
/* Zeroed, and may be mapped into a process: remap_vmalloc_range(), mm_lend_vmalloc() (mm/mm.h). */
void *vmalloc_user(unsigned long size);
/*
 * [atomic] The same with everything said: alignment, part of vmalloc space, rights. node is a hint (-1 = none). gfp: see
 * __vmalloc(). vfree() ends it.
 */
void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end, gfp_t gfp,
			   pgprot_t prot, unsigned long vm_flags, int node, const void *caller);
/* [atomic] */
void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node, const void *caller);
/*
 * [atomic] GFP_KERNEL, with __GFP_ZERO, __GFP_DMA32, __GFP_HIGHMEM, __GFP_NOWARN, __GFP_NORETRY, __GFP_NOFAIL, or
 * __GFP_NOWAIT; others are left out with a report. __GFP_NOWAIT: never NOFAIL. NOFAIL: sleeps a little and tries again until
 * there are address space, pages, tables and descriptors, unless no amount of waiting would do (size 0, more than all RAM or
 * all address space).
 */
void *__vmalloc(unsigned long size, gfp_t gfp);
void *vmalloc_node(unsigned long size, int node);
void *vzalloc_node(unsigned long size, int node);
/*
 * The same, with leaves of 2 or 4 MiB for all whole multiples of that where CPU, memory and address space allow it, and
 * nothing but small pages otherwise. Each page is a page of its own all the same. Never with __GFP_NOWAIT, nor with
 * `nohugevmalloc` on the command line. Nothing is rounded up. set_memory_*() takes or refuses a leaf as a whole.
 */
void *vmalloc_huge(unsigned long size, gfp_t gfp);
void *vmalloc_huge_node(unsigned long size, gfp_t gfp, int node);
/* [looks] Was the area that contains addr made with large leaves? addr is in an area that nobody frees. */
bool is_vm_area_hugepages(const void *addr);
/* Every page below 4 GiB; the second one zeroed and for remap_vmalloc_range(), mm_lend_vmalloc(). */
void *vmalloc_32(unsigned long size);
void *vmalloc_32_user(unsigned long size);
/* n * size bytes, NULL if that overflows; vcalloc zeroed. [atomic] with a gfp. */
void *__vmalloc_array(size_t n, size_t size, gfp_t gfp);
void *vmalloc_array(size_t n, size_t size);
void *__vcalloc(size_t n, size_t size, gfp_t gfp);
void *vcalloc(size_t n, size_t size);

/*
 * Make a block of the vmalloc family larger or smaller: its address afterwards, which is another one if it had to move;
 * what fits is preserved. NULL p: as __vmalloc; size 0: as vfree, and NULL. Smaller: stays, and the pages behind the new
 * end are freed. Larger: stays if its address space still reaches so far (after it was made smaller), else moves; with
 * __GFP_NOFAIL it also moves when there is no memory at hand to stay. With
 * __GFP_ZERO, given each time, every byte that was not part of the old size is zero. NULL (no memory, or p is no such
 * block or not so aligned, which is reported): the old block is as it was. The caller is alone with the block. A large
 * leaf is given back as a whole, so what is behind the new end in it stays mapped.
 */
void *vrealloc_node_align(const void *p, size_t size, unsigned long align, gfp_t gfp, int node);
void *vrealloc_node(const void *p, size_t size, gfp_t gfp, int node);
void *vrealloc(const void *p, size_t size, gfp_t gfp);

/*
 * [frees] NULL is fine. An address that is not the start of a vmalloc/vmap area is reported and nothing happens. Where the
 * caller may not sleep, it is vfree_atomic(). In an NMI nothing is freed, and the next call says so.
 */
void vfree(const void *addr);
/* Free soon, in a thread; from now on there is no area at the address. Takes no memory. Any context but NMI. */
void vfree_atomic(const void *addr);
/* Wait until what was freed so before the call is free. */
void vfree_atomic_drain(void);

/*
 * Map count pages in order, never executable; they stay the caller's. Pages that make up whole large leaves get them.
 * flags: VM_MAP or 0; VM_MAP_PUT_PAGES, VM_USERMAP, VM_DMA_COHERENT, VM_IOREMAP, which aligns the area to its size (others are
 * warned of, and dropped; VM_FLUSH_RESET_PERMS is refused). NULL: count 0 (warned), more than all RAM, a NULL page or one that is not a struct page of RAM, no space or
 * memory. vunmap: as vfree, of vmap areas.
 */
void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot);
void vunmap(const void *addr);
/*
 * The same for frames that are no RAM of the kernel's (devices; RAM left out with mem=): a frame of RAM, or one beyond
 * what this CPU reaches, is refused with a report. Never executable. vunmap() ends it.
 */
void *vmap_pfn(unsigned long *pfns, unsigned int count, pgprot_t prot);

/* Reserve address space only (VM_IOREMAP aligns it to its size). NULL: no space or memory. */
struct vm_struct *get_vm_area(unsigned long size, unsigned long flags);
struct vm_struct *__get_vm_area_caller(unsigned long size, unsigned long flags, unsigned long start, unsigned long end,
				       const void *caller);
struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long flags, const void *caller);
/*
 * Unmap and give the address space back; pages are not freed. addr is the start of the area; NULL (warned) if there is
 * none, or there is no memory: then nothing has happened. Returns the descriptor, which the caller kfrees, after the array
 * `pages`, if there is one, which is the caller's too (kvfree). free_vm_area does both for areas without pages.
 */
struct vm_struct *remove_vm_area(const void *addr);
void free_vm_area(struct vm_struct *area);
/* [looks] The area that contains addr, or NULL. Stays valid only while the caller knows that nobody frees it. */
struct vm_struct *find_vm_area(const void *addr);
/* [anywhere] without the guard page */
static inline size_t get_vm_area_size(const struct vm_struct *area)
{
	return area->flags & VM_NO_GUARD ? area->size : area->size - PAGE_SIZE;
}

/* What an area spans: [va_start, va_end), guard page included. */
struct vmap_area {
	unsigned long va_start, va_end;
	struct vm_struct *vm;
};
/* [looks] The one that contains addr, as find_vm_area(): NULL if there is none. */
struct vmap_area *find_vmap_area(unsigned long addr);
/*
 * Unmap [addr, end) of an area whose entries the caller has made himself: page-aligned, in vmalloc space; else it is reported,
 * and nothing happens. On return no CPU remembers it. Holes are fine; a leaf that is only partly in it is reported and stays.
 */
void vunmap_range(unsigned long addr, unsigned long end);

/*
 * Congruent areas for per-CPU memory: nr of them, sizes[i] bytes at offsets[i] from one base, the highest one that is aligned
 * and for which all of them are free. Without guard pages. align: power of two, at least a page, which divides all sizes
 * and offsets; areas that overlap or are wrong otherwise are reported. NULL: that, no space, or no memory.
 * pcpu_free_vm_areas() ends them and unmaps what is in them; pages are the caller's, to be freed after that.
 */
struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr_vms, size_t align);
void pcpu_free_vm_areas(struct vm_struct **vms, int nr_vms);

/*
 * Sparse areas: get_vm_area(size, VM_SPARSE), and pages in it that come and go. [start, end): page-aligned. Errors:
 * -EINVAL the area is not sparse, or an empty or unaligned range, or a page that is not RAM; -E2BIG more than all RAM;
 * -ERANGE beyond the area; -ENOMEM a NULL page, or no table page; -EBUSY something is mapped there. Nothing is changed then.
 * The pages stay the caller's. Unmapping may meet holes; a wrong range is reported and nothing happens; on return every CPU
 * has forgotten it.
 */
int vm_area_map_pages(struct vm_struct *area, unsigned long start, unsigned long end, struct page **pages);
void vm_area_unmap_pages(struct vm_struct *area, unsigned long start, unsigned long end);

/*
 * Address space that is in use before vmalloc_init(): the boot CPU, after the layout is known. The descriptor is the
 * caller's and stays; size includes the guard page; the area is never freed. add: at vm->addr, which overlaps no other one.
 * register: at the lowest address aligned to align (a power of two, or 0) that is left, which is written to vm->addr.
 * Both panic when that cannot be, and after vmalloc_init().
 */
void vm_area_add_early(struct vm_struct *vm);
void vm_area_register_early(struct vm_struct *vm, size_t align);

/*
 * Map a VM_IOREMAP area to physical memory from phys on. [addr, end) is exactly the area, without its guard page: -EINVAL
 * if it is not one or phys is not page-aligned, -ERANGE if it is not exactly it; -ENOMEM; -EBUSY if something is mapped there.
 */
int ioremap_page_range(vaddr_t addr, vaddr_t end, phys_addr_t phys, pgprot_t prot);

/* [anywhere], lock-free. */
bool is_vmalloc_addr(const void *addr);
static inline int is_vmalloc_or_module_addr(const void *addr) { return is_vmalloc_addr(addr); } /* there are no modules */
unsigned long vmalloc_nr_pages(void); /* allocated by vmalloc at this moment */
/* NULL when nothing or a device is mapped there. */
static inline struct page *vmalloc_to_page(const void *addr)
{
	return pfn_to_page_checked(kernel_pgtable_pfn((vaddr_t)addr)); /* no number of "nothing" has a page */
}
/* 0 when nothing is mapped there. */
static inline unsigned long vmalloc_to_pfn(const void *addr)
{
	unsigned long pfn = kernel_pgtable_pfn((vaddr_t)addr);

	return pfn == PGTABLE_NO_PFN ? 0 : pfn;
}

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

/*
 * Give back what is kept for the next ones: address space and memory of freed areas, blocks without a mapping, page tables
 * that serve nobody (these after a grace period), a reservation of a memory type. May flush and sleep. The background does it when memory is short.
 */
void vmalloc_shrink(void);

/*
 * Quarantine (`quarantine` on the command line): a page that was mapped here can be given to somebody else only after
 * every CPU has forgotten the mapping, so a use after vfree or vm_unmap_ram cannot hit another owner's data. Whatever else
 * would put its flush off does not: vm_unmap_ram flushes before it returns, and pages of a vfree wait for the flush.
 */
void vm_set_quarantine(bool on);
extern bool vm_quarantine_on;
static inline bool vm_quarantine(void) { return READ_ONCE(vm_quarantine_on); }

/* [looks] Of the area that starts at addr (nothing happens if there is none): VM_FLUSH_RESET_PERMS. */
void set_vm_flush_reset_perms(void *addr);

/*
 * Who keeps address space that he can do without registers here. Called, one at a time, when an allocation finds no space
 * and purging has not helped; adds to *(unsigned long *)freed the bytes or pages given back: more than 0 means, try again. May
 * sleep, free, and not allocate from vmalloc space. 0, or -EEXIST / -ENOENT.
 */
struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long action, void *freed); /* action is 0; returns 0 */
	struct list_head list;
};
int register_vmap_purge_notifier(struct notifier_block *nb);
int unregister_vmap_purge_notifier(struct notifier_block *nb);

/*
 * [looks] Copy from vmalloc space, whatever is or is not there: holes, devices and sparse areas read as zero, and so does a
 * page that goes meanwhile. Returns count, cut off at the end of the address space; 0: no part of it is in use.
 */
long vread(char *buf, const char *addr, unsigned long count);
/* The same into pieces. Of count bytes, as many as the iterator has room for; 0: none is in use, and nothing was written. */
long vread_iter(struct iov_iter *iter, const char *addr, size_t count);
/* Print what area a pointer points into. False: none, or the books are being changed right now. Any context but NMI. */
bool vmalloc_dump_obj(void *object);

/*
 * What the machine can do for the large leaves of vmalloc space, as Linux asks it: which sizes there are at all (p4d: 512 GiB,
 * pud: 1 GiB, pmd: 2 or 4 MiB), several small entries as one (x86 has no such thing), and a mark in each (likewise).
 */
static inline bool arch_vmap_p4d_supported(pgprot_t prot __maybe_unused) { return false; }
static inline bool arch_vmap_pud_supported(pgprot_t prot __maybe_unused) { return pt_top() >= 3 && pt_leaf_allowed(3); }
static inline bool arch_vmap_pmd_supported(pgprot_t prot __maybe_unused) { return pt_leaf_allowed(2); }
static inline unsigned long arch_vmap_pte_range_map_size(unsigned long addr __maybe_unused, unsigned long end __maybe_unused,
							 u64 pfn __maybe_unused, unsigned int max_page_shift __maybe_unused)
{
	return PAGE_SIZE;
}
static inline int arch_vmap_pte_supported_shift(unsigned long size __maybe_unused) { return PAGE_SHIFT; }
static inline pgprot_t arch_vmap_pgprot_tagged(pgprot_t prot) { return prot; }

/*
 * Call fn for every page entry of a range, with missing tables allocated / only for entries that are not empty. mm &init_mm:
 * the kernel's tables; else the process's user half, under its lock. addr, size: page-aligned. What fn returns, if not 0,
 * ends the walk and is returned. -EINVAL: empty or wrapping range, wrong half, a process's private slot, a large leaf in the
 * way; -ENOMEM. Flushing what fn has changed is the caller's; of a process's half it is done here, under the lock.
 */
struct mm_struct;
extern struct mm_struct init_mm; /* the kernel: a name, with nothing in it that anybody looks at */
typedef int (*pte_fn_t)(pte_t *pte, unsigned long addr, void *data);
int apply_to_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data);
int apply_to_existing_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data);

/* [looks] All areas, sorted by address, in the format of Linux's /proc/vmallocinfo. emit gets one line with its '\n'. */
void vmallocinfo(void (*emit)(void *ctx, const char *line), void *ctx);
/* And in summary: how broken up free space is, and each vmap block. Lines as above. Sizes for people. */
void vmallocinfo_summary(void (*emit)(void *ctx, const char *line), void *ctx);
/* Both for people: sizes in the unit that a person reads. */
void vmallocinfo_human(void (*emit)(void *ctx, const char *line), void *ctx);
/*
 * And for programs, exactly: a word and KEY=VALUE pairs a line, addresses in hexadecimal, sizes in bytes. Keys may be added
 * at the end in later versions; their order and meaning stay.
 *
 *	space start= end= size=				vmalloc space; first of all, once
 *	range start= end= size= state=busy kind=...	sorted; the guard page is the range's last. kind: vmalloc, vmap, ioremap,
 *		pages= [phys=] user= vpages= caller=	sparse, area; for block and vm_map_ram the line ends with the kind
 *	range ... state=lazy				freed, and perhaps still known to a CPU
 *	range ... state=clean				kept for whoever wants one of its size
 *	block start= end= size= live= maps= clean= dirty= flushing=	the pages of a vmap block; last, sorted
 *
 * What lies in no range is free.
 */
void vmallocinfo_machine(void (*emit)(void *ctx, const char *line), void *ctx);

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
void vmalloc_stats(struct vmalloc_stats *out); /* [looks] */
/* Trees, blocks and conservation at a quiet moment: number of faults found, each printed. Tests. */
unsigned int vmalloc_check(void);
/* Counters that the museum asks about. */
struct vmap_block_stats {
	unsigned long created, freed, live, visits; /* visits: blocks looked at by vm_unmap_aliases */
	unsigned int usable; /* pages that a block can give */
};
void vmap_block_stats(struct vmap_block_stats *out);
