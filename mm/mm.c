/* SPDX-License-Identifier: MIT */
/* Address spaces of processes: made, filled with ranges, run on, taken down. */
#include "internal.h"

#include <mm/mm.h>

static DEFINE_SPINLOCK(mm_list_lock, RANK_MM_LIST);
static LIST_HEAD(mm_list);

struct mm_struct *mm_create(void)
{
	struct mm_struct *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	spin_lock_init(&mm->lock, "mm_struct.lock", RANK_MM);
	INIT_LIST_HEAD(&mm->vmas);
	if (pgtable_init_process(&mm->pgtable)) {
		kfree(mm);
		return NULL;
	}
	spin_lock(&mm_list_lock);
	list_add_tail(&mm->all, &mm_list);
	spin_unlock(&mm_list_lock);
	return mm;
}

/* Empty a run of user entries and free their pages. Nobody runs on the tables, so no CPU remembers the entries. */
static int free_run(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct mm_struct *mm = ctx;

	(void)addr;
	for (; n; n--, ptep++) {
		pte_t pte = pte_read(ptep);

		if (!pte_present(pte))
			continue;
		pte_store(ptep, __pte(0));
		put_page(pfn_to_page(pte_pfn(pte)));
		mm->user_pages--;
	}
	return 0;
}

void mm_destroy(struct mm_struct *mm)
{
	struct vm_area *vma, *next;

	if (mm->users)
		panic("mm_destroy: %u threads still run on the tables of process %u", mm->users, mm->pgtable.id);
	spin_lock(&mm_list_lock);
	list_del(&mm->all);
	spin_unlock(&mm_list_lock);
	list_for_each_entry_safe(vma, next, &mm->vmas, list) {
		pgtable_for_each_run(&mm->pgtable, NULL, vma->start, vma->end, false, free_run, mm);
		kfree(vma);
	}
	WARN(mm->user_pages, "mm_destroy: process %u has lost %lu pages", mm->pgtable.id, mm->user_pages);
	pgtable_free_user(&mm->pgtable);
	pgtable_exit_process(&mm->pgtable);
	kfree(mm);
}

struct vm_area *mm_find_area(const struct mm_struct *mm, vaddr_t addr)
{
	struct vm_area *vma;

	list_for_each_entry(vma, &mm->vmas, list)
		if (addr >= vma->start && addr < vma->end)
			return vma;
	return NULL;
}

/* Insert in order; -EEXIST if it overlaps another. Under mm->lock. */
static int insert_area(struct mm_struct *mm, struct vm_area *vma)
{
	struct vm_area *other;

	list_for_each_entry(other, &mm->vmas, list) {
		if (vma->end <= other->start)
			break;
		if (vma->start < other->end)
			return -EEXIST;
	}
	list_add_tail(&vma->list, &other->list);
	return 0;
}

int mm_map_anonymous(struct mm_struct *mm, vaddr_t addr, size_t size)
{
	struct vm_area *vma;
	int err;

	if (!addr || !size || !IS_ALIGNED(addr | size, PAGE_SIZE) || addr >= layout.user_end ||
	    size > layout.user_end - addr)
		return -EINVAL;
	vma = kmalloc(sizeof(*vma), GFP_KERNEL);
	if (!vma)
		return -ENOMEM;
	vma->start = addr;
	vma->end = addr + size;
	spin_lock(&mm->lock);
	err = insert_area(mm, vma);
	spin_unlock(&mm->lock);
	if (err)
		kfree(vma);
	return err;
}

void mm_for_each(void (*fn)(struct mm_struct *mm, void *ctx), void *ctx)
{
	struct mm_struct *mm;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, all)
		fn(mm, ctx);
	spin_unlock(&mm_list_lock);
}

static void count_user(struct mm_struct *mm, int change)
{
	spin_lock(&mm->lock);
	mm->users += change;
	spin_unlock(&mm->lock);
}

void kthread_use_mm(struct mm_struct *mm)
{
	if (current->mm)
		panic("kthread_use_mm: thread %s already runs on process %u", current->name, current->mm->pgtable.id);
	count_user(mm, 1);
	task_set_pgtable(current, &mm->pgtable, mm);
}

void kthread_unuse_mm(struct mm_struct *mm)
{
	if (current->mm != mm)
		panic("kthread_unuse_mm: thread %s does not run on process %u", current->name, mm->pgtable.id);
	task_set_pgtable(current, NULL, NULL);
	count_user(mm, -1);
}
