/* SPDX-License-Identifier: MIT */
/* What scenarios ask of the port: a machine with RAM and per-CPU memory, objects, page tables, a TLB. */
#pragma once

#include "tests/explore/runtime/explore.h"

#include <arch/pgtable.h>
#include <kernel/percpu.h>
#include <lib/types.h>

/* In each set-up, first. `cpus` are online. */
void port_machine(unsigned int cpus);

void port_rcu_init(void);
extern bool port_rcu_broken; /* grace periods are over at once */

/* Objects, of each CPU's own stock, so that allocating makes no order among CPUs. One that is freed is never reused. */
void *port_alloc(size_t size);
void port_free(const void *object);
unsigned int port_objects(void); /* live ones */
extern bool port_allocations_fail; /* each may; the explorer tries both */

/* A table page, likewise. */
phys_addr_t port_table_alloc(gfp_t gfp);
void port_table_free(phys_addr_t table);

/* An empty reference tree, and a small kernel half (pgtable.c). A process's tree. */
void port_pgtable(void);
void port_tree(struct pgtable *pt);
#define PORT_SPACE layout.vmalloc_start
/* The i-th page of it, its frame; the calls that map and unmap it, and that map one large leaf instead of all. */
static inline vaddr_t port_page(unsigned int i) { return PORT_SPACE + i * PAGE_SIZE; }
static inline phys_addr_t port_frame(unsigned int i) { return (phys_addr_t)(0x100 + i) << PAGE_SHIFT; }
void port_map(unsigned int i);
void port_unmap(unsigned int i);
void port_leaf_instead(void);

/* The entry that the MMU finds for addr in a tree; and a CPU touches addr, which must lead to this frame. */
pte_t port_walk(const struct pgtable *pt, vaddr_t addr, unsigned int *level);
void port_touch(const struct pgtable *pt, vaddr_t addr, phys_addr_t frame);

/*
 * TLBs: from set-up on, what may each CPU have of this entry, which maps addr? Fault: something present other than
 * `value`.
 */
void port_tlb_watch(const pte_t *entry, vaddr_t addr);
void port_tlb_only(const pte_t *entry, pteval_t value, const char *when);
/* In set-up: flushes are steps, without interrupts. (scenarios/flush.c explores the real ones.) */
extern bool port_flush_by_contract;
void port_irq(void); /* .irq of scenarios with flushes, after tlb_init() */

/*
 * A process's page (cr3.c): from set-up on, what may each CPU have of this entry of pt, under each PCID?
 * port_program(): the program that runs on this CPU reads the page, with page-table isolation on its user root. Fault:
 * the CPU may translate by something other than `value` (0: by anything).
 */
void port_cr3_watch(const pte_t *entry, vaddr_t addr, const struct pgtable *pt);
void port_program(pteval_t value, const char *when);
bool port_cr3_is(unsigned int cpu, const struct pgtable *pt);
extern bool port_pcid; /* CPUs have PCIDs; set-up */
void port_isolation(void); /* page-table isolation, before any tree; set-up */
/*
 * Set-up: all CPUs run the process. From then on, while a CPU may write a page at the address that is watched, none may
 * translate it to another page.
 */
void port_cr3_everywhere(struct pgtable *pt);
/* The program accesses the page. -1: it may; else what the fault was about (arch/fault.h). Interrupts off. */
int port_access(bool write);
/* Fault: a CPU may still read (or write) the frame by the address that is watched. */
void port_cr3_without(phys_addr_t frame, bool write, const char *when);
/* Pages of processes, with counts (pages.c); set-up. */
void port_pages(void);
/* A handler, in an interrupt that may have come while the program ran. */
struct trap_frame;
void port_interrupted(void (*handler)(struct trap_frame *));
/* This CPU drops a kernel page, or all (start == end). */
void port_tlb_drop(vaddr_t start, vaddr_t end);

/* xarrays take their nodes from here. */
void port_xarrays(void);

#define MUST(cond) do { if (!(cond)) xp_fail("%s:%d: %s", __FILE__, __LINE__, #cond); } while (0)
