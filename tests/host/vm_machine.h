/* SPDX-License-Identifier: MIT */
/*
 * A host machine on which all of mm runs, and its balance: what must be as before when everything made is gone again.
 */
#pragma once

#include "tests/host/mm_machine.h"

#include <kernel/rcupdate.h>
#include <kernel/xarray.h>
#include <lib/errno.h>
#include <mm/memtype.h>
#include <mm/vmalloc.h>

static inline void *vm_machine_xa_alloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

static inline void vm_machine_xa_free(void *node)
{
	kfree(node);
}

/* Between these addresses there is no RAM. */
#define HOLE_START (16 * MIB)
#define HOLE_END   (32 * MIB)

/* RAM from 0 to ram_bytes with the hole; the CPUs of the mask are online. Once a program. */
static inline void vm_machine_before_vmalloc(u64 ram_bytes, u64 cpu_mask)
{
	static struct boot_info boot = { .nr_regions = 2 };

	boot.region[0] = (struct boot_region){ .end = HOLE_START, .kind = BOOT_MEM_RAM };
	boot.region[1] = (struct boot_region){ .start = HOLE_END, .end = ram_bytes, .kind = BOOT_MEM_RAM };
	host_machine_cpus(ram_bytes, cpu_mask);
	memblock_init(&boot, arch_phys_limit());
	memblock_reserve(0, MIB);
	pgtable_set_allocator(memblock_table_alloc, no_early_free);
	host_reference_init();
	page_alloc_init();
	pgtable_set_allocator(mm_table_alloc, mm_table_free);
	slab_init();
	xa_set_allocator(vm_machine_xa_alloc, vm_machine_xa_free);
}

static inline void vm_machine(u64 ram_bytes, u64 cpu_mask)
{
	vm_machine_before_vmalloc(ram_bytes, cpu_mask);
	vmalloc_init();
}

struct vm_balance {
	unsigned long pages, areas, rams, vmalloc_pages, memtypes;
};

static inline unsigned long vm_memtypes(void)
{
	struct memtype_info info = { 0 };
	unsigned long nr = 0;

	while (memtype_next(&info))
		nr += info.count;
	return nr;
}

static inline struct vm_balance vm_balance(void)
{
	struct vmalloc_stats stats;

	vm_unmap_aliases();
	vmalloc_shrink();
	rcu_barrier(); /* nodes of the xarrays, descriptors of ranges */
	slab_shrink();
	vmalloc_stats(&stats);
	return (struct vm_balance){
		.pages = nr_free_pages() + slab_pages() + pgtable_kernel_pages(),
		.areas = stats.areas,
		.rams = stats.rams,
		.vmalloc_pages = stats.nr_pages,
		.memtypes = vm_memtypes(),
	};
}

#define assert_balance(before) do { \
	struct vm_balance _now = vm_balance(); \
	assert_int_equal(_now.pages, (before).pages); \
	assert_int_equal(_now.areas, (before).areas); \
	assert_int_equal(_now.rams, (before).rams); \
	assert_int_equal(_now.vmalloc_pages, (before).vmalloc_pages); \
	assert_int_equal(_now.memtypes, (before).memtypes); \
	assert_int_equal(vmalloc_check(), 0); \
} while (0)
