/* SPDX-License-Identifier: MIT */
/*
 * Names that are Linux's have Linux's prototypes (6.12): each stands here with the types that its callers there give it
 * and expect of it. A wrong one does not compile, and that is the whole test; nothing here is ever called. Those of the
 * XArray: linux_names_xarray.c.
 *
 * What Linux has and this kernel has not, on purpose, is listed in mm/include/README.md.
 */
#include "tests/host/linux_names.h"

#include <arch/barrier.h>
#include <arch/io.h>
#include <arch/uaccess.h>
#include <kernel/bug.h>
#include <kernel/completion.h>
#include <kernel/jiffies.h>
#include <kernel/mutex.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/rcupdate.h>
#include <kernel/smp.h>
#include <kernel/task.h>
#include <kernel/timer.h>
#include <kernel/wait.h>
#include <kernel/workqueue.h>
#include <lib/bitmap.h>
#include <lib/hlist.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <lib/uio.h>
#include <mm/highmem.h>
#include <mm/ioremap.h>
#include <mm/mm.h>
#include <mm/page_alloc.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

/* Things to use the macros with. */
static struct page *page;
static struct mm_struct *mm;
static __maybe_unused struct vm_area_struct *vma;
static struct kmem_cache *cache;
static struct mutex mutex;
static struct completion completion;
static struct wait_queue_head queue;
static struct timer_list timer;
static struct work_struct work;
static struct workqueue_struct *wq;
static spinlock_t spin;
static unsigned long flags, word;
static struct thing {
	int x;
	struct list_head list;
	struct hlist_node hash;
	struct rcu_head rcu;
} *thing;
static struct list_head list;
static struct hlist_head bucket;
static bool condition;

/* --- vmalloc.h ---------------------------------------------------------------------------------------------------- */

FUNCTION(vmalloc, void *, unsigned long);
FUNCTION(vzalloc, void *, unsigned long);
FUNCTION(vmalloc_user, void *, unsigned long);
FUNCTION(vmalloc_node, void *, unsigned long, int);
FUNCTION(vzalloc_node, void *, unsigned long, int);
FUNCTION(vmalloc_32, void *, unsigned long);
FUNCTION(vmalloc_32_user, void *, unsigned long);
FUNCTION(__vmalloc, void *, unsigned long, gfp_t);
FUNCTION(__vmalloc_node_range, void *, unsigned long, unsigned long, unsigned long, unsigned long, gfp_t, pgprot_t,
	 unsigned long, int, const void *);
FUNCTION(__vmalloc_node, void *, unsigned long, unsigned long, gfp_t, int, const void *);
FUNCTION(vmalloc_huge, void *, unsigned long, gfp_t);
FUNCTION(__vmalloc_array, void *, size_t, size_t, gfp_t);
FUNCTION(vmalloc_array, void *, size_t, size_t);
FUNCTION(__vcalloc, void *, size_t, size_t, gfp_t);
FUNCTION(vcalloc, void *, size_t, size_t);
FUNCTION(vrealloc, void *, const void *, size_t, gfp_t);
FUNCTION(vfree, void, const void *);
FUNCTION(vfree_atomic, void, const void *);
FUNCTION(vmap, void *, struct page **, unsigned int, unsigned long, pgprot_t);
FUNCTION(vmap_pfn, void *, unsigned long *, unsigned int, pgprot_t);
FUNCTION(vunmap, void, const void *);
FUNCTION(vm_map_ram, void *, struct page **, unsigned int, int);
FUNCTION(vm_unmap_ram, void, const void *, unsigned int);
FUNCTION(vm_unmap_aliases, void, void);
FUNCTION(remap_vmalloc_range, int, struct vm_area_struct *, void *, unsigned long);
FUNCTION(remap_vmalloc_range_partial, int, struct vm_area_struct *, unsigned long, void *, unsigned long,
	 unsigned long);
FUNCTION(get_vm_area, struct vm_struct *, unsigned long, unsigned long);
FUNCTION(get_vm_area_caller, struct vm_struct *, unsigned long, unsigned long, const void *);
FUNCTION(__get_vm_area_caller, struct vm_struct *, unsigned long, unsigned long, unsigned long, unsigned long,
	 const void *);
FUNCTION(free_vm_area, void, struct vm_struct *);
FUNCTION(remove_vm_area, struct vm_struct *, const void *);
FUNCTION(find_vm_area, struct vm_struct *, const void *);
FUNCTION(find_vmap_area, struct vmap_area *, unsigned long);
FUNCTION(get_vm_area_size, size_t, const struct vm_struct *);
FUNCTION(is_vmalloc_addr, bool, const void *);
FUNCTION(is_vmalloc_or_module_addr, int, const void *);
FUNCTION(is_vm_area_hugepages, bool, const void *);
FUNCTION(vunmap_range, void, unsigned long, unsigned long);
FUNCTION(set_vm_flush_reset_perms, void, void *);
FUNCTION(vread_iter, long, struct iov_iter *, const char *, size_t);
FUNCTION(vm_area_add_early, void, struct vm_struct *);
FUNCTION(vm_area_register_early, void, struct vm_struct *, size_t);
FUNCTION(vm_area_map_pages, int, struct vm_struct *, unsigned long, unsigned long, struct page **);
FUNCTION(vm_area_unmap_pages, void, struct vm_struct *, unsigned long, unsigned long);
FUNCTION(pcpu_get_vm_areas, struct vm_struct **, const unsigned long *, const size_t *, int, size_t);
FUNCTION(pcpu_free_vm_areas, void, struct vm_struct **, int);
FUNCTION(vmalloc_nr_pages, unsigned long, void);
FUNCTION(vmalloc_dump_obj, bool, void *);
FUNCTION(vmalloc_to_page, struct page *, const void *);
FUNCTION(vmalloc_to_pfn, unsigned long, const void *);
FUNCTION(register_vmap_purge_notifier, int, struct notifier_block *);
FUNCTION(unregister_vmap_purge_notifier, int, struct notifier_block *);
FUNCTION(arch_vmap_p4d_supported, bool, pgprot_t);
FUNCTION(arch_vmap_pud_supported, bool, pgprot_t);
FUNCTION(arch_vmap_pmd_supported, bool, pgprot_t);
FUNCTION(arch_vmap_pte_range_map_size, unsigned long, unsigned long, unsigned long, u64, unsigned int);
FUNCTION(arch_vmap_pte_supported_shift, int, unsigned long);
FUNCTION(arch_vmap_pgprot_tagged, pgprot_t, pgprot_t);
FUNCTION(apply_to_page_range, int, struct mm_struct *, unsigned long, unsigned long, pte_fn_t, void *);
FUNCTION(apply_to_existing_page_range, int, struct mm_struct *, unsigned long, unsigned long, pte_fn_t, void *);
STATEMENT(apply_to_page_range(&init_mm, word, word, NULL, NULL))
VALUE(VMALLOC_TOTAL, unsigned long)
STATEMENT(word = 1ul << IOREMAP_MAX_ORDER)
STATEMENT(flags = VM_IOREMAP | VM_ALLOC | VM_MAP | VM_USERMAP | VM_DMA_COHERENT | VM_NO_GUARD | VM_FLUSH_RESET_PERMS |
		  VM_MAP_PUT_PAGES | VM_ALLOW_HUGE_VMAP | VM_SPARSE)

FUNCTION(set_memory_uc, int, unsigned long, int);
FUNCTION(set_memory_wc, int, unsigned long, int);
FUNCTION(set_memory_wb, int, unsigned long, int);
FUNCTION(set_memory_np, int, unsigned long, int);
FUNCTION(set_memory_p, int, unsigned long, int);
FUNCTION(set_memory_4k, int, unsigned long, int);
FUNCTION(set_memory_ro, int, unsigned long, int);
FUNCTION(set_memory_rw, int, unsigned long, int);
FUNCTION(set_memory_x, int, unsigned long, int);
FUNCTION(set_memory_nx, int, unsigned long, int);
FUNCTION(set_memory_rox, int, unsigned long, int);
FUNCTION(set_direct_map_invalid_noflush, int, struct page *);
FUNCTION(set_direct_map_default_noflush, int, struct page *);
FUNCTION(set_direct_map_valid_noflush, int, struct page *, unsigned, bool);
FUNCTION(kernel_page_present, bool, struct page *);

/* --- ioremap and io.h --------------------------------------------------------------------------------------------- */

FUNCTION(ioremap, void __iomem *, phys_addr_t, size_t);
FUNCTION(ioremap_uc, void __iomem *, phys_addr_t, size_t);
FUNCTION(ioremap_wc, void __iomem *, phys_addr_t, size_t);
FUNCTION(ioremap_wt, void __iomem *, phys_addr_t, size_t);
FUNCTION(ioremap_np, void __iomem *, phys_addr_t, size_t);
FUNCTION(ioremap_cache, void __iomem *, phys_addr_t, size_t);
FUNCTION(iounmap, void, volatile void __iomem *);
FUNCTION(ioremap_page_range, int, unsigned long, unsigned long, phys_addr_t, pgprot_t);
FUNCTION(memremap, void *, phys_addr_t, size_t, unsigned long);
FUNCTION(memunmap, void, void *);
FUNCTION(arch_phys_wc_add, int, unsigned long, unsigned long);
FUNCTION(arch_phys_wc_del, void, int);
#define READ(name, type)  FUNCTION(name, type, const volatile void __iomem *)
#define WRITE(name, type) FUNCTION(name, void, type, volatile void __iomem *)
READ(readb, u8); READ(readw, u16); READ(readl, u32); READ(readq, u64);
READ(readb_relaxed, u8); READ(readw_relaxed, u16); READ(readl_relaxed, u32); READ(readq_relaxed, u64);
READ(__raw_readb, u8); READ(__raw_readw, u16); READ(__raw_readl, u32); READ(__raw_readq, u64);
WRITE(writeb, u8); WRITE(writew, u16); WRITE(writel, u32); WRITE(writeq, u64);
WRITE(writeb_relaxed, u8); WRITE(writew_relaxed, u16); WRITE(writel_relaxed, u32); WRITE(writeq_relaxed, u64);
WRITE(__raw_writeb, u8); WRITE(__raw_writew, u16); WRITE(__raw_writel, u32); WRITE(__raw_writeq, u64);
READ(ioread8, unsigned int); READ(ioread16, unsigned int); READ(ioread32, unsigned int); READ(ioread64, u64);
READ(ioread16be, unsigned int); READ(ioread32be, unsigned int); READ(ioread64be, u64);
WRITE(iowrite8, u8); WRITE(iowrite16, u16); WRITE(iowrite32, u32); WRITE(iowrite64, u64);
WRITE(iowrite16be, u16); WRITE(iowrite32be, u32); WRITE(iowrite64be, u64);
FUNCTION(ioread8_rep, void, const volatile void __iomem *, void *, unsigned long);
FUNCTION(ioread16_rep, void, const volatile void __iomem *, void *, unsigned long);
FUNCTION(ioread32_rep, void, const volatile void __iomem *, void *, unsigned long);
FUNCTION(iowrite8_rep, void, volatile void __iomem *, const void *, unsigned long);
FUNCTION(iowrite16_rep, void, volatile void __iomem *, const void *, unsigned long);
FUNCTION(iowrite32_rep, void, volatile void __iomem *, const void *, unsigned long);
FUNCTION(memcpy_fromio, void, void *, const volatile void __iomem *, size_t);
FUNCTION(memcpy_toio, void, volatile void __iomem *, const void *, size_t);
FUNCTION(memset_io, void, volatile void __iomem *, int, size_t);

/* --- slab.h ------------------------------------------------------------------------------------------------------- */

FUNCTION(kmalloc, void *, size_t, gfp_t);
FUNCTION(kzalloc, void *, size_t, gfp_t);
FUNCTION(kcalloc, void *, size_t, size_t, gfp_t);
FUNCTION(kmalloc_array, void *, size_t, size_t, gfp_t);
FUNCTION(krealloc, void *, const void *, size_t, gfp_t);
FUNCTION(krealloc_array, void *, void *, size_t, size_t, gfp_t);
FUNCTION(kfree, void, const void *);
FUNCTION(ksize, size_t, const void *);
FUNCTION(kvmalloc, void *, size_t, gfp_t);
FUNCTION(kvmalloc_node, void *, size_t, gfp_t, int);
FUNCTION(kvzalloc, void *, size_t, gfp_t);
FUNCTION(kvmalloc_array, void *, size_t, size_t, gfp_t);
FUNCTION(kvcalloc, void *, size_t, size_t, gfp_t);
FUNCTION(kvrealloc, void *, const void *, size_t, gfp_t);
FUNCTION(kvfree, void, const void *);
FUNCTION(kmem_cache_create, struct kmem_cache *, const char *, unsigned int, unsigned int, slab_flags_t,
	 void (*)(void *));
FUNCTION(kmem_cache_alloc, void *, struct kmem_cache *, gfp_t);
FUNCTION(kmem_cache_zalloc, void *, struct kmem_cache *, gfp_t);
FUNCTION(kmem_cache_free, void, struct kmem_cache *, void *);
FUNCTION(kmem_cache_destroy, void, struct kmem_cache *);
VALUE(KMEM_CACHE(thing, SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT | SLAB_RECLAIM_ACCOUNT | SLAB_POISON),
      struct kmem_cache *)
VALUE(ZERO_SIZE_PTR, void *)
STATEMENT(condition = ZERO_OR_NULL_PTR(cache))
STATEMENT(kfree_rcu(thing, rcu))
STATEMENT(kvfree_rcu(thing, rcu))

/* --- pages -------------------------------------------------------------------------------------------------------- */

FUNCTION(alloc_pages, struct page *, gfp_t, unsigned int);
FUNCTION(alloc_pages_node, struct page *, int, gfp_t, unsigned int);
VALUE(alloc_page(GFP_KERNEL), struct page *)
FUNCTION(__free_pages, void, struct page *, unsigned int);
STATEMENT(__free_page(page))
FUNCTION(__get_free_pages, unsigned long, gfp_t, unsigned int);
FUNCTION(get_zeroed_page, unsigned long, gfp_t);
VALUE(__get_free_page(GFP_ATOMIC), unsigned long)
FUNCTION(free_pages, void, unsigned long, unsigned int);
STATEMENT(free_page(word))
FUNCTION(split_page, void, struct page *, unsigned int);
FUNCTION(get_page, void, struct page *);
FUNCTION(put_page, void, struct page *);
FUNCTION(page_count, int, const struct page *);
VALUE(page_private(page), unsigned long)
FUNCTION(set_page_private, void, struct page *, unsigned long);
VALUE(page_address(page), void *)
VALUE(virt_to_page((void *)page), struct page *)
VALUE(pfn_to_page(word), struct page *)
VALUE(page_to_pfn(page), unsigned long)
VALUE(page_to_phys(page), phys_addr_t)
FUNCTION(pfn_valid, bool, unsigned long);
VALUE(virt_to_phys((void *)page), phys_addr_t)
VALUE(phys_to_virt((phys_addr_t)0), void *)
FUNCTION(kmap_local_page, void *, struct page *);
STATEMENT(kunmap_local(page))
FUNCTION(totalram_pages, unsigned long, void);
STATEMENT(word = GFP_KERNEL | GFP_ATOMIC | GFP_NOWAIT | GFP_NOFS | GFP_NOIO | GFP_USER | GFP_HIGHUSER |
		 GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | __GFP_NOFAIL | __GFP_NORETRY | __GFP_RETRY_MAYFAIL |
		 __GFP_HIGHMEM | __GFP_DMA32 | __GFP_ACCOUNT)
FUNCTION(gfpflags_allow_blocking, bool, const gfp_t);

/* --- processes' memory -------------------------------------------------------------------------------------------- */

FUNCTION(mmget, void, struct mm_struct *);
FUNCTION(mmput, void, struct mm_struct *);
FUNCTION(mmgrab, void, struct mm_struct *);
FUNCTION(mmdrop, void, struct mm_struct *);
FUNCTION(kthread_use_mm, void, struct mm_struct *);
FUNCTION(kthread_unuse_mm, void, struct mm_struct *);
VALUE(vma->vm_start, unsigned long)
VALUE(vma->vm_end, unsigned long)
VALUE(vma->vm_mm, struct mm_struct *)
FUNCTION(copy_to_user, unsigned long, void *, const void *, unsigned long);
FUNCTION(copy_from_user, unsigned long, void *, const void *, unsigned long);
VALUE(put_user((u32)1, (u32 *)NULL), int)
STATEMENT(condition = access_ok((void *)word, word))

/* --- per-CPU ------------------------------------------------------------------------------------------------------ */

FUNCTION(__alloc_percpu, void *, size_t, size_t);
FUNCTION(__alloc_percpu_gfp, void *, size_t, size_t, gfp_t);
VALUE(alloc_percpu(struct thing), struct thing *)
VALUE(alloc_percpu_gfp(struct thing, GFP_NOWAIT | __GFP_ZERO), struct thing *)
STATEMENT(free_percpu(thing))
VALUE(per_cpu_ptr(thing, 0), struct thing *)
VALUE(this_cpu_ptr(thing), struct thing *)

/* --- locks, waiting, threads -------------------------------------------------------------------------------------- */

static DEFINE_SPINLOCK(defined_spinlock);
static DEFINE_MUTEX(defined_mutex);
STATEMENT(spin_lock_init(&spin))
STATEMENT(spin_lock(&defined_spinlock))
STATEMENT(spin_unlock(&spin))
STATEMENT(spin_lock_irq(&spin))
STATEMENT(spin_unlock_irq(&spin))
STATEMENT(spin_lock_irqsave(&spin, flags))
STATEMENT(spin_unlock_irqrestore(&spin, flags))
STATEMENT(condition = spin_trylock(&spin))
STATEMENT(local_irq_save(flags))
STATEMENT(local_irq_restore(flags))
STATEMENT(local_irq_disable())
STATEMENT(local_irq_enable())
STATEMENT(condition = irqs_disabled())
STATEMENT(preempt_disable())
STATEMENT(preempt_enable())
STATEMENT(might_sleep())
STATEMENT(might_alloc(GFP_KERNEL))
STATEMENT(condition = cond_resched())
STATEMENT(mutex_init(&mutex))
FUNCTION(mutex_lock, void, struct mutex *);
FUNCTION(mutex_unlock, void, struct mutex *);
FUNCTION(mutex_trylock, bool, struct mutex *);
STATEMENT(mutex_lock(&defined_mutex))
FUNCTION(init_completion, void, struct completion *);
FUNCTION(complete, void, struct completion *);
FUNCTION(complete_all, void, struct completion *);
FUNCTION(wait_for_completion, void, struct completion *);
FUNCTION(wait_for_completion_timeout, unsigned long, struct completion *, unsigned long);
STATEMENT(init_completion(&completion))
static DECLARE_WAIT_QUEUE_HEAD(defined_queue);
STATEMENT(init_waitqueue_head(&queue))
STATEMENT(wake_up(&defined_queue))
STATEMENT(wake_up_locked(&queue))
STATEMENT(wait_event(queue, condition))
STATEMENT(long left = wait_event_timeout(queue, condition, msecs_to_jiffies(5)); word = (unsigned long)left)
STATEMENT(DEFINE_WAIT(wait); prepare_to_wait(&queue, &wait, TASK_UNINTERRUPTIBLE); finish_wait(&queue, &wait))
FUNCTION(prepare_to_wait, void, struct wait_queue_head *, struct wait_queue_entry *, int);
FUNCTION(finish_wait, void, struct wait_queue_head *, struct wait_queue_entry *);
FUNCTION(waitqueue_active, bool, struct wait_queue_head *);
FUNCTION(schedule, void, void);
FUNCTION(schedule_timeout, signed long, signed long);
FUNCTION(schedule_timeout_uninterruptible, signed long, signed long);
FUNCTION(msleep, void, unsigned int);
FUNCTION(wake_up_process, int, struct task *);
STATEMENT(set_current_state(TASK_UNINTERRUPTIBLE))
STATEMENT(set_current_state(TASK_RUNNING))
VALUE(current, struct task *)
VALUE(current->mm, struct mm_struct *)

/* --- time and works ----------------------------------------------------------------------------------------------- */

VALUE(jiffies, unsigned long)
STATEMENT(condition = time_after(jiffies, word) || time_before(jiffies, word) || time_after_eq(jiffies, word) ||
		      time_before_eq(word, jiffies))
FUNCTION(msecs_to_jiffies, unsigned long, const unsigned int);
FUNCTION(jiffies_to_msecs, unsigned int, const unsigned long);
FUNCTION(usecs_to_jiffies, unsigned long, const unsigned int);
STATEMENT(timer_setup(&timer, (void (*)(struct timer_list *))NULL, 0))
FUNCTION(mod_timer, int, struct timer_list *, unsigned long);
FUNCTION(timer_delete_sync, int, struct timer_list *);
FUNCTION(timer_pending, int, const struct timer_list *);
STATEMENT(del_timer_sync(&timer))
STATEMENT(INIT_WORK(&work, (void (*)(struct work_struct *))NULL))
STATEMENT(wq = alloc_workqueue("%s", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM | WQ_FREEZABLE, 0, "name"))
STATEMENT(wq = alloc_ordered_workqueue("%s", WQ_MEM_RECLAIM, "name"))
FUNCTION(destroy_workqueue, void, struct workqueue_struct *);
FUNCTION(queue_work, bool, struct workqueue_struct *, struct work_struct *);
FUNCTION(queue_work_on, bool, int, struct workqueue_struct *, struct work_struct *);
FUNCTION(schedule_work, bool, struct work_struct *);
FUNCTION(flush_work, bool, struct work_struct *);
FUNCTION(cancel_work_sync, bool, struct work_struct *);
STATEMENT(queue_work(system_wq, &work))
STATEMENT(queue_work(system_unbound_wq, &work))

/* --- CPUs --------------------------------------------------------------------------------------------------------- */

FUNCTION(smp_call_function_single, int, int, void (*)(void *), void *, int);
FUNCTION(smp_call_function_many, void, const struct cpumask *, void (*)(void *), void *, bool);
FUNCTION(smp_call_function, void, void (*)(void *), void *, int);
FUNCTION(on_each_cpu, void, void (*)(void *), void *, int);
VALUE(cpu_online_mask, const struct cpumask *)
VALUE(cpu_possible_mask, const struct cpumask *)
FUNCTION(cpumask_next, unsigned int, int, const struct cpumask *);
FUNCTION(cpumask_weight, unsigned int, const struct cpumask *);
STATEMENT(unsigned int cpu; for_each_cpu(cpu, cpu_online_mask) word += cpu)
STATEMENT(unsigned int cpu; for_each_online_cpu(cpu) word += cpu)
STATEMENT(unsigned int cpu; for_each_possible_cpu(cpu) word += cpu)
STATEMENT(word = num_online_cpus() + smp_processor_id())

/* --- RCU, lists, reports ------------------------------------------------------------------------------------------ */

FUNCTION(rcu_read_lock, void, void);
FUNCTION(rcu_read_unlock, void, void);
FUNCTION(rcu_read_lock_held, bool, void);
FUNCTION(call_rcu, void, struct rcu_head *, void (*)(struct rcu_head *));
FUNCTION(synchronize_rcu, void, void);
FUNCTION(rcu_barrier, void, void);
VALUE(rcu_dereference(thing), struct thing *)
STATEMENT(rcu_assign_pointer(thing, NULL))
STATEMENT(list_for_each_entry(thing, &list, list) word++)
STATEMENT(struct thing *next; list_for_each_entry_safe(thing, next, &list, list) list_del(&thing->list))
FUNCTION(list_add, void, struct list_head *, struct list_head *);
FUNCTION(list_add_tail, void, struct list_head *, struct list_head *);
FUNCTION(list_del, void, struct list_head *);
FUNCTION(list_del_init, void, struct list_head *);
FUNCTION(list_del_rcu, void, struct list_head *);
FUNCTION(list_move, void, struct list_head *, struct list_head *);
FUNCTION(list_move_tail, void, struct list_head *, struct list_head *);
FUNCTION(list_replace, void, struct list_head *, struct list_head *);
FUNCTION(list_empty, bool, const struct list_head *);
FUNCTION(list_is_singular, bool, const struct list_head *);
FUNCTION(list_splice_init, void, struct list_head *, struct list_head *);
FUNCTION(list_splice_tail_init, void, struct list_head *, struct list_head *);
FUNCTION(hlist_add_head, void, struct hlist_node *, struct hlist_head *);
FUNCTION(hlist_add_before, void, struct hlist_node *, struct hlist_node *);
FUNCTION(hlist_add_behind, void, struct hlist_node *, struct hlist_node *);
FUNCTION(hlist_del, void, struct hlist_node *);
FUNCTION(hlist_del_init, void, struct hlist_node *);
FUNCTION(hlist_empty, int, const struct hlist_head *);
FUNCTION(hlist_unhashed, int, const struct hlist_node *);
FUNCTION(hlist_move_list, void, struct hlist_head *, struct hlist_head *);
STATEMENT(hlist_for_each_entry(thing, &bucket, hash) word++)
STATEMENT(struct hlist_node *next; hlist_for_each_entry_safe(thing, next, &bucket, hash) hlist_del(&thing->hash))
STATEMENT(if (WARN_ON(condition) || WARN_ON_ONCE(condition) || WARN(condition, "%d", 1) ||
	      WARN_ONCE(condition, "%d", 1)) word++)
STATEMENT(BUG_ON(condition))
STATEMENT(pr_emerg("%d", 1); pr_alert("x"); pr_crit("x"); pr_err("x"); pr_warn("x"); pr_notice("x"); pr_info("x");
	  pr_debug("%d", 1))
STATEMENT(printk(KERN_ERR "%s\n", "x"))
FUNCTION(IS_ERR, bool, const void *);
FUNCTION(PTR_ERR, long, const void *);
FUNCTION(ERR_PTR, void *, long);
STATEMENT(mmput(mm))
