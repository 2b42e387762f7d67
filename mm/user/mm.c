/* SPDX-License-Identifier: MIT */
/* Address spaces of processes: making them, counting their users, taking them down. */
#include "mm/user/user_internal.h"

struct mm_struct init_mm;

static DEFINE_RANKED_SPINLOCK(mm_list_lock, RANK_MM_LIST);
static LIST_HEAD(mm_list);

struct mm_struct *mm_create(void)
{
	struct mm_struct *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	mutex_init_named(&mm->lock, "mm_struct.lock");
	mm->areas = RB_ROOT;
	mm->mmap_base = PAGE_ALIGN(layout.user_end / 3);
	if (pgtable_init_process(&mm->pgtable)) {
		kfree(mm);
		return NULL;
	}
	spin_lock(&mm_list_lock);
	list_add_tail(&mm->all, &mm_list);
	spin_unlock(&mm_list_lock);
	return mm;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

/* The last user has gone. CPUs that still borrow the tables switch to others first; then pages and tables are freed. */
static void free_user_memory(struct mm_struct *mm)
{
	spin_lock(&mm_list_lock);
	list_del(&mm->all);
	spin_unlock(&mm_list_lock);
	pgtable_evict(&mm->pgtable);
	user_areas_free(mm);
	WARN_ONCE(mm->user_pages, "mmput: process %u has lost %lu pages", mm->pgtable.id, mm->user_pages);
	pgtable_free_user(&mm->pgtable);
}

/* The caller has a count already, so the count was not 0. */
static void count_up(atomic_t *count, const struct mm_struct *mm, const char *who)
{
	if (atomic_inc_return(count) <= 1)
		panic("%s: process %u has ended", who, mm->pgtable.id);
}

/* True: that was the last count. */
static bool count_down(atomic_t *count, const struct mm_struct *mm, const char *who)
{
	int left = atomic_dec_return(count);

	if (left < 0)
		panic("%s: process %u had ended already", who, mm->pgtable.id);
	return !left;
}

void mmget(struct mm_struct *mm)
{
	count_up(&mm->mm_users, mm, "mmget");
}

bool mmget_not_zero(struct mm_struct *mm)
{
	int users = atomic_read(&mm->mm_users), was;

	for (; users; users = was) {
		was = atomic_cmpxchg(&mm->mm_users, users, users + 1);
		if (was == users)
			return true;
	}
	return false;
}

void mmput(struct mm_struct *mm)
{
	might_sleep();
	if (!count_down(&mm->mm_users, mm, "mmput"))
		return;
	free_user_memory(mm);
	mmdrop(mm);
}

void mmgrab(struct mm_struct *mm)
{
	count_up(&mm->mm_count, mm, "mmgrab");
}

void mmdrop(struct mm_struct *mm)
{
	might_sleep();
	if (!count_down(&mm->mm_count, mm, "mmdrop"))
		return;
	pgtable_exit_process(&mm->pgtable);
	kfree(mm);
}

void mm_destroy(struct mm_struct *mm)
{
	int users = atomic_read(&mm->mm_users);

	if (users != 1)
		panic("mm_destroy: process %u has %d more users", mm->pgtable.id, users - 1);
	mmput(mm);
}

void mm_for_each(void (*fn)(struct mm_struct *mm, void *ctx), void *ctx)
{
	struct mm_struct *mm;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, all)
		fn(mm, ctx);
	spin_unlock(&mm_list_lock);
}

void kthread_use_mm(struct mm_struct *mm)
{
	if (current->mm)
		panic("kthread_use_mm: thread %s already runs on process %u", current->name, current->mm->pgtable.id);
	mmget(mm);
	task_set_pgtable(current, &mm->pgtable, mm);
}

void kthread_unuse_mm(struct mm_struct *mm)
{
	if (current->mm != mm)
		panic("kthread_unuse_mm: thread %s does not run on process %u", current->name, mm->pgtable.id);
	task_set_pgtable(current, NULL, NULL);
	mmput(mm);
}
