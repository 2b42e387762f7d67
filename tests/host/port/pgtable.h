/* SPDX-License-Identifier: MIT */
/* For tests that need page tables. Call one of the two after host_machine(); each forgets all earlier trees. */
#pragma once

#include <arch/pgtable.h>

/* A reference tree with the direct map in it. Tables come from pgtable_set_allocator(), which the test has called. */
void host_reference_init(void);

/* The same with a supply of table pages of the port's own, from the top of lowmem downwards: for tests without mm/. */
void host_pgtable_init(void);

/* That supply itself, for tests that put something in front of it. Freed tables turn to rubbish at once. */
phys_addr_t host_table_alloc(gfp_t gfp);
void host_table_free(phys_addr_t table);

/* Tables that this supply has given out and not got back, of kernel and processes together. */
unsigned long host_live_tables(void);
