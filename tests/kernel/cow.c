/* SPDX-License-Identifier: MIT */
/*
 * One page, several CPUs of one process: a copy that a write makes is seen by all or by none, and two that write at
 * once find each other's work, which is no missing flush (theory: mm/user/fault.c).
 */
#include "handlers.h"
#include "worker.h"

#include <arch/barrier.h>
#include <arch/fault.h>
#include <arch/mmu_sync.h>
#include <arch/uaccess.h>
#include <asm/cr.h>
#include <asm/trap.h>
#include <arch/irq.h>
#include <kernel/schedule_point.h>
#include <lib/string.h>
#include <mm/vmalloc.h>

#define AT	0x400000ul
#define PATIENCE 20000

static struct {
	struct mm_struct *mm, *child;
	bool primed, look, written;
	u32 before, after;
	long err;
} cow;

/* A process whose page at AT holds 1 and is shared with a child. */
static bool start_family(void)
{
	u32 one = 1;

	memset(&cow, 0, sizeof(cow));
	cow.mm = mm_create();
	if (!EXPECT(cow.mm))
		return false;
	EXPECT_EQ(mm_map_anonymous(cow.mm, AT, PAGE_SIZE), 0);
	EXPECT_EQ(mm_write(cow.mm, AT, &one, sizeof(one)), 0);
	cow.child = mm_fork(cow.mm);
	return EXPECT(cow.child);
}

static void end_family(void)
{
	mm_destroy(cow.child);
	mm_destroy(cow.mm);
}

/* --- a copy is written when all have forgotten the old page ------------------------------------------------------- */

/* Sees the page, keeps the translation, looks again when told to. */
static void watcher(void *arg __maybe_unused)
{
	kthread_use_mm(cow.mm);
	cow.err |= copy_from_user(&cow.before, (const void *)AT, sizeof(u32));
	smp_store_release(&cow.primed, true);
	while (!smp_load_acquire(&cow.look))
		cpu_relax();
	cow.err |= copy_from_user(&cow.after, (const void *)AT, sizeof(u32));
	kthread_unuse_mm(cow.mm);
}

/* Its write to another word of the page makes the copy. */
static void copier(void *arg __maybe_unused)
{
	kthread_use_mm(cow.mm);
	cow.err |= put_user((u32)7, (u32 *)AT + 5);
	kthread_unuse_mm(cow.mm);
}

static void writer(void *arg __maybe_unused)
{
	kthread_use_mm(cow.mm);
	cow.err |= put_user((u32)2, (u32 *)AT);
	smp_store_release(&cow.written, true);
	kthread_unuse_mm(cow.mm);
}

/* The copy is made, the flush is not. If the third CPU could write now, the watcher would have to see it. */
static void judge_window(struct worker *watching)
{
	struct pgtable_leaf leaf = pgtable_query(&cow.mm->pgtable, AT);

	EXPECT(!leaf.present || !pte_writable(leaf.pte));
	for (unsigned int tick = 0; tick < 20 && !smp_load_acquire(&cow.written); tick++)
		msleep(1);
	if (EXPECT(!smp_load_acquire(&cow.written)))
		return;
	smp_store_release(&cow.look, true);
	worker_wait(watching);
	EXPECT_EQ(cow.after, 2);
}

KTEST(cow, a_copy_is_written_when_the_old_page_is_forgotten)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker copying, writing, watching;

	if (num_online_cpus() < 4)
		KTEST_SKIP("needs 4 CPUs");
	ASSERT(start_family());
	ASSERT(worker_start(&copying, 1, false) && worker_start(&writing, 2, false) &&
	       worker_start(&watching, 3, false));
	worker_post(&watching, watcher, NULL);
	while (!smp_load_acquire(&cow.primed))
		msleep(1);
	sched_hold("tlb:flush");
	worker_post(&copying, copier, NULL);
	EXPECT(sched_wait_held("tlb:flush", PATIENCE));
	worker_post(&writing, writer, NULL);
	judge_window(&watching);
	sched_release("tlb:flush");
	worker_wait(&writing);
	smp_store_release(&cow.look, true);
	worker_stop(&copying);
	worker_stop(&writing);
	worker_stop(&watching);
	EXPECT_EQ(cow.before, 1);
	EXPECT_EQ(cow.after, 2);
	EXPECT_EQ(cow.err, 0);
	end_family();
}

/* --- faults that collide ------------------------------------------------------------------------------------------ */

static user_fault_fn real_handler;
static unsigned int inside;

static int count_and_handle(vaddr_t addr, unsigned int access, unsigned long flushed)
{
	__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
	return real_handler(addr, access, flushed);
}

static void write_word(void *at)
{
	kthread_use_mm(cow.mm);
	cow.err |= put_user((u32)3, (u32 *)at);
	kthread_unuse_mm(cow.mm);
}

/* Both have been refused before the first of them gets the lock. */
static void collide(void)
{
	struct fault_counters before = fault_counters();
	struct worker one, two;

	ASSERT(worker_start(&one, another_cpu(), false) && worker_start(&two, num_online_cpus() > 2 ? 2 : 0, false));
	inside = 0;
	REPLACE_HANDLER(real_handler = arch_set_user_fault_handler(count_and_handle));
	mutex_lock(&cow.mm->lock);
	worker_post(&one, write_word, (u32 *)AT + 1);
	worker_post(&two, write_word, (u32 *)AT + 2);
	while (READ_ONCE(inside) < 2)
		msleep(1);
	mutex_unlock(&cow.mm->lock);
	worker_stop(&one);
	worker_stop(&two);
	REPLACE_HANDLER(arch_set_user_fault_handler(real_handler));
	EXPECT_EQ(cow.err, 0);
	EXPECT_EQ(fault_counters().user - before.user, 2);
	EXPECT_EQ(fault_counters().spurious, before.spurious);
}

KTEST(cow, faults_that_collide_are_not_spurious)
{
	ASSERT(start_family());
	collide(); /* the faster one copies */
	EXPECT_EQ(cow.mm->user_pages, 1);
	mm_destroy(cow.child);
	cow.child = mm_fork(cow.mm);
	ASSERT(cow.child);
	mm_destroy(cow.child);
	collide(); /* it is the last user, and takes the page */
	cow.child = NULL;
	mm_destroy(cow.mm);
	cow.mm = mm_create();
	ASSERT(cow.mm);
	EXPECT_EQ(mm_map_anonymous(cow.mm, AT, PAGE_SIZE), 0);
	collide(); /* it brings the page in */
	EXPECT_EQ(cow.mm->user_pages, 1);
	mm_destroy(cow.mm);
}

/* --- the same for the kernel's own memory ------------------------------------------------------------------------- */

static void make_writable(void *mem)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, (vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE);
	EXPECT_EQ(pgtable_protect(&kernel_pgtable, &u, (vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE, PROT_BIT_RW,
				  (pgprot_t){ 0 }),
		  0);
	arch_update_kernel_mappings_end(&u);
}

static void make_readonly(void *mem)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, (vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE);
	EXPECT_EQ(pgtable_protect(&kernel_pgtable, &u, (vaddr_t)mem, (vaddr_t)mem + PAGE_SIZE, (pgprot_t){ 0 },
				  PROT_BIT_RW),
		  0);
	arch_update_kernel_mappings_end(&u);
}

/*
 * What a CPU sees that has kept the narrower entry: emulators look at the tables again by themselves, so it is made up.
 */
static void refuse_write(void *mem)
{
	struct trap_frame frame = { .vector = VECTOR_PAGE_FAULT, .error = PF_PRESENT | PF_WRITE };

	local_irq_disable();
	write_cr2((unsigned long)mem);
	page_fault(&frame);
	local_irq_enable();
}

/* Rights are being given, and not everybody has been told. */
KTEST(cow, a_write_while_rights_are_raised_is_not_spurious)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct fault_counters before = fault_counters();
	struct worker raising;
	void *mem;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	mem = vzalloc(PAGE_SIZE);
	ASSERT(mem);
	ASSERT(worker_start(&raising, another_cpu(), false));
	make_readonly(mem);
	sched_hold("tlb:flush");
	worker_post(&raising, make_writable, mem);
	EXPECT(sched_wait_held("tlb:flush", PATIENCE));
	refuse_write(mem);
	EXPECT_EQ(fault_counters().spurious, before.spurious);
	sched_release("tlb:flush");
	worker_stop(&raising);
	fault_provoke_spurious(true);
	refuse_write(mem); /* now everybody has: a flush was forgotten */
	fault_provoke_spurious(false);
	EXPECT_EQ(fault_counters().spurious_provoked, before.spurious_provoked + 1);
	vfree(mem);
}
