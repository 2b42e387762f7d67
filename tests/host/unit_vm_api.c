/* SPDX-License-Identifier: MIT */
/* What stands on top of areas: early areas, kvmalloc, vread, sparse areas, rights, notifiers. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>

#define RAM    (64ull << 20)
#define DEVICE (1ull << 30) /* physical; nobody's RAM */
#define P      PAGE_SIZE

static struct page *pages[16];
static struct vm_struct early[3] = { { .size = 4 * PAGE_SIZE }, { .size = 3 * PAGE_SIZE }, { .size = 2 * PAGE_SIZE } };
static bool overlap_panics;

/* vm_machine() in two parts: what comes before vmalloc_init() and after. */
static int setup(void **state)
{
	static struct boot_info boot = { .nr_regions = 1 };

	(void)state;
	boot.region[0] = (struct boot_region){ .end = RAM, .kind = BOOT_MEM_RAM };
	mm_machine_map(&boot, RAM, 1);
	xa_set_allocator(vm_machine_xa_alloc, vm_machine_xa_free);
	early[0].addr = (void *)(VMALLOC_START + 4 * P);
	vm_area_add_early(&early[0]);
	vm_area_register_early(&early[1], 0);		/* in front of it */
	vm_area_register_early(&early[2], 16 * P); /* behind it */
	overlap_panics = PANICS(vm_area_add_early(&(struct vm_struct){ .addr = early[0].addr + P, .size = 2 * P }));
	vmalloc_init();
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	return 0;
}

static void early_areas_are_in_the_books(void **state)
{
	static struct vm_struct late = { .size = 2 * PAGE_SIZE };

	(void)state;
	assert_true(overlap_panics);
	assert_int_equal((vaddr_t)early[1].addr, VMALLOC_START);
	assert_int_equal((vaddr_t)early[2].addr, VMALLOC_START + 16 * P);
	for (unsigned int i = 0; i < 3; i++)
		assert_ptr_equal(find_vm_area(early[i].addr + P), &early[i]);
	for (unsigned int i = 0; i < 64; i++) {
		vaddr_t p = (vaddr_t)get_vm_area(P, VM_MAP)->addr;

		for (unsigned int k = 0; k < 3; k++)
			assert_true(p + 2 * P <= (vaddr_t)early[k].addr || p >= (vaddr_t)early[k].addr + early[k].size);
	}
	assert_true(PANICS(vm_area_register_early(&late, 0)));
	assert_int_equal(vmalloc_check(), 0);
}

static void arrays_and_flags(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();
	void *p[] = { vmalloc_node(P, 0),
		      vzalloc_node(P, 1),
		      vmalloc_32(P),
		      vmalloc_32_user(P),
		      vmalloc_array(3, P),
		      vcalloc(3, P),
		      __vmalloc(P, GFP_KERNEL | __GFP_NOFAIL),
		      __vmalloc(P, GFP_NOWAIT) };

	(void)state;
	assert_int_equal(find_vm_area(p[3])->flags, VM_ALLOC | VM_USERMAP);
	assert_int_equal(find_vm_area(p[5])->nr_pages, 3);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		assert_non_null(p[i]);
		vfree(p[i]);
	}
	assert_null(vmalloc_array(~0ul / 2, 4));
	assert_null(vcalloc(1ul << (BITS_PER_LONG / 2), 1ul << (BITS_PER_LONG / 2)));
	assert_null(__vmalloc(RAM + 1, GFP_KERNEL | __GFP_NOFAIL));
	warn_expected(true);
	p[0] = __vmalloc(P, GFP_KERNEL | __GFP_RESERVE);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 1);
	vfree(p[0]);
	inject_set(INJECT_PAGE, 1);
	p[0] = __vmalloc(P, GFP_KERNEL | __GFP_NOFAIL);
	assert_int_equal(inject_clear(INJECT_PAGE), 0);
	assert_non_null(p[0]);
	vfree(p[0]);
	assert_balance(before);
}

static void kvmalloc_takes_what_is_there(void **state)
{
	struct vm_balance before = vm_balance();
	u8 *small = kvmalloc(100, GFP_KERNEL), *large, *grown;

	(void)state;
	assert_false(is_vmalloc_addr(small));
	inject_set(INJECT_SLAB, 1);
	large = kvcalloc(5, P, GFP_KERNEL);
	inject_clear(INJECT_SLAB);
	assert_true(is_vmalloc_addr(large));
	inject_set(INJECT_SLAB, 1);
	assert_null(kvmalloc(100, GFP_KERNEL)); /* no page's worth: no vmalloc */
	inject_clear(INJECT_SLAB);
	assert_null(kvmalloc_array(~0ul, 2, GFP_KERNEL));
	assert_null(kvmalloc(0x80000000ul, GFP_KERNEL | __GFP_NOWARN));
	memset(small, 0x5a, 100);
	inject_set(INJECT_SLAB, 1);
	grown = kvrealloc(small, 3 * P, GFP_KERNEL | __GFP_ZERO);
	inject_clear(INJECT_SLAB);
	assert_true(is_vmalloc_addr(grown));
	assert_int_equal(((u8 *)host_translate((vaddr_t)grown))[99], 0x5a);
	assert_int_equal(((u8 *)host_translate((vaddr_t)grown))[128], 0);
	kvfree(grown);
	kvfree(large);
	kvfree(NULL);
	assert_balance(before);
}

/* All flags of vmap() that Linux's callers use; the one that must not be is refused. */
static void flags_of_vmap(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();
	void *p = vmap(pages, 2, VM_MAP | VM_USERMAP, PAGE_KERNEL), *q = vmap(pages, 2, VM_DMA_COHERENT, PAGE_KERNEL);

	(void)state;
	assert_int_equal(find_vm_area(p)->flags, VM_MAP | VM_USERMAP);
	assert_int_equal(find_vm_area(q)->flags, VM_MAP | VM_DMA_COHERENT);
	assert_int_equal(warn_count(), warnings);
	vunmap(p);
	vunmap(q);
	warn_expected(true);
	assert_null(vmap(pages, 2, VM_MAP | VM_FLUSH_RESET_PERMS, PAGE_KERNEL));
	p = vmap(pages, 2, VM_MAP | VM_NO_GUARD, PAGE_KERNEL);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 2);
	assert_int_equal(find_vm_area(p)->flags, VM_MAP);
	vunmap(p);
	assert_balance(before);
}

/*
 * Sizes are rounded up so that others can use them again; but a hole that is as large as the request is large enough.
 */
static void the_last_hole_is_large_enough(void **state)
{
	static struct vm_struct *fill[4096];
	struct vm_struct *hole = __get_vm_area_caller(60 * P, VM_MAP, VMALLOC_START, VMALLOC_END - P, NULL);
	struct vmalloc_stats stats;
	unsigned int n = 0;
	void *p;

	(void)state;
	vmalloc_shrink();
	for (vmalloc_stats(&stats); stats.largest_free > 4 * P && n < ARRAY_SIZE(fill); vmalloc_stats(&stats))
		fill[n++] =
			__get_vm_area_caller(stats.largest_free - 2 * P, VM_MAP, VMALLOC_START, VMALLOC_END - P, NULL);
	free_vm_area(hole);
	vmalloc_shrink();
	vmalloc_stats(&stats);
	assert_in_range(stats.largest_free, 61 * P, 63 * P);
	p = vmalloc(stats.largest_free - P);
	assert_non_null(p);
	vfree(p);
	while (n)
		free_vm_area(fill[--n]);
	assert_int_equal(vmalloc_check(), 0);
}

static void page_word(struct page *page, u32 value)
{
	*(u32 *)page_address(page) = value;
}

static u32 read_word(const char *addr)
{
	u32 word = ~0u;

	assert_int_equal(vread((char *)&word, addr, sizeof(word)), sizeof(word));
	return word;
}

static void vread_page_by_page(void **state)
{
	char *first = vm_map_ram(pages, 2, -1), *a, *b, *ram;
	static char buf[8 * PAGE_SIZE];

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		page_word(pages[i], 100 + i);
	a = vm_map_ram(pages + 2, 3, -1);
	ram = vm_map_ram(pages + 5, 2, -1);
	b = vm_map_ram(pages + 7, 1, -1);
	vm_unmap_ram(ram, 2);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(read_word(first + i * P), i == 5 || i == 6 ? 0 : 100 + i);
	assert_int_equal(vread(buf, first + P, 7 * P), 7 * P);
	for (unsigned int i = 1; i < 8; i++)
		assert_int_equal(*(u32 *)(buf + (i - 1) * P), i == 5 || i == 6 ? 0 : 100 + i);
	vm_unmap_ram(first, 2);
	vm_unmap_ram(a, 3);
	vm_unmap_ram(b, 1);
	vm_unmap_aliases();
}

static void vread_of_what_is_not_there(void **state)
{
	unsigned long pfn = DEVICE >> PAGE_SHIFT;
	char *io = vmap_pfn(&pfn, 1, PAGE_KERNEL), *p = vmalloc(2 * P);
	struct vm_struct *sparse = get_vm_area(2 * P, VM_SPARSE);
	char buf[16] = "xxxxxxxxxxxxxxx";

	(void)state;
	memset(host_translate((vaddr_t)p + P), 7, P);
	assert_int_equal(vm_area_map_pages(sparse, (vaddr_t)sparse->addr, (vaddr_t)sparse->addr + P, pages), 0);
	page_word(pages[0], 5);
	assert_int_equal(read_word(io), 0);
	assert_int_equal(read_word(sparse->addr), 0);
	assert_int_equal(vread(buf, p + 2 * P - 8, 16), 16); /* into the guard page */
	assert_memory_equal(buf, "\7\7\7\7\7\7\7\7\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(vread(buf, (char *)VMALLOC_END - P, 16), 0);
	assert_int_equal(vread(buf, (char *)-8ul, 16), 0);
	vfree(p);
	vunmap(io);
	free_vm_area(sparse);
}

static void dump_obj_finds_every_byte(void **state)
{
	char *p = vmalloc(64 * P);

	(void)state;
	host_log_clear();
	assert_true(vmalloc_dump_obj(p + 17 * P + 3));
	assert_true(strstr(host_log(), "64-page vmalloc region starting at"));
	assert_true(vmalloc_dump_obj(p + 64 * P - 1));
	assert_false(vmalloc_dump_obj((void *)8));
	vfree(p);
	assert_false(vmalloc_dump_obj(p));
}

static void sparse_errors(void **state)
{
	struct vm_balance before = vm_balance();
	struct vm_struct *s = get_vm_area(8 * P, VM_SPARSE), *plain = get_vm_area(8 * P, VM_MAP);
	vaddr_t at = (vaddr_t)s->addr;
	struct page *bad[2] = { pages[0], NULL }, *device[2] = { pages[0], pfn_to_page(DEVICE >> PAGE_SHIFT) };

	(void)state;
	assert_int_equal(vm_area_map_pages(s, at + P, at + 4 * P, pages), 0);
	assert_ptr_equal(vmalloc_to_page((void *)(at + 2 * P)), pages[1]);
	assert_int_equal(vm_area_map_pages(s, at + 3 * P, at + 5 * P, pages), -EBUSY);
	assert_null(vmalloc_to_page((void *)(at + 4 * P)));
	assert_int_equal(vm_area_map_pages(s, at + 7 * P, at + 9 * P, pages), -ERANGE);
	assert_int_equal(vm_area_map_pages(s, at - P, at + P, pages), -ERANGE);
	assert_int_equal(vm_area_map_pages(s, at, at + RAM + P, pages), -E2BIG);
	assert_int_equal(vm_area_map_pages(s, at, at, pages), -EINVAL);
	assert_int_equal(vm_area_map_pages(s, at + 1, at + P, pages), -EINVAL);
	assert_int_equal(vm_area_map_pages(s, at + 5 * P, at + 7 * P, bad), -ENOMEM);
	assert_int_equal(vm_area_map_pages(s, at + 5 * P, at + 7 * P, device), -EINVAL);
	warn_expected(true);
	assert_int_equal(vm_area_map_pages(plain, (vaddr_t)plain->addr, (vaddr_t)plain->addr + P, pages), -EINVAL);
	vm_area_unmap_pages(s, at, at + 9 * P);
	warn_expected(false);
	vm_area_unmap_pages(s, at, at + 3 * P);
	assert_null(vmalloc_to_page((void *)(at + 2 * P)));
	assert_ptr_equal(vmalloc_to_page((void *)(at + 3 * P)), pages[2]);
	free_vm_area(s);
	free_vm_area(plain);
	assert_balance(before);
}

static void pfns_of_ram_are_refused(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long pfns[2] = { (DEVICE >> PAGE_SHIFT) + 5, (DEVICE >> PAGE_SHIFT) + 2 };
	char *p = vmap_pfn(pfns, 2, PAGE_KERNEL);

	(void)state;
	assert_int_equal(vmalloc_to_pfn(p), pfns[0]);
	assert_int_equal(vmalloc_to_pfn(p + P), pfns[1]);
	vunmap(p);
	pfns[1] = 100;
	warn_expected(true);
	assert_null(vmap_pfn(pfns, 2, PAGE_KERNEL));
	pfns[1] = (unsigned long)(arch_phys_limit() >> PAGE_SHIFT);
	assert_null(vmap_pfn(pfns, 2, PAGE_KERNEL));
	warn_expected(false);
	for (unsigned int nth = 1; nth < 5; nth++) { /* a second try may do; nothing is lost either way */
		vmalloc_shrink();
		inject_set(INJECT_SLAB, nth);
		vunmap(vmap_pfn(pfns, 1, PAGE_KERNEL));
		inject_clear(INJECT_SLAB);
	}
	assert_balance(before);
}

static bool writable(const void *p) { return pte_writable(pgtable_query(&kernel_pgtable, (vaddr_t)p).pte); }

static void rights_change_where_they_shall(void **state)
{
	struct vm_balance before = vm_balance();
	char *p = vmalloc(4 * P);
	vaddr_t at = (vaddr_t)p;

	(void)state;
	assert_int_equal(set_memory_ro(at + P, 2), 0);
	assert_true(writable(p) && !writable(p + P) && !writable(p + 2 * P) && writable(p + 3 * P));
	assert_int_equal(set_memory_rw(at + 2 * P, 1), 0);
	assert_true(!writable(p + P) && writable(p + 2 * P));
	assert_int_equal(set_memory_ro(at + 3 * P, 2), -EINVAL);
	assert_int_equal(set_memory_ro(at + 1, 1), -EINVAL);
	assert_int_equal(set_memory_ro(at, 0), -EINVAL);
	assert_int_equal(set_memory_ro(at, -1), -EINVAL);
	assert_true(writable(p) && writable(p + 3 * P));
	set_vm_flush_reset_perms(p);
	assert_true(find_vm_area(p)->flags & VM_FLUSH_RESET_PERMS);
	assert_ptr_equal(vrealloc(p, P, GFP_KERNEL), p);
	assert_int_equal(set_memory_ro(at, 2), -EFAULT);
	assert_true(writable(p));
	vfree(p);
	assert_balance(before);
}

static struct vm_struct *hoard;
static int give_up_hoard(struct notifier_block *nb, unsigned long action, void *freed)
{
	(void)nb;
	(void)action;
	if (!hoard)
		return 0;
	*(unsigned long *)freed += hoard->size;
	free_vm_area(hoard);
	hoard = NULL;
	return 0;
}

static void hoarders_are_asked(void **state)
{
	struct notifier_block nb = { .notifier_call = give_up_hoard };
	struct vmalloc_stats stats;
	struct vm_struct *area;

	(void)state;
	vmalloc_stats(&stats);
	hoard = get_vm_area(stats.largest_free - 2 * P, VM_MAP);
	assert_non_null(hoard);
	assert_null(get_vm_area(stats.largest_free / 2, VM_MAP));
	assert_int_equal(register_vmap_purge_notifier(&nb), 0);
	assert_int_equal(register_vmap_purge_notifier(&nb), -EEXIST);
	area = get_vm_area(stats.largest_free / 2, VM_MAP);
	assert_non_null(area);
	assert_null(get_vm_area(stats.largest_free - P, VM_MAP)); /* nothing more to give: no endless loop */
	assert_int_equal(unregister_vmap_purge_notifier(&nb), 0);
	assert_int_equal(unregister_vmap_purge_notifier(&nb), -ENOENT);
	free_vm_area(area);
}

static void pages_go_with_the_map(void **state)
{
	struct vm_balance before = vm_balance();
	struct page **mine = kmalloc(3 * sizeof(*mine), GFP_KERNEL);
	char *p;

	(void)state;
	assert_int_equal(alloc_page_array(GFP_KERNEL, 3, mine), 3);
	p = vmap(mine, 3, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	assert_int_equal(find_vm_area(p)->nr_pages, 3);
	assert_int_equal(vmalloc_nr_pages(), before.vmalloc_pages);
	vfree(p);
	assert_balance(before);
}

static char text[65536];
static void collect(void *ctx, const char *line)
{
	(void)ctx;
	strscpy(text + strlen(text), line, sizeof(text) - strlen(text));
}

static void summary_shows_gaps_and_blocks(void **state)
{
	char *p = vm_map_ram(pages, 3, -1);
	struct vm_struct *sparse = get_vm_area(P, VM_SPARSE);

	(void)state;
	vmallocinfo_summary(collect, NULL);
	assert_true(strstr(text, "fragmentation "));
	assert_true(strstr(text, "gaps from "));
	assert_true(strstr(text, "3 pages in 1 maps"));
	text[0] = '\0';
	vmallocinfo(collect, NULL);
	assert_true(strstr(text, " sparse\n"));
	vm_unmap_ram(p, 3);
	free_vm_area(sparse);
}

/* Of each line: the word, then KEY=VALUE; all of space is told, in order, and exactly. */
static void machine_lines_tell_all(void **state)
{
	char *p = vm_map_ram(pages, 3, -1), *area = vmalloc(3 * P + 5), expected[160];

	(void)state;
	text[0] = '\0';
	vmallocinfo_machine(collect, NULL);
	snprintf(expected, sizeof(expected), "space start=0x%lx end=0x%lx size=%lu\nrange start=", VMALLOC_START,
		 VMALLOC_END, VMALLOC_END - VMALLOC_START);
	assert_true(strstarts(text, expected));
	snprintf(expected, sizeof(expected),
		 "range start=0x%lx end=0x%lx size=%lu state=busy kind=vmalloc pages=4 user=0 vpages=0 caller=",
		 (vaddr_t)area, (vaddr_t)area + 5 * P, 5 * P);
	assert_true(strstr(text, expected));
	assert_true(strstr(text, " state=busy kind=block\n"));
	assert_true(strstr(text, "\nblock start="));
	assert_true(strstr(text, " live=3 maps=1 clean="));
	text[0] = '\0';
	vmallocinfo_human(collect, NULL);
	assert_true(strstr(text, "   20 KiB "));
	vfree(area);
	vm_unmap_ram(p, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(early_areas_are_in_the_books),
		cmocka_unit_test(arrays_and_flags),
		cmocka_unit_test(kvmalloc_takes_what_is_there),
		cmocka_unit_test(flags_of_vmap),
		cmocka_unit_test(vread_page_by_page),
		cmocka_unit_test(vread_of_what_is_not_there),
		cmocka_unit_test(dump_obj_finds_every_byte),
		cmocka_unit_test(sparse_errors),
		cmocka_unit_test(pfns_of_ram_are_refused),
		cmocka_unit_test(rights_change_where_they_shall),
		cmocka_unit_test(hoarders_are_asked),
		cmocka_unit_test(pages_go_with_the_map),
		cmocka_unit_test(summary_shows_gaps_and_blocks),
		cmocka_unit_test(machine_lines_tell_all),
		cmocka_unit_test(the_last_hole_is_large_enough),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
