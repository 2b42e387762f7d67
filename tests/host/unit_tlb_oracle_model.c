/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle under random writes, flushes and CR3 loads, against a naive model that keeps a table of all pages,
 * CPUs and frames: a verdict exactly where the model has one.
 */
#include "tests/host/tlb_oracle_machine.h"

/* --- anything at all, against the naive model --------------------------------------------------------------------- */

#define FRAMES 3
enum { KERNEL, USER0, USER1, SPACES };

enum { READ, WRITE, RIGHTS }; /* WRITE: read and write */

/* What a CPU may hold against the tables: for each page the frames, and each of them with these rights. */
static bool remembered[CPUS][SPACES][PAGES][FRAMES][RIGHTS];
static struct { unsigned char frame, rights; } mapped[SPACES][PAGES]; /* frame 0: nothing; 1..FRAMES */
static unsigned int runs[CPUS]; /* the space in CR3, KERNEL for none of the two */

static bool cpu_has_space(unsigned int cpu, unsigned int space) { return space == KERNEL || runs[cpu] == space; }

static void remember(unsigned int space, unsigned int page)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		if (cpu_has_space(cpu, space))
			remembered[cpu][space][page][mapped[space][page].frame - 1][mapped[space][page].rights] = true;
}

/* Is the new mapping at odds with what some CPU remembers? What was told once is forgotten. */
static bool at_odds(unsigned int space, unsigned int page, unsigned int frame, unsigned int rights)
{
	bool found = false;

	for (unsigned int i = 0; i < CPUS * FRAMES * RIGHTS; i++) {
		unsigned int f = i / RIGHTS % FRAMES, r = i % RIGHTS;
		bool *it = &remembered[i / RIGHTS / FRAMES][space][page][f][r];

		if (f + 1 == frame && r <= rights)
			continue;
		found |= *it;
		*it = false;
	}
	return found;
}

static pte_t *model_entry(unsigned int space, unsigned int page)
{
	return space == KERNEL ? kernel_entry(page) : user_entry(space - USER0, page);
}

static pgprot_t model_prot(unsigned int space, unsigned int rights)
{
	if (space == KERNEL)
		return rights == WRITE ? PAGE_KERNEL : PAGE_KERNEL_RO;
	return rights == WRITE ? PAGE_USER : PAGE_USER_RO;
}

/* The page may be written from now on: does a CPU remember another frame there? */
static bool seen_elsewhere(unsigned int space, unsigned int page, unsigned int frame)
{
	bool found = false;

	for (unsigned int i = 0; i < CPUS * FRAMES * RIGHTS; i++) {
		bool *it = &remembered[i / RIGHTS / FRAMES][space][page][i / RIGHTS % FRAMES][i % RIGHTS];

		if (i / RIGHTS % FRAMES + 1 == frame)
			continue;
		found |= *it;
		*it = false;
	}
	return found;
}

/* Another frame, or other rights, without a moment in which nothing is mapped. */
static void step_replace(unsigned int space, unsigned int page, unsigned int frame, unsigned int rights)
{
	unsigned long reused = oracle_counters().expected[ORACLE_REUSED],
		      moved = oracle_counters().expected[ORACLE_MOVED];
	unsigned int was = mapped[space][page].frame, had = mapped[space][page].rights;
	bool odds = frame != was && at_odds(space, page, frame, rights);

	if (frame != was || had > rights)
		remember(space, page);
	moved += rights == WRITE && (frame != was || had < rights) && seen_elsewhere(space, page, frame);
	pte_xchg(model_entry(space, page), pfn_pte(100 + frame, model_prot(space, rights)));
	assert_int_equal(oracle_counters().expected[ORACLE_REUSED], reused + odds);
	assert_int_equal(oracle_counters().expected[ORACLE_MOVED], moved);
}

static void step_write(unsigned int space, unsigned int page)
{
	unsigned int frame = 1 + host_random() % FRAMES, rights = host_random() % RIGHTS;
	pte_t *p = model_entry(space, page), now = pfn_pte(100 + frame, model_prot(space, rights));

	if (!mapped[space][page].frame) {
		assert_int_equal(VERDICTS(ORACLE_REUSED, pte_store(p, now)), at_odds(space, page, frame, rights));
	} else if (host_random() % 2) {
		assert_clean(ORACLE_REUSED, clear(p));
		remember(space, page);
		frame = rights = 0;
	} else {
		if (host_random() % 2)
			frame = mapped[space][page].frame;
		step_replace(space, page, frame, rights);
	}
	mapped[space][page].frame = (unsigned char)frame;
	mapped[space][page].rights = (unsigned char)rights;
}

/* A user address means the process that the CPU runs. */
static void step_flush(unsigned int cpu, unsigned int space, unsigned int page)
{
	vaddr_t base = space == KERNEL ? window : USER_WINDOW;

	if (host_random() % 8 == 0) {
		on_cpu(cpu, flush_all, 0);
		memset(remembered[cpu], 0, sizeof(remembered[cpu]));
		return;
	}
	on_cpu(cpu, flush_page, base + page * PAGE_SIZE);
	if (space == KERNEL || runs[cpu] != KERNEL)
		memset(remembered[cpu][space == KERNEL ? KERNEL : runs[cpu]][page], 0, sizeof(remembered[0][0][0]));
}

static void step_load(unsigned int cpu)
{
	runs[cpu] = host_random() % SPACES;
	load_on(cpu, runs[cpu] == KERNEL ? &kernel_pgtable : &process[runs[cpu] - USER0]);
	memset(remembered[cpu][USER0], 0, sizeof(remembered[cpu][USER0]));
	memset(remembered[cpu][USER1], 0, sizeof(remembered[cpu][USER1]));
}

static void anything_against_the_model(void **state)
{
	unsigned long verdicts;

	(void)state;
	memset(remembered, 0, sizeof(remembered));
	memset(mapped, 0, sizeof(mapped));
	memset(runs, 0, sizeof(runs));
	for (unsigned int i = 0; i < 60000; i++) {
		unsigned int what = host_random() % 8, cpu = host_random() % CPUS, space = host_random() % SPACES;
		unsigned int page = host_random() % PAGES;

		if (what < 3)
			step_write(space, page);
		else if (what < 7)
			step_flush(cpu, space, page);
		else if (host_random() % 4 == 0)
			step_load(cpu);
	}
	verdicts = oracle_counters().expected[ORACLE_REUSED];
	print_message("# %lu reuses, %lu replacements of %lu writes\n", verdicts,
		      oracle_counters().expected[ORACLE_MOVED], oracle_now());
	assert_true(verdicts > 1000);
	assert_true(oracle_counters().expected[ORACLE_MOVED] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(anything_against_the_model) };

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
