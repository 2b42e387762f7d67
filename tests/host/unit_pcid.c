/* SPDX-License-Identifier: MIT */
/*
 * PCIDs judged against a model of the TLBs that use them. No emulator keeps what a CPU holds under a PCID that is not
 * in CR3, so only this model can show a translation that comes back from the dead.
 *
 * The model TLB keeps everything for ever unless an instruction drops it; the bookkeeping under test
 * (arch/x86/mm/asid.c) says which instruction is due. Flushes take time: a change is made, each target does its part
 * later and in any order, and only when all have is the page settled. A settled page must never be read through an old
 * entry.
 */
#include "tests/host/port/host.h"

#include "arch/x86/mm/asid.h"

#include <lib/string.h>

#define CPUS	 3u
#define TREES	 9u /* more than there are slots */
#define PAGES	 4u /* of each tree, and of the kernel */
#define KERNEL	 0u /* the tree without user pages */
#define ENTRIES	 64u
#define REQUESTS 8u
#define STEPS	 200000u

struct entry {
	bool valid, global;
	unsigned int pcid, page; /* pages from PAGES on are the kernel's */
	unsigned int frame;
};

static struct model_cpu {
	struct asid_cpu asid;
	struct entry tlb[ENTRIES];
	unsigned int loaded;
	bool borrowed;
} cpus[CPUS];

static struct model_tree {
	u64 serial;
	unsigned long flushes;
	unsigned int frame[PAGES];
} trees[TREES];

static unsigned int kernel_frame[PAGES];
static u64 last_serial;
static unsigned int last_frame;
static bool pge;

/* Parts of user flushes that are still to be done. */
static struct request {
	bool waiting;
	unsigned int cpu, tree, page;
	unsigned long nr;
} requests[REQUESTS];

static unsigned int pcid_of(const struct model_cpu *cpu) { return cpu->asid.here + 1; }
static unsigned int user_pcid_of(const struct model_cpu *cpu) { return pcid_of(cpu) + ASID_SLOTS; }

/* --- instructions ------------------------------------------------------------------------------------------------- */

static void drop(struct model_cpu *cpu, unsigned int pcid)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		if (cpu->tlb[i].pcid == pcid && !cpu->tlb[i].global)
			cpu->tlb[i].valid = false;
}

static void drop_pcid(struct model_cpu *cpu)
{
	drop(cpu, pcid_of(cpu));
}

/* With page-table isolation: the CPU goes to ring 3, on the user root. */
static void enter_ring3(struct model_cpu *cpu)
{
	struct asid_slot *slot = &cpu->asid.slot[cpu->asid.here];

	if (slot->user_stale)
		drop(cpu, user_pcid_of(cpu));
	slot->user_stale = false;
}

static void invlpg(struct model_cpu *cpu, unsigned int page)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		if (cpu->tlb[i].page == page && (cpu->tlb[i].pcid == pcid_of(cpu) || cpu->tlb[i].global))
			cpu->tlb[i].valid = false;
}

static void fill_under(struct model_cpu *cpu, unsigned int pcid, unsigned int page);

/* With page-table isolation an NMI right after CR3 was loaded may go to the old tree once more, under its PCID. */
static void load_cr3(struct model_cpu *cpu, unsigned int tree)
{
	unsigned int old = cpu->loaded, old_pcid = pcid_of(cpu);
	bool flush = asid_enter(&cpu->asid, trees[tree].serial, trees[tree].flushes);

	if (flush)
		drop_pcid(cpu);
	cpu->loaded = old;
	if (cpu->asid.nr > 1 && host_random_below(4) == 0)
		fill_under(cpu, old_pcid, host_random_below(PAGES));
	cpu->loaded = tree;
	cpu->borrowed = false;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool settled(unsigned int tree, unsigned int page)
{
	for (unsigned int i = 0; i < REQUESTS; i++)
		if (requests[i].waiting && requests[i].tree == tree && requests[i].page == page)
			return false;
	return true;
}

static unsigned int frame_of(const struct model_cpu *cpu, unsigned int page)
{
	return page < PAGES ? trees[cpu->loaded].frame[page] : kernel_frame[page - PAGES];
}

static void fill_under(struct model_cpu *cpu, unsigned int pcid, unsigned int page)
{
	cpu->tlb[host_random_below(ENTRIES)] = (struct entry){ .valid = true,
							       .global = pge && page >= PAGES,
							       .pcid = pcid,
							       .page = page,
							       .frame = frame_of(cpu, page) };
}

static void fill(struct model_cpu *cpu, unsigned int page)
{
	fill_under(cpu, pcid_of(cpu), page);
}

/* Through every entry that could serve: which one the hardware takes is not known. */
static void read_under(struct model_cpu *cpu, unsigned int pcid, unsigned int page)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		const struct entry *e = &cpu->tlb[i];

		if (!e->valid || e->page != page || (e->pcid != pcid && !e->global))
			continue;
		if (page >= PAGES || settled(cpu->loaded, page))
			assert_int_equal(e->frame, frame_of(cpu, page));
	}
	fill_under(cpu, pcid, page);
}

/* The kernel reads it; a program's page is read by the program too. */
static void read_page(struct model_cpu *cpu, unsigned int page)
{
	read_under(cpu, pcid_of(cpu), page);
	if (page >= PAGES || host_random() & 1)
		return;
	enter_ring3(cpu);
	read_under(cpu, user_pcid_of(cpu), page);
}

/* --- flushing ----------------------------------------------------------------------------------------------------- */

static void flush_user_part(struct model_cpu *cpu, const struct request *r)
{
	if (cpu->loaded != r->tree || cpu->borrowed)
		return;
	switch (asid_catch_up(&cpu->asid, r->nr, trees[r->tree].flushes)) {
	case ASID_NOTHING:
		return;
	case ASID_RANGES:
		invlpg(cpu, r->page);
		return;
	case ASID_EVERYTHING:
		drop_pcid(cpu);
	}
}

static struct request *free_request(void)
{
	for (unsigned int i = 0; i < REQUESTS; i++)
		if (!requests[i].waiting)
			return &requests[i];
	return NULL;
}

static void serve(struct request *r)
{
	if (r->waiting)
		flush_user_part(&cpus[r->cpu], r);
	r->waiting = false;
}

static void serve_all(void)
{
	for (unsigned int i = 0; i < REQUESTS; i++)
		serve(&requests[i]);
}

static void change_user_page(unsigned int tree, unsigned int page)
{
	unsigned long nr = ++trees[tree].flushes;

	trees[tree].frame[page] = ++last_frame;
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		struct request *r = free_request();

		if (cpus[cpu].loaded != tree || cpus[cpu].borrowed)
			continue;
		if (!r) {
			serve_all();
			r = free_request();
		}
		*r = (struct request){ .waiting = true, .cpu = cpu, .tree = tree, .page = page, .nr = nr };
	}
}

static void change_kernel_page(unsigned int page)
{
	kernel_frame[page] = ++last_frame;
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		invlpg(&cpus[cpu], PAGES + page);
		if (!pge)
			asid_others_stale(&cpus[cpu].asid);
	}
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static void new_tree(unsigned int tree)
{
	trees[tree].serial = ++last_serial;
	trees[tree].flushes = 0;
	for (unsigned int page = 0; page < PAGES; page++)
		trees[tree].frame[page] = ++last_frame;
}

static bool in_use(unsigned int tree)
{
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		if (cpus[cpu].loaded == tree && !cpus[cpu].borrowed)
			return true;
	return false;
}

/* A process ends, and a new one gets its memory, the tree's too. */
static void replace_process(unsigned int tree)
{
	if (tree == KERNEL || in_use(tree))
		return;
	serve_all();
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		if (cpus[cpu].loaded == tree)
			load_cr3(&cpus[cpu], KERNEL);
	new_tree(tree);
}

static void switch_to(struct model_cpu *cpu, unsigned int tree)
{
	if (cpu->loaded != tree) {
		load_cr3(cpu, tree);
	} else if (cpu->borrowed) {
		cpu->borrowed = false;
		if (asid_catch_up(&cpu->asid, trees[tree].flushes, trees[tree].flushes) != ASID_NOTHING)
			drop_pcid(cpu);
	}
}

static void step(void)
{
	struct model_cpu *cpu = &cpus[host_random_below(CPUS)];
	unsigned int tree = (unsigned int)host_random_below(TREES);

	switch (host_random_below(16)) {
	case 0:
		switch_to(cpu, tree);
		return;
	case 1:
		cpu->borrowed = cpu->loaded != KERNEL;
		return;
	case 2:
		change_user_page(cpu->loaded, (unsigned int)host_random_below(PAGES));
		return;
	case 3:
		change_user_page(tree, (unsigned int)host_random_below(PAGES));
		return;
	case 4:
		change_kernel_page((unsigned int)host_random_below(PAGES));
		return;
	case 5:
		replace_process(tree);
		return;
	case 6:
	case 7:
		serve(&requests[host_random_below(REQUESTS)]);
		return;
	}
	/* Borrowed user pages may be read ahead, which leaves entries, but are never used. */
	if (cpu->borrowed)
		fill(cpu, (unsigned int)host_random_below(2 * PAGES));
	else
		read_page(cpu, (unsigned int)(cpu->loaded == KERNEL ? PAGES + host_random_below(PAGES) :
							host_random_below(2 * PAGES)));
}

static void live(bool with_pge, unsigned int slots)
{
	pge = with_pge;
	memset(cpus, 0, sizeof(cpus));
	memset(requests, 0, sizeof(requests));
	for (unsigned int tree = 0; tree < TREES; tree++)
		new_tree(tree);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		cpus[cpu].asid.nr = slots;
		load_cr3(&cpus[cpu], KERNEL);
	}
	for (unsigned int i = 0; i < STEPS; i++)
		step();
}

static void kernel_pages_global(void **state)
{
	(void)state;
	live(true, ASID_SLOTS);
}

static void kernel_pages_not_global(void **state)
{
	(void)state;
	live(false, ASID_SLOTS);
}

static void two_slots(void **state)
{
	(void)state;
	live(false, 2);
}

/* --- what must not be lost to caution ----------------------------------------------------------------------------- */

static void coming_back_keeps_what_is_clean(void **state)
{
	struct asid_cpu a = { .nr = ASID_SLOTS };

	(void)state;
	for (u64 tree = 1; tree <= ASID_SLOTS; tree++)
		assert_true(asid_enter(&a, tree, 7));
	for (u64 tree = 1; tree <= ASID_SLOTS; tree++)
		assert_false(asid_enter(&a, tree, 7));
	assert_true(asid_enter(&a, 3, 8));
	assert_false(asid_enter(&a, 3, 8));
	assert_int_equal(a.here, 3);
	assert_true(asid_enter(&a, 100, 0)); /* takes the place that was taken longest ago */
	assert_int_equal(a.here, 1);
	assert_false(asid_enter(&a, 2, 7));
	assert_true(asid_enter(&a, 1, 7));
}

/* Not even if it was taken longest ago: an NMI may still use the old tree under that PCID. */
static void a_new_tree_gets_another_slot_than_the_one_in_use(void **state)
{
	struct asid_cpu a = { .nr = ASID_SLOTS };
	unsigned int in_use;

	(void)state;
	for (u64 tree = 1; tree <= ASID_SLOTS; tree++)
		asid_enter(&a, tree, 0);
	assert_false(asid_enter(&a, 1, 0)); /* the first one; its slot is the next to be taken */
	in_use = a.here;
	assert_true(asid_enter(&a, 100, 0));
	assert_int_not_equal(a.here, in_use);
}

/* Kernel pages that are not global: the others are forgotten once, and then they count again. */
static void others_are_forgotten_once(void **state)
{
	struct asid_cpu a = { .nr = ASID_SLOTS };

	(void)state;
	asid_enter(&a, 1, 0);
	asid_enter(&a, 2, 0);
	asid_others_stale(&a);
	assert_false(asid_enter(&a, 2, 0));
	assert_true(asid_enter(&a, 1, 0));
	assert_false(asid_enter(&a, 2, 0));
	assert_false(asid_enter(&a, 1, 0));
}

static void ranges_count_one_by_one(void **state)
{
	struct asid_cpu a = { .nr = ASID_SLOTS };

	(void)state;
	asid_enter(&a, 1, 10);
	assert_int_equal(asid_catch_up(&a, 11, 11), ASID_RANGES);
	assert_int_equal(asid_catch_up(&a, 11, 11), ASID_NOTHING);
	assert_int_equal(asid_catch_up(&a, 13, 14), ASID_EVERYTHING); /* 12 has not been seen */
	assert_int_equal(asid_catch_up(&a, 12, 14), ASID_NOTHING);
	assert_int_equal(asid_catch_up(&a, 14, 14), ASID_NOTHING);
	assert_int_equal(asid_catch_up(&a, 15, 15), ASID_RANGES);
}

static void without_pcids_there_is_one_slot(void **state)
{
	struct asid_cpu a = { .nr = 1 };

	(void)state;
	assert_true(asid_enter(&a, 1, 0));
	assert_true(asid_enter(&a, 2, 0));
	assert_int_equal(a.here, 0);
	asid_others_stale(&a);
	assert_false(a.others_stale);
	assert_false(asid_enter(&a, 2, 0));
	assert_true(asid_enter(&a, 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_pages_global),
		cmocka_unit_test(kernel_pages_not_global),
		cmocka_unit_test(two_slots),
		cmocka_unit_test(coming_back_keeps_what_is_clean),
		cmocka_unit_test(a_new_tree_gets_another_slot_than_the_one_in_use),
		cmocka_unit_test(others_are_forgotten_once),
		cmocka_unit_test(ranges_count_one_by_one),
		cmocka_unit_test(without_pcids_there_is_one_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
