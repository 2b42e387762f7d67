/* SPDX-License-Identifier: MIT */
/*
 * Which address does an entry translate? Events name an entry by its pointer, so the oracle keeps a list of all table
 * pages: table -> tree, level, first address. A table is entered before its link is written, because from then on other
 * CPUs write into it. It is removed when the table is given up.
 */
#include "oracle.h"

#include <lib/string.h>

#define NR_TABLES (CONFIG_TLB_ORACLE ? 16384 : 1) /* a thousand processes with a dozen each */

struct known_table {
	const pte_t *table;
	struct known_table *next; /* next in its hash chain, or next free one */
	struct oracle_slot first; /* the slot of its first entry */
};

static struct known_table tables[NR_TABLES];
static unsigned int tables_used;
static struct known_table *free_tables;
static struct known_table *by_table[ORACLE_BUCKETS];

static struct known_table **chain_of(const pte_t *table)
{
	return &by_table[oracle_bucket((vaddr_t)table >> PAGE_SHIFT, 0)];
}

static struct known_table *find_table(const pte_t *table)
{
	struct known_table *t = *chain_of(table);

	while (t && t->table != table)
		t = t->next;
	return t;
}

/* NULL: no room. What is written into that table then counts as untracked. */
static struct known_table *new_table(const pte_t *table)
{
	struct known_table *t = free_tables, **chain = chain_of(table);

	if (t)
		free_tables = t->next;
	else if (tables_used < NR_TABLES)
		t = &tables[tables_used++];
	else
		return NULL;
	t->table = table;
	t->next = *chain;
	*chain = t;
	return t;
}

void oracle_table_add(const pte_t *table, const struct oracle_slot *first)
{
	struct known_table *t = find_table(table);

	if (!t)
		t = new_table(table);
	if (t)
		t->first = *first;
}

bool oracle_table_remove(const pte_t *table, struct oracle_slot *slot)
{
	struct known_table **at = chain_of(table), *t;

	while (*at && (*at)->table != table)
		at = &(*at)->next;
	t = *at;
	if (!t)
		return false;
	*at = t->next;
	*slot = t->first;
	t->next = free_tables;
	free_tables = t;
	return true;
}

/* Entries of the upper half of a root translate addresses whose unused high bits are all ones. */
static vaddr_t sign_extend(vaddr_t va)
{
	unsigned int width = pt_level[pt_top()].shift + pt_level[pt_top()].bits;
	vaddr_t high = width < BITS_PER_LONG ? ~(vaddr_t)0 << (width % BITS_PER_LONG) : 0;

	return va >= (layout.kernel_start & ~high) ? va | high : va;
}

bool oracle_find_slot(const pte_t *p, struct oracle_slot *slot, bool *copy)
{
	const struct known_table *t = find_table((const pte_t *)((vaddr_t)p & PAGE_MASK));

	if (!t)
		return false;
	*slot = t->first;
	slot->va = sign_extend(slot->va +
			       ((vaddr_t)(((vaddr_t)p & ~PAGE_MASK) / sizeof(pte_t)) << pt_level[slot->level].shift));
	*copy = is_shared_addr(slot->va) && slot->tree != &kernel_pgtable;
	if (*copy)
		slot->tree = &kernel_pgtable;
	return true;
}

void oracle_tables_reset(void)
{
	tables_used = 0;
	free_tables = NULL;
	memset(by_table, 0, sizeof(by_table));
}
