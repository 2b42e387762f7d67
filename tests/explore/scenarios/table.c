/* SPDX-License-Identifier: MIT */
/*
 * Tables come and go (arch/x86/mm/pgtable.c, theory 3 and 6; pgtable_tables.c). Two mappers install one table: nobody's
 * mapping is lost. A query without a lock never follows a table that is free.
 */
#include "tests/explore/port/port.h"

#include <arch/mmu_sync.h>
#include <arch/x86/mm/internal.h>
#include <asm/tlb.h>

static void map_0(void) { port_map(0); }
static void map_1(void) { port_map(1); }
static void map_2(void) { port_map(2); }

static void machine(unsigned int cpus)
{
	port_machine(cpus);
	port_pgtable();
}
static void no_tables(void) { machine(2); }
static void no_tables_3(void) { machine(3); }
static void both_mapped(void)
{
	port_touch(&kernel_pgtable, port_page(0), port_frame(0));
	port_touch(&kernel_pgtable, port_page(1), port_frame(1));
	MUST(pgtable_kernel_pages() == pt_sync_level() - 1);
}
static void all_mapped(void)
{
	both_mapped();
	port_touch(&kernel_pgtable, port_page(2), port_frame(2));
}
XP_SCENARIO(table_two) = { .name = "table.two_install_one", .setup = no_tables, .cpu = { map_0, map_1 },
			   .check = both_mapped };
XP_SCENARIO(table_three) = { .name = "table.three_install_one", .setup = no_tables_3, .cpu = { map_0, map_1, map_2 },
			     .check = all_mapped, .bound = 2 };

/* Queries beside a mapper and an unmapper. */
static void one_mapped(void)
{
	no_tables();
	port_map(0);
}
static void query_0(void)
{
	unsigned long pfn = kernel_pgtable_pfn(port_page(0));

	MUST(pfn == PGTABLE_NO_PFN || pfn == port_frame(0) >> PAGE_SHIFT);
}
static void unmap_0(void) { port_unmap(0); }
XP_SCENARIO(table_query_map) = { .name = "table.query_map", .setup = no_tables, .cpu = { map_0, query_0 } };
XP_SCENARIO(table_query_unmap) = { .name = "table.query_unmap", .setup = one_mapped, .cpu = { unmap_0, query_0 } };

/* A table is taken away beside a query. Then a large leaf takes its place, and goes again. */
static void empty_table(void)
{
	no_tables();
	port_map(0);
	port_unmap(0);
	tlb_init();
}
static void free_tables(void)
{
	MUST(pgtable_free_tables(&kernel_pgtable, PORT_SPACE, PORT_SPACE + pt_size(2)) == 1);
}
XP_SCENARIO(table_query_free) = { .name = "table.query_free", .setup = empty_table, .cpu = { free_tables, query_0 },
				  .irq = port_irq };
static void query_leaf(void)
{
	unsigned long pfn = kernel_pgtable_pfn(port_page(0));

	MUST(pfn == PGTABLE_NO_PFN || pfn == 0);
}
XP_SCENARIO(table_query_leaf) = { .name = "table.query_leaf_instead", .setup = empty_table,
				  .cpu = { port_leaf_instead, query_leaf }, .irq = port_irq };

/* Broken: the grace period is left out. */
static void empty_table_without_rcu(void)
{
	empty_table();
	port_rcu_broken = true;
}
XP_SCENARIO(table_broken) = { .name = "table.broken_no_grace_period", .setup = empty_table_without_rcu,
			      .cpu = { free_tables, query_0 }, .irq = port_irq, .must_fail = "freed" };

/* Broken: a table is installed by a look and a store (Xen 36a1c7c213e1). */
static void install_by_store(void)
{
	pte_t *p = pt_entry(&kernel_pgtable, port_page(1), pt_sync_level());

	if (pte_none(pte_read(p)))
		pte_store(p, pt_make_link(port_table_alloc(GFP_KERNEL), pt_sync_level(), false));
	port_map(1);
}
XP_SCENARIO(table_broken_store) = { .name = "table.broken_install_by_store", .setup = no_tables,
				    .cpu = { map_0, install_by_store }, .check = both_mapped,
				    .must_fail = "" };
