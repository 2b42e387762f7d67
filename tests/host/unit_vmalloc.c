/* SPDX-License-Identifier: MIT */
/* vmalloc, vmap and raw areas on a machine whose RAM can be looked at through the tables. */
#include "tests/host/vm_machine.h"

#include <lib/format.h>
#include <mm/ioremap.h>

#define RAM	(256ull << 20)
#define DEVICE	(1ull << 30) /* physical; nobody's RAM */
#define MANY	VMAP_MAX_ALLOC

static struct page *pages[4 * MANY];

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	return 0;
}

static void fill_page(vaddr_t addr, u32 value)
{
	u32 *word = host_translate(addr);

	assert_non_null(word);
	*word = value;
}

static u32 first_word(vaddr_t addr)
{
	const u32 *word = host_translate(addr);

	assert_non_null(word);
	return *word;
}

static unsigned long flushes(void)
{
	return tlb_counters().ranged + tlb_counters().full;
}

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

static void vmalloc_maps_its_pages(void **state)
{
	static const unsigned long sizes[] = { 1, PAGE_SIZE, PAGE_SIZE + 1, 100 * PAGE_SIZE, 600 * PAGE_SIZE };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long count = PAGE_ALIGN(sizes[i]) >> PAGE_SHIFT;
		char *p = vmalloc(sizes[i]);
		vaddr_t addr = (vaddr_t)p;
		struct vm_struct *area = find_vm_area(p + sizes[i] - 1);

		assert_non_null(p);
		assert_true(is_vmalloc_addr(p));
		assert_ptr_equal(area->addr, p);
		assert_int_equal(get_vm_area_size(area), count << PAGE_SHIFT);
		assert_int_equal(area->nr_pages, count);
		for (unsigned long n = 0; n < count; n++)
			fill_page(addr + (n << PAGE_SHIFT), (u32)n);
		for (unsigned long n = 0; n < count; n++) {
			assert_int_equal(first_word(addr + (n << PAGE_SHIFT)), n);
			assert_ptr_equal(vmalloc_to_page(p + (n << PAGE_SHIFT) + 5), area->pages[n]);
		}
		assert_null(host_translate(addr + (count << PAGE_SHIFT)));
		assert_int_equal(vmalloc_to_pfn(p + (count << PAGE_SHIFT)), 0);
		vfree(p);
		assert_null(host_translate(addr));
		assert_null(find_vm_area(p));
	}
	assert_balance(before);
}

static void vzalloc_is_zero(void **state)
{
	char *p = vmalloc(64 * PAGE_SIZE);

	(void)state;
	for (unsigned long n = 0; n < 64; n++)
		memset(host_translate((vaddr_t)p + n * PAGE_SIZE), 0x5a, PAGE_SIZE);
	vfree(p);
	p = vzalloc(64 * PAGE_SIZE);
	for (unsigned long n = 0; n < 64; n++)
		for (unsigned long i = 0; i < PAGE_SIZE; i += sizeof(long))
			assert_int_equal(*(long *)host_translate((vaddr_t)p + n * PAGE_SIZE + i), 0);
	vfree(p);
}

/* One mapping of each kind. */
struct kinds {
	char *alloc, *map, *ram, *big, *io;
};

static void make_kinds(struct kinds *k)
{
	k->alloc = vmalloc(3 * PAGE_SIZE);
	k->map = vmap(pages, 3, VM_MAP, PAGE_KERNEL);
	k->ram = vm_map_ram(pages, 3, -1);
	k->big = vm_map_ram(pages, MANY + 1, -1);
	k->io = ioremap((phys_addr_t)DEVICE, PAGE_SIZE);
}

static void free_kinds(const struct kinds *k)
{
	vfree(k->alloc);
	vfree(k->map);
	vm_unmap_ram(k->ram, 3);
	vm_unmap_ram(k->big, MANY + 1);
	iounmap(k->io);
}

static void free_wrongly(const struct kinds *k)
{
	vfree(k->alloc + PAGE_SIZE);
	vfree(k->alloc + 1);
	vfree(k->ram);
	vfree(k->big);
	vfree(k->io);
	vunmap(k->alloc);
	vunmap(k->map + PAGE_SIZE);
	iounmap(k->alloc);
	assert_null(remove_vm_area(k->alloc + PAGE_SIZE));
	vm_unmap_ram(k->alloc, 3);
	vm_unmap_ram(k->ram, 2);
	vm_unmap_ram(k->ram, 4);
	vm_unmap_ram(k->ram + PAGE_SIZE, 2);
	vm_unmap_ram(k->ram, MANY + 1);
	vm_unmap_ram(k->big, 3);
	vm_unmap_ram(k->big, MANY + 2);
	vm_unmap_ram(k->big + PAGE_SIZE, MANY);
	vm_unmap_ram(NULL, 1);
}

static void expect_intact(const struct kinds *k)
{
	for (unsigned int n = 0; n < 3; n++) {
		assert_non_null(host_translate((vaddr_t)k->alloc + n * PAGE_SIZE));
		assert_ptr_equal(host_translate((vaddr_t)k->map + n * PAGE_SIZE), page_address(pages[n]));
		assert_ptr_equal(host_translate((vaddr_t)k->ram + n * PAGE_SIZE), page_address(pages[n]));
		assert_ptr_equal(host_translate((vaddr_t)k->big + n * PAGE_SIZE), page_address(pages[n]));
	}
}

/* Wrong pointers and pointers that are gone: reported, and nothing changes. */
static void wrong_pointers_change_nothing(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings, flushed;
	struct kinds k;

	(void)state;
	make_kinds(&k);
	warnings = warn_count();
	flushed = flushes();
	warn_expected(true);
	free_wrongly(&k);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 18);
	assert_int_equal(flushes(), flushed);
	expect_intact(&k);
	free_kinds(&k);
	warn_expected(true);
	free_kinds(&k);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 18 + 5);
	vfree(NULL);
	vunmap(NULL);
	iounmap(NULL);
	assert_balance(before);
}

static void wrong_sizes_are_refused(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();

	(void)state;
	warn_expected(true);
	assert_null(vmalloc(0));
	assert_null(vmap(pages, 0, VM_MAP, PAGE_KERNEL));
	assert_null(vm_map_ram(pages, 0, -1));
	assert_null(get_vm_area(0, VM_MAP));
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 4);
	assert_null(vmalloc(RAM + 1));
	assert_null(vmalloc(-1ul));
	assert_null(vmalloc(-PAGE_SIZE));
	assert_null(get_vm_area(-1ul, VM_MAP));
	assert_balance(before);
}

static void bad_pages_are_refused(void **state)
{
	struct page *bad[3] = { pages[0], pages[1], NULL };
	struct vm_balance before = vm_balance();
	void *p;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_null(vmap(bad, 3, VM_MAP, PAGE_KERNEL));
		assert_null(vm_map_ram(bad, 3, -1));
		bad[2] = pfn_to_page((unsigned long)(DEVICE >> PAGE_SHIFT));
	}
	warn_expected(true);
	p = vmap(pages, 2, 0x40, PAGE_KERNEL); /* no flag takes the guard page away */
	warn_expected(false);
	assert_int_equal(find_vm_area(p)->size, 3 * PAGE_SIZE);
	assert_null(host_translate((vaddr_t)p + 2 * PAGE_SIZE));
	vunmap(p);
	assert_balance(before);
}

static void vmap_is_never_executable(void **state)
{
	void *p = vmap(pages, 1, VM_MAP, PAGE_KERNEL_ROX);
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, (vaddr_t)p);

	(void)state;
	assert_true(leaf.present && (leaf.pte.val & PTE_NX) == PTE_NX);
	assert_false(pte_writable(leaf.pte));
	vunmap(p);
}

/* One flush serves all that was unmapped, and nothing is flushed for a mapping that is made. */
static void unmapping_flushes(void **state)
{
	unsigned long since = tlb_log_seq(), flushed = flushes();
	vaddr_t p = (vaddr_t)vmalloc(20 * PAGE_SIZE), m = (vaddr_t)vmap(pages, 60, VM_MAP, PAGE_KERNEL);

	(void)state;
	assert_int_equal(flushes(), flushed);
	vfree((void *)p);
	vunmap((void *)m);
	assert_int_equal(flushes(), flushed);
	vm_unmap_aliases();
	assert_true(tlb_log_covers(since, p, p + 20 * PAGE_SIZE));
	assert_true(tlb_log_covers(since, m, m + 60 * PAGE_SIZE));
	assert_int_equal(flushes(), flushed + 1);
	vm_unmap_aliases(); /* nothing has been unmapped since */
	assert_int_equal(flushes(), flushed + 1);
}

/* A vmalloc area whose pages and array of pages somebody takes over; the range serves the next one. */
static void pages_outlive_their_area(void **state)
{
	static const unsigned int counts[] = { 2, 9, 500 };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		char *p = vmalloc(counts[i] * PAGE_SIZE), *next;
		struct page *first = vmalloc_to_page(p);
		struct vm_struct *area = remove_vm_area(p);

		assert_int_equal(area->nr_pages, counts[i]);
		vm_unmap_aliases();
		next = vmalloc(counts[i] * PAGE_SIZE);
		assert_ptr_equal(area->pages[0], first);
		assert_ptr_not_equal(vmalloc_to_page(next), first);
		free_page_array(area->pages, area->nr_pages);
		kvfree(area->pages);
		kfree(area);
		vfree(next);
	}
	assert_balance(before);
}

/* --- areas ------------------------------------------------------------------------------------------------------ */

static void raw_areas(void **state)
{
	struct vm_balance before = vm_balance();
	struct vm_struct *area = get_vm_area(5 * PAGE_SIZE, VM_IOREMAP), *other = get_vm_area(1, 0);
	vaddr_t addr = (vaddr_t)area->addr;

	(void)state;
	assert_true(IS_ALIGNED(addr, 8 * PAGE_SIZE));
	assert_int_equal(ioremap_page_range(addr, addr + 4 * PAGE_SIZE, DEVICE, PAGE_KERNEL), -ERANGE);
	assert_int_equal(ioremap_page_range(addr + PAGE_SIZE, addr + 5 * PAGE_SIZE, DEVICE, PAGE_KERNEL), -ERANGE);
	assert_int_equal(ioremap_page_range(addr, addr + 5 * PAGE_SIZE, DEVICE + 1, PAGE_KERNEL), -EINVAL);
	assert_int_equal(ioremap_page_range((vaddr_t)other->addr, (vaddr_t)other->addr + PAGE_SIZE, DEVICE,
					    PAGE_KERNEL), -EINVAL);
	assert_int_equal(ioremap_page_range(addr, addr + 5 * PAGE_SIZE, DEVICE, PAGE_KERNEL), 0);
	assert_int_equal(vmalloc_to_pfn((char *)addr + 3 * PAGE_SIZE), (DEVICE >> PAGE_SHIFT) + 3);
	assert_null(vmalloc_to_page((void *)addr));
	warn_expected(true);
	assert_int_equal(ioremap_page_range(addr, addr + 5 * PAGE_SIZE, DEVICE, PAGE_KERNEL), -EBUSY);
	warn_expected(false);
	free_vm_area(area);
	assert_ptr_equal(remove_vm_area(other->addr), other);
	kfree(other);
	assert_balance(before);
}

static int count_entry(pte_t *pte, unsigned long addr, void *data)
{
	unsigned long *seen = data;

	(void)pte;
	*seen |= 1ul << ((addr >> PAGE_SHIFT) % 64);
	return 0;
}

static int put_entry(pte_t *pte, unsigned long addr, void *data)
{
	pte_store(pte, pfn_pte(page_to_pfn(data), PAGE_KERNEL));
	return (addr >> PAGE_SHIFT) % 8 == 6 ? -EIO : 0;
}

/* Entries 0, 1 and 5 of 8 are there: the walk over existing ones sees these, the other sees all. */
static void apply_to_every_page(void **state)
{
	struct vm_struct *area = get_vm_area(16 * PAGE_SIZE, VM_IOREMAP);
	vaddr_t addr = (vaddr_t)area->addr; /* aligned to 16 pages */
	unsigned long seen = 0, shift = (addr >> PAGE_SHIFT) % 64;
	static const unsigned int there[] = { 0, 1, 5 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(there); i++)
		assert_int_equal(
			apply_to_page_range(&init_mm, addr + there[i] * PAGE_SIZE, PAGE_SIZE, put_entry, pages[i]), 0);
	assert_int_equal(apply_to_existing_page_range(&init_mm, addr, 8 * PAGE_SIZE, count_entry, &seen), 0);
	assert_int_equal(seen >> shift, 0x23);
	seen = 0;
	assert_int_equal(apply_to_page_range(&init_mm, addr, 8 * PAGE_SIZE, count_entry, &seen), 0);
	assert_int_equal(seen >> shift, 0xff);
	assert_int_equal(apply_to_page_range(&init_mm, addr + 6 * PAGE_SIZE, 2 * PAGE_SIZE, put_entry, pages[0]), -EIO);
	assert_null(host_translate(addr + 7 * PAGE_SIZE));
	assert_int_equal(apply_to_page_range(&init_mm, addr, 0, count_entry, &seen), -EINVAL);
	assert_int_equal(apply_to_page_range(&init_mm, addr, -PAGE_SIZE, count_entry, &seen), -EINVAL);
	assert_int_equal(apply_to_page_range(&init_mm, PAGE_SIZE, PAGE_SIZE, count_entry, &seen), -EINVAL);
	free_vm_area(area);
}

struct listing {
	vaddr_t last;
	unsigned int lines;
	char text[4096];
};

static void collect(void *ctx, const char *line)
{
	struct listing *l = ctx;
	char *end;
	vaddr_t start = 0;

	for (end = strchr(line, 'x') + 1; *end != '-'; end++)
		start = start << 4 | (vaddr_t)(*end <= '9' ? *end - '0' : *end - 'a' + 10);
	assert_true(start > l->last);
	l->last = start;
	l->lines++;
	assert_true(strlen(l->text) + strlen(line) < sizeof(l->text));
	strscpy(l->text + strlen(l->text), line, sizeof(l->text) - strlen(l->text));
}

static void listing_has_linux_format(void **state)
{
	struct listing *l = kzalloc(sizeof(*l), GFP_KERNEL);
	char *p = vmalloc(2 * PAGE_SIZE), *m = vmap(pages, 1, VM_MAP, PAGE_KERNEL);
	char *io = ioremap((phys_addr_t)DEVICE, 3 * PAGE_SIZE), *r = vm_map_ram(pages, 1, -1), expected[160];

	(void)state;
	vmallocinfo(collect, l);
	snprintf(expected, sizeof(expected), "0x%p-0x%p   12288 %pS pages=2 vmalloc\n", p, p + 3 * PAGE_SIZE,
		 (void *)find_vm_area(p)->caller);
	assert_non_null(strstr(l->text, expected));
	snprintf(expected, sizeof(expected), "0x%p-0x%p    8192 %pS vmap\n", m, m + 2 * PAGE_SIZE,
		 (void *)find_vm_area(m)->caller);
	assert_non_null(strstr(l->text, expected));
	snprintf(expected, sizeof(expected), "0x%p-0x%p   16384 %pS phys=%pa ioremap\n", io, io + 4 * PAGE_SIZE,
		 (void *)find_vm_area(io)->caller, &find_vm_area(io)->phys_addr);
	assert_non_null(strstr(l->text, expected));
	assert_non_null(strstr(l->text, " vm_map_ram\n"));
	vfree(p);
	vunmap(m);
	iounmap(io);
	vm_unmap_ram(r, 1);
	kfree(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmalloc_maps_its_pages),
		cmocka_unit_test(vzalloc_is_zero),
		cmocka_unit_test(wrong_pointers_change_nothing),
		cmocka_unit_test(wrong_sizes_are_refused),
		cmocka_unit_test(bad_pages_are_refused),
		cmocka_unit_test(vmap_is_never_executable),
		cmocka_unit_test(unmapping_flushes),
		cmocka_unit_test(pages_outlive_their_area),
		cmocka_unit_test(raw_areas),
		cmocka_unit_test(apply_to_every_page),
		cmocka_unit_test(listing_has_linux_format),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
