/* SPDX-License-Identifier: MIT */
/*
 * What must hold after every test, as far as core and the functions of arch/include can check it. Other folders add
 * their own guards with KTEST_GUARD.
 */
#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/mmu_sync.h>
#include <arch/tlb_oracle.h>
#include <kernel/bug.h>
#include <kernel/inject.h>
#include <kernel/ktest.h>
#include <kernel/schedule_point.h>

static unsigned long warnings_before;

static void warn_begin(void)
{
	warnings_before = warn_unexpected_count();
}

static void warn_end(void)
{
	warn_expected(false);
	EXPECT_EQ(warn_unexpected_count(), warnings_before);
}
KTEST_GUARD(warn, warn_begin, warn_end);

/* Not compared with the start of the test: no such fault may ever happen. */
static void fault_end(void)
{
	fault_provoke_spurious(false);
	EXPECT_EQ(fault_counters().kernel_not_present, 0);
	EXPECT_EQ(fault_counters().spurious, 0);
	EXPECT_EQ(arch_trap_depth(), 0);
	EXPECT(!irqs_disabled());
}
KTEST_GUARD(fault, NULL, fault_end);

static void parity_end(void)
{
	struct pgd_parity parity = pgd_parity_check();

	EXPECT_EQ(parity.differs, 0);
	EXPECT_EQ(parity.missing, 0);
	EXPECT_EQ(sync_counters().mismatches, 0);
}
KTEST_GUARD(parity, NULL, parity_end);

/* The oracle has no new verdict. A verdict during boot counts as a failure of the first test. */
static void oracle_end(void)
{
	static unsigned long known;
	unsigned long verdicts = CONFIG_TLB_ORACLE ? oracle_counters().unexpected : 0;

	tlb_oracle(expect(false));
	EXPECT_EQ(verdicts, known);
	known = verdicts;
}
KTEST_GUARD(oracle, NULL, oracle_end);

/* A test that ended early must not leave injections or holds to the next one. */
static void inject_end(void)
{
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++)
		inject_clear((enum inject_site)site);
	EXPECT_EQ(sched_holds(), 0);
}
KTEST_GUARD(inject, inject_from_cmdline, inject_end);
