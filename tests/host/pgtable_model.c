/* SPDX-License-Identifier: MIT */
/* See pgtable_model.h. */
#include "tests/host/pgtable_model.h"

#include <kernel/inject.h>
#include <lib/errno.h>

#define RAM_SIZE (256ull << 20)

/* --- the model -------------------------------------------------------------------------------------------------- */

struct leaf {
	unsigned int level;
	vaddr_t addr;
	u64 phys;
	pteval_t rights;
};

struct table {
	unsigned int level; /* of its entries */
	vaddr_t base;	    /* what it spans begins here */
};

static struct leaf leaves[MAX_LEAVES];
static struct table tables[MAX_TABLES];
unsigned int nr_leaves, nr_tables;
static pgtbl_mod_mask changed; /* levels at which the model has changed an entry */
static unsigned int tables_to_be_had = -1u;

vaddr_t window, window_end;

static int find_leaf(vaddr_t addr)
{
	for (unsigned int i = 0; i < nr_leaves; i++)
		if (base_of(leaves[i].level, addr) == leaves[i].addr)
			return (int)i;
	return -1;
}

/* The table whose entries have this level and cover addr: it spans one entry of the level above. */
static int find_table(unsigned int level, vaddr_t addr)
{
	for (unsigned int i = 0; i < nr_tables; i++)
		if (tables[i].level == level && tables[i].base == base_of(level + 1, addr))
			return (int)i;
	return -1;
}

/* Does the reference have tables there from the beginning? Those are not the model's. */
static bool table_is_older(unsigned int level, vaddr_t addr)
{
	return level >= pt_top() || (pt_top() == 3 && level == 2 && addr >= layout.kernel_start);
}

/* False: there are no more to be had. */
static bool model_add_tables(unsigned int down_to, vaddr_t addr)
{
	for (unsigned int level = pt_top() - 1; level >= down_to; level--) {
		if (table_is_older(level, addr) || find_table(level, addr) >= 0)
			continue;
		if (!tables_to_be_had--)
			return false;
		assert_true(nr_tables < MAX_TABLES);
		tables[nr_tables++] = (struct table){ level, base_of(level + 1, addr) };
		changed |= PGTBL_MODIFIED(level + 1);
	}
	return true;
}

static void model_remove_leaf(int i) { leaves[i] = leaves[--nr_leaves]; }

/* The largest leaf that may stand at addr: alignment, size, the CPU's features, and no table in the slot. */
static unsigned int model_leaf_level(vaddr_t addr, vaddr_t end, u64 phys, unsigned int max_shift)
{
	for (unsigned int level = pt_top(); level > 1; level--) {
		vaddr_t size = size_of(level);

		if (pt_level[level].shift <= max_shift && pt_leaf_allowed(level) && !((addr | phys) & (size - 1)) &&
		    end - addr >= size && find_table(level - 1, addr) < 0)
			return level;
	}
	return 1;
}

bool model_is_free(vaddr_t start, vaddr_t end)
{
	for (unsigned int i = 0; i < nr_leaves; i++)
		if (leaves[i].addr < end && start < leaves[i].addr + size_of(leaves[i].level))
			return false;
	return true;
}

unsigned int model_count(vaddr_t start, vaddr_t end, u64 phys, unsigned int max_shift)
{
	unsigned int n = 0;

	for (vaddr_t addr = start; addr != end && n <= MAX_LEAVES; n++)
		addr += size_of(model_leaf_level(addr, end, phys + (addr - start), max_shift));
	return n;
}

static bool model_add_leaf(unsigned int level, vaddr_t addr, u64 phys, pteval_t rights)
{
	if (!model_add_tables(level, addr))
		return false;
	assert_true(nr_leaves < MAX_LEAVES);
	leaves[nr_leaves++] = (struct leaf){ level, addr, phys, rights };
	changed |= PGTBL_MODIFIED(level);
	return true;
}

/* Returns where it had to stop, for want of a table. */
static vaddr_t model_map(vaddr_t start, vaddr_t end, u64 phys, pteval_t rights, unsigned int max_shift)
{
	vaddr_t addr = start;

	while (addr != end) {
		unsigned int level = model_leaf_level(addr, end, phys + (addr - start), max_shift);

		if (!model_add_leaf(level, addr, phys + (addr - start), rights))
			break;
		addr += size_of(level);
	}
	return addr;
}

/* --- the real tree, read without the walker's help -------------------------------------------------------------- */

static unsigned int seen_leaves, seen_tables;
static unsigned int window_index(unsigned int level, vaddr_t addr)
{
	return (addr >> pt_level[level].shift) & ((1u << pt_level[level].bits) - 1);
}

static void compare_leaf(pte_t pte, unsigned int level, vaddr_t addr)
{
	pteval_t rights = pte.val & ~(PTE_FRAME | (level > 1 ? 1 << 7 : 0));
	u64 phys = pte.val & PTE_FRAME;
	int i = find_leaf(addr);

	assert_true(i >= 0);
	assert_int_equal(leaves[i].level, level);
	if (level > 1) { /* the third bit of the memory type is not where small leaves have it */
		rights |= phys & 1 << 12 ? 1 << 7 : 0;
		phys &= ~(1ull << 12);
	}
	assert_int_equal(leaves[i].phys, phys);
	assert_int_equal(leaves[i].rights, rights);
	seen_leaves++;
}

static void compare_table(const pte_t *table, unsigned int level, vaddr_t base, vaddr_t end)
{
	for (vaddr_t addr = base; addr != end; addr += size_of(level)) {
		pte_t pte = table[window_index(level, addr)];

		if (!pte.val)
			continue;
		assert_true(pte_present(pte));
		assert_false(pte_pending(pte));
		assert_true(pte.val & PTE_ACCESSED);
		if (level == 1 || (pte.val & PTE_PSE)) {
			compare_leaf(pte, level, addr);
			continue;
		}
		seen_tables += !table_is_older(level - 1, addr);
		assert_true(table_is_older(level - 1, addr) || find_table(level - 1, addr) >= 0);
		compare_table(phys_to_virt(pte_phys(pte)), level - 1, addr, addr + size_of(level));
	}
}

/* All entries of the shared levels and below that the window touches, in the reference. */
static void compare_with_model(void)
{
	vaddr_t top_size = size_of(pt_top());

	seen_leaves = seen_tables = 0;
	if (pt_top() == 3)
		compare_table(phys_to_virt(pte_phys(kernel_pgtable.root[3])), 2, window, window_end);
	else
		compare_table(kernel_pgtable.root, pt_top(), base_of(pt_top(), window),
			      base_of(pt_top(), window_end - 1) + top_size);
	assert_int_equal(seen_leaves, nr_leaves);
	assert_int_equal(seen_tables, nr_tables);
}

static void compare_query(vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);
	int i = find_leaf(addr);

	assert_int_equal(leaf.present, i >= 0);
	if (i < 0)
		return;
	assert_int_equal(leaf.level, leaves[i].level);
	assert_int_equal(leaf.phys, leaves[i].phys + (addr - leaves[i].addr));
}

static void compare_queries(void)
{
	for (int n = 0; n < 10; n++)
		compare_query(window + host_random_below(window_end - window));
	for (int n = 0; n < 10 && nr_leaves; n++) {
		const struct leaf *l = &leaves[host_random_below(nr_leaves)];

		compare_query(l->addr);
		compare_query(l->addr + size_of(l->level) - 1);
		compare_query(l->addr + host_random_below(size_of(l->level)));
		compare_query(l->addr - 1);
	}
}

/* --- operations on both ----------------------------------------------------------------------------------------- */

struct mmu_update update;
unsigned long tables_before;
static unsigned long syncs;

void model_begin(vaddr_t start, vaddr_t end)
{
	changed = 0;
	syncs = sync_counters().calls;
	arch_update_kernel_mappings_begin(&update, start, end);
}

/* The mask is exact above level 1; below, a walk over a table may say "changed" without having found anything. */
void model_end(void)
{
	pgtbl_mod_mask mask = update.mask;

	arch_update_kernel_mappings_end(&update);
	assert_int_equal(mask & ~PGTBL_MODIFIED(1), changed & ~PGTBL_MODIFIED(1));
	assert_true(!(changed & PGTBL_MODIFIED(1)) || (mask & PGTBL_MODIFIED(1)));
	assert_int_equal(sync_counters().calls - syncs, !!(changed & ARCH_PAGE_TABLE_SYNC_MASK));
	assert_int_equal(pgtable_kernel_pages() - tables_before, nr_tables);
	compare_with_model();
	compare_queries();
}

void model_restart(void)
{
	vaddr_t room = pt_top() > 3 ? 16ul << 30 : 64ul << 20;

	host_machine(RAM_SIZE, 2);
	host_pgtable_init();
	oracle_enable(false); /* the walker by itself: here nobody flushes what it has unmapped */
	nr_leaves = nr_tables = 0;
	tables_before = pgtable_kernel_pages();
	if (pt_top() > 3)
		window = layout.vmalloc_start + size_of(pt_top()) - room / 2;
	else
		window = ALIGN(layout.vmalloc_start, 4ul << 20);
	window_end = window + room;
}


void do_map(vaddr_t start, vaddr_t stop, u64 phys, pgprot_t prot, unsigned int max_shift)
{
	int err;

	model_begin(start, stop);
	err = pgtable_map(&kernel_pgtable, &update, start, stop, (phys_addr_t)phys, prot, max_shift);
	assert_int_equal(err, 0);
	model_map(start, stop, phys, prot.val, max_shift);
	model_end();
}

struct frames {
	u64 phys, step;
	pgprot_t prot;
};

static int fill_run(void *ctx, pte_t *ptep, vaddr_t addr __maybe_unused, unsigned long n)
{
	struct frames *f = ctx;

	for (; n; n--, f->phys += f->step)
		pte_store(ptep++, __pte((pteval_t)f->phys | f->prot.val));
	return 0;
}

void do_map_pages(vaddr_t start, vaddr_t stop, u64 phys, u64 step, pgprot_t prot)
{
	struct frames f = { phys, step, prot };

	model_begin(start, stop);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, true, fill_run, &f), 0);
	for (vaddr_t addr = start; addr != stop; addr += PAGE_SIZE, phys += step)
		assert_true(model_add_leaf(1, addr, phys, prot.val));
	model_end();
}

static void model_unmap(vaddr_t start, vaddr_t stop)
{
	for (unsigned int i = nr_leaves; i-- > 0;)
		if (leaves[i].addr >= start && leaves[i].addr + size_of(leaves[i].level) <= stop) {
			changed |= PGTBL_MODIFIED(leaves[i].level);
			model_remove_leaf((int)i);
		}
}

void do_map_failing(vaddr_t start, vaddr_t stop, u64 phys, unsigned int max_shift, unsigned int nth)
{
	bool refused;
	int err;

	model_begin(start, stop);
	inject_set(INJECT_TABLE, nth);
	err = pgtable_map(&kernel_pgtable, &update, start, stop, (phys_addr_t)phys, PAGE_KERNEL, max_shift);
	refused = !inject_clear(INJECT_TABLE);
	assert_int_equal(err, refused ? -ENOMEM : 0);
	tables_to_be_had = nth - 1;
	assert_int_equal(model_map(start, stop, phys, PAGE_KERNEL.val, max_shift) != stop, refused);
	tables_to_be_had = -1u;
	pgtable_unmap(&kernel_pgtable, &update, start, stop);
	model_unmap(start, stop);
	model_end();
}

void do_unmap(vaddr_t start, vaddr_t stop)
{
	model_begin(start, stop);
	warn_expected(true);
	pgtable_unmap(&kernel_pgtable, &update, start, stop);
	warn_expected(false);
	model_unmap(start, stop);
	model_end();
}

/* Ends at the first leaf, in the order of addresses, that is only partly covered. */
void do_protect(vaddr_t start, vaddr_t stop, pgprot_t set, pgprot_t clear)
{
	vaddr_t broken = stop;
	int err;

	for (unsigned int i = 0; i < nr_leaves; i++) {
		vaddr_t from = leaves[i].addr, to = from + size_of(leaves[i].level);

		if (from < stop && start < to && (from < start || to > stop))
			broken = min(broken, max(from, start));
	}
	model_begin(start, stop);
	err = pgtable_protect(&kernel_pgtable, &update, start, stop, set, clear);
	assert_int_equal(err, broken < stop ? -EINVAL : 0);
	for (unsigned int i = 0; i < nr_leaves; i++) {
		pteval_t rights = (leaves[i].rights & ~clear.val) | set.val;

		if (leaves[i].addr < start || leaves[i].addr >= broken || rights == leaves[i].rights)
			continue;
		leaves[i].rights = rights;
		changed |= PGTBL_MODIFIED(leaves[i].level);
	}
	model_end();
}

/* Tables whose whole span lies in the range go, if their place could hold a leaf of at most that size. */
void do_clear_tables(vaddr_t start, vaddr_t stop, unsigned int shift)
{
	if (!model_is_free(start, stop))
		return;
	model_begin(start, stop);
	arch_update_kernel_mappings_end(&update); /* it opens scopes of its own */
	pgtable_clear_tables(&kernel_pgtable, start, stop, shift);
	for (unsigned int level = 2; level <= pt_top(); level++) {
		if (!pt_leaf_allowed(level) || pt_level[level].shift > max(shift, (unsigned int)pt_level[2].shift))
			continue;
		for (unsigned int i = nr_tables; i-- > 0;) {
			vaddr_t slot = base_of(level, tables[i].base);

			if (tables[i].level < level && slot >= start && slot + size_of(level) <= stop &&
			    slot + size_of(level) > slot)
				tables[i] = tables[--nr_tables];
		}
	}
	assert_int_equal(pgtable_kernel_pages() - tables_before, nr_tables);
	compare_with_model();
}
