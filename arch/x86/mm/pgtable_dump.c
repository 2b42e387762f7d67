/* SPDX-License-Identifier: MIT */
/*
 * Page tables in text: the walk of one address, and ranges of equal rights in the columns of Linux's ptdump. Both also
 * in a form for programs, as <arch/pgtable.h> documents.
 */
#include "internal.h"

#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <lib/string.h>

static const char *entry_kind(pte_t pte, unsigned int level)
{
	if (!pte_present(pte))
		return pte_pending(pte) ? "none, being carried" : "none";
	return pte_leaf(pte, level) ? "leaf" : "table";
}

static void print_entry(const struct pgtable *pt, const pte_t *p, pte_t pte, unsigned int level, vaddr_t addr)
{
	(void)pt;
	cprintf("  %s[%u] @%p = 0x%0*llx %s%s%s%s%s%s%s%s\n", pt_level_name(level), pt_index(level, addr),
		(const void *)p, (int)sizeof(pteval_t) * 2, (unsigned long long)pte.val, entry_kind(pte, level),
		pte.val & PTE_RW ? " RW" : "", pte.val & PTE_USER ? " USR" : "", pte.val & PTE_PCD ? " PCD" : "",
		pte.val & PTE_GLOBAL && pte_leaf(pte, level) ? " GLB" : "", pte.val & PTE_NX ? " NX" : "",
		pte.val & PTE_ACCESSED ? " A" : "", pte_pending(pte) ? " pending" : "");
}

/* Prints one entry of the walk: p is its address, pte the value that was read. */
typedef void print_entry_fn(const struct pgtable *pt, const pte_t *p, pte_t pte, unsigned int level, vaddr_t addr);

static void walk_entries(const struct pgtable *pt, vaddr_t addr, unsigned int last, print_entry_fn *print)
{
	for (unsigned int level = pt_top(); level >= last; level--) {
		const pte_t *p;
		pte_t pte;

		preempt_disable(); /* as in pgtable_query: the table stays while it is read */
		p = pt_entry(pt, addr, level);
		pte = p ? pte_read(p) : __pte(0);
		preempt_enable();
		if (!p)
			break;
		print(pt, p, pte, level, addr);
	}
}

void pgtable_dump_walk(const struct pgtable *pt, vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(pt, addr);

	walk_entries(pt, addr, leaf.level, print_entry);
	if (leaf.present)
		cprintf("  %lx -> %pa\n", addr, &leaf.phys);
	else
		cprintf("  %lx is not mapped\n", addr);
}

/* Prints " rights=RW,NX,A". Without RW it says "ro", so the list is never empty. */
static void print_rights(pteval_t val, bool leaf)
{
	static const struct { pteval_t bit; const char *word; } words[] = {
		{ PTE_USER, ",USR" }, { PTE_PWT, ",PWT" }, { PTE_PCD, ",PCD" },
		{ PTE_NX, ",NX" },    { PTE_ACCESSED, ",A" },
	};

	cprintf(" rights=%s", val & PTE_RW ? "RW" : "ro");
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (val & words[i].bit)
			cprintf("%s", words[i].word);
	if (leaf && val & PTE_GLOBAL)
		cprintf(",GLB");
}

static void print_entry_exactly(const struct pgtable *pt, const pte_t *p, pte_t pte, unsigned int level, vaddr_t addr)
{
	static const char *const kinds[] = { "none", "carried", "table", "leaf" };
	unsigned int kind = pte_present(pte) ? 2 + pte_leaf(pte, level) : pte_pending(pte);

	cprintf("entry tree=%u level=%s index=%u at=0x%lx value=0x%llx kind=%s", pt->id, pt_level_name(level),
		pt_index(level, addr), (vaddr_t)p, (unsigned long long)pte.val, kinds[kind]);
	if (pte_present(pte))
		print_rights(pte.val, pte_leaf(pte, level));
	cprintf("\n");
}

void pgtable_walk_machine(const struct pgtable *pt, vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(pt, addr);

	walk_entries(pt, addr, leaf.level, print_entry_exactly);
	cprintf("walk tree=%u addr=0x%lx present=%u", pt->id, addr, leaf.present);
	if (leaf.present)
		cprintf(" phys=%pa size=%lu", &leaf.phys, pt_size(leaf.level));
	cprintf("\n");
}

/* --- ranges ----------------------------------------------------------------------------------------------------- */

/* Adjacent leaves of one size with equal rights. `before` is where the range before this one ended. */
struct dump_range {
	vaddr_t before, start, end;
	pteval_t rights;
	unsigned int level;
};

typedef void print_range_fn(const struct dump_range *r);

#define SHOWN_BITS (PTE_USER | PTE_RW | PTE_PWT | PTE_PCD | PTE_PAT | PTE_GLOBAL | PTE_NX)

static void print_size(vaddr_t bytes)
{
	static const char unit[] = "KMGT";
	unsigned int u = 0;

	for (bytes >>= 10; u < 3 && bytes >= 1024 && !(bytes & 1023); u++)
		bytes >>= 10;
	cprintf(" %8lu%c", bytes, unit[u]);
}

struct marker {
	vaddr_t start;
	const char *name;
};

static void print_marker(vaddr_t from, vaddr_t to)
{
	const struct marker marks[] = {
		{ layout.direct_start, "Direct map" },	    { layout.vmemmap_start, "Page array (vmemmap)" },
		{ layout.vmalloc_start, "vmalloc() Area" }, { layout.private_start, "Process's own" },
		{ layout.entry_start, "Entry area" },	    { layout.fixmap_start, "Fixmap" },
		{ layout.image_start, "Kernel image" },
	};
	const struct marker *last = NULL;

	for (unsigned int i = 0; i < ARRAY_SIZE(marks); i++)
		if (marks[i].start >= from && marks[i].start <= to && (!last || marks[i].start > last->start))
			last = &marks[i];
	if (last)
		cprintf("---[ %s ]---\n", last->name);
}

static void print_range(const struct dump_range *r)
{
	int width = (int)sizeof(vaddr_t) * 2;

	print_marker(r->before, r->start);
	cprintf("0x%0*lx-0x%0*lx", width, r->start, width, r->end);
	print_size(r->end - r->start);
	cprintf("  %s %s %s %s %s %s %s %s %s\n", r->rights & PTE_USER ? "USR" : "   ",
		r->rights & PTE_RW ? "RW" : "ro", r->rights & PTE_PWT ? "PWT" : "   ",
		r->rights & PTE_PCD ? "PCD" : "   ", r->level > 1 ? "PSE" : "   ", r->rights & PTE_PAT ? "PAT" : "   ",
		r->rights & PTE_GLOBAL ? "GLB" : "   ", r->rights & PTE_NX ? "NX" : "x ", pt_level_name(r->level));
}

static void print_range_exactly(const struct dump_range *r)
{
	cprintf("leaves start=0x%lx end=0x%lx size=%lu leaf=%lu", r->start, r->end, r->end - r->start,
		pt_size(r->level));
	print_rights(r->rights, true);
	cprintf("\n");
}

static void add_leaf(struct dump_range *r, vaddr_t addr, const struct pgtable_leaf *leaf, print_range_fn *print)
{
	pteval_t rights = leaf_prot(leaf->pte, leaf->level).val & SHOWN_BITS;
	vaddr_t next = pt_entry_end(leaf->level, addr, 0);

	if (r->start == r->end || r->end != addr || r->rights != rights || r->level != leaf->level) {
		if (r->start != r->end)
			print(r);
		*r = (struct dump_range){ r->end + (r->end != 0), addr, addr, rights, leaf->level };
	}
	r->end = next;
}

static void for_each_range(const struct pgtable *pt, vaddr_t start, vaddr_t end, print_range_fn *print)
{
	struct dump_range range = { 0 };
	vaddr_t addr = PAGE_ALIGN_DOWN(start), next;

	for (;; addr = next) {
		struct pgtable_leaf leaf = pgtable_query(pt, addr);

		if (leaf.present)
			add_leaf(&range, addr, &leaf, print);
		next = pt_entry_end(leaf.level, addr, 0);
		if (next && !is_canonical(next))
			next = layout.kernel_start;
		if (!next || (end && next >= end))
			break;
	}
	if (range.start != range.end)
		print(&range);
}

void pgtable_dump_range(const struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	for_each_range(pt, start, end, print_range);
}

void pgtable_range_machine(const struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	for_each_range(pt, start, end, print_range_exactly);
}
