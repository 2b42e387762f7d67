/* SPDX-License-Identifier: MIT */
/* ioremap: what it refuses, where it puts things, which leaves it makes. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <arch/mmu_sync.h>
#include <asm/mtrr.h>
#include <kernel/schedule_point.h>
#include <lib/string.h>
#include <mm/ioremap.h>
#include <mm/memtype.h>

#define RAM	(256ull << 20)
#define DEVICE	(1ull << 30) /* physical; nobody's RAM */

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	return 0;
}

static void ioremap_keeps_the_offset(void **state)
{
	phys_addr_t phys = DEVICE + 0xfff;
	struct vm_balance before = vm_balance();
	char *io = ioremap(phys, 2);

	(void)state;
	assert_int_equal(offset_in_page(io), 0xfff);
	assert_int_equal(get_vm_area_size(find_vm_area(io)), 2 * PAGE_SIZE);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io).phys == phys);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + 1).phys == phys + 1);
	assert_false(pgtable_query(&kernel_pgtable, (vaddr_t)io + 1 + PAGE_SIZE).present);
	iounmap(io);
	assert_balance(before);
}

static void ioremap_refuses(void **state)
{
	u64 limit = arch_phys_limit();

	(void)state;
	assert_null(ioremap((phys_addr_t)DEVICE, 0));
	assert_null(ioremap((phys_addr_t)DEVICE, -1ul));
	assert_null(ioremap((phys_addr_t)-PAGE_SIZE, 2 * PAGE_SIZE));
	warn_expected(true);
	assert_null(ioremap((phys_addr_t)(limit - PAGE_SIZE), PAGE_SIZE + 1));
	assert_null(ioremap((phys_addr_t)(RAM - 1), 1));
	assert_null(ioremap_cache((phys_addr_t)(RAM - PAGE_SIZE), 2 * PAGE_SIZE));
	assert_null(ioremap((phys_addr_t)(HOLE_END - 1), 2));
	assert_null(ioremap((phys_addr_t)(HOLE_START - 1), 2));
	warn_expected(false);
	assert_non_null(strstr(host_log(), "RAM in use"));
	assert_true(limit - 1 >= (phys_addr_t)-1 || strstr(host_log(), "beyond what this CPU can address"));
	iounmap(ioremap((phys_addr_t)HOLE_START, HOLE_END - HOLE_START));
	if (limit - 1 > (phys_addr_t)-1)
		return;
	iounmap(ioremap((phys_addr_t)(limit - PAGE_SIZE), PAGE_SIZE));
}

static unsigned int leaf_level(const void *addr)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, (vaddr_t)addr);

	assert_true(leaf.present);
	return leaf.level;
}

/* The frame's place within a large page is given; the address follows it, so that the inner part gets large leaves. */
/* Of many failures only some are told: so ask until one is. */
#define assert_told(call, what) do { \
	bool _told = false; \
	host_log_clear(); \
	for (unsigned int _i = 0; _i < 4096 && !_told; _i++) { \
		assert_null(call); \
		_told = strstr(host_log(), what); \
	} \
	if (!_told) \
		fail_msg("\"%s\" is not said of " #call ": %s", what, host_log()); \
} while (0)

/* Whoever wants what cannot be is told why; what could make more is named where there is such a thing. */
static void refusals_have_a_reason(void **state)
{
	unsigned long space = VMALLOC_END - VMALLOC_START;

	(void)state;
	assert_told(ioremap((phys_addr_t)DEVICE, 0), "ioremap: 0 bytes for ");
	assert_told(memremap((phys_addr_t)DEVICE, 0, MEMREMAP_WB), "memremap: 0 bytes for ");
	assert_told(get_vm_area(2 * space, VM_MAP), "vmalloc space has ");
	if (space < (1ull << 32) - DEVICE) {
		assert_told(ioremap((phys_addr_t)DEVICE, space + PAGE_SIZE), "vmalloc space has ");
		assert_told(ioremap((phys_addr_t)DEVICE, space), "no room: ");
	}
	assert_int_equal(strstr(host_log(), "; vmalloc=SIZE makes more") != NULL, BITS_PER_LONG == 32);
}

static void ioremap_uses_large_leaves(void **state)
{
	unsigned long big = pt_level_size(2);
	struct vm_balance before = vm_balance();
	char *io = ioremap((phys_addr_t)DEVICE + 3 * PAGE_SIZE, 2 * big);

	(void)state;
	assert_int_equal(leaf_level(io), 1);
	assert_int_equal(leaf_level(io + big - 4 * PAGE_SIZE), 1);
	assert_int_equal(leaf_level(io + big - 3 * PAGE_SIZE), 2);
	assert_int_equal(leaf_level(io + 2 * big - 4 * PAGE_SIZE), 2);
	assert_int_equal(leaf_level(io + 2 * big - 3 * PAGE_SIZE), 1);
	for (unsigned long at = 0; at < 2 * big; at += 5 * PAGE_SIZE)
		assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + at).phys == DEVICE + 3 * PAGE_SIZE + at);
	iounmap(io);
	host_set_feature(FEATURE_HUGE_2M, false);
	io = ioremap((phys_addr_t)DEVICE, big);
	host_set_feature(FEATURE_HUGE_2M, true);
	assert_int_equal(leaf_level(io), 1);
	iounmap(io);
	if (pt_top() > 3) {
		io = ioremap((phys_addr_t)DEVICE + big, 3ul << 30);
		assert_int_equal(leaf_level(io), 2);
		assert_int_equal(leaf_level(io + (1ul << 30)), 3);
		assert_int_equal(leaf_level(io + (3ul << 30) - PAGE_SIZE), 2);
		iounmap(io);
	}
	assert_balance(before);
}

/*
 * Small pages, then a large leaf on the same address: the empty table goes, and not before everybody has forgotten it.
 */
static void small_then_large(void **state)
{
	unsigned long big = pt_level_size(2), since;
	struct pgtable process;
	char *io[2];

	(void)state;
	assert_int_equal(pgtable_init_process(&process), 0);
	host_set_feature(FEATURE_HUGE_2M, false);
	for (unsigned int i = 0; i < 2; i++)
		io[i] = ioremap((phys_addr_t)DEVICE, 2 * big);
	for (unsigned int i = 0; i < 2; i++)
		iounmap(io[i]);
	vm_cache_reclaim();
	host_set_feature(FEATURE_HUGE_2M, true);
	since = tlb_log_seq();
	io[0] = ioremap((phys_addr_t)DEVICE + big, 2 * big);
	assert_int_equal(leaf_level(io[0]), 2);
	assert_true(tlb_log_covers(since, (vaddr_t)io[0], (vaddr_t)io[0] + big));
	assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
	iounmap(io[0]);
	io[0] = vmalloc(big);
	assert_non_null(io[0]);
	assert_int_equal(leaf_level(io[0]), 1);
	assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
	vfree(io[0]);
	pgtable_exit_process(&process);
	assert_int_equal(vmalloc_check(), 0);
}


/* --- memory types ------------------------------------------------------------------------------------------------- */

static const struct {
	enum memtype type;
	void *(*map)(phys_addr_t phys, unsigned long size);
	u64 small, large; /* PWT 3, PCD 4, PAT 7 or 12 */
} makers[] = {
	{ MEMTYPE_WB, ioremap_cache, 0, 0 },		{ MEMTYPE_WT, ioremap_wt, 1 << 3, 1 << 3 },
	{ MEMTYPE_UC_MINUS, ioremap, 1 << 4, 1 << 4 },	{ MEMTYPE_UC, ioremap_uc, 3 << 3, 3 << 3 },
	{ MEMTYPE_WC, ioremap_wc, 1 << 4 | 1 << 7, 1 << 4 | 1 << 12 },
};

static void assert_leaf(const char *addr, unsigned int level, u64 type_bits, u64 phys)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, (vaddr_t)addr);

	assert_int_equal(leaf.level, level);
	assert_true(leaf.phys == phys);
	assert_int_equal(leaf.pte.val & (level == 1 ? 0x98 : 0x1018), type_bits);
	assert_true(pte_leaf(leaf.pte, level) && (level == 1 || (leaf.pte.val & 1 << 7)));
}

static void types_in_every_leaf_size(void **state)
{
	unsigned long big = pt_level_size(2);
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(makers); i++) {
		char *io = makers[i].map((phys_addr_t)DEVICE - PAGE_SIZE, PAGE_SIZE + big);

		assert_leaf(io, 1, makers[i].small, DEVICE - PAGE_SIZE);
		assert_leaf(io + PAGE_SIZE + 0x2234, 2, makers[i].large, DEVICE + 0x2234);
		assert_int_equal(pte_memtype(pgtable_query(&kernel_pgtable, (vaddr_t)io).pte, 1), makers[i].type);
		assert_int_equal(pte_memtype(pgtable_query(&kernel_pgtable, (vaddr_t)io + PAGE_SIZE).pte, 2),
				 makers[i].type);
		iounmap(io);
		if (pt_top() > 3) {
			io = makers[i].map((phys_addr_t)DEVICE, 1ul << 30);
			assert_leaf(io + 0x6432, 3, makers[i].large, DEVICE + 0x6432);
			iounmap(io);
		}
	}
	assert_balance(before);
}

/* A change of rights or type of a large leaf keeps it a leaf, and its frame. */
static void protect_changes_the_type(void **state)
{
	unsigned long big = pt_level_size(2);
	char *io = ioremap_cache((phys_addr_t)DEVICE, big);
	pgprot_t wc = pgprot_set_memtype(__pgprot(0), MEMTYPE_WC);
	struct mmu_update u;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		arch_update_kernel_mappings_begin(&u, (vaddr_t)io, (vaddr_t)io + big);
		assert_int_equal(pgtable_protect(&kernel_pgtable, &u, (vaddr_t)io, (vaddr_t)io + big,
						 i ? __pgprot(0) : wc, i ? wc : __pgprot(0)), 0);
		arch_update_kernel_mappings_end(&u);
		assert_leaf(io + 0x2000, 2, i ? 0 : 1 << 4 | 1 << 12, DEVICE + 0x2000);
	}
	iounmap(io);
}

static void assert_refused(void *io)
{
	assert_null(io);
	assert_non_null(strstr(host_log(), "refused"));
}

static void types_must_agree(void **state)
{
	struct vm_balance before = vm_balance();
	struct memtype_info info = { 0 };
	char *io[3];

	(void)state;
	for (unsigned int a = 0; a < ARRAY_SIZE(makers); a++)
		for (unsigned int b = 0; b < ARRAY_SIZE(makers); b++) {
			io[0] = makers[a].map((phys_addr_t)DEVICE, 4 * PAGE_SIZE);
			assert_non_null(io[0]);
			host_log_clear();
			io[1] = makers[b].map((phys_addr_t)DEVICE + 4 * PAGE_SIZE - 1, 2);
			if (a == b) {
				iounmap(io[1]);
			} else {
				assert_refused(io[1]);
				assert_non_null(strstr(host_log(), memtype_name(makers[a].type)));
				assert_non_null(strstr(host_log(), memtype_name(makers[b].type)));
			}
			io[2] = makers[b].map((phys_addr_t)DEVICE + 4 * PAGE_SIZE, 1); /* the neighbour */
			assert_non_null(io[2]);
			assert_int_equal(memtype_check(), 0);
			iounmap(io[0]);
			iounmap(io[2]);
		}
	assert_false(memtype_next(&info));
	assert_balance(before);
}

/* Without PAT write-combining is UC-, in the entry and in the book. */
static void without_pat(void **state)
{
	char *io[2];

	(void)state;
	pte_supported &= ~PTE_PAT;
	io[0] = ioremap_wc((phys_addr_t)DEVICE, pt_level_size(2));
	assert_leaf(io[0], 2, 1 << 4, DEVICE);
	io[1] = ioremap((phys_addr_t)DEVICE, PAGE_SIZE);
	assert_leaf(io[1], 1, 1 << 4, DEVICE);
	assert_refused(ioremap_wt((phys_addr_t)DEVICE, PAGE_SIZE));
	pte_supported |= PTE_PAT;
	iounmap(io[0]);
	iounmap(io[1]);
	io[0] = ioremap_wc((phys_addr_t)DEVICE, 1);
	assert_non_null(io[0]);
	iounmap(io[0]);
}

static void prot_and_rights(void **state)
{
	char *io = ioremap_prot((phys_addr_t)DEVICE + 5, 1, pgprot_writethrough(PAGE_KERNEL_ROX));
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, (vaddr_t)io);

	(void)state;
	assert_leaf(io, 1, 1 << 3, DEVICE + 5);
	assert_false(pte_writable(leaf.pte));
	assert_true((leaf.pte.val & PTE_NX) == PTE_NX);
	iounmap(io);
}

static void iounmap_of_something_else(void **state)
{
	char *io = ioremap((phys_addr_t)DEVICE, 3 * PAGE_SIZE), *mem = vmalloc(PAGE_SIZE);
	struct memtype_info info = { 0 };
	unsigned long warnings = warn_count();

	(void)state;
	iounmap(NULL);
	warn_expected(true);
	iounmap(io + PAGE_SIZE);
	iounmap(mem);
	iounmap(phys_to_virt(0));
	vfree(io);
	warn_expected(false);
	assert_int_equal(warn_count() - warnings, 4);
	assert_leaf(io + PAGE_SIZE, 1, 1 << 4, DEVICE + PAGE_SIZE);
	assert_true(memtype_next(&info) && info.start == DEVICE && info.count == 1);
	iounmap(io + 5);
	info = (struct memtype_info){ 0 };
	assert_false(memtype_next(&info));
	vfree(mem);
}

/* An area that its owner has mapped himself has no reservation to give back. */
static void iounmap_of_a_bare_area(void **state)
{
	struct vm_struct *area = get_vm_area(PAGE_SIZE, VM_IOREMAP);
	vaddr_t addr = (vaddr_t)area->addr;

	(void)state;
	assert_int_equal(ioremap_page_range(addr, addr + PAGE_SIZE, (phys_addr_t)DEVICE, PAGE_KERNEL_NOCACHE), 0);
	iounmap((void *)addr);
	assert_null(find_vm_area((void *)addr));
}

static void memremap_of_ram_is_its_direct_map(void **state)
{
	struct vm_balance before = vm_balance();
	char *mem = memremap((phys_addr_t)MIB + 5, 2 * PAGE_SIZE, MEMREMAP_WB | MEMREMAP_WC);

	(void)state;
	assert_ptr_equal(mem, phys_to_virt((phys_addr_t)MIB + 5));
	memunmap(mem);
	memunmap(NULL);
	assert_null(memremap((phys_addr_t)MIB, PAGE_SIZE, 0));
	assert_null(memremap((phys_addr_t)MIB, 0, MEMREMAP_WB));
	warn_expected(true);
	assert_null(memremap((phys_addr_t)MIB, PAGE_SIZE, MEMREMAP_WT | MEMREMAP_WC));
	assert_null(memremap((phys_addr_t)HOLE_START - 1, 2, MEMREMAP_WB));
	assert_null(memremap((phys_addr_t)HOLE_END - 1, 2, MEMREMAP_WC));
	warn_expected(false);
	mem = memremap((phys_addr_t)HOLE_START + 7, HOLE_END - HOLE_START - 7, MEMREMAP_WB | MEMREMAP_WT);
	assert_leaf(mem, 2, 0, HOLE_START + 7);
	assert_null(memremap((phys_addr_t)HOLE_START, 1, MEMREMAP_WC)); /* write-back now */
	memunmap(mem);
	mem = memremap((phys_addr_t)HOLE_START, 1, MEMREMAP_WC | MEMREMAP_WT);
	assert_leaf(mem, 1, 1 << 3, HOLE_START);
	memunmap(mem);
	assert_balance(before);
}

/* Museum 63 (Linux b73522e0c1be): two types inside one large page: small leaves there, large ones elsewhere. */
static void m63_mtrr_inside_a_large_page(void **state)
{
	unsigned long big = pt_level_size(2);
	char *io;

	(void)state;
	mtrr_begin(&mtrr_state, 1, 1 << 11 | MTRR_WB);
	mtrr_add(&mtrr_state, (DEVICE + big) | MTRR_UC, (~(big / 2 - 1) & 0xffffff000ull) | 1 << 11);
	io = ioremap_cache((phys_addr_t)DEVICE, 3 * big);
	assert_int_equal(leaf_level(io), 2);
	assert_int_equal(leaf_level(io + big), 1);
	assert_int_equal(leaf_level(io + 2 * big - PAGE_SIZE), 1);
	assert_int_equal(leaf_level(io + 2 * big), 2);
	iounmap(io);
	if (pt_top() > 3) {
		io = ioremap_cache((phys_addr_t)DEVICE, 2ul << 30);
		assert_int_equal(leaf_level(io), 2);
		assert_int_equal(leaf_level(io + (1ul << 30)), 3);
		iounmap(io);
	}
	mtrr_begin(&mtrr_state, 0, 0);
	io = ioremap_cache((phys_addr_t)DEVICE + big, big);
	assert_int_equal(leaf_level(io), 2);
	iounmap(io);
}

/* When the type is free another may have it: so nothing is mapped any more then. */
static char *going;
static unsigned int borders;
static bool was_mapped[8];
static void look_at_the_border(void)
{
	was_mapped[borders++ % 8] = pgtable_query(&kernel_pgtable, (vaddr_t)going).present;
}

static void unmapped_before_the_type_is_free(void **state)
{
	static void __iomem *(*const maps[])(phys_addr_t, unsigned long) = { ioremap, ioremap_uc, ioremap_wc,
									     ioremap_cache };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++) {
		going = maps[i](DEVICE, PAGE_SIZE);
		borders = 0;
		schedule_point_set_visitor(look_at_the_border);
		iounmap(going);
		schedule_point_set_visitor(NULL);
		assert_true(borders > 2 && was_mapped[0]); /* claimed */
		assert_false(was_mapped[1]);		   /* and still reserved */
	}
}

/* However the area ends, the reservation ends with it. */
static void type_goes_with_the_area(void **state)
{
	struct vm_balance before = vm_balance();
	void *io = ioremap(DEVICE, PAGE_SIZE);

	(void)state;
	kfree(remove_vm_area(io));
	io = ioremap_wc(DEVICE, PAGE_SIZE);
	assert_non_null(io);
	iounmap(io);
	assert_balance(before);
}

/* --- what nobody else may have meanwhile -------------------------------------------------------------------------- */

static void assert_iounmap_flushes(char *io)
{
	unsigned long since = tlb_log_seq();

	assert_non_null(io);
	iounmap(io);
	assert_true(tlb_log_covers(since, (vaddr_t)io, (vaddr_t)io + PAGE_SIZE));
}

/* What is cached may be read ahead until it is forgotten; then the frame may have another type. */
static void iounmap_flushes_what_is_cached(void **state)
{
	unsigned long since;
	char *io;

	(void)state;
	assert_iounmap_flushes(ioremap_cache((phys_addr_t)DEVICE, PAGE_SIZE));
	assert_iounmap_flushes(ioremap_wc((phys_addr_t)DEVICE, PAGE_SIZE));
	assert_iounmap_flushes(ioremap_wt((phys_addr_t)DEVICE, PAGE_SIZE));
	assert_iounmap_flushes(memremap((phys_addr_t)DEVICE, PAGE_SIZE, MEMREMAP_WB));
	io = ioremap((phys_addr_t)DEVICE, PAGE_SIZE);
	since = tlb_log_seq();
	iounmap(io); /* uncached memory is never read ahead: its flush is put off, as everybody's is */
	assert_int_equal(tlb_log_seq(), since);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ioremap_keeps_the_offset),
		cmocka_unit_test(ioremap_refuses), cmocka_unit_test(refusals_have_a_reason),
		cmocka_unit_test(ioremap_uses_large_leaves),
		cmocka_unit_test(small_then_large),
		cmocka_unit_test(types_in_every_leaf_size),
		cmocka_unit_test(protect_changes_the_type),
		cmocka_unit_test(types_must_agree),
		cmocka_unit_test(without_pat),
		cmocka_unit_test(prot_and_rights),
		cmocka_unit_test(iounmap_of_something_else),
		cmocka_unit_test(iounmap_of_a_bare_area),
		cmocka_unit_test(memremap_of_ram_is_its_direct_map),
		cmocka_unit_test(m63_mtrr_inside_a_large_page),
		cmocka_unit_test(unmapped_before_the_type_is_free),
		cmocka_unit_test(type_goes_with_the_area),
		cmocka_unit_test(iounmap_flushes_what_is_cached),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
