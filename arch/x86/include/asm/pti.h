/* SPDX-License-Identifier: MIT */
/*
 * Page-table isolation inside arch/x86. Theory: arch/x86/mm/user_root.c (two roots a process),
 * arch/x86/cpu/start/entry_area.c (what the second one maps), arch/x86/cpu/trap/trap_entry_pti_64.S (the way in and
 * out).
 */
#pragma once

#include <kernel/percpu.h>
#include <lib/compiler.h>
#include <asm/cpuid.h>
#include <asm/entry_area.h>

#define ENTRY_AREA_SIZE ((vaddr_t)(MAX_CPUS + 1) * ENTRY_UNIT)

/* Decided at boot, before the reference tables are made; never changes. */
extern bool pti_on;

/* The words at the start of the first page of a CPU's entry area. The kernel writes them by another mapping. */
struct entry_page {
	unsigned long kernel_cr3; /* the tree in use, as CR3 takes it when ring 3 enters the kernel */
	vaddr_t percpu_base;	  /* this CPU's */
	unsigned long keep;	  /* a bit that CR3 gets so that the load drops nothing; 0 without PCIDs */
};

/* Per-CPU: what the exit to ring 3 needs. */
struct cpu_roots {
	vaddr_t exit_stack;	/* in the entry area: the lowest word of what the exit leaves there (EXIT_FRAME) */
	unsigned long user_cr3; /* loads the user root. Without `keep` in it, the next exit flushes the PCID */
	unsigned long keep;
	struct entry_page *page; /* NULL: the CPU has no part of the entry area yet (entry_area_add) */
};
DECLARE_PER_CPU(struct cpu_roots, cpu_roots);

/* pti=auto: may programs of this CPU read what their tables map for the kernel alone (Meltdown)? *why: for people. */
bool cpu_needs_pti(const struct cpu_info *info, u64 arch_capabilities, const char **why);
/* Set pti_on, as the word pti= and the CPU say, and print why. Returns pti_on. Boot. */
bool pti_decide(const struct cpu_info *info, u64 arch_capabilities);
/* The bit that CR3 gets so that a load drops nothing; 0 without PCIDs. */
unsigned long cr3_keep(void);
/* Make this CPU's next exit to ring 3 drop all that the user root's PCID holds. tlb_local.c */
void pti_forget(void);

/* Map a CPU's part of the entry area; it has its own stacks already. False: no memory. */
bool entry_area_add(unsigned int cpu);
/* This CPU uses its part of the entry area from now on. On the reference tree, interrupts off. */
void entry_area_use(unsigned int cpu);
