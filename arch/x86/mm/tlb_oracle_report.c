/* SPDX-License-Identifier: MIT */
/*
 * The oracle's verdicts: counted, and told, with who unmapped and who acted too early, unless a test expects them. And
 * what the oracle knows, for people.
 */
#include "oracle.h"

#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/math.h>
#include <lib/string.h>

CMDLINE_OPTION(oracle, "oracle=on|off|strict", "TLB oracle of debug builds; strict: its first verdict is a panic");

#define MOST_TOLD 20 /* unexpected verdicts that are told; all are counted */

static const struct {
	const char *name, *event;
} verdicts[NR_ORACLE_VERDICTS] = {
	[ORACLE_REUSED] = { "range-reused", "mapped anew" },
	[ORACLE_GIVEN_BACK] = { "range-given-back", "the range given back" },
	[ORACLE_TABLE] = { "table-freed", "the table freed" },
	[ORACLE_ALIAS] = { "alias-left", "vm_unmap_aliases() returned" },
	[ORACLE_FRAME] = { "frame-reissued", "the frame given out" },
	[ORACLE_MOVED] = { "frame-replaced", "another frame made writable there" },
	[ORACLE_UNSETTLED] = { "left-unflushed", "the process's lock dropped" },
	[ORACLE_LAZY] = { "lazy-forgotten", "the CPU came back to the process" },
	[ORACLE_SPLIT] = { "leaf-split", "a part of it changed" },
	[ORACLE_ASID] = { "asid-reused", "a CPU loaded another tree under the same PCID" },
};

bool oracle_quarantine;
static bool expecting, strict;
static atomic_long_t unexpected, expected[NR_ORACLE_VERDICTS];

const char *oracle_verdict_name(enum oracle_verdict verdict)
{
	return verdicts[verdict].name;
}

void oracle_expect(bool on)
{
	WRITE_ONCE(expecting, on);
}

void oracle_set_quarantine(bool on)
{
	WRITE_ONCE(oracle_quarantine, on);
}

void oracle_init(void)
{
	const char *word = cmdline_value("oracle");

	strict = word && strcmp(word, "strict") == 0;
	if (word && strcmp(word, "off") == 0)
		oracle_enable(false);
	else if (word && !strict && strcmp(word, "on") != 0)
		pr_warn("oracle=%s: it is on, off or strict\n", word);
}

/* --- a verdict ---------------------------------------------------------------------------------------------------- */

void finding_begin(struct finding *f, enum oracle_verdict verdict, vaddr_t place)
{
	f->verdict = verdict;
	f->found = 0;
	f->place = place;
}

void finding_add(struct finding *f, const struct stale *r, cpu_set cpus)
{
	if (f->found++)
		return;
	f->record = *r;
	f->cpus = cpus;
	f->now = oracle_now();
}

/* "to frame 1f00 (PTE rw)", or for a link "through table 1f00 (PMD)". */
static void tell_record(const struct finding *f)
{
	const struct stale *r = &f->record;
	unsigned int others = hweight64(f->cpus) - 1;
	unsigned long long frame = r->link ? pte_pfn(r->pte) : stale_pfn(r);

	printk("TLB oracle: %s: CPU%u%s may still translate %lx %s %llx (%s%s), tree %u\n", verdicts[f->verdict].name,
	       fls64(f->cpus) - 1, others ? " and others" : "", r->slot.va, r->link ? "through table" : "to frame",
	       frame, pt_level_name(r->slot.level), r->pte.val & PTE_RW ? " RW" : " ro", r->slot.tree->id);
	printk("TLB oracle: CPUs %llx; unmapped at write #%lu by CPU%u in %pS, %s at #%lu by CPU%u in %pS, no flush "
	       "between\n",
	       f->cpus, r->seq, r->writer, (void *)r->place, verdicts[f->verdict].event, f->now, smp_processor_id(),
	       (void *)f->place);
	if (f->found > 1)
		printk("TLB oracle: and %u more like this\n", f->found - 1);
}

static void tell_asid(const struct finding *f)
{
	const struct pgtable *owner = f->record.slot.tree;

	printk("TLB oracle: %s: CPU%u loads, unflushed, under PCID %lu, which belongs to tree %d, in %pS\n",
	       verdicts[f->verdict].name, smp_processor_id(), f->record.seq, owner ? (int)owner->id : -1,
	       (void *)f->place);
}

static void tell_expected(const struct finding *f)
{
	atomic_long_inc(&expected[f->verdict]);
	printk("TLB oracle, as expected: %s, %u records, %lx\n", verdicts[f->verdict].name, f->found,
	       f->record.slot.va);
}

void finding_tell(const struct finding *f)
{
	if (!f->found)
		return;
	if (READ_ONCE(expecting)) {
		tell_expected(f);
		return;
	}
	if (atomic_long_inc_return(&unexpected) <= MOST_TOLD) {
		if (f->verdict == ORACLE_ASID)
			tell_asid(f);
		else
			tell_record(f);
	}
	if (strict)
		panic("TLB oracle: %s", verdicts[f->verdict].name);
	WARN_ONCE(true, "TLB oracle: %s", verdicts[f->verdict].name);
}

void oracle_verdicts_reset(void)
{
	atomic_long_set(&unexpected, 0);
	for (unsigned int i = 0; i < NR_ORACLE_VERDICTS; i++)
		atomic_long_set(&expected[i], 0);
	expecting = strict = oracle_quarantine = false;
}

/* --- for people --------------------------------------------------------------------------------------------------- */

struct oracle_counters oracle_counters(void)
{
	struct oracle_counters c = {
		.records = READ_ONCE(oracle_records),
		.flushes = oracle_flushes(),
		.reissued = READ_ONCE(oracle_reissued),
		.overflow = READ_ONCE(stale_overflow),
		.untracked = oracle_untracked(),
		.live = READ_ONCE(stale_live),
		.unexpected = (unsigned long)atomic_long_read(&unexpected),
	};

	for (unsigned int i = 0; i < NR_ORACLE_VERDICTS; i++)
		c.expected[i] = (unsigned long)atomic_long_read(&expected[i]);
	return c;
}

#define MOST_SHOWN 16

struct shown {
	unsigned int nr;
	struct stale record[MOST_SHOWN];
};

static void copy_record(struct stale *r, void *ctx)
{
	struct shown *shown = ctx;

	if (shown->nr < MOST_SHOWN)
		shown->record[shown->nr++] = *r;
}

void oracle_report(void)
{
	static struct shown shown; /* too large for a stack; two shells at once only mix their lines */
	struct oracle_counters c = oracle_counters();
	bool flags = oracle_lock();

	shown.nr = 0;
	stale_for_each(true, copy_record, &shown);
	stale_for_each(false, copy_record, &shown);
	oracle_unlock(flags);
	cprintf("TLB oracle %s%s: %lu entry writes, %lu flushes, %lu stale translations noted, %u live\n",
		oracle_is_on() ? "on" : "off", oracle_quarantine ? ", quarantine" : "", oracle_now(), c.flushes,
		c.records, c.live);
	cprintf("verdicts %lu, frames given out early %lu, no room for %lu records, %lu writes into unknown tables\n",
		c.unexpected, c.reissued, c.overflow, c.untracked);
	for (unsigned int i = 0; i < shown.nr; i++)
		cprintf("  tree %u %lx %s %llx: write #%lu in %pS, CPUs %llx\n", shown.record[i].slot.tree->id,
			shown.record[i].slot.va, pt_level_name(shown.record[i].slot.level),
			(unsigned long long)(leaf_phys(shown.record[i].pte, shown.record[i].slot.level) >> PAGE_SHIFT),
			shown.record[i].seq,
			(void *)shown.record[i].place, shown.record[i].cpus);
}
