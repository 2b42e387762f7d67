/* SPDX-License-Identifier: MIT */
/*
 * What mm/ needs from the rest of the kernel: every header from elsewhere that a file in mm/ uses, and why. Another
 * kernel that takes this mm, and the host build of the tests, provide these and nothing else. So think twice before
 * adding a line. (The public headers in mm/include include the few of these that their own prototypes need.)
 */
#pragma once

/* The machine (the contract in arch/include). */
#include <arch/barrier.h>  /* smp_load_acquire, smp_store_release: publishing a section, a table, a descriptor */
#include <arch/fault.h>	   /* what a page fault was about */
#include <arch/cpu.h>	   /* smp_processor_id, cpu_relax, cpu_has */
#include <arch/cache.h>	   /* flushing memory that becomes uncached from the caches */
#include <arch/clear_page.h> /* pages that are asked for zeroed */
#include <arch/cpu_stack.h> /* per-CPU lists of pages and objects */
#include <arch/io.h>	   /* __iomem: device registers */
#include <arch/kasan.h>	   /* the shadow, with CONFIG=kasan */
#include <arch/irq.h>	   /* local_irq_save, in_interrupt: what an allocation may do */
#include <arch/layout.h>   /* where vmalloc space, the page array and the kmap window lie; phys_to_virt */
#include <arch/lazy_mmu.h> /* pgtable_set_ptes, and whether table pages may be allocated */
#include <arch/memtype.h>  /* memory types of mappings */
#include <arch/mmu_sync.h> /* the scope around every change of kernel mappings */
#include <arch/pgtable.h>  /* the walkers */
#include <arch/tlb.h>	   /* batches of invalidations */
#include <arch/tlb_oracle.h> /* debug builds: telling the oracle which translations no TLB may hold any more */

/* What every part of the kernel may use. */
#include <kernel/boot_info.h>	   /* the memory map */
#include <kernel/bug.h>		   /* panic, BUG_ON, WARN */
#include <kernel/cmdline.h>	   /* mem=, nohugeiomap, nohugevmalloc, quarantine */
#include <kernel/config.h>	   /* what only debug builds check */
#include <kernel/cpumask.h>	   /* for_each_online_cpu */
#include <kernel/kasan.h>	   /* which bytes may be accessed, with CONFIG=kasan */
#include <kernel/inject.h>	   /* making the n-th allocation fail */
#include <kernel/mutex.h>	   /* the lock of a process's address space; one purge at a time */
#include <kernel/percpu.h>	   /* per-CPU lists */
#include <kernel/preempt.h>	   /* staying on a CPU; might_sleep */
#include <kernel/printk.h>	   /* reports */
#include <kernel/rcupdate.h>	   /* page tables are freed after a grace period */
#include <kernel/schedule_point.h> /* places at which a test holds a CPU */
#include <kernel/spinlock.h>	   /* all locks of the table in mm/page/page_internal.h */
#include <kernel/smp.h>		   /* on_each_cpu */
#include <kernel/task.h>	   /* current, for process address spaces */
#include <kernel/trace.h>	   /* events of address space taken and given back */
#include <kernel/wait.h>	   /* __GFP_NOFAIL: sleeping before the next try */
#include <kernel/workqueue.h>	   /* frees by callers that may not sleep; the background */
#include <kernel/xarray.h>	   /* ranges and vmap blocks by address */

/* Pure helpers. */
#include <lib/atomic.h>
#include <lib/bitmap.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/format.h> /* lines of vmallocinfo */
#include <lib/gfp.h>	/* flags: what an allocation may do */
#include <lib/list.h>
#include <lib/math.h>
#include <lib/rbtree.h>
#include <lib/size.h> /* sizes in reports */
#include <lib/string.h>
#include <lib/uio.h> /* where vread_iter() puts bytes */
