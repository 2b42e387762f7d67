/* SPDX-License-Identifier: MIT */
/*
 * kva: kernel virtual memory for x86 kernels. vmalloc, vmap, vm_map_ram, ioremap, memory types and rights, per-CPU
 * memory, for page tables of 2, 3 (PAE), 4 and 5 levels, with every change of a top entry carried to every address
 * space. kva_host.h has the functions that your kernel writes; PORTING.md says in which order.
 *
 * Macros, the same for all files that include this:
 *
 *	KVA_TARGET	  1: x86_64; 2: i386 with PAE; 3: i386 with 2 levels. Without it: 1 or 2, as the compiler says
 *	KVA_MAX_CPUS	  64. 1: no SMP
 *	KVA_DEBUG	  0. 1: checks of everything, and a model of what each TLB may hold, which reports early reuse
 *
 * Names are Linux's where the function has Linux's contract; the others begin with kva_. "Thread" means: a thread,
 * interrupts on, may sleep, no spinlock held, preemption on. Functions that say so return NULL or -errno without
 * memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KVA_VERSION "1.0"

#ifndef KVA_MAX_CPUS
#define KVA_MAX_CPUS 64
#endif
#ifndef KVA_DEBUG
#define KVA_DEBUG 0
#endif
#ifndef KVA_TEST
#define KVA_TEST 0 /* kva_test.c sets it */
#endif
#ifndef KVA_TARGET
#ifdef __x86_64__
#define KVA_TARGET 1
#else
#define KVA_TARGET 2
#endif
#endif

/* A physical address that the page tables can express. */
#if KVA_TARGET == 3
typedef unsigned int kva_phys_t;
#else
typedef unsigned long long kva_phys_t;
#endif
#define KVA_NO_PHYS (~(kva_phys_t)0)

/* --- words for each thread ---------------------------------------------------------------------------------------- */

/* What host_thread() returns. Zero for a new thread. The host gives the room, and does not look inside. */
struct kva_thread {
	void *words[24];
};

/* --- starting ----------------------------------------------------------------------------------------------------- */

#include <mm/kva_config.h>

/*
 * This CPU will use kernel addresses from now on (the boot CPU: kva_init() did that). Each other CPU calls it before it
 * reads anything that kva has mapped; interrupts on or off. -EINVAL: the CPU lacks what the boot CPU has.
 */
int kva_cpu_online(void);
/*
 * The CPU will use no address of the arena from now on, until it calls kva_cpu_online() again. It still takes
 * interrupts when this is called; on return no flush asks it any more, and the host may stop it. Thread, on any CPU.
 */
void kva_cpu_offline(unsigned int cpu);

/* --- calls from the host ------------------------------------------------------------------------------------------ */

/*
 * Another CPU has work for this one (host_send_flush_ipi). From the interrupt's handler; also from any loop of the host
 * that waits for another CPU with interrupts off.
 */
void kva_flush_ipi(void);
/*
 * May the thread on this CPU be switched out now? Asked by a preemptive host from its timer. If not, host_reschedule()
 * follows.
 */
bool kva_may_preempt(void);
/* Memory is short: what kva keeps for later comes back. Thread. */
void kva_memory_short(void);
/* Do what was put off: frees from handlers, callbacks, purging. Other calls do it now and then too. Thread. */
void kva_tidy(void);

/* --- address spaces ----------------------------------------------------------------------------------------------- */

struct kva_tree;
/*
 * An address space with an empty user half and the kernel's entries, which stay complete from now on, without a fault
 * and whatever is mapped later. kva_tree_adopt(): into an existing top table (with PAE: whose kernel tables exist),
 * which stays the host's. NULL: no memory; the table is not right (said by host_log). Thread.
 */
struct kva_tree *kva_tree_create(void);
struct kva_tree *kva_tree_adopt(kva_phys_t root);
/* What CR3 gets. */
kva_phys_t kva_tree_root(const struct kva_tree *tree);
/* The tree is in no CR3, and its user half is empty. A table of kva_tree_create() is freed. Thread. */
void kva_tree_destroy(struct kva_tree *tree);

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* Pages mapped side by side. vzalloc: zeroed. Thread. vfree: any context but NMI (put off where it may not sleep). */
void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
void *vmalloc_huge(unsigned long size, unsigned int flags);
#define KVA_ZERO 1u /* a flag of vmalloc_huge() */
void vfree(const void *addr);
bool is_vmalloc_addr(const void *addr);
/* What an address of the arena translates to. KVA_NO_PHYS: it is not mapped. Any context, NMI too. */
kva_phys_t kva_phys(const void *addr);

/* The handle of a frame of RAM, for the mappings below. It stays valid for ever. NULL: the address is no RAM. */
struct page;
struct page *kva_page(kva_phys_t phys);

/* Rights and memory type of a mapping: one of each group, ORed. */
enum kva_rights {
	KVA_RW = 0,
	KVA_RO = 1,
	KVA_ROX = 2, /* read and execute */
	KVA_WB = 0,
	KVA_WT = 1 << 4,
	KVA_UC_MINUS = 2 << 4,
	KVA_UC = 3 << 4,
	KVA_WC = 4 << 4,
};

/*
 * Map frames that the caller keeps, in one row. Thread. As a rule unmapping does not flush, here and elsewhere: a TLB
 * may go on translating the old address until vm_unmap_aliases(), or until the address is mapped again.
 */
void *kva_vmap(struct page **pages, unsigned int count, unsigned int rights);
void vunmap(const void *addr);
/* The same for short mappings, quicker. Thread. node: any. */
void *vm_map_ram(struct page **pages, unsigned int count, int node);
void vm_unmap_ram(const void *mem, unsigned int count);
/* On return no CPU can reach a page by an address at which it was mapped before the call, and is not now. Thread. */
void vm_unmap_aliases(void);

/* Registers and memory of devices. RAM is refused. Thread. */
void *ioremap(kva_phys_t phys, size_t size);
void *ioremap_wc(kva_phys_t phys, size_t size);
void iounmap(volatile void *addr);

/*
 * Change memory in use, of vmalloc or the direct map. The direct map follows a change in vmalloc, except of NX. 0 or
 * -errno. Thread.
 */
int set_memory_ro(unsigned long addr, int pages);
int set_memory_rw(unsigned long addr, int pages);
int set_memory_x(unsigned long addr, int pages);
int set_memory_nx(unsigned long addr, int pages);
int set_memory_uc(unsigned long addr, int pages);
int set_memory_wc(unsigned long addr, int pages);
int set_memory_wb(unsigned long addr, int pages);

/* Zeroed memory for each CPU. kva_per_cpu_ptr(): a CPU's instance. Thread; free_percpu: any context but NMI. */
void *__alloc_percpu(size_t size, size_t align);
void free_percpu(const void *ptr);
void *kva_per_cpu_ptr(const void *ptr, unsigned int cpu);

/* --- looking ------------------------------------------------------------------------------------------------------ */

/* What kva has, line by line, by host_log(). Thread. */
void kva_info(void);
/*
 * Compare all structures and all address spaces. The number of faults, each said by host_log(). Quiet moment, thread.
 */
unsigned int kva_check(void);
