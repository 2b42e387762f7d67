/* SPDX-License-Identifier: MIT */
/* vmap blocks at their edges: wrong calls of vm_unmap_ram(), and how large blocks are. CPUs 0 and 2. */
#include "tests/host/vm_machine.h"

#include "mm/kva/block/vmap_block.h"

#define RAM	(256ull << 20)
#define MANY	VMAP_MAX_ALLOC

static struct page *pages[MANY];

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1 | 1 << 2);
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	return 0;
}

/* Exactly one report, whatever is asked for. */
static void wrong(vaddr_t addr, unsigned int count)
{
	unsigned long before = warn_count();

	warn_expected(true);
	vm_unmap_ram((void *)addr, count);
	warn_expected(false);
	assert_int_equal(warn_count(), before + 1);
}

static void wrong_around(vaddr_t addr)
{
	static const long offsets[] = { 0, 1, 0x800, 0xfff, 0x1000, 0x3000, -0x1000, -1 };
	static const unsigned int counts[] = { 0, 1, 2, MANY - 1, MANY, MANY + 1, 1000, 1u << 31, ~0u };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++)
		for (unsigned int k = 0; k < ARRAY_SIZE(counts); k++)
			wrong(addr + (vaddr_t)offsets[k ? i : 0], counts[k]);
}

/* Near 0, at the ends of the arena, in the guard page, where nothing is mapped; with and without a block in use. */
static void wrong_places(char *live)
{
	vaddr_t block = ALIGN_DOWN((vaddr_t)live, VMAP_BLOCK_SIZE);
	const vaddr_t places[] = {
		0, VMALLOC_START - VMAP_BLOCK_SIZE, VMALLOC_END, ~0xffful, layout.direct_start, 1ul << 47,
		block + 128 * PAGE_SIZE, block + VMAP_BLOCK_SIZE - PAGE_SIZE, block + VMAP_BLOCK_SIZE + 128 * PAGE_SIZE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		wrong_around(places[i]);
}

static void wrong_calls(void **state)
{
	char *live = vm_map_ram(pages, 3, -1);

	(void)state;
	vm_unmap_ram(live, 3);
	vmap_block_keeper.reclaim();
	wrong_places(live);
	live = vm_map_ram(pages, 3, -1);
	wrong_places(live);
	for (unsigned int count = 0; count < 2 * MANY; count++)
		if (count != 3)
			wrong((vaddr_t)live, count);
	wrong((vaddr_t)live + PAGE_SIZE, 2);
	wrong((vaddr_t)live + 1, 3);
	host_run_on(2);
	wrong_places(live);
	host_run_on(0);
	vm_unmap_ram(live, 3);
	wrong((vaddr_t)live, 3);
	vm_unmap_aliases();
	wrong((vaddr_t)live, 3);
	vmap_block_keeper.reclaim();
	wrong((vaddr_t)live, 3);
	assert_int_equal(vmalloc_check(), 0);
}

/*
 * How large blocks are in arenas of several sizes: a 128th, but a page table at most, and eight of the longest runs at
 * least.
 */
static void size_suits_the_arena(void **state)
{
	const unsigned long table = pt_level_size(2), mib[] = { 8, 32, 256, 512, 1024, 4096 };
	struct vmap_block_stats stats;
	vaddr_t end = VMALLOC_END;

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < ARRAY_SIZE(mib); i++) {
		layout.vmalloc_end = VMALLOC_START + mib[i] * MIB;
		vmap_block_init();
		assert_int_equal(VMAP_BLOCK_SIZE, min(max(mib[i] * MIB / 128, 8ul * MANY * PAGE_SIZE), table));
		vmap_block_stats(&stats);
		assert_int_equal(stats.usable, VMAP_BLOCK_SIZE / PAGE_SIZE - 1);
	}
	layout.vmalloc_end = end;
	vmap_block_init();
}

/* --- no address space --------------------------------------------------------------------------------------------- */

static struct vm_struct *taken[4000];
static unsigned int nr_taken;

static void take_all_space(void)
{
	nr_taken = 0;
	for (unsigned long size = 1ul << (BITS_PER_LONG == 64 ? 46 : 30); size >= PAGE_SIZE; size /= 2)
		while (nr_taken < ARRAY_SIZE(taken) && (taken[nr_taken] = get_vm_area(size, VM_MAP)))
			nr_taken++;
	assert_true(nr_taken < ARRAY_SIZE(taken));
}

static void give_space_back(void)
{
	while (nr_taken)
		free_vm_area(taken[--nr_taken]);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

/* Another CPU's block has room. */
static void a_run_of_another_cpus_block(void **state)
{
	char *there, *here, *more;

	(void)state;
	vm_unmap_aliases();
	vmalloc_shrink();
	host_run_on(2);
	there = vm_map_ram(pages, 1, -1);
	host_run_on(0);
	assert_non_null(there);
	take_all_space();
	here = vm_map_ram(pages, 1, -1);
	assert_non_null(here);
	assert_int_equal(ALIGN_DOWN((vaddr_t)here, VMAP_BLOCK_SIZE), ALIGN_DOWN((vaddr_t)there, VMAP_BLOCK_SIZE));
	more = vm_map_ram(pages, 1, -1); /* and again: the block is still the other's */
	assert_non_null(more);
	vm_unmap_ram(here, 1);
	vm_unmap_ram(more, 1);
	vm_unmap_ram(there, 1);
	give_space_back();
}

/* The only block is dirty all over: a purge makes it usable. */
static void a_purge_makes_room(void **state)
{
	static char *map[8192];
	unsigned int n = 1;

	(void)state;
	vm_unmap_aliases();
	vmalloc_shrink();
	map[0] = vm_map_ram(pages, 1, -1);
	take_all_space();
	while (n < ARRAY_SIZE(map) && (map[n] = vm_map_ram(pages, 1, -1)))
		n++;
	assert_true(n > 1 && n < ARRAY_SIZE(map));
	for (unsigned int i = 1; i < n; i++)
		vm_unmap_ram(map[i], 1);
	for (unsigned int i = 1; i < n; i++) {
		map[i] = vm_map_ram(pages, 1, -1);
		assert_non_null(map[i]);
	}
	while (n)
		vm_unmap_ram(map[--n], 1);
	give_space_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_calls),
		cmocka_unit_test(size_suits_the_arena),
		cmocka_unit_test(a_run_of_another_cpus_block),
		cmocka_unit_test(a_purge_makes_room),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
