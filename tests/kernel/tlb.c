/* SPDX-License-Identifier: MIT */
/* Flushes of kernel ranges: what is flushed, by how many interrupts, what it covers, and that nobody waits for ever. */
#include "worker.h"

#include <arch/barrier.h>
#include <arch/context.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/mmu_sync.h>
#include <asm/cr.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/watchdog.h>
#include <mm/vmalloc.h>

#define SOMEWHERE (VMALLOC_END - 512 * PAGE_SIZE) /* flushed, but never mapped here */

static struct worker other;

static bool start_other(bool own_process)
{
	return EXPECT(worker_start(&other, another_cpu(), own_process));
}

/* --- what is flushed ---------------------------------------------------------------------------------------------- */

/* The flush of these pages, and of nothing else, is the next entry of the log. */
static void expect_exact(vaddr_t start, unsigned long pages)
{
	unsigned long seq = tlb_log_seq();
	struct tlb_log_entry entry;

	flush_tlb_kernel_range(start, start + pages * PAGE_SIZE);
	ASSERT_EQ(tlb_log_seq(), seq + 1);
	ASSERT(tlb_log_read(seq + 1, &entry));
	EXPECT_EQ(entry.all, pages > TLB_FLUSH_CEILING);
	EXPECT_EQ(entry.tree, 0);
	if (entry.all)
		return;
	EXPECT_EQ(entry.start, start);
	EXPECT_EQ(entry.end, start + pages * PAGE_SIZE);
}

KTEST(tlb, ranges_are_exact_up_to_the_ceiling)
{
	KTEST_NEEDS(MM_LOGS);
	static const unsigned long sizes[] = { 1, 2, 17, TLB_FLUSH_CEILING, TLB_FLUSH_CEILING + 1, 500 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		expect_exact(SOMEWHERE, sizes[i]);
}

/* Ranges with gaps between them. */
static void flush_batch_of(unsigned int ranges)
{
	struct tlb_batch batch;

	tlb_batch_init(&batch);
	for (unsigned int i = 0; i < ranges; i++)
		tlb_batch_add(&batch, SOMEWHERE + 4 * i * PAGE_SIZE, SOMEWHERE + (4 * i + 2) * PAGE_SIZE);
	EXPECT_EQ(batch.all, ranges > TLB_BATCH_RANGES);
	tlb_batch_flush(&batch);
	EXPECT(tlb_batch_empty(&batch));
}

KTEST(tlb, a_batch_costs_one_interrupt_a_cpu)
{
	for (unsigned int ranges = 0; ranges <= TLB_BATCH_RANGES + 1; ranges++) {
		struct tlb_counters before = tlb_counters(), after;

		flush_batch_of(ranges);
		after = tlb_counters();
		EXPECT_EQ(after.ipis - before.ipis, ranges ? num_online_cpus() - 1 : 0);
		EXPECT_EQ(after.full + after.ranged - before.full - before.ranged, ranges != 0);
	}
}

/* --- generations -------------------------------------------------------------------------------------------------- */

KTEST(tlb, only_a_whole_flush_that_began_later_covers_a_stamp)
{
	tlb_stamp_t stamp = tlb_stamp(), second;

	EXPECT(!tlb_stamp_covered(stamp));
	flush_tlb_kernel_range(SOMEWHERE, SOMEWHERE + PAGE_SIZE);
	EXPECT(!tlb_stamp_covered(stamp));
	flush_tlb_all();
	EXPECT(tlb_stamp_covered(stamp));
	second = tlb_stamp();
	EXPECT(!tlb_stamp_covered(second));
	EXPECT_EQ(tlb_gen_begun(), tlb_gen_completed());
}

static void flush_when_true(void *flag)
{
	while (!READ_ONCE(*(bool *)flag))
		cpu_relax();
	flush_tlb_all();
}

/*
 * This CPU does not answer until the flush has begun. What it stamps then may be remembered by a CPU that has answered.
 */
KTEST(tlb, a_flush_in_flight_covers_only_what_was_before_it)
{
	tlb_stamp_t before, meanwhile;
	unsigned long begun;
	bool deaf = false;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(start_other(false));
	worker_post(&other, flush_when_true, &deaf);
	local_irq_disable();
	begun = tlb_gen_begun();
	before = tlb_stamp();
	WRITE_ONCE(deaf, true);
	while (tlb_gen_begun() == begun)
		cpu_relax();
	meanwhile = tlb_stamp();
	EXPECT(!tlb_stamp_covered(before));
	local_irq_enable();
	worker_wait(&other);
	EXPECT(tlb_stamp_covered(before));
	EXPECT(!tlb_stamp_covered(meanwhile));
	flush_tlb_all();
	EXPECT(tlb_stamp_covered(meanwhile));
	worker_stop(&other);
}

static unsigned long alias_flushes(void)
{
	struct tlb_counters c = tlb_counters();

	return c.cause[TLB_ALIASES].ranged + c.cause[TLB_ALIASES].full;
}

/* Somebody else's flush of everything serves vm_unmap_aliases too; its own serves only once. */
KTEST(tlb, aliases_that_are_covered_cost_no_flush)
{
	struct page *page;
	unsigned long flushes;
	void *p;

	if (vm_quarantine())
		KTEST_SKIP("in quarantine no flush is put off");
	page = alloc_page(GFP_KERNEL);
	ASSERT(page);
	vm_unmap_aliases();
	flushes = alias_flushes();
	for (unsigned int i = 0; i < 3; i++) {
		p = vm_map_ram(&page, 1, -1);
		if (!EXPECT(p))
			break;
		vm_unmap_ram(p, 1);
		flush_tlb_all();
		vm_unmap_aliases();
		EXPECT_EQ(alias_flushes(), flushes);
		vm_unmap_ram(vm_map_ram(&page, 1, -1), 1);
		vm_unmap_aliases();
		vm_unmap_aliases();
		EXPECT_EQ(alias_flushes(), ++flushes);
	}
	EXPECT_EQ(vmalloc_check(), 0);
	__free_page(page);
}

/* --- nobody waits for ever ---------------------------------------------------------------------------------------- */

#define FLUSHES 8

static void flush_with_interrupts_off(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < FLUSHES; i++) {
		local_irq_disable();
		flush_tlb_all();
		flush_tlb_kernel_range(SOMEWHERE, SOMEWHERE + PAGE_SIZE);
		local_irq_enable();
	}
}

KTEST(tlb, flushes_against_each_other_with_interrupts_off)
{
	static struct crew crew;
	unsigned long begun = tlb_gen_begun();

	WITH_CREW(crew, 1, crew_call(&crew, flush_with_interrupts_off, NULL));
	EXPECT_EQ(tlb_gen_begun(), begun + FLUSHES * min(num_online_cpus(), CREW_MOST));
	EXPECT_EQ(tlb_gen_completed(), tlb_gen_begun());
}

static DEFINE_SPINLOCK(lock);

static void take_lock(void *arg)
{
	while (!READ_ONCE(*(bool *)arg))
		cpu_relax();
	spin_lock(&lock);
	spin_unlock(&lock);
}

/* The flusher holds a lock that the target waits for: allowed, since it waits with interrupts on. */
KTEST(tlb, target_waits_for_a_lock_of_the_flusher)
{
	bool taken = false;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(start_other(false));
	worker_post(&other, take_lock, &taken);
	spin_lock(&lock);
	WRITE_ONCE(taken, true);
	for (unsigned int i = 0; i < FLUSHES; i++)
		flush_tlb_all();
	EXPECT(worker_busy(&other));
	spin_unlock(&lock);
	worker_stop(&other);
}

/* A CPU that does not answer is named, with what it is doing; the flush goes on when it answers after all. */
static void be_deaf_until_reported(void *arg)
{
	unsigned int me = smp_processor_id(), reports = watchdog_reports(WATCHDOG_STUCK_IPI, me);
	bool *deaf = arg;

	local_irq_disable();
	WRITE_ONCE(*deaf, true);
	for (unsigned int ms = 0; watchdog_reports(WATCHDOG_STUCK_IPI, me) == reports && ms < 5000; ms++)
		arch_udelay(1000);
	WRITE_ONCE(*deaf, false);
	local_irq_enable();
}

KTEST(tlb, a_cpu_that_does_not_answer_is_reported)
{
	unsigned int limit = watchdog_limit(), cpu = another_cpu(), reports = watchdog_reports(WATCHDOG_STUCK_IPI, cpu);
	bool deaf = false;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(start_other(false));
	worker_post(&other, be_deaf_until_reported, &deaf);
	while (!READ_ONCE(deaf))
		cpu_relax();
	warn_expected(true);
	watchdog_set_limit(25);
	flush_tlb_kernel_range(SOMEWHERE, SOMEWHERE + PAGE_SIZE);
	watchdog_set_limit(limit);
	EXPECT(!READ_ONCE(deaf));
	EXPECT(watchdog_reports(WATCHDOG_STUCK_IPI, cpu) > reports);
	worker_stop(&other);
}

/* --- rights that grow --------------------------------------------------------------------------------------------- */

struct shared_word {
	volatile u32 *word;
	enum probe_result write;
};

static void read_and_try_to_write(void *arg)
{
	struct shared_word *s = arg;

	(void)*s->word;
	EXPECT_EQ(probe_write((void *)s->word), s->write);
}

static void set_writable(vaddr_t addr, bool writable)
{
	const pgprot_t none = { 0 };
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, addr, addr + PAGE_SIZE);
	EXPECT_EQ(pgtable_protect(&kernel_pgtable, &u, addr, addr + PAGE_SIZE, writable ? PROT_BIT_RW : none,
				  writable ? none : PROT_BIT_RW), 0);
	arch_update_kernel_mappings_end(&u);
}

static void raise_and_lower(struct crew *crew, struct shared_word *s)
{
	vaddr_t addr = (vaddr_t)s->word;

	for (unsigned int i = 0; i < 3; i++) {
		unsigned long seq = tlb_log_seq();

		set_writable(addr, false);
		EXPECT(tlb_log_covers(seq, addr, addr + PAGE_SIZE));
		s->write = PROBE_PROTECTION;
		crew_call(crew, read_and_try_to_write, s);
		seq = tlb_log_seq();
		set_writable(addr, true);
		EXPECT(tlb_log_covers(seq, addr, addr + PAGE_SIZE));
		s->write = PROBE_OK;
		crew_call(crew, read_and_try_to_write, s);
	}
}

/* The guard around every test sees to it that no CPU took a spurious fault for it. */
KTEST(tlb, raised_rights_are_flushed_too)
{
	KTEST_NEEDS(MM_LOGS);
	struct shared_word s = { .word = vmalloc(PAGE_SIZE) };
	unsigned long flushes = tlb_counters().cause[TLB_PROTECT].ranged;
	static struct crew crew;

	ASSERT(s.word);
	WITH_CREW(crew, 1, raise_and_lower(&crew, &s));
	EXPECT_EQ(tlb_counters().cause[TLB_PROTECT].ranged, flushes + 6);
	vfree((void *)s.word);
}

/*
 * What a CPU with an old entry would see: a write to a page is refused, and the tables allow it. The emulators look at
 * the tables again by themselves, so the fault is made up here.
 */
KTEST(tlb, a_spurious_fault_is_counted_and_retried)
{
	struct trap_frame frame = { .vector = VECTOR_PAGE_FAULT, .error = PF_PRESENT | PF_WRITE };
	struct fault_counters before = fault_counters();
	u32 word = 0;

	fault_provoke_spurious(true);
	local_irq_disable();
	write_cr2((unsigned long)&word);
	page_fault(&frame);
	local_irq_enable();
	EXPECT_EQ(fault_counters().spurious_provoked, before.spurious_provoked + 1);
	EXPECT_EQ(fault_counters().spurious, before.spurious);
}
