/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer in ring 3 (tests/user/fuzz.c) from the kernel's side: rounds of a few programs each, with a seed of their
 * own. Here is the clock that ends what spins, and after every round the whole kernel is looked at: nobody is left,
 * every tree agrees, no page and no object is lost, no fault was the kernel's, and other programs run as before.
 *
 * `make fuzz-user SECONDS=60` plays rounds for that long; the seed of a failure's line repeats its round.
 * proc.random_programs is one round, for every machine of the matrix.
 */
#include <kernel/ktest.h>

#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/mmu_sync.h>
#include <arch/tlb_oracle.h>
#include <arch/uaccess.h>
#include <kernel/cmdline.h>
#include <kernel/process.h>
#include <lib/random.h>
#include <mm/vmalloc.h>

#include "tests/user/fuzz_order.h"

CMDLINE_OPTION(fuzz_user, "fuzz_user=SECONDS", "how long test=fuzz_user goes on (10)");

#define KBUF_BYTES     (4 * PAGE_SIZE)
#define PROGRAMS_MOST  6u
#define CHILDREN       40    /* of a program, in one round */
#define CHILDREN_SHORT 8     /* in the one round of the matrix */
#define LOOK_MS	       5
#define OLD_MS	       300   /* a child that lives that long is ended: it may spin */
#define REPORT_MS      10000 /* between signs of life */
#define PATIENCE_MS    60000 /* for what was ended to be gone */

static struct {
	unsigned long rounds, programs, ended;
	u64 next_report;
} played;

/* --- one round ---------------------------------------------------------------------------------------------------- */

/* The program has read its order, or cannot. */
static bool order_taken(const struct process *program, const struct fuzz_order *order)
{
	while (READ_ONCE(order->seed) && !READ_ONCE(program->exited))
		msleep(1);
	return !READ_ONCE(order->seed);
}

/* One after the other, since there is one order at a time. They begin when the buffer is an order no more. */
static unsigned int start_programs(struct process **program, unsigned int nr, unsigned int children,
				   struct rnd_state *random)
{
	struct fuzz_order *order = vmalloc(sizeof(*order));
	void *buffer;
	unsigned int n = 0;

	if (!order)
		return 0;
	buffer = kbuf_replace(order, sizeof(*order));
	for (bool taken = true; taken && n < nr; n++) {
		*order = (struct fuzz_order){ .seed = (u32)random_u64(random) | 1, .children = children };
		program[n] = process_spawn("fuzz");
		if (!program[n])
			break;
		taken = order_taken(program[n], order);
	}
	kbuf_replace(buffer, KBUF_BYTES);
	vfree(order);
	return n;
}

static bool all_have_ended(struct process *const *program, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!READ_ONCE(program[i]->exited))
			return false;
	return true;
}

static void sign_of_life(void)
{
	u64 now = arch_uptime_ms();

	if (now < played.next_report)
		return;
	played.next_report = now + REPORT_MS;
	ktest_note("%lu rounds, %lu programs, %lu processes were ended by the clock", played.rounds, played.programs,
		   played.ended);
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

static bool is_old(const struct process *process, void *now)
{
	return process->parent && *(u64 *)now - process->born > OLD_MS;
}

static bool is_anything(const struct process *process __maybe_unused, void *unused __maybe_unused)
{
	return true;
}

/* Children that seem to spin, until the programs themselves have ended. */
static void watch(struct process *const *program, unsigned int nr)
{
	while (!all_have_ended(program, nr)) {
		u64 now = arch_uptime_ms();

		played.ended += process_kill_if(is_old, &now);
		sign_of_life();
		msleep(LOOK_MS);
	}
}

/* What the programs have left behind. */
static void end_the_rest(void)
{
	for (unsigned int ms = 0; process_count() && ms < PATIENCE_MS; ms += LOOK_MS) {
		played.ended += process_kill_if(is_anything, NULL);
		msleep(LOOK_MS);
	}
	if (!EXPECT_EQ(process_count(), 0))
		process_dump();
}

/* --- afterwards --------------------------------------------------------------------------------------------------- */

static bool is_fine(int status)
{
	return status == 0 || status == EXIT_KILLED + KILL_NO_MEMORY;
}

static void expect_a_sound_kernel(void)
{
	struct pgd_parity parity = pgd_parity_check();
	struct process *process = process_spawn("hello");

	EXPECT_EQ(parity.differs, 0);
	EXPECT_EQ(parity.missing, 0);
	EXPECT_EQ(fault_counters().kernel_not_present, 0);
	EXPECT_EQ(fault_counters().spurious, 0);
	EXPECT_EQ(arch_trap_depth(), 0);
	EXPECT_EQ(vmalloc_check(), 0);
	if (CONFIG_TLB_ORACLE)
		EXPECT_EQ(oracle_counters().unexpected, 0);
	EXPECT_EQ(process ? process_wait(process) : -1, 0);
}

static void play_round(u64 seed, unsigned int children)
{
	unsigned int nr = min(num_online_cpus() + 1, PROGRAMS_MOST);
	struct process *program[PROGRAMS_MOST];
	struct rnd_state random;

	random_seed(&random, seed);
	nr = start_programs(program, nr, children, &random);
	watch(program, nr);
	for (unsigned int i = 0; i < nr; i++)
		EXPECT(is_fine(process_wait(program[i])));
	end_the_rest();
	expect_a_sound_kernel();
	played.rounds++;
	played.programs += nr;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

KTEST(proc, random_programs)
{
	process_report_kills(cmdline_has("fuzz_loud"));
	play_round(ktest_random(), CHILDREN_SHORT);
	process_report_kills(true);
}

/* Each round has the seed that stands in the line of a failure, be it a panic: from there on everything is repeated. */
KTEST(fuzz_user, everything)
{
	u64 end = arch_uptime_ms() + cmdline_count("fuzz_user", 10, ~0u) * 1000, seed = ktest_run_seed();

	process_report_kills(cmdline_has("fuzz_loud"));
	while (arch_uptime_ms() < end && !ktest_failed()) {
		ktest_seed(seed);
		play_round(seed, CHILDREN);
		seed = ktest_random() >> 32;
	}
	process_report_kills(true);
	ktest_note("%lu rounds, %lu programs, %lu processes were ended by the clock", played.rounds,
		   played.programs, played.ended);
}
