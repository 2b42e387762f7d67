/* SPDX-License-Identifier: MIT */
/* Page tables on any host: the reference that is adopted, and the host's address spaces. */
#include "mm/kva/floor/floor.h"

#include <asm/cr.h>
#include "arch/x86/mm/internal.h"

#define CR3_ROOT (PT_MAX_LEVEL == 3 ? ~(u64)31 : PTE_FRAME) /* PAE's top table is 32 bytes */

struct pgtable kernel_pgtable = { .serial = 1 };
pteval_t pte_supported = ~(pteval_t)(PTE_NX | PTE_GLOBAL | PTE_PAT);

struct kva_tree {
	struct pgtable pt;
	bool adopted;
};

/* --- the reference ------------------------------------------------------------------------------------------------ */

/* At the shared level every entry of the arena must have a place, and no entry may have the bit that marks a change. */
static int check_shared_entries(void)
{
	for (vaddr_t addr = pt_next_shared_slot(layout.kernel_start); addr;
	     addr = pt_next_shared_slot(addr + SHARED_SLOT)) {
		const pte_t *p = pt_entry(&kernel_pgtable, addr, pt_sync_level());

		if (!p && addr >= layout.vmemmap_start && addr < layout.vmalloc_end)
			return kva_refuse("the PDPT entry for %lx is empty: with PAE the host makes the kernel's four "
					  "tables at boot",
					  addr);
		if (p && pte_pending(pte_read(p)))
			return kva_refuse("the entry for %lx has bit 9 set, which kva uses", addr);
	}
	return 0;
}

/* The direct map must show each range of RAM where the configuration says, as far as it goes. */
static int check_direct_map(void)
{
	for (unsigned int i = 0; i < kva_config.nr_ram; i++) {
		const struct kva_ram *ram = &kva_config.ram[i];
		phys_addr_t phys = (phys_addr_t)PAGE_ALIGN_DOWN(ram->end - 1);
		struct pgtable_leaf leaf;

		if (phys < ram->start || phys >= arch_lowmem_limit())
			continue;
		leaf = pgtable_query(&kernel_pgtable, (vaddr_t)phys_to_virt(phys));
		if (!leaf.present || leaf.phys != phys)
			return kva_refuse("RAM at %llx is not mapped at %p: is direct_start right?", (u64)phys,
					  phys_to_virt(phys));
	}
	return 0;
}

/* Readers take a link's address as it stands, without a mask for the bits above it (pte_follow). */
static int check_link(pte_t pte, unsigned int level, vaddr_t start)
{
	if (BITS_PER_LONG == 32 || !((u64)pte.val >> 52))
		return PT_DESCEND;
	return kva_refuse("the link to a table at level %u for %lx has a bit above 51 set: kva wants NX in leaves only",
			  level, start);
}

static int direct_entry(struct pt_walk *w __maybe_unused, pte_t *p, unsigned int level, vaddr_t start,
			vaddr_t end __maybe_unused)
{
	pte_t pte = pte_read(p);

	return pte_table_link(pte, level) ? check_link(pte, level, start) : PT_SKIP;
}

static int direct_run(struct pt_walk *w __maybe_unused, pte_t *p __maybe_unused, vaddr_t addr __maybe_unused,
		      unsigned long n __maybe_unused)
{
	return 0;
}

/* An entry may lead to an empty table: the oracle learns of it. */
static int arena_entry(struct pt_walk *w __maybe_unused, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end)
{
	pte_t pte = pte_read(p);

	if (pte_leaf(pte, level))
		return kva_refuse("the arena is in use: something is mapped at %lx-%lx", start, end);
	if (!pte_present(pte))
		return PT_SKIP;
	tlb_oracle(table_new(&kernel_pgtable, pte_phys(pte), ALIGN_DOWN(start, pt_size(level)), level - 1));
	return check_link(pte, level, start);
}

static int arena_run(struct pt_walk *w __maybe_unused, pte_t *p, vaddr_t addr, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		if (!pte_none(pte_read(p + i)))
			return kva_refuse("the arena is in use: something is mapped at %lx", addr + (i << PAGE_SHIFT));
	return 0;
}

/* A walk of kernel addresses needs a scope, though nothing is changed. */
static int look_at(const struct pt_ops *ops, vaddr_t start, vaddr_t end)
{
	struct mmu_update u;
	struct pt_walk walk = { .pt = &kernel_pgtable, .u = &u, .ops = ops };
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pt_walk_range(&walk, start, end);
	arch_update_kernel_mappings_end(&u);
	return err;
}

static int check_tables(void)
{
	static const struct pt_ops direct = { direct_entry, direct_run }, arena = { arena_entry, arena_run };
	int err = look_at(&direct, layout.direct_start, layout.direct_end);

	return err ? err : look_at(&arena, layout.vmemmap_start, layout.vmalloc_end);
}

/*
 * kva maps by `root`, and reads what it has mapped by CR3: either they are the same, or the host has made all entries.
 */
static int check_loaded(void)
{
	phys_addr_t loaded = (phys_addr_t)(read_cr3() & CR3_ROOT);
	struct pgtable pt = { .root = phys_to_virt(loaded), .root_phys = loaded };

	if (loaded == kernel_pgtable.root_phys)
		return 0;
	for (vaddr_t addr = layout.vmemmap_start; addr < layout.vmalloc_end; addr += SHARED_SLOT) {
		const pte_t *p = pt_entry(&pt, addr, pt_sync_level());

		if (!p || !pte_present(pte_read(p)))
			return kva_refuse(
				"CR3 is %llx, root is %llx, and they do not share all tables of the arena: load root",
				(u64)loaded, (u64)kernel_pgtable.root_phys);
	}
	return 0;
}

int trees_adopt(void)
{
	int err;

	kernel_pgtable.root_phys = kva_config.root ? kva_config.root : (phys_addr_t)(read_cr3() & CR3_ROOT);
	if (kernel_pgtable.root_phys >= arch_lowmem_limit())
		return kva_refuse("the top table at %llx is not in the direct map", (u64)kernel_pgtable.root_phys);
	kernel_pgtable.root = phys_to_virt(kernel_pgtable.root_phys);
	if (CONFIG_DEBUG_MM) /* nothing else would say so */
		printk("the top table is read at %p: a fault there means that direct_start is wrong\n",
		       kernel_pgtable.root);
	tlb_oracle(init());
	tlb_oracle(tree_new(&kernel_pgtable));
	err = check_shared_entries();
	err = err ? err : check_loaded();
	err = err ? err : check_tables();
	return err ? err : check_direct_map();
}

/* --- the host's address spaces ------------------------------------------------------------------------------------ */

struct kva_tree *kva_tree_create(void)
{
	struct kva_tree *tree = kzalloc(sizeof(*tree), GFP_KERNEL);

	might_sleep();
	if (!tree || !pgtable_init_process(&tree->pt))
		return tree;
	kfree(tree);
	return NULL;
}

/* Is it a top table that kva has already? */
static bool is_known(phys_addr_t root)
{
	bool known = root == kernel_pgtable.root_phys;
	struct pgtable *pt;

	pgd_lock_take();
	list_for_each_entry(pt, &pgd_list, list)
		known |= pt->root_phys == root;
	pgd_lock_drop();
	return known;
}

static int check_root(phys_addr_t root)
{
	unsigned long bytes = sizeof(pte_t) << pt_level[pt_top()].bits;

	if (!IS_ALIGNED(root, bytes) || !memblock_is_ram(root, root + bytes) || root + bytes > arch_lowmem_limit())
		return kva_refuse("%llx is no top table: it is not aligned, no RAM, or not in the direct map",
				  (u64)root);
	if (is_known(root))
		return kva_refuse("the top table at %llx is an address space of kva's already", (u64)root);
	return 0;
}

struct kva_tree *kva_tree_adopt(kva_phys_t root)
{
	struct kva_tree *tree;

	might_sleep();
	tree = check_root(root) ? NULL : kzalloc(sizeof(*tree), GFP_KERNEL);
	if (!tree)
		return NULL;
	tree->adopted = true;
	if (!pgtable_adopt_process(&tree->pt, root))
		return tree;
	kva_refuse("the tables at %llx have not all tables above the shared level: they are no address space",
		   (u64)root);
	kfree(tree);
	return NULL;
}

kva_phys_t kva_tree_root(const struct kva_tree *tree)
{
	return tree->pt.root_phys;
}

/* Looks at this CPU's CR3 only. Another CPU that has the tree loaded would crash silently when the tables are freed. */
static void check_unused(const struct kva_tree *tree)
{
	if ((phys_addr_t)(read_cr3() & CR3_ROOT) == tree->pt.root_phys)
		panic("kva_tree_destroy() of the address space that is in CR3, %llx", (u64)tree->pt.root_phys);
}

void kva_tree_destroy(struct kva_tree *tree)
{
	might_sleep();
	check_unused(tree);
	if (tree->adopted)
		pgtable_leave_process(&tree->pt);
	else
		pgtable_exit_process(&tree->pt);
	kfree(tree);
}
