/* SPDX-License-Identifier: MIT */
/* The part of kva.h that our own kernel has not: the start, and functions with types that any kernel has. */
#include "mm/kva/floor/floor.h"

#include <asm/tlb.h>
#include <kernel/xarray.h>
#include <mm/ioremap.h>
#include <mm/percpu_alloc.h>

static_assert(KVA_ZERO == __GFP_ZERO, "a flag of vmalloc_huge()");
static_assert((KVA_WC >> 4) == MEMTYPE_WC && (KVA_UC >> 4) == MEMTYPE_UC, "memory types");

/* --- the start ---------------------------------------------------------------------------------------------------- */

static void *alloc_node(size_t size, gfp_t gfp) { return kmalloc(size, gfp); }
static void free_node(void *node) { kfree(node); }

/* Offsets of per-CPU memory: the distances of the units of a chunk. */
static void number_cpus(unsigned int cpus)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		cpumask_set(&__cpu_possible_mask, cpu);
		per_cpu_offset[cpu] = cpu * PERCPU_STRIDE;
	}
}

static int start(void)
{
	int err;

	pgtable_set_allocator(mm_table_alloc, mm_table_free);
	pgtable_set_deferred_free(mm_table_defer);
	xa_set_allocator(alloc_node, free_node);
	tlb_init();
	number_cpus(kva_config.cpus ? kva_config.cpus : MAX_CPUS);
	cpu_announce(smp_processor_id());
	err = pages_init();
	if (err)
		return err;
	vmalloc_init();
	vmalloc_init_purge();
	vm_cache_set_bounds(cpumask_weight(cpu_possible_mask));
	percpu_alloc_init();
	return 0;
}

/* Mistakes in host functions that would look like something else later. */
static int check_host(void)
{
	const struct kva_thread *thread = host_thread();

	if (!thread)
		return kva_refuse("host_thread() gives NULL");
	for (size_t i = 0; i < ARRAY_SIZE(thread->words); i++)
		if (thread->words[i])
			return kva_refuse("the words of host_thread() are not zero for a new thread: word %zu is %p", i,
					  thread->words[i]);
	if (host_in_interrupt())
		return kva_refuse("kva_init() is called in a handler, says host_in_interrupt()");
	return 0;
}

int kva_init(const struct kva_config *config)
{
	int err;

	if (host_cpu_number())
		return kva_refuse("kva_init() is called on CPU %u: the boot CPU is number 0", host_cpu_number());
	if (kernel_pgtable.root)
		return kva_refuse("kva_init() is called again");
	err = check_host();
	err = err ? err : cpu_adopt();
	err = err ? err : config_adopt(config);
	err = err ? err : trees_adopt();
	err = err ? err : start();
	if (err)
		kernel_pgtable.root = NULL;
	kva_boot_thread = err ? NULL : host_thread();
	return err;
}

/* --- mappings ----------------------------------------------------------------------------------------------------- */

struct page *kva_page(kva_phys_t phys)
{
	return pfn_to_page_checked(to_pfn(phys));
}

kva_phys_t kva_phys(const void *addr)
{
	unsigned long pfn = kernel_pgtable_pfn((vaddr_t)addr);

	return pfn == PGTABLE_NO_PFN ? KVA_NO_PHYS : ((kva_phys_t)pfn << PAGE_SHIFT) + offset_in_page(addr);
}

static pgprot_t prot_of(unsigned int rights)
{
	pgprot_t prot = rights & KVA_ROX ? PAGE_KERNEL_ROX : rights & KVA_RO ? PAGE_KERNEL_RO : PAGE_KERNEL;

	return pgprot_set_memtype(prot, (enum memtype)(rights >> 4 & 7));
}

void *kva_vmap(struct page **pages, unsigned int count, unsigned int rights)
{
	return vmap(pages, count, VM_MAP, prot_of(rights));
}

void *kva_per_cpu_ptr(const void *ptr, unsigned int cpu)
{
	return (void *)((vaddr_t)ptr + per_cpu_offset[cpu]);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

static void emit(void *ctx __maybe_unused, const char *line)
{
	printk("%s", line); /* which adds the end of the line, if there is none */
}

void kva_info(void)
{
	vmallocinfo_human(emit, NULL);
}

unsigned int kva_check(void)
{
	struct pgd_parity parity = pgd_parity_check();

	if (parity.differs + parity.missing)
		printk("%u entries of address spaces differ from the reference, %u are missing\n", parity.differs,
		       parity.missing);
	return vmalloc_check() + percpu_alloc_check() + parity.differs + parity.missing;
}
