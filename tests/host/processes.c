/* SPDX-License-Identifier: MIT */
/* See processes.h. */
#include "tests/host/processes.h"

struct pgtable process[NR_PROCESSES];
bool alive[NR_PROCESSES];
vaddr_t slot_size;

void assert_parity(void)
{
	for (vaddr_t addr = layout.kernel_start & ~(slot_size - 1); addr; addr += slot_size) {
		pteval_t reference = shared_entry(&kernel_pgtable, addr);

		if (addr >= layout.private_start && addr < layout.private_end) {
			assert_int_equal(reference, 0);
			continue;
		}
		assert_false(reference & PTE_PENDING);
		for (unsigned int i = 0; i < NR_PROCESSES; i++)
			if (alive[i])
				assert_int_equal(shared_entry(&process[i], addr), reference);
	}
}

int map(vaddr_t start, vaddr_t end, phys_addr_t phys, unsigned int max_shift)
{
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, phys, PAGE_KERNEL, max_shift);
	if (err)
		pgtable_unmap(&kernel_pgtable, &u, start, end);
	arch_update_kernel_mappings_end(&u);
	return err;
}

void unmap(vaddr_t start, vaddr_t end)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	pgtable_unmap(&kernel_pgtable, &u, start, end);
	tlb_batch_add(&u.tlb, start, end);
	arch_update_kernel_mappings_end(&u);
}

void map_page(vaddr_t addr) { assert_int_equal(map(addr, addr + PAGE_SIZE, 0x5000, PAGE_SHIFT), 0); }

void create(unsigned int i)
{
	assert_int_equal(pgtable_init_process(&process[i]), 0);
	alive[i] = true;
}

void destroy(unsigned int i)
{
	pgtable_free_user(&process[i]);
	pgtable_exit_process(&process[i]);
	alive[i] = false;
}

int setup(void **state)
{
	(void)state;
	host_machine(256ull << 20, 5);
	host_pgtable_init();
	slot_size = 1ul << pt_level[pt_sync_level()].shift;
	for (unsigned int i = 0; i < NR_PROCESSES; i++) {
		alive[i] = false;
		if (i < 3)
			create(i);
	}
	return 0;
}

int teardown(void **state)
{
	(void)state;
	assert_parity();
	assert_int_equal(sync_counters().mismatches, 0);
	for (unsigned int i = 0; i < NR_PROCESSES; i++)
		if (alive[i])
			destroy(i);
	return 0;
}
