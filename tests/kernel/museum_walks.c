/* SPDX-License-Identifier: MIT */
/*
 * Asking for a translation while it changes (73). The walk takes no lock, and with PAE an entry is two words: a half of
 * the old and a half of the new would lead to a frame that was never mapped there, or to a table that is none.
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/lazy_mmu.h>
#include <kernel/bug.h>

#define WALK_CHANGES 2000 /* that the reader must have seen */
#define WALK_MS	     400 /* CPUs that take turns see few */
#define WALK_MOST_MS 10000 /* on a busy host */

/* Where the range is mapped in turn: nobody reads there. Both words of the entries differ, where there are two. */
static const u64 walk_places[] = { 0x0000000a55400000ull, 0x000000052a800000ull, 0x00000003f3c00000ull };

static phys_addr_t walk_phys(unsigned int i)
{
	return (phys_addr_t)walk_places[i];
}

struct walk_race {
	struct piece piece;
	vaddr_t at; /* the address that is asked for */
	bool stop;
	unsigned long changes, nmis, wrong, last; /* what the reader has seen */
};
static struct walk_race race;

static void map_at(phys_addr_t phys, unsigned int max_shift)
{
	vaddr_t start = race.piece.addr, end = start + BLOCK_SIZE;
	struct mmu_update u;
	int err;

	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_map(&kernel_pgtable, &u, start, end, phys, PAGE_KERNEL, max_shift);
	arch_update_kernel_mappings_end(&u);
	EXPECT_EQ(err, 0);
}

/*
 * A small leaf changes while present, there and back; read-only, since nobody may write a frame while others see
 * another.
 */
static void change_leaf(void)
{
	vaddr_t page = PAGE_ALIGN_DOWN(race.at);
	pte_t *ptep = pgtable_entries(&kernel_pgtable, page, page + PAGE_SIZE, PAGE_SHIFT);

	if (!EXPECT(ptep))
		return;
	for (unsigned int i = 0; i < 20; i++)
		pgtable_set_ptes(
			&kernel_pgtable, page, ptep,
			pfn_pte((unsigned long)((walk_phys(2 - (i & 1)) + (page - race.piece.addr)) >> PAGE_SHIFT),
				pgprot_supported(PAGE_KERNEL_RO)),
			1);
}

/* Leaf, nothing, table with a leaf that changes, nothing, and again. */
static void keep_changing(void *arg __maybe_unused)
{
	unsigned int shift = pt_level[2].shift;

	while (!READ_ONCE(race.stop)) {
		map_at(walk_phys(0), shift);
		piece_unmap(&race.piece, 0, BLOCK_SIZE);
		map_at(walk_phys(1), PAGE_SHIFT);
		change_leaf();
		piece_unmap(&race.piece, 0, BLOCK_SIZE);
		pgtable_clear_tables(&kernel_pgtable, race.piece.addr, race.piece.addr + BLOCK_SIZE, shift);
	}
}

static bool was_mapped(unsigned long pfn)
{
	vaddr_t offset = race.at - race.piece.addr;

	for (unsigned int i = 0; i < ARRAY_SIZE(walk_places); i++)
		if (pfn == (unsigned long)((walk_phys(i) + offset) >> PAGE_SHIFT))
			return true;
	return pfn == PGTABLE_NO_PFN;
}

static void look_on(void)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, race.at);
	unsigned long pfn = kernel_pgtable_pfn(race.at);

	race.wrong += !was_mapped(pfn) || (leaf.present && !was_mapped((unsigned long)(leaf.phys >> PAGE_SHIFT)));
	race.changes += pfn != race.last;
	race.last = pfn;
}

/* An NMI may strike in the middle of a walk, and walk itself. */
static void look_in_nmi(struct trap_frame *frame __maybe_unused)
{
	race.nmis++;
	look_on();
}

static void read_while_changing(struct worker *other)
{
	u64 start = arch_uptime_ms(), end = start + WALK_MOST_MS;

	worker_post(other, keep_changing, NULL);
	REPLACE_HANDLER(arch_set_nmi_handler(look_in_nmi));
	for (unsigned int i = 0; race.changes < WALK_CHANGES && arch_uptime_ms() < end; i++) {
		if (race.changes)
			end = start + WALK_MS;
		look_on();
		if (i % 64 == 0)
			arch_send_nmi(smp_processor_id());
	}
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	WRITE_ONCE(race.stop, true);
	worker_wait(other);
	EXPECT_EQ(race.wrong, 0);
	EXPECT(race.changes > 0);
	EXPECT(race.nmis > 0);
}

KTEST(museum, m73_torn_read_by_a_walk)
{
	struct worker other;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&other, another_cpu(), false));
	race = (struct walk_race){ .last = PGTABLE_NO_PFN };
	if (piece_get(&race.piece)) {
		race.at = race.piece.addr + BLOCK_SIZE / 2 + 5 * PAGE_SIZE + 123;
		read_while_changing(&other);
	}
	piece_put(&race.piece);
	worker_stop(&other);
}
