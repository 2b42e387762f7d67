/* SPDX-License-Identifier: MIT */
/*
 * Every allocation behind the calls of <mm/vmalloc.h> fails once, and nothing is lost. (Not here: an area whose array
 * of pages is vmalloc'ed itself, because vmalloc space of the host machine cannot be followed.)
 */
#include "tests/host/fail_nth.h"

#include <mm/ioremap.h>

#define RAM    (256ull << 20)
#define DEVICE (1ull << 30) /* physical; nobody's RAM */
#define P      PAGE_SIZE

static struct page *pages[200];
static struct pgtable process;

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	assert_int_equal(pgtable_init_process(&process), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pgtable_exit_process(&process);
	return 0;
}

/* --- areas with pages --------------------------------------------------------------------------------------------- */

/* As somebody would who holds a spinlock. */
#define ATOMICALLY(statement) \
	({ \
		preempt_disable(); \
		__typeof__(statement) _r = (statement); \
		preempt_enable(); \
		_r; \
	})

static void vmalloc_family(void **state)
{
	(void)state;
	SWEEP(vmalloc, FAILS, MADE(vmalloc(500 * P)), vfree(made));
	SWEEP(vzalloc, FAILS, MADE(vzalloc(P)), vfree(made));
	SWEEP(vmalloc_user, FAILS, MADE(vmalloc_user(3 * P)), vfree(made));
	SWEEP(vmalloc_node, FAILS, MADE(vmalloc_node(3 * P, 0)), vfree(made));
	SWEEP(vzalloc_node, FAILS, MADE(vzalloc_node(3 * P, 1)), vfree(made));
	SWEEP(vmalloc_32, FAILS, MADE(vmalloc_32(3 * P)), vfree(made));
	SWEEP(vmalloc_32_user, FAILS, MADE(vmalloc_32_user(3 * P)), vfree(made));
	SWEEP(__vmalloc_array, FAILS, MADE(__vmalloc_array(3, P, GFP_KERNEL)), vfree(made));
	SWEEP(vmalloc_array, FAILS, MADE(vmalloc_array(3, P)), vfree(made));
	SWEEP(__vcalloc, FAILS, MADE(__vcalloc(3, P, GFP_KERNEL)), vfree(made));
	SWEEP(vcalloc, FAILS, MADE(vcalloc(3, P)), vfree(made));
	SWEEP(__vmalloc_node, FAILS, MADE(__vmalloc_node(3 * P, 8 * P, GFP_KERNEL, -1, NULL)), vfree(made));
	SWEEP(__vmalloc_node_range, FAILS,
	      MADE(__vmalloc_node_range(3 * P, P, VMALLOC_END - 64 * P, VMALLOC_END, GFP_KERNEL, PAGE_KERNEL, 0, -1,
					NULL)),
	      vfree(made));
}

static void with_large_leaves(void **state)
{
	unsigned long leaf = pt_level_size(2);

	(void)state;
	if ((leaf >> PAGE_SHIFT) * sizeof(struct page *) > P)
		leaf /= 2; /* the array would be vmalloc'ed, so there is no leaf */
	SWEEP(vmalloc_huge, MAY_FAIL, MADE(vmalloc_huge(leaf, GFP_KERNEL)), vfree(made));
	SWEEP(vmalloc_huge_node, MAY_FAIL, MADE(vmalloc_huge_node(leaf, GFP_KERNEL, 0)), vfree(made));
}

static void with_each_flag(void **state)
{
	(void)state;
	SWEEP(__vmalloc, FAILS, MADE(__vmalloc(20 * P, GFP_KERNEL | __GFP_ZERO)), vfree(made));
	SWEEP(__vmalloc, FAILS, MADE(__vmalloc(20 * P, GFP_KERNEL | __GFP_DMA32)), vfree(made));
	SWEEP(__vmalloc, FAILS, MADE(__vmalloc(20 * P, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)), vfree(made));
	SWEEP(__vmalloc, FAILS, MADE(ATOMICALLY(__vmalloc(20 * P, GFP_ATOMIC))), vfree(made));
	SWEEP(__vmalloc, FAILS, MADE(ATOMICALLY(__vmalloc(20 * P, GFP_NOWAIT))), vfree(made));
	SWEEP(__vmalloc, NEVER_FAILS, MADE(__vmalloc(20 * P, GFP_KERNEL | __GFP_NOFAIL)), vfree(made));
}

/* Freeing needs no memory, wherever it is done. */
static void freeing(void **state)
{
	(void)state;
	SWEEP_FREES(vfree, made = vmalloc(20 * P), vfree(made));
	SWEEP_ON(vfree, NEVER_FAILS, made = vmalloc(20 * P), DOES(preempt_disable(); vfree(made); preempt_enable()),
		 vfree_atomic_drain(), (void)0);
	SWEEP_ON(vfree_atomic, NEVER_FAILS, made = vmalloc(20 * P), DOES(vfree_atomic(made)), vfree_atomic_drain(),
		 (void)0);
	SWEEP_FREES(vfree_atomic_drain, vfree_atomic(vmalloc(P)), vfree_atomic_drain());
	SWEEP_FREES(vunmap, made = vmap(pages, 20, VM_MAP, PAGE_KERNEL), vunmap(made));
	SWEEP_FREES(vm_unmap_ram, made = vm_map_ram(pages, 5, -1), vm_unmap_ram(made, 5));
	SWEEP_FREES(vm_unmap_ram, made = vm_map_ram(pages, 200, -1), vm_unmap_ram(made, 200));
	SWEEP_FREES(vm_unmap_aliases, vm_unmap_ram(vm_map_ram(pages, 5, -1), 5), vm_unmap_aliases());
	SWEEP_FREES(vmalloc_shrink, vfree(vmalloc(9 * P)), vmalloc_shrink());
}

/* --- vrealloc ----------------------------------------------------------------------------------------------------- */

/* An area of 3 pages, whose address space has `room`; page i holds i + 1. */
static void make_block(unsigned long room)
{
	made = vrealloc(vmalloc(room * P), 3 * P, GFP_KERNEL);
	for (unsigned long i = 0; i < 3; i++)
		memset(host_translate((vaddr_t)made + i * P), (int)i + 1, P);
}

static void block_is_whole(void)
{
	for (unsigned long i = 0; i < 3; i++)
		for (unsigned long k = 0; k < P; k += 64)
			assert_int_equal(((u8 *)host_translate((vaddr_t)made + i * P))[k], i + 1);
	assert_null(host_translate((vaddr_t)made + 3 * P));
	assert_int_equal(find_vm_area(made)->nr_pages, 3);
}

/* The block is as it was when there is none; else it is the new one. */
static int resized(void *block)
{
	made = block ? block : made;
	return block ? 0 : -ENOMEM;
}

static void vrealloc_family(void **state)
{
	(void)state;
	SWEEP(vrealloc, FAILS, MADE(vrealloc(NULL, 3 * P, GFP_KERNEL)), vfree(made));
	SWEEP_ON(vrealloc, FAILS, make_block(10), resized(vrealloc(made, 8 * P, GFP_KERNEL)), vfree(made),
		 block_is_whole());
	SWEEP_ON(vrealloc, FAILS, make_block(3), resized(vrealloc(made, 40 * P, GFP_KERNEL)), vfree(made),
		 block_is_whole());
	SWEEP_ON(vrealloc, FAILS, make_block(3), resized(vrealloc(made, 40 * P, GFP_KERNEL | __GFP_ZERO)), vfree(made),
		 block_is_whole());
	SWEEP_ON(vrealloc, NEVER_FAILS, make_block(10), resized(vrealloc(made, 8 * P, GFP_KERNEL | __GFP_NOFAIL)),
		 vfree(made), (void)0);
	SWEEP_ON(vrealloc, NEVER_FAILS, make_block(3), resized(vrealloc(made, 40 * P, GFP_KERNEL | __GFP_NOFAIL)),
		 vfree(made), (void)0);
	SWEEP_ON(vrealloc, NEVER_FAILS, make_block(3), resized(vrealloc(made, P, GFP_KERNEL)), vfree(made), (void)0);
	SWEEP_ON(vrealloc_node, FAILS, make_block(3), resized(vrealloc_node(made, 9 * P, GFP_KERNEL, 0)), vfree(made),
		 block_is_whole());
	SWEEP_ON(vrealloc_node_align, FAILS, make_block(3),
		 resized(vrealloc_node_align(made, 9 * P, P, GFP_KERNEL, -1)), vfree(made), block_is_whole());
}

/* --- maps of pages that there are --------------------------------------------------------------------------------- */

static struct page **own_pages;

static void make_own_pages(void)
{
	own_pages = kmalloc(3 * sizeof(*own_pages), GFP_KERNEL);
	assert_int_equal(alloc_page_array(GFP_KERNEL, 3, own_pages), 3);
}

static void own_pages_are_mine(void)
{
	for (unsigned int i = 0; i < 3; i++)
		assert_ptr_equal(pfn_to_page_checked(page_to_pfn(own_pages[i])), own_pages[i]);
}

static void maps(void **state)
{
	unsigned long pfns[3] = { (DEVICE >> PAGE_SHIFT) + 5, (DEVICE >> PAGE_SHIFT) + 2, DEVICE >> PAGE_SHIFT };

	(void)state;
	SWEEP(vmap, FAILS, MADE(vmap(pages, 200, VM_MAP, PAGE_KERNEL)), vunmap(made));
	SWEEP_ON(vmap, FAILS, make_own_pages(), MADE(vmap(own_pages, 3, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL)),
		 vfree(made), own_pages_are_mine());
	SWEEP(vmap_pfn, FAILS, MADE(vmap_pfn(pfns, 3, PAGE_KERNEL)), vunmap(made));
	SWEEP(vm_map_ram, MAY_FAIL, MADE(vm_map_ram(pages, 5, -1)), vm_unmap_ram(made, 5));
	SWEEP(vm_map_ram, MAY_FAIL, MADE(vm_map_ram(pages, 200, -1)), vm_unmap_ram(made, 200));
}

/* --- areas without pages ------------------------------------------------------------------------------------------ */

static struct vm_struct *area;
static vaddr_t area_start;

static void make_area(unsigned long flags)
{
	vaddr_t lo =
		ALIGN_DOWN(VMALLOC_START / 2 + VMALLOC_END / 2, pt_level_size(2)); /* its table serves nobody else */

	area = __get_vm_area_caller(8 * P, flags, lo, lo + 64 * P, NULL);
	area_start = (vaddr_t)area->addr;
}

static void area_is_empty(void)
{
	assert_ptr_equal(find_vm_area((void *)area_start), area);
	for (unsigned int i = 0; i < 8; i++)
		assert_null(host_translate(area_start + i * P));
}

/* NULL comes with a report. */
static int take_area_out(void)
{
	struct vm_struct *taken;

	warn_expected(true);
	taken = remove_vm_area((void *)area_start);
	warn_expected(false);
	return taken ? 0 : -ENOMEM;
}

static int fill_area(void)
{
	return vm_area_map_pages(area, area_start, area_start + 8 * P, pages);
}
static int map_device(void)
{
	return ioremap_page_range(area_start, area_start + 8 * P, (phys_addr_t)DEVICE, PAGE_KERNEL_NOCACHE);
}

static void raw_areas(void **state)
{
	const unsigned long offsets[] = { 0, 16 * PAGE_SIZE, 32 * PAGE_SIZE };
	const size_t sizes[] = { 8 * PAGE_SIZE, 2 * PAGE_SIZE, 4 * PAGE_SIZE };

	(void)state;
	SWEEP(get_vm_area, FAILS, MADE(get_vm_area(P, VM_MAP)), free_vm_area(made));
	SWEEP(get_vm_area_caller, FAILS, MADE(get_vm_area_caller(P, VM_IOREMAP, NULL)), free_vm_area(made));
	SWEEP(__get_vm_area_caller, FAILS,
	      MADE(__get_vm_area_caller(P, VM_MAP, VMALLOC_END - 64 * P, VMALLOC_END, NULL)), free_vm_area(made));
	SWEEP_ON(remove_vm_area, MAY_FAIL, make_area(VM_MAP), take_area_out(), kfree(area), area_is_empty());
	SWEEP_FREES(free_vm_area, make_area(VM_MAP), free_vm_area(area));
	SWEEP_ON(vm_area_map_pages, FAILS, make_area(VM_SPARSE), fill_area(), free_vm_area(area), area_is_empty());
	SWEEP_ON(vm_area_unmap_pages, NEVER_FAILS, make_area(VM_SPARSE);
		 fill_area(), DOES(vm_area_unmap_pages(area, area_start, area_start + 8 * P)), free_vm_area(area),
		 (void)0);
	SWEEP_ON(ioremap_page_range, FAILS, make_area(VM_IOREMAP), map_device(), free_vm_area(area), area_is_empty());
	SWEEP(pcpu_get_vm_areas, FAILS, MADE(pcpu_get_vm_areas(offsets, sizes, 3, P)), pcpu_free_vm_areas(made, 3));
	SWEEP_FREES(pcpu_free_vm_areas, made = pcpu_get_vm_areas(offsets, sizes, 3, P), pcpu_free_vm_areas(made, 3));
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

static unsigned long make_rights(void)
{
	made = vmalloc(4 * P);
	return (unsigned long)made;
}

static int leave_entry(pte_t *pte, unsigned long addr, void *data)
{
	(void)pte;
	(void)addr;
	(void)data;
	return 0;
}

static void ignore_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void entries_and_rights(void **state)
{
	unsigned long at;
	char buf[64];

	(void)state;
	SWEEP_ON(apply_to_page_range, FAILS, make_area(VM_MAP),
		 apply_to_page_range(&init_mm, area_start, 8 * P, leave_entry, NULL), free_vm_area(area),
		 area_is_empty());
	SWEEP_ON(apply_to_existing_page_range, NEVER_FAILS, make_area(VM_MAP),
		 apply_to_existing_page_range(&init_mm, area_start, 8 * P, leave_entry, NULL), free_vm_area(area),
		 (void)0);
	SWEEP_ON(set_memory_x, NEVER_FAILS, at = make_rights(), set_memory_x(at, 4), vfree(made), (void)0);
	SWEEP_ON(set_memory_nx, NEVER_FAILS, at = make_rights(), set_memory_nx(at, 4), vfree(made), (void)0);
	SWEEP_ON(vread, NEVER_FAILS, made = vmalloc(4 * P), vread(buf, made, 64) == 64 ? 0 : -EFAULT, vfree(made),
		 (void)0);
	SWEEP_ON(vmallocinfo, NEVER_FAILS, made = vmalloc(4 * P), DOES(vmallocinfo(ignore_line, NULL)), vfree(made),
		 (void)0);
	SWEEP_ON(vmallocinfo_summary, NEVER_FAILS, made = vm_map_ram(pages, 5, -1),
		 DOES(vmallocinfo_summary(ignore_line, NULL)), vm_unmap_ram(made, 5), (void)0);
}

/* The direct map's leaves are split for good, so each call that shall fail wants a leaf that no call before it had. */
static struct page *fresh;
static unsigned long hoarded;
static struct page *hoard_of_blocks[64];

static unsigned long fresh_leaf(void)
{
	do
		fresh = hoard_of_blocks[hoarded++] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	while (pgtable_query(&kernel_pgtable, layout.direct_start + (vaddr_t)page_to_phys(fresh)).level == 1);
	return layout.direct_start + (vaddr_t)page_to_phys(fresh);
}

static void give_leaf_back(unsigned long at)
{
	inject_clear(INJECT_TABLE);
	flush_tlb_all(); /* some leave that to their caller */
	set_memory_p(at, 3);
	set_memory_rw(at, 3);
	set_memory_wb(at, 3);
	while (hoarded)
		__free_pages(hoard_of_blocks[--hoarded], MAX_PAGE_ORDER);
}

static void leaf_is_as_it_was(unsigned long at)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, at);

	assert_true(leaf.present && pte_writable(leaf.pte) && pte_memtype(leaf.pte, leaf.level) == MEMTYPE_WB);
}

static void leaves_of_the_direct_map(void **state)
{
	unsigned long at;

	(void)state;
	SWEEP_ON(set_memory_ro, FAILS, at = fresh_leaf(), set_memory_ro(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_rw, FAILS, at = fresh_leaf(), set_memory_rw(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_rox, FAILS, at = fresh_leaf(), set_memory_rox(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_uc, FAILS, at = fresh_leaf(), set_memory_uc(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_wc, FAILS, at = fresh_leaf(), set_memory_wc(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_wb, FAILS, at = fresh_leaf(), set_memory_wb(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_np, FAILS, at = fresh_leaf(), set_memory_np(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_p, FAILS, at = fresh_leaf(), set_memory_p(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_memory_4k, FAILS, at = fresh_leaf(), set_memory_4k(at, 3), give_leaf_back(at),
		 leaf_is_as_it_was(at));
	SWEEP_ON(set_direct_map_invalid_noflush, FAILS, at = fresh_leaf(), set_direct_map_invalid_noflush(fresh),
		 give_leaf_back(at), leaf_is_as_it_was(at));
	SWEEP_ON(set_direct_map_default_noflush, FAILS, at = fresh_leaf(), set_direct_map_default_noflush(fresh),
		 give_leaf_back(at), leaf_is_as_it_was(at));
	SWEEP_ON(set_direct_map_valid_noflush, FAILS, at = fresh_leaf(), set_direct_map_valid_noflush(fresh, 3, false),
		 give_leaf_back(at), leaf_is_as_it_was(at));
}

/* --- half-way ----------------------------------------------------------------------------------------------------- */

static void end_vfree(void *p)
{
	vfree(p);
}
static void end_iounmap(void *p)
{
	iounmap(p);
}

struct attempt {
	void *(*make)(void);
	void (*end)(void *p);
};

static void *few_vmalloc(void)
{
	return vmalloc(10 * PAGE_SIZE);
}
static void *few_vmap(void)
{
	return vmap(pages, 10, VM_MAP, PAGE_KERNEL);
}
static void *few_ram(void)
{
	return vm_map_ram(pages, VMAP_MAX_ALLOC + 1, -1);
}
static void *few_ioremap(void)
{
	return ioremap((phys_addr_t)DEVICE, 10 * PAGE_SIZE);
}
static void end_few_ram(void *p)
{
	vm_unmap_ram(p, VMAP_MAX_ALLOC + 1);
}

/*
 * Occupy vmalloc space from its start up to 3 pages below the k-th boundary between tables, so that what is mapped next
 * lies half in one table and half in another, and neither exists yet.
 */
static struct vm_struct *fill_up_to_boundary(unsigned int k, vaddr_t *next)
{
	*next = ALIGN(VMALLOC_START, pt_level_size(2)) + k * pt_level_size(2) - 3 * PAGE_SIZE;
	return get_vm_area(*next - VMALLOC_START - PAGE_SIZE, VM_MAP);
}

/* The second table is refused: the pages that were mapped through the first one are unmapped and flushed. */
static void half_done_is_undone(void **state)
{
	static const struct attempt halves[] = {
		{ few_vmalloc, end_vfree },
		{ few_vmap, end_vfree },
		{ few_ram, end_few_ram },
		{ few_ioremap, end_iounmap },
	};
	unsigned int k = 8, undone = 0;

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < ARRAY_SIZE(halves); i++) {
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			unsigned long since = tlb_log_seq();
			struct vm_balance before;
			struct vm_struct *filler;
			vaddr_t next;
			void *p;

			vm_cache_reclaim();
			filler = fill_up_to_boundary(k += 2, &next);
			before = vm_balance();
			inject_set(INJECT_TABLE, nth);
			p = halves[i].make();
			unreached = inject_clear(INJECT_TABLE);
			assert_true(unreached ? p == (void *)next : !p);
			undone += !p && tlb_log_covers(since, next, next + 3 * PAGE_SIZE);
			if (p)
				halves[i].end(p);
			for (unsigned int page = 0; page < 10; page++)
				assert_null(host_translate(next + page * PAGE_SIZE));
			assert_balance(before);
			free_vm_area(filler);
		}
	}
	assert_true(undone >= ARRAY_SIZE(halves));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmalloc_family),      cmocka_unit_test(with_large_leaves),
		cmocka_unit_test(with_each_flag),      cmocka_unit_test(freeing),
		cmocka_unit_test(vrealloc_family),     cmocka_unit_test(maps),
		cmocka_unit_test(raw_areas),           cmocka_unit_test(entries_and_rights),
		cmocka_unit_test(half_done_is_undone), cmocka_unit_test(leaves_of_the_direct_map),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
