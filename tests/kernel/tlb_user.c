/* SPDX-License-Identifier: MIT */
/* Flushes of a process's own entries, CPUs that borrow its tables, and the end of tables that are borrowed. */
#include "places.h"
#include "worker.h"

#include <arch/barrier.h>
#include <arch/context.h>
#include <arch/irq.h>
#include <arch/uaccess.h>
#include <mm/page_alloc.h>

#define USER_AT 0x400000ul

/* --- a process with one page, which changes under it -------------------------------------------------------------- */

static struct worker process;
static struct page *pages[2];
static bool writable; /* the pages: not while one takes the place of the other unflushed */

static int map_user_page(void *ctx, pte_t *p, vaddr_t addr, unsigned long n)
{
	(void)addr;
	(void)n;
	pte_xchg(p, ctx ? pfn_pte(page_to_pfn(ctx), pgprot_supported(writable ? PAGE_USER : PAGE_USER_RO)) : __pte(0));
	return 0;
}

/* NULL unmaps. Nothing is flushed. */
static void set_user_page(struct page *page)
{
	EXPECT_EQ(pgtable_for_each_run(&process.mm->pgtable, NULL, USER_AT, USER_AT + PAGE_SIZE, true,
				       map_user_page, page),
		  0);
}

static void flush_user_page(void)
{
	flush_tlb_user_range(&process.mm->pgtable, USER_AT, USER_AT + PAGE_SIZE);
}

static u32 number_of(unsigned int i)
{
	return 0x1000 + i;
}

static bool start_process(void)
{
	if (!EXPECT_EQ(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages)))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++)
		*(u32 *)page_address(pages[i]) = number_of(i);
	return EXPECT(worker_start(&process, another_cpu(), true));
}

static void stop_process(void)
{
	set_user_page(NULL);
	worker_stop(&process);
	free_page_array(pages, ARRAY_SIZE(pages));
}

static void read_user_word(void *arg)
{
	EXPECT_EQ(copy_from_user(arg, (void *)USER_AT, sizeof(u32)), 0);
}

static void process_sees(u32 value)
{
	u32 word = 0;

	worker_call(&process, read_user_word, &word);
	EXPECT_EQ(word, value);
}

/* Wait until the process's CPU has gone over to its idle thread; what is in CR3 stays. */
static bool wait_borrowed(unsigned int cpu, const struct pgtable *pt)
{
	struct tlb_counters before;

	for (unsigned int ms = 0; ms < 1000; ms++) {
		before = tlb_counters();
		flush_tlb_user_range((struct pgtable *)pt, USER_AT, USER_AT + PAGE_SIZE);
		if (tlb_counters().spared == before.spared + 1)
			return test_bit(cpu, pt->cpus);
		msleep(1);
	}
	return false;
}

/* A CPU that sleeps on borrowed tables is left alone, and must know better when it comes back. */
static void change_while_asleep(void)
{
	struct tlb_counters before, after;

	set_user_page(pages[0]);
	process_sees(number_of(0));
	for (unsigned int i = 1; i < 6; i++) {
		ASSERT(wait_borrowed(process.cpu, &process.mm->pgtable));
		process_sees(number_of(~i & 1));
		ASSERT(wait_borrowed(process.cpu, &process.mm->pgtable));
		before = tlb_counters();
		set_user_page(pages[i % 2]);
		flush_user_page();
		after = tlb_counters();
		EXPECT_EQ(after.ipis, before.ipis);
		EXPECT_EQ(after.spared, before.spared + 1);
		EXPECT_EQ(after.cause[TLB_USER].ranged, before.cause[TLB_USER].ranged + 1);
		process_sees(number_of(i % 2));
		EXPECT(tlb_counters().caught_up > before.caught_up);
	}
}

KTEST(tlb, borrowing_cpu_is_spared_and_catches_up)
{
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (start_process())
		change_while_asleep();
	stop_process();
}

/* Kernel ranges are another matter: handlers on that CPU use them. */
KTEST(tlb, borrowing_cpu_is_never_spared_kernel_ranges)
{
	struct tlb_counters before;
	vaddr_t addr = VMALLOC_END - 64 * PAGE_SIZE;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (start_process() && EXPECT(wait_borrowed(process.cpu, &process.mm->pgtable))) {
		before = tlb_counters();
		flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
		EXPECT_EQ(tlb_counters().ipis, before.ipis + num_online_cpus() - 1);
		EXPECT_EQ(tlb_counters().spared, before.spared);
	}
	stop_process();
}

/* --- a process that runs ------------------------------------------------------------------------------------------ */

struct watch {
	u32 seen;
	bool stop;
};

/* Reads until told to stop, without ever leaving the process. */
static void watch_word(void *arg)
{
	struct watch *watch = arg;
	u32 word;

	while (!READ_ONCE(watch->stop)) {
		read_user_word(&word);
		WRITE_ONCE(watch->seen, word);
		cpu_relax();
	}
}

/* Running CPUs of that process are interrupted, once each, and nobody else is. */
static void change_while_running(void)
{
	struct watch watch = { 0 };
	struct tlb_counters before;

	set_user_page(pages[0]);
	worker_post(&process, watch_word, &watch);
	while (READ_ONCE(watch.seen) != number_of(0))
		cpu_relax();
	for (unsigned int i = 1; i < 20; i++) {
		u64 start = arch_uptime_ms();

		before = tlb_counters();
		set_user_page(pages[i % 2]);
		flush_user_page();
		if (process.cpu != smp_processor_id())
			EXPECT_EQ(tlb_counters().ipis, before.ipis + 1);
		while (READ_ONCE(watch.seen) != number_of(i % 2) && arch_uptime_ms() - start < 2000)
			cpu_relax();
		EXPECT_EQ(READ_ONCE(watch.seen), number_of(i % 2));
	}
	WRITE_ONCE(watch.stop, true);
	worker_wait(&process);
}

KTEST(tlb, user_flush_reaches_the_running_process_alone)
{
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (start_process())
		change_while_running();
	stop_process();
}

/* pgtable_protect flushes a process's entries itself. */
static void lower_and_raise(void)
{
	const pgprot_t none = { 0 };
	unsigned long flushes = tlb_counters().cause[TLB_USER].ranged;

	writable = true;
	set_user_page(pages[0]);
	writable = false;
	process_sees(number_of(0));
	EXPECT_EQ(pgtable_protect(&process.mm->pgtable, NULL, USER_AT, USER_AT + PAGE_SIZE, none, PROT_BIT_RW), 0);
	EXPECT_EQ(pgtable_protect(&process.mm->pgtable, NULL, USER_AT, USER_AT + PAGE_SIZE, PROT_BIT_RW, none), 0);
	EXPECT_EQ(pgtable_protect(&process.mm->pgtable, NULL, USER_AT, USER_AT + PAGE_SIZE, PROT_BIT_RW, none), 0);
	EXPECT_EQ(tlb_counters().cause[TLB_USER].ranged, flushes + 2); /* the third changed nothing */
}

KTEST(tlb, user_rights_are_flushed_both_ways)
{
	if (start_process())
		lower_and_raise();
	stop_process();
}

/* --- one process waits, another does not -------------------------------------------------------------------------- */

static void flush_everywhere(void *arg)
{
	(void)arg;
	flush_tlb_all();
}

static void be_deaf(void *arg)
{
	bool *deaf = arg;

	local_irq_disable();
	WRITE_ONCE(*deaf, true);
	while (READ_ONCE(*deaf))
		cpu_relax();
	local_irq_enable();
}

static void wait_flag(const bool *flag)
{
	while (!READ_ONCE(*flag))
		cpu_relax();
}

static void flush_beside(struct worker *deaf, struct worker *waiting)
{
	unsigned long begun = tlb_gen_begun(), completed = tlb_gen_completed();
	struct mm_struct *mm = mm_create();
	bool is_deaf = false;

	ASSERT(mm);
	worker_post(deaf, be_deaf, &is_deaf);
	wait_flag(&is_deaf);
	worker_post(waiting, flush_everywhere, NULL);
	while (tlb_gen_begun() == begun)
		cpu_relax();
	flush_tlb_user(&mm->pgtable);
	EXPECT_EQ(tlb_gen_completed(), completed); /* the other one still waits */
	WRITE_ONCE(is_deaf, false);
	worker_wait(waiting);
	EXPECT(tlb_gen_completed() != completed);
	worker_wait(deaf);
	mm_destroy(mm);
}

/* A CPU that does not answer holds up who needs its answer, and nobody else. */
KTEST(tlb, independent_flushes_do_not_wait_for_each_other)
{
	struct worker deaf, waiting;
	unsigned int third;

	for_each_online_cpu(third)
		if (third != smp_processor_id() && third != another_cpu())
			break;
	if (third == MAX_CPUS)
		KTEST_SKIP("needs three CPUs");
	ASSERT(worker_start(&deaf, another_cpu(), false));
	if (EXPECT(worker_start(&waiting, third, false))) {
		flush_beside(&deaf, &waiting);
		worker_stop(&waiting);
	}
	worker_stop(&deaf);
}

/* --- the end of borrowed tables ----------------------------------------------------------------------------------- */

struct holder {
	struct mm_struct *mm;
	const u32 *fresh; /* kernel memory that was mapped while the tables were borrowed */
	u32 seen;
	unsigned int trees;
	bool deaf, held_throughout;
};

static void run_in_process(void *arg)
{
	struct mm_struct *mm = arg;

	kthread_use_mm(mm);
	kthread_unuse_mm(mm);
}

/*
 * A kernel thread on the borrowed tables that does not answer until the last user has gone, and looks about meanwhile.
 */
static void hold_on(void *arg)
{
	struct holder *h = arg;

	local_irq_disable();
	WRITE_ONCE(h->deaf, true); /* and so to flushes */
	while (atomic_read(&h->mm->mm_users))
		cpu_relax();
	for (unsigned int ms = 0; ms < 5; ms++)
		arch_udelay(1000);
	h->held_throughout = pgtable_current() == &h->mm->pgtable;
	h->seen = READ_ONCE(*h->fresh);
	WRITE_ONCE(h->deaf, false);
	local_irq_enable();
}

static void end_while_held(struct worker *w, struct holder *h)
{
	unsigned int trees = pgd_parity_check().trees;

	mmgrab(h->mm);
	worker_post(w, hold_on, h);
	wait_flag(&h->deaf);
	mmput(h->mm);
	EXPECT(!READ_ONCE(h->deaf)); /* mmput has waited */
	EXPECT(h->held_throughout);
	EXPECT_EQ(h->seen, 0xf4e54);
	EXPECT(!pgtable_is_loaded(&h->mm->pgtable));
	EXPECT_EQ(pgd_parity_check().trees, trees); /* complete until the last one drops it */
	mmdrop(h->mm);
	EXPECT_EQ(pgd_parity_check().trees, trees - 1);
}

/* The thread has left the process, its CPU still has the tables: they get new kernel entries like all others. */
KTEST(tlb, borrowed_tables_outlive_their_process)
{
	struct holder h = { 0 };
	struct worker w;
	u32 *fresh;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	h.mm = mm_create();
	ASSERT(h.mm);
	ASSERT(worker_start(&w, another_cpu(), false));
	worker_call(&w, run_in_process, h.mm);
	EXPECT(pgtable_is_loaded(&h.mm->pgtable));
	fresh = fresh_slot() ? vmalloc_in_fresh_slot(PAGE_SIZE) : vmalloc(PAGE_SIZE);
	if (EXPECT(fresh)) {
		*fresh = 0xf4e54;
		h.fresh = fresh;
		end_while_held(&w, &h);
	}
	worker_stop(&w);
	vfree(fresh);
}

/* --- private slots ------------------------------------------------------------------------------------------------ */

static void map_own_page(struct worker *w, struct page *page, u32 value)
{
	*(u32 *)page_address(page) = value;
	EXPECT_EQ(pgtable_map_private(&w->mm->pgtable, layout.private_start, page_to_phys(page), PAGE_KERNEL), 0);
	EXPECT(!(pgtable_query(&w->mm->pgtable, layout.private_start).pte.val & PTE_GLOBAL));
}

/* Two processes on one CPU, one address: a global entry would survive the switch from one to the other. */
static void switch_between(struct worker *w)
{
	for (unsigned int i = 0; i < 2; i++)
		map_own_page(&w[i], pages[i], number_of(i));
	for (unsigned int i = 0; i < 10; i++)
		worker_sees(&w[i % 2], (void *)layout.private_start, number_of(i % 2));
	for (unsigned int i = 0; i < 2; i++)
		pgtable_unmap_private(&w[i].mm->pgtable, layout.private_start);
}

KTEST(tlb, private_slots_change_with_the_process)
{
	struct worker w[2];

	ASSERT_EQ(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	ASSERT(worker_start(&w[0], another_cpu(), true));
	if (EXPECT(worker_start(&w[1], another_cpu(), true))) {
		switch_between(w);
		worker_stop(&w[1]);
	}
	worker_stop(&w[0]);
	free_page_array(pages, ARRAY_SIZE(pages));
}

/* More processes on one CPU than it has identifiers for, each with another page at the same address. */
#define CROWD 9

static void read_own_word(struct worker *w, u32 value)
{
	u32 word = 0;

	worker_call(w, read_user_word, &word);
	EXPECT_EQ(word, value);
}

static void visit_crowd(struct worker *crowd, unsigned int nr)
{
	for (unsigned int round = 0; round < 3; round++)
		for (unsigned int i = 0; i < nr; i++)
			read_own_word(&crowd[round == 1 ? nr - 1 - i : i], number_of(round == 1 ? nr - 1 - i : i));
}

static void bring_in(void *arg)
{
	EXPECT_EQ(copy_to_user((void *)USER_AT, arg, sizeof(u32)), 0);
}

KTEST(tlb, a_crowd_of_processes_on_one_cpu)
{
	static struct worker crowd[CROWD];
	unsigned int nr;

	for (nr = 0; nr < CROWD; nr++) {
		u32 value = number_of(nr);

		if (!EXPECT(worker_start(&crowd[nr], another_cpu(), true)))
			break;
		EXPECT_EQ(mm_map_anonymous(crowd[nr].mm, USER_AT, PAGE_SIZE), 0);
		worker_call(&crowd[nr], bring_in, &value);
	}
	visit_crowd(crowd, nr);
	while (nr)
		worker_stop(&crowd[--nr]);
}
