/* SPDX-License-Identifier: MIT */
/*
 * Every allocation behind the rest of mm's calls fails once: pages, objects, devices, processes. (vmalloc:
 * unit_vm_fail.c.)
 */
#include "tests/host/fail_nth.h"

#include <arch/fault.h>
#include <kernel/task.h>
#include <mm/ioremap.h>
#include <mm/kstack.h>
#include <mm/mm.h>

#define RAM    (256ull << 20)
#define DEVICE ((phys_addr_t)(1ull << 30)) /* nobody's RAM */
#define P      PAGE_SIZE
#define BASE   0x1000000ul

static struct pgtable process;

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 3);
	assert_int_equal(pgtable_init_process(&process), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pgtable_exit_process(&process);
	return 0;
}

/* --- pages and objects -------------------------------------------------------------------------------------------- */

static struct page *some[8];
static unsigned long had;
static phys_addr_t table;

static int fill_some(void)
{
	had = alloc_page_array(GFP_KERNEL, ARRAY_SIZE(some), some);
	if (had == ARRAY_SIZE(some))
		return 0;
	free_page_array(some, had); /* never undone by itself */
	return -ENOMEM;
}

static void pages(void **state)
{
	(void)state;
	SWEEP(alloc_page, FAILS, MADE(alloc_page(GFP_KERNEL)), __free_page(made));
	SWEEP(alloc_pages, FAILS, MADE(alloc_pages(GFP_KERNEL, 3)), __free_pages(made, 3));
	SWEEP(alloc_pages_node, FAILS, MADE(alloc_pages_node(0, GFP_KERNEL, 3)), __free_pages(made, 3));
	SWEEP(__get_free_pages, FAILS, MADE((void *)__get_free_pages(GFP_KERNEL, 2)),
	      free_pages((unsigned long)made, 2));
	SWEEP(__get_free_page, FAILS, MADE((void *)__get_free_page(GFP_KERNEL)), free_page((unsigned long)made));
	SWEEP(get_zeroed_page, FAILS, MADE((void *)get_zeroed_page(GFP_KERNEL)), free_page((unsigned long)made));
	SWEEP(alloc_page_array, FAILS, fill_some(), free_page_array(some, had));
	SWEEP(alloc_pages_split, FAILS, MADE(alloc_pages_split(GFP_KERNEL, 3)), free_pages_split(made, 3));
	SWEEP(mm_table_alloc, FAILS, (table = mm_table_alloc(GFP_KERNEL)) ? 0 : -ENOMEM, mm_table_free(table));
}

static void objects(void **state)
{
	(void)state;
	SWEEP(kmalloc, FAILS, MADE(kmalloc(100, GFP_KERNEL)), kfree(made));
	SWEEP(__kmalloc, FAILS, MADE(__kmalloc(100, GFP_KERNEL)), kfree(made));
	SWEEP(__kmalloc, FAILS, MADE(__kmalloc(3 * P, GFP_ATOMIC)), kfree(made));
	SWEEP(kzalloc, FAILS, MADE(kzalloc(100, GFP_KERNEL)), kfree(made));
	SWEEP(kcalloc, FAILS, MADE(kcalloc(3, 100, GFP_KERNEL)), kfree(made));
	SWEEP(kmalloc_array, FAILS, MADE(kmalloc_array(3, 100, GFP_KERNEL)), kfree(made));
	SWEEP(krealloc, FAILS, MADE(krealloc(NULL, 100, GFP_KERNEL)), kfree(made));
	SWEEP(krealloc_array, FAILS, MADE(krealloc_array(NULL, 3, 100, GFP_KERNEL)), kfree(made));
	SWEEP_FREES(kfree, made = kmalloc(100, GFP_KERNEL), kfree(made));
}

/* A cache is for ever, so it is made once, and its objects are swept. */
static void a_cache(void **state)
{
	struct sweep s = { .function = "kmem_cache_create", .site = INJECT_SLAB, .nth = 1 };
	struct kmem_cache *cache;

	(void)state;
	SWEPT(kmem_cache_create);
	sweep_arm(&s);
	sweep_disarm(&s, MADE(kmem_cache_create("sweep", 96, 0, 0, NULL)));
	assert_int_equal(s.failed, 1);
	cache = kmem_cache_create("sweep", 96, 0, 0, NULL);
	assert_non_null(cache);
	SWEEP(kmem_cache_alloc, FAILS, MADE(kmem_cache_alloc(cache, GFP_KERNEL)), kmem_cache_free(cache, made));
	SWEEP(kmem_cache_zalloc, FAILS, MADE(kmem_cache_zalloc(cache, GFP_KERNEL)), kmem_cache_free(cache, made));
	SWEEP_FREES(kmem_cache_free, made = kmem_cache_alloc(cache, GFP_KERNEL), kmem_cache_free(cache, made));
}

static void *block;

static void make_block(size_t size)
{
	block = kvmalloc(size, GFP_KERNEL);
	for (size_t i = 0; i < size; i++)
		*(u8 *)(is_vmalloc_addr(block) ? host_translate((vaddr_t)block + i) : (u8 *)block + i) = (u8)(i * 7);
}

static void block_is_whole(size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(*(u8 *)(is_vmalloc_addr(block) ? host_translate((vaddr_t)block + i) : (u8 *)block + i),
				 (u8)(i * 7));
}

static int resized(void *p)
{
	block = p ? p : block;
	return p ? 0 : -ENOMEM;
}

static void either_way(void **state)
{
	(void)state;
	SWEEP(kvmalloc_node, FAILS, MADE(kvmalloc_node(100, GFP_KERNEL, 0)), kvfree(made));
	SWEEP(kvmalloc_node, MAY_FAIL, MADE(kvmalloc_node(5 * P, GFP_KERNEL, 0)), kvfree(made));
	SWEEP(kvmalloc, MAY_FAIL, MADE(kvmalloc(5 * P, GFP_KERNEL)), kvfree(made));
	SWEEP(kvzalloc, MAY_FAIL, MADE(kvzalloc(5 * P, GFP_KERNEL)), kvfree(made));
	SWEEP(kvmalloc_array, MAY_FAIL, MADE(kvmalloc_array(5, P, GFP_KERNEL)), kvfree(made));
	SWEEP(kvcalloc, MAY_FAIL, MADE(kvcalloc(5, P, GFP_KERNEL)), kvfree(made));
	SWEEP(kvmalloc, NEVER_FAILS, MADE(kvmalloc(5 * P, GFP_KERNEL | __GFP_NOFAIL)), kvfree(made));
	SWEEP_ON(kvrealloc, FAILS, make_block(100), resized(kvrealloc(block, 1000, GFP_KERNEL)), kvfree(block),
		 block_is_whole(100));
	SWEEP_ON(kvrealloc, MAY_FAIL, make_block(100), resized(kvrealloc(block, 3 * P, GFP_KERNEL | __GFP_ZERO)),
		 kvfree(block), block_is_whole(100));
	SWEEP_ON(kvrealloc, NEVER_FAILS, make_block(100), resized(kvrealloc(block, 1000, GFP_KERNEL | __GFP_NOFAIL)),
		 kvfree(block), (void)0);
	SWEEP_FREES(kvfree, make_block(5 * P), kvfree(block));
	SWEEP_FREES(kvfree_rcu_mightsleep, make_block(100), kvfree_rcu_mightsleep(block));
	SWEEP_FREES(kvfree_rcu_mightsleep, made = vmalloc(3 * P), kvfree_rcu_mightsleep(made));
}

/* --- devices ------------------------------------------------------------------------------------------------------ */

static void devices(void **state)
{
	const unsigned long frames[4] = { DEVICE >> PAGE_SHIFT, (DEVICE >> PAGE_SHIFT) + 1, (DEVICE >> PAGE_SHIFT) + 9,
					  DEVICE >> PAGE_SHIFT };
	struct page *page = alloc_page(GFP_KERNEL);

	(void)state;
	SWEEP(ioremap, MAY_FAIL, MADE(ioremap(DEVICE - 7 * P, 5ul << 20)), iounmap(made));
	SWEEP(ioremap, FAILS, MADE(ioremap(DEVICE, 3 * P)), iounmap(made));
	SWEEP(ioremap_uc, FAILS, MADE(ioremap_uc(DEVICE, 3 * P)), iounmap(made));
	SWEEP(ioremap_wc, FAILS, MADE(ioremap_wc(DEVICE, 3 * P)), iounmap(made));
	SWEEP(ioremap_wt, FAILS, MADE(ioremap_wt(DEVICE, 3 * P)), iounmap(made));
	SWEEP(ioremap_cache, FAILS, MADE(ioremap_cache(DEVICE, 3 * P)), iounmap(made));
	SWEEP(ioremap_prot, FAILS, MADE(ioremap_prot(DEVICE + 5, 3 * P, PAGE_KERNEL)), iounmap(made));
	SWEEP_FREES(iounmap, made = ioremap(DEVICE, 3 * P), iounmap(made));
	SWEEP(memremap, FAILS, MADE(memremap(DEVICE, 3 * P, MEMREMAP_WC)), memunmap(made));
	SWEEP(memremap, MAY_FAIL, MADE(memremap(DEVICE, 3 * P, MEMREMAP_WB | MEMREMAP_WT | MEMREMAP_WC)),
	      memunmap(made));
	SWEEP(memremap, NEVER_FAILS, MADE(memremap(page_to_phys(page), P, MEMREMAP_WB)), memunmap(made));
	SWEEP_FREES(memunmap, made = memremap(DEVICE, 3 * P, MEMREMAP_WC), memunmap(made));
	SWEEP(memtype_reserve, FAILS, memtype_reserve(DEVICE, DEVICE + P, MEMTYPE_WC),
	      memtype_free(DEVICE, DEVICE + P, MEMTYPE_WC));
	SWEEP(memtype_reserve_frames, FAILS, memtype_reserve_frames(frames, 4, MEMTYPE_WC),
	      memtype_free_frames(frames, 4, MEMTYPE_WC));
	SWEEP_ON(memtype_free_frames, NEVER_FAILS, memtype_reserve_frames(frames, 4, MEMTYPE_WC),
		 DOES(memtype_free_frames(frames, 4, MEMTYPE_WC)), (void)0, (void)0);
	SWEEP_ON(memtype_free, NEVER_FAILS, memtype_reserve(DEVICE, DEVICE + P, MEMTYPE_WC),
		 memtype_free(DEVICE, DEVICE + P, MEMTYPE_WC), (void)0, (void)0);
	__free_page(page);
}

static void stacks(void **state)
{
	(void)state;
	SWEEP(kstack_alloc, FAILS, MADE(kstack_alloc()), kstack_free(made));
	SWEEP_FREES(kstack_free, made = kstack_alloc(), kstack_free(made));
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static struct mm_struct *mm;
static vaddr_t top;

/* Four pages, of which the first two have been touched: 'a', 'b'. */
static void make_process(void)
{
	mm = mm_create();
	assert_int_equal(mm_map_anonymous(mm, BASE, 4 * P), 0);
	assert_int_equal(mm_write(mm, BASE, "a", 1), 0);
	assert_int_equal(mm_write(mm, BASE + P, "b", 1), 0);
	mm_set_brk(mm, 2 * BASE);
}

static char byte_at(vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(&mm->pgtable, addr);

	return leaf.present ? *(char *)phys_to_virt(leaf.phys) : '-';
}

static void process_is_unharmed(void)
{
	const struct vm_area_struct *vma = mm_find_area(mm, BASE);

	assert_int_equal(mm->nr_areas, 1);
	assert_true(vma->vm_start == BASE && vma->vm_end == BASE + 4 * P);
	assert_int_equal(mm->brk, 2 * BASE);
	assert_int_equal(mm->user_pages, 2);
	assert_int_equal(byte_at(BASE), 'a');
	assert_int_equal(byte_at(BASE + P), 'b');
	assert_int_equal(byte_at(BASE + 2 * P), '-');
}

static int touch(struct mm_struct *who, vaddr_t addr, unsigned int access)
{
	struct task task = { .mm = who };

	return mm_handle_fault(&task, addr, access, 0);
}

static int map_anywhere(void)
{
	long addr = mm_map_anywhere(mm, 3 * P, VM_READ);

	return addr < 0 && addr >= -4095 ? (int)addr : 0;
}

static void areas_of_processes(void **state)
{
	(void)state;
	SWEEP(mm_create, FAILS, MADE(mm_create()), mmput(made));
	SWEEP_ON(mm_map, FAILS, make_process(), mm_map(mm, 4 * BASE, P, VM_READ), mm_destroy(mm),
		 process_is_unharmed());
	SWEEP_ON(mm_map_anonymous, FAILS, make_process(), mm_map_anonymous(mm, 4 * BASE, P), mm_destroy(mm),
		 process_is_unharmed());
	SWEEP_ON(mm_map_anywhere, FAILS, make_process(), map_anywhere(), mm_destroy(mm), process_is_unharmed());
	SWEEP_ON(mm_map_stack, FAILS, make_process(), mm_map_stack(mm, &top), mm_destroy(mm), process_is_unharmed());
	SWEEP_ON(mm_brk, FAILS, make_process(), mm_brk(mm, 2 * BASE + 100) == 2 * BASE + 100 ? 0 : -ENOMEM,
		 mm_destroy(mm), process_is_unharmed());
	SWEEP_ON(mm_unmap, FAILS, make_process(), mm_unmap(mm, BASE + P, P), mm_destroy(mm), process_is_unharmed());
	SWEEP_ON(mm_unmap, NEVER_FAILS, make_process(), mm_unmap(mm, BASE + P, 4 * P), mm_destroy(mm), (void)0);
	SWEEP_FREES(mm_destroy, make_process(), mm_destroy(mm));
	SWEEP_FREES(mmput, make_process(), mmput(mm));
	SWEEP_FREES(mmdrop, make_process(); mmgrab(mm); mmput(mm), mmdrop(mm));
}

static struct mm_struct *child;

static void make_family(void)
{
	make_process();
	child = mm_fork(mm);
}

static void end_family(void)
{
	mm_destroy(child);
	mm_destroy(mm);
}

static void make_untouched(void)
{
	mm = mm_create();
	assert_int_equal(mm_map_anonymous(mm, BASE, 4 * P), 0);
}

#define BORDER (4 * BASE) /* one table ends, and another begins, with any table format */

static char *lent;

static void make_borrower(vaddr_t at)
{
	lent = vmalloc_user(3 * P);
	mm = mm_create();
	assert_int_equal(mm_map(mm, at, 4 * P, VM_READ | VM_SHARED), 0);
}

/* If the pages are counted rightly, they go with the last of the two. */
static void end_borrower(void)
{
	mm_destroy(mm);
	vfree(lent);
}

static void no_page_is_mapped(void)
{
	assert_int_equal(mm->user_pages, 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(byte_at(BORDER - 2 * P + i * P), '-');
}

static unsigned int visited;

static int visit(pte_t *pte, unsigned long addr, void *data)
{
	(void)pte;
	(void)addr;
	(void)data;
	visited++;
	return 0;
}

static int walk(void)
{
	visited = 0;
	return apply_to_page_range(mm, BASE, 4 * P, visit, NULL);
}

static void pages_of_processes(void **state)
{
	(void)state;
	SWEEP_ON(mm_fork, FAILS, make_process(), MADE(child = mm_fork(mm)), end_family(), process_is_unharmed());
	SWEEP_ON(mm_write, FAILS, make_process(), mm_write(mm, BASE + 2 * P, "c", 1), mm_destroy(mm),
		 process_is_unharmed());
	SWEEP_ON(mm_handle_fault, FAILS, make_process(), touch(mm, BASE + 2 * P, FAULT_WRITE), mm_destroy(mm),
		 process_is_unharmed());
	SWEEP_ON(mm_handle_fault, FAILS, make_family(), touch(child, BASE, FAULT_WRITE | FAULT_PRESENT), end_family(),
		 process_is_unharmed());
	SWEEP_ON(mm_handle_fault, FAILS_KEEPING_TABLES, make_untouched(), touch(mm, BASE, FAULT_WRITE), mm_destroy(mm),
		 assert_int_equal(mm->user_pages, 0));
	SWEEP_ON(mm_write, FAILS_KEEPING_TABLES, make_untouched(), mm_write(mm, BASE, "a", 1), mm_destroy(mm),
		 assert_int_equal(mm->user_pages, 0));
	SWEEP_ON(apply_to_page_range, FAILS_KEEPING_TABLES, make_untouched(), walk(), mm_destroy(mm),
		 assert_int_equal(visited, 0));
	SWEEP_ON(mm_lend_vmalloc, FAILS_KEEPING_TABLES, make_borrower(BASE),
		 mm_lend_vmalloc(mm, BASE, lent, 0, 3 * P), end_borrower(), assert_int_equal(mm->user_pages, 0));
	SWEEP_ON(mm_lend_vmalloc, FAILS_KEEPING_TABLES, make_borrower(BORDER - 2 * P),
		 mm_lend_vmalloc(mm, BORDER - 2 * P, lent, 0, 3 * P), end_borrower(), no_page_is_mapped());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(objects),
		cmocka_unit_test(a_cache),
		cmocka_unit_test(either_way),
		cmocka_unit_test(devices),
		cmocka_unit_test(stacks),
		cmocka_unit_test(areas_of_processes),
		cmocka_unit_test(pages_of_processes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
