/* SPDX-License-Identifier: MIT */
/*
 * The walker against a list. The model knows leaves and tables as plain records and finds them by looking at all of them;
 * after every operation the whole tree is read by recursion and must hold exactly what the model holds: each leaf with its
 * level, frame and rights, and each table page. Built for 2, 3, 4 and 5 levels.
 */
#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>
#include <lib/errno.h>
#include <lib/string.h>

#define RAM_SIZE (256ull << 20)
#define MAX_LEAVES 2400
#define MAX_TABLES 300

/* --- the model ------------------------------------------------------------------------------------------------------ */

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
static unsigned int nr_leaves, nr_tables;
static pgtbl_mod_mask changed; /* levels at which the model has changed an entry */

/* The window under test: in the middle of vmalloc space, across the border of a top-level entry if it is that large. */
static vaddr_t window, window_end;

static vaddr_t size_of(unsigned int level) { return 1ul << pt_level[level].shift; }
static vaddr_t base_of(unsigned int level, vaddr_t addr) { return addr & ~(size_of(level) - 1); }

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
	return level >= pt_top() || (pt_top() == 3 && level == 2 && addr >= layout.direct_start);
}

static void model_add_tables(unsigned int down_to, vaddr_t addr)
{
	for (unsigned int level = pt_top() - 1; level >= down_to; level--) {
		if (table_is_older(level, addr) || find_table(level, addr) >= 0)
			continue;
		assert_true(nr_tables < MAX_TABLES);
		tables[nr_tables++] = (struct table){ level, base_of(level + 1, addr) };
		changed |= PGTBL_MODIFIED(level + 1);
	}
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

static bool model_is_free(vaddr_t start, vaddr_t end)
{
	for (unsigned int i = 0; i < nr_leaves; i++)
		if (leaves[i].addr < end && start < leaves[i].addr + size_of(leaves[i].level))
			return false;
	return true;
}

/* How many leaves that will be: small ones by the thousand would only be slow. */
static unsigned int model_count(vaddr_t start, vaddr_t end, u64 phys, unsigned int max_shift)
{
	unsigned int n = 0;

	for (vaddr_t addr = start; addr != end && n <= MAX_LEAVES; n++)
		addr += size_of(model_leaf_level(addr, end, phys + (addr - start), max_shift));
	return n;
}

static void model_map(vaddr_t start, vaddr_t end, u64 phys, pteval_t rights, unsigned int max_shift)
{
	for (vaddr_t addr = start; addr != end;) {
		unsigned int level = model_leaf_level(addr, end, phys + (addr - start), max_shift);

		assert_true(nr_leaves < MAX_LEAVES);
		model_add_tables(level, addr);
		leaves[nr_leaves++] = (struct leaf){ level, addr, phys + (addr - start), rights };
		changed |= PGTBL_MODIFIED(level);
		addr += size_of(level);
	}
}

/* --- the real tree, read without the walker's help ------------------------------------------------------------------ */

static unsigned int seen_leaves, seen_tables;
static unsigned int window_index(unsigned int level, vaddr_t addr)
{
	return (addr >> pt_level[level].shift) & ((1u << pt_level[level].bits) - 1);
}

static void compare_leaf(pte_t pte, unsigned int level, vaddr_t addr)
{
	pteval_t rights = pte.val & ~(PTE_FRAME | (level > 1 ? PTE_PSE : 0));
	int i = find_leaf(addr);

	assert_true(i >= 0);
	assert_int_equal(leaves[i].level, level);
	assert_int_equal(leaves[i].phys, pte_phys(pte));
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

/* --- operations on both --------------------------------------------------------------------------------------------- */

static struct mmu_update update;
static unsigned long syncs, tables_before;

static void begin(vaddr_t start, vaddr_t end)
{
	changed = 0;
	syncs = sync_counters().calls;
	arch_update_kernel_mappings_begin(&update, start, end);
}

/* The mask is exact above level 1; below, a walk over a table may say "changed" without having found anything. */
static void end(void)
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

/* A fresh machine and an empty model. */
static void restart(void)
{
	vaddr_t room = pt_top() > 3 ? 16ul << 30 : 64ul << 20;

	host_machine(RAM_SIZE, 2);
	host_pgtable_init();
	nr_leaves = nr_tables = 0;
	tables_before = pgtable_kernel_pages();
	if (pt_top() > 3)
		window = layout.vmalloc_start + size_of(pt_top()) - room / 2;
	else
		window = ALIGN(layout.vmalloc_start, 4ul << 20);
	window_end = window + room;
}

static u64 phys_limit(void) { return min(arch_phys_limit(), 1ull << 36); }

static const unsigned int shifts[] = { 12, 21, 22, 30 };

/* A range that may be anything: a few pages, many, or some large leaves and a rest. */
static void random_range(vaddr_t *start, vaddr_t *stop, u64 *phys)
{
	vaddr_t align = 1ul << shifts[host_random_below(ARRAY_SIZE(shifts))], room = window_end - window, size;

	align = min(align, room / 4);
	*start = base_of(1, window + host_random_below(room)) & ~(align - 1);
	*start = max(*start, window);
	size = host_random() & 1 ? PAGE_SIZE * (1 + host_random_below(40)) : align * (1 + host_random_below(3));
	size += host_random() & 1 ? PAGE_SIZE * host_random_below(8) : 0;
	*stop = min(*start + size, window_end);
	*phys = (u64)host_random_below(phys_limit() - (*stop - *start)) & ~((u64)PAGE_SIZE - 1);
	if (host_random() & 3)
		*phys = (*phys & ~((u64)align - 1)) | (*start & (align - 1));
	if (*phys + (*stop - *start) > phys_limit())
		*phys = 0;
}

static void do_map(vaddr_t start, vaddr_t stop, u64 phys, pgprot_t prot, unsigned int max_shift)
{
	int err;

	begin(start, stop);
	err = pgtable_map(&kernel_pgtable, &update, start, stop, (phys_addr_t)phys, prot, max_shift);
	assert_int_equal(err, 0);
	model_map(start, stop, phys, prot.val, max_shift);
	end();
}

static void do_unmap(vaddr_t start, vaddr_t stop)
{
	begin(start, stop);
	warn_expected(true);
	pgtable_unmap(&kernel_pgtable, &update, start, stop);
	warn_expected(false);
	for (unsigned int i = nr_leaves; i-- > 0;)
		if (leaves[i].addr >= start && leaves[i].addr + size_of(leaves[i].level) <= stop) {
			changed |= PGTBL_MODIFIED(leaves[i].level);
			model_remove_leaf((int)i);
		}
	end();
}

/* Ends at the first leaf, in the order of addresses, that is only partly covered. */
static void do_protect(vaddr_t start, vaddr_t stop, pgprot_t set, pgprot_t clear)
{
	vaddr_t broken = stop;
	int err;

	for (unsigned int i = 0; i < nr_leaves; i++) {
		vaddr_t from = leaves[i].addr, to = from + size_of(leaves[i].level);

		if (from < stop && start < to && (from < start || to > stop))
			broken = min(broken, max(from, start));
	}
	begin(start, stop);
	err = pgtable_protect(&kernel_pgtable, &update, start, stop, set, clear);
	assert_int_equal(err, broken < stop ? -EINVAL : 0);
	for (unsigned int i = 0; i < nr_leaves; i++) {
		pteval_t rights = (leaves[i].rights & ~clear.val) | set.val;

		if (leaves[i].addr < start || leaves[i].addr >= broken || rights == leaves[i].rights)
			continue;
		leaves[i].rights = rights;
		changed |= PGTBL_MODIFIED(leaves[i].level);
	}
	end();
}

/* Tables whose whole span lies in the range go, if their place could hold a leaf of at most that size. */
static void do_clear_tables(vaddr_t start, vaddr_t stop, unsigned int shift)
{
	if (!model_is_free(start, stop))
		return;
	begin(start, stop);
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

static pgprot_t random_prot(void)
{
	const pgprot_t prots[] = { PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX, PAGE_KERNEL_NOCACHE };

	return prots[host_random_below(ARRAY_SIZE(prots))];
}

static void random_step(void)
{
	unsigned int shift;
	vaddr_t start, stop;
	u64 phys;

	random_range(&start, &stop, &phys);
	switch (host_random_below(8)) {
	case 0:
		do_protect(start, stop, host_random() & 1 ? PROT_BIT_RW : PROT_BIT_NX, host_random() & 1 ? PROT_BIT_RW : PROT_BIT_NX);
		break;
	case 1:
		do_clear_tables(start, stop, pt_level[2 + host_random_below(pt_top() - 1)].shift);
		break;
	case 2:
	case 3:
		do_unmap(start, stop);
		break;
	default:
		shift = shifts[host_random_below(ARRAY_SIZE(shifts))];
		if (model_is_free(start, stop) && model_count(start, stop, phys, shift) <= MAX_LEAVES / 4)
			do_map(start, stop, phys, random_prot(), shift);
	}
	if (nr_leaves > MAX_LEAVES / 2)
		do_unmap(window, window_end);
	if (nr_tables > MAX_TABLES / 2)
		restart();
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	for (enum cpu_feature f = 0; f < NR_FEATURES; f++)
		host_set_feature(f, true);
	restart();
	return 0;
}

static void play(void)
{
	for (int round = 0; round < 1500; round++)
		random_step();
	do_unmap(window, window_end);
	assert_int_equal(nr_leaves, 0);
}

static void random_operations(void **state) { (void)state; play(); }

static void random_operations_small_leaves_only(void **state)
{
	(void)state;
	host_set_feature(FEATURE_HUGE_2M, false);
	host_set_feature(FEATURE_HUGE_1G, false);
	play();
}

static void random_operations_without_1g(void **state)
{
	(void)state;
	host_set_feature(FEATURE_HUGE_1G, false);
	play();
}

/* Over every kind of obstacle: the part before it is mapped, the obstacle is as it was, and one unmap cleans up. */
static void map_over_something(void **state)
{
	vaddr_t big = size_of(2);
	vaddr_t obstacle = window + 2 * big, start = window, stop = window + 5 * big;

	(void)state;
	for (unsigned int leaf_level = 2; leaf_level >= 1; leaf_level--) {
		do_map(obstacle, obstacle + size_of(leaf_level), 0, PAGE_KERNEL, pt_level[leaf_level].shift);
		arch_update_kernel_mappings_begin(&update, start, stop);
		assert_int_equal(pgtable_map(&kernel_pgtable, &update, start, stop, (phys_addr_t)big, PAGE_KERNEL_RO, 30), -EBUSY);
		arch_update_kernel_mappings_end(&update);
		assert_int_equal(pgtable_query(&kernel_pgtable, obstacle - 1).phys, 3 * big - 1);
		assert_int_equal(pgtable_query(&kernel_pgtable, obstacle).phys, 0);
		assert_int_equal(pgtable_query(&kernel_pgtable, obstacle).level, leaf_level);
		assert_false(pgtable_query(&kernel_pgtable, stop - 1).present);
		arch_update_kernel_mappings_begin(&update, start, stop);
		pgtable_unmap(&kernel_pgtable, &update, start, obstacle);
		arch_update_kernel_mappings_end(&update);
		do_unmap(start, stop);
	}
}

/* A slot that has a table gets small leaves, and the table stays the one it was (museum 56). */
static void no_leaf_lands_on_a_table(void **state)
{
	vaddr_t big = size_of(2), at = window + big;
	pte_t link;

	(void)state;
	do_map(at + PAGE_SIZE, at + 2 * PAGE_SIZE, 0, PAGE_KERNEL, PAGE_SHIFT);
	link = pgtable_read_entry(&kernel_pgtable, at, 2);
	begin(at, at + big);
	assert_int_equal(pgtable_map(&kernel_pgtable, &update, at, at + big, 0, PAGE_KERNEL, 30), -EBUSY);
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(pgtable_read_entry(&kernel_pgtable, at, 2).val, link.val);
	begin(at, at + big);
	pgtable_unmap(&kernel_pgtable, &update, at, at + big);
	arch_update_kernel_mappings_end(&update);
	nr_leaves = 0;
	do_map(at, at + big, 0, PAGE_KERNEL, 30);
	assert_int_equal(pgtable_read_entry(&kernel_pgtable, at, 2).val, link.val);
	assert_int_equal(pgtable_query(&kernel_pgtable, at + 5).level, 1);
}

/* Any byte of a large leaf translates exactly (museum 57: byte 3M of a 1G leaf). */
static void large_leaves_translate_exactly(void **state)
{
	(void)state;
	for (unsigned int level = 2; level <= pt_top(); level++) {
		vaddr_t at = ALIGN(window, size_of(level));

		if (!pt_leaf_allowed(level))
			continue;
		do_map(at, at + size_of(level), size_of(level), PAGE_KERNEL, 30);
		assert_int_equal(pgtable_query(&kernel_pgtable, at + 3 * size_of(level) / 512 + 7).phys,
				 size_of(level) + 3 * size_of(level) / 512 + 7);
		do_unmap(at, at + size_of(level));
	}
}

/* Physical page 0 is full of what looks like entries; nobody may look there because an entry is absent (museum 41). */
static void absent_entries_lead_nowhere(void **state)
{
	u8 *zero_page = phys_to_virt(0);
	unsigned long before = host_live_tables();
	bool called = false;

	(void)state;
	memset(zero_page, 0xe7, PAGE_SIZE);
	for (vaddr_t at = window; at < window_end; at += (window_end - window) / 64) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, at);

		assert_false(leaf.present);
		assert_int_equal(leaf.level, pt_top() == 3 ? 2 : pt_top());
		assert_int_equal(pgtable_read_entry(&kernel_pgtable, at, 1).val, 0);
	}
	do_unmap(window, window_end);
	do_protect(window, window_end, PROT_BIT_RW, PROT_BIT_NX);
	begin(window, window_end);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, window, window_end, false, NULL, &called), 0);
	end();
	do_clear_tables(window, window_end, 30);
	pgtable_dump_walk(&kernel_pgtable, window);
	assert_int_equal(host_live_tables(), before);
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(zero_page[i], 0xe7);
}

/* Refuse the n-th table page, for every n: -ENOMEM, and after unmapping the range nothing is mapped and nothing is lost. */
static void every_table_page_may_be_missing(void **state)
{
	unsigned int refused = 0;

	(void)state;
	for (unsigned int nth = 1;; nth++) {
		vaddr_t start, stop;
		unsigned long live;
		int err;

		restart();
		start = base_of(2, window + (window_end - window) / 2) - 3 * PAGE_SIZE;
		stop = start + 3 * size_of(2);
		live = host_live_tables();
		inject_set(INJECT_TABLE, nth);
		arch_update_kernel_mappings_begin(&update, start, stop);
		err = pgtable_map(&kernel_pgtable, &update, start, stop, 0, PAGE_KERNEL, PAGE_SHIFT);
		if (err)
			pgtable_unmap(&kernel_pgtable, &update, start, stop);
		arch_update_kernel_mappings_end(&update);
		assert_int_equal(host_live_tables() - live, pgtable_kernel_pages() - tables_before);
		if (inject_clear(INJECT_TABLE))
			break;
		refused++;
		assert_int_equal(err, -ENOMEM);
		for (vaddr_t at = start; at != stop; at += PAGE_SIZE)
			assert_false(pgtable_query(&kernel_pgtable, at).present);
		assert_int_equal(pgtable_kernel_pages() - tables_before, nth - 1);
	}
	/* Four page tables, and a second branch above them where the middle of the window is a border. */
	assert_true(refused >= 4);
	assert_int_equal(pgtable_kernel_pages() - tables_before, refused);
}

/* --- runs of small entries ------------------------------------------------------------------------------------------ */

struct runs {
	unsigned long calls, entries, stop_after;
	vaddr_t next;
};

static int count_run(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct runs *r = ctx;

	assert_int_equal(addr, r->next ? r->next : addr);
	r->next = addr + n * PAGE_SIZE;
	for (unsigned long i = 0; i < n; i++)
		if (pte_none(ptep[i]))
			pte_store(ptep + i, pfn_pte(r->entries + i, PAGE_KERNEL));
	r->entries += n;
	return ++r->calls == r->stop_after ? -EIO : 0;
}

static void runs_cover_every_entry(void **state)
{
	vaddr_t start = base_of(2, window) + size_of(2) - 3 * PAGE_SIZE, stop = start + size_of(2);
	struct runs r = { 0 };

	(void)state;
	arch_update_kernel_mappings_begin(&update, start, stop);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, true, count_run, &r), 0);
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(r.calls, 2);
	assert_int_equal(r.entries, (stop - start) >> PAGE_SHIFT);
	for (vaddr_t at = start; at != stop; at += PAGE_SIZE)
		assert_int_equal(pgtable_query(&kernel_pgtable, at).phys, at - start);
}

static void runs_skip_holes_and_stop_on_error(void **state)
{
	vaddr_t start = window, stop = window + 6 * size_of(2);
	struct runs r = { 0 }, early = { .stop_after = 1 };

	(void)state;
	do_map(window + 3 * size_of(2), window + 3 * size_of(2) + PAGE_SIZE, 0, PAGE_KERNEL, PAGE_SHIFT);
	arch_update_kernel_mappings_begin(&update, start, stop);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, false, count_run, &r), 0);
	assert_int_equal(r.entries, size_of(2) >> PAGE_SHIFT);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, true, count_run, &early), -EIO);
	assert_int_equal(early.calls, 1);
	arch_update_kernel_mappings_end(&update);
}

static void runs_refuse_large_leaves(void **state)
{
	struct runs r = { 0 };

	(void)state;
	do_map(window, window + size_of(2), 0, PAGE_KERNEL, 30);
	begin(window, window + size_of(2));
	for (int create = 0; create < 2; create++)
		assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, window, window + PAGE_SIZE, create,
						      count_run, &r), -EINVAL);
	end();
	assert_int_equal(r.calls, 0);
}

/* --- replacing tables by leaves ------------------------------------------------------------------------------------- */

static unsigned long flushes_before, freed;

/* A table page may only come back after everything was flushed, paging-structure caches too (museum 51 to 53). */
static void free_must_follow_flush(phys_addr_t table)
{
	assert_true(tlb_log_covers(flushes_before, window, window_end));
	freed++;
	host_table_free(table);
}

static void tables_make_room_for_leaves(void **state)
{
	(void)state;
	for (unsigned int level = 2; level <= pt_top(); level++) {
		vaddr_t at = ALIGN(window, size_of(level));
		unsigned int had;

		if (!pt_leaf_allowed(level))
			continue;
		for (vaddr_t page = at; page < at + size_of(level); page += size_of(level) / 16)
			do_map(page, page + PAGE_SIZE, 0, PAGE_KERNEL, PAGE_SHIFT);
		do_unmap(at, at + size_of(level));
		had = nr_tables;
		flushes_before = tlb_log_seq();
		freed = 0;
		pgtable_set_allocator(host_table_alloc, free_must_follow_flush);
		do_clear_tables(at, at + size_of(level), pt_level[level].shift);
		pgtable_set_allocator(host_table_alloc, host_table_free);
		assert_int_equal(freed, had - nr_tables);
		assert_true(freed >= level - 1);
		do_map(at, at + size_of(level), 0, PAGE_KERNEL, 30);
		assert_int_equal(pgtable_query(&kernel_pgtable, at + 1).level, level);
		do_unmap(at, at + size_of(level));
	}
}

/* --- who may change what -------------------------------------------------------------------------------------------- */

static void changes_outside_the_scope_are_bugs(void **state)
{
	vaddr_t user = 1ul << 22;

	(void)state;
	begin(window, window + PAGE_SIZE);
	assert_true(PANICS(pgtable_map(&kernel_pgtable, &update, window, window + 2 * PAGE_SIZE, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, NULL, window, window + PAGE_SIZE, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, &update, window, window, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, &update, window + 1, window + PAGE_SIZE, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, NULL, user, user + PAGE_SIZE, 0, PAGE_USER, 12)));
	end();
}

/* A process's own half: its tables carry the user bit on the way down, and all come back. */
static void user_half(void **state)
{
	vaddr_t places[] = { PAGE_SIZE, 1ul << 30, layout.user_end - 4 * PAGE_SIZE };
	unsigned long before = host_live_tables();
	struct pgtable pt;

	(void)state;
	assert_int_equal(pgtable_init_process(&pt), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		assert_int_equal(pgtable_map(&pt, NULL, places[i], places[i] + 2 * PAGE_SIZE, 0x5000, PAGE_USER, 12), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(pgtable_query(&pt, places[i] + PAGE_SIZE + 3).phys, 0x6003);
		assert_false(pgtable_query(&kernel_pgtable, places[i]).present);
		for (unsigned int level = 1; level <= pt_top(); level++)
			assert_true((pgtable_read_entry(&pt, places[i], level).val & PTE_USER) ||
				    (pt_top() == 3 && level == 3));
	}
	pgtable_unmap(&pt, NULL, places[0], places[0] + PAGE_SIZE);
	assert_false(pgtable_query(&pt, places[0]).present);
	assert_true(pgtable_query(&pt, places[0] + PAGE_SIZE).present);
	pgtable_free_user(&pt);
	pgtable_exit_process(&pt);
	assert_int_equal(host_live_tables(), before);
	assert_int_equal(pgtable_kernel_pages(), tables_before);
}

static void addresses_between_the_halves(void **state)
{
	(void)state;
	if (pt_top() < 4)
		return;
	assert_false(pgtable_query(&kernel_pgtable, layout.direct_start & ~(1ul << 63)).present);
	assert_true(pgtable_query(&kernel_pgtable, layout.direct_start).present);
}

/* --- for people ----------------------------------------------------------------------------------------------------- */

static void dumps_say_what_is_there(void **state)
{
	vaddr_t at = window + size_of(2);

	(void)state;
	do_map(at, at + 3 * PAGE_SIZE, 0x7000, PAGE_KERNEL_RO, PAGE_SHIFT);
	host_log_clear();
	pgtable_dump_walk(&kernel_pgtable, at + PAGE_SIZE);
	assert_non_null(strstr(host_log(), "PTE["));
	assert_non_null(strstr(host_log(), "PGD["));
	assert_non_null(strstr(host_log(), "8000"));
	host_log_clear();
	pgtable_dump_range(&kernel_pgtable, window, window_end);
	assert_non_null(strstr(host_log(), " 12K"));
	assert_non_null(strstr(host_log(), "PTE"));
	assert_null(strstr(host_log(), "RW"));
	do_unmap(at, at + 3 * PAGE_SIZE);
	host_log_clear();
	pgtable_dump_range(&kernel_pgtable, window, window_end);
	assert_null(strstr(host_log(), "PTE"));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_operations),
		TEST(random_operations_small_leaves_only),
		TEST(random_operations_without_1g),
		TEST(map_over_something),
		TEST(no_leaf_lands_on_a_table),
		TEST(large_leaves_translate_exactly),
		TEST(absent_entries_lead_nowhere),
		TEST(every_table_page_may_be_missing),
		TEST(runs_cover_every_entry),
		TEST(runs_skip_holes_and_stop_on_error),
		TEST(runs_refuse_large_leaves),
		TEST(tables_make_room_for_leaves),
		TEST(changes_outside_the_scope_are_bugs),
		TEST(user_half),
		TEST(addresses_between_the_halves),
		TEST(dumps_say_what_is_there),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
