/* SPDX-License-Identifier: MIT */
/* Page tables for people: the walk of one address, and ranges of equal rights in the columns of Linux's ptdump. */
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

static void print_entry(const pte_t *p, pte_t pte, unsigned int level, vaddr_t addr)
{
	cprintf("  %s[%u] @%p = 0x%0*llx %s%s%s%s%s%s%s%s\n", pt_level_name(level), pt_index(level, addr), (const void *)p,
		(int)sizeof(pteval_t) * 2, (unsigned long long)pte.val, entry_kind(pte, level),
		pte.val & PTE_RW ? " RW" : "", pte.val & PTE_USER ? " USR" : "", pte.val & PTE_PCD ? " PCD" : "",
		pte.val & PTE_GLOBAL && pte_leaf(pte, level) ? " GLB" : "", pte.val & PTE_NX ? " NX" : "",
		pte.val & PTE_ACCESSED ? " A" : "", pte_pending(pte) ? " pending" : "");
}

void pgtable_dump_walk(const struct pgtable *pt, vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(pt, addr);

	for (unsigned int level = pt_top(); level >= leaf.level; level--) {
		const pte_t *p;
		pte_t pte;

		preempt_disable(); /* as in pgtable_query: the table stays while it is read, not while it is printed */
		p = pt_entry(pt, addr, level);
		pte = p ? pte_read(p) : __pte(0);
		preempt_enable();
		if (!p)
			break;
		print_entry(p, pte, level, addr);
	}
	if (leaf.present)
		cprintf("  %lx -> %pa\n", addr, &leaf.phys);
	else
		cprintf("  %lx is not mapped\n", addr);
}

/* --- ranges ----------------------------------------------------------------------------------------------------- */

/* A stretch of leaves that look alike. */
struct dump_range {
	vaddr_t start, end;
	pteval_t rights;
	unsigned int level;
};

#define SHOWN_BITS (PTE_USER | PTE_RW | PTE_PWT | PTE_PCD | PTE_PAT | PTE_GLOBAL | PTE_NX)

static void print_size(vaddr_t bytes)
{
	static const char unit[] = "KMGT";
	unsigned int u = 0;

	for (bytes >>= 10; u < 3 && bytes >= 1024 && !(bytes & 1023); u++)
		bytes >>= 10;
	cprintf(" %8lu%c", bytes, unit[u]);
}

static void print_range(const struct dump_range *r)
{
	int width = (int)sizeof(vaddr_t) * 2;

	if (r->start == r->end)
		return;
	cprintf("0x%0*lx-0x%0*lx", width, r->start, width, r->end);
	print_size(r->end - r->start);
	cprintf("  %s %s %s %s %s %s %s %s %s\n", r->rights & PTE_USER ? "USR" : "   ", r->rights & PTE_RW ? "RW" : "ro",
		r->rights & PTE_PWT ? "PWT" : "   ", r->rights & PTE_PCD ? "PCD" : "   ",
		r->level > 1 ? "PSE" : "   ", r->rights & PTE_PAT ? "PAT" : "   ", r->rights & PTE_GLOBAL ? "GLB" : "   ", r->rights & PTE_NX ? "NX" : "x ",
		pt_level_name(r->level));
}

struct marker {
	vaddr_t start;
	const char *name;
};

static void print_marker(vaddr_t from, vaddr_t to)
{
	const struct marker marks[] = {
		{ layout.direct_start, "Direct map" },	   { layout.vmemmap_start, "Page array (vmemmap)" },
		{ layout.vmalloc_start, "vmalloc() Area" }, { layout.private_start, "Process's own" },
		{ layout.fixmap_start, "Fixmap" },	   { layout.image_start, "Kernel image" },
	};
	const struct marker *last = NULL;

	for (unsigned int i = 0; i < ARRAY_SIZE(marks); i++)
		if (marks[i].start >= from && marks[i].start <= to && (!last || marks[i].start > last->start))
			last = &marks[i];
	if (last)
		cprintf("---[ %s ]---\n", last->name);
}

static void add_leaf(struct dump_range *r, vaddr_t addr, const struct pgtable_leaf *leaf)
{
	pteval_t rights = leaf_prot(leaf->pte, leaf->level).val & SHOWN_BITS;
	vaddr_t next = pt_entry_end(leaf->level, addr, 0);

	if (r->start == r->end || r->end != addr || r->rights != rights || r->level != leaf->level) {
		print_range(r);
		print_marker(r->end + (r->end != 0), addr);
		*r = (struct dump_range){ addr, addr, rights, leaf->level };
	}
	r->end = next;
}

void pgtable_dump_range(const struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	struct dump_range range = { 0 };
	vaddr_t addr = PAGE_ALIGN_DOWN(start), next;

	for (;; addr = next) {
		struct pgtable_leaf leaf = pgtable_query(pt, addr);

		if (leaf.present)
			add_leaf(&range, addr, &leaf);
		next = pt_entry_end(leaf.level, addr, 0);
		if (next && !is_canonical(next))
			next = layout.direct_start;
		if (!next || (end && next >= end))
			break;
	}
	print_range(&range);
}
