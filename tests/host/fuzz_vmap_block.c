/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for vmap blocks. The bytes are maps and unmaps of any length on several CPUs, unmaps that are wrong in
 * every way, flushes, alias flushes, reclaim, failing allocations. The model knows which page each address leads to,
 * and since when an address that leads nowhere has waited to be forgotten: it may be used again only when it was
 * flushed.
 */
#include "tests/host/vm_machine.h"
#include "tests/host/fuzz_bytes.h"

#include "mm/kva/area/area.h"
#include "mm/kva/block/block.h"

#define MOST	300u
#define REMOTE	2000u /* addresses that wait for their flush */

static struct page *pages[VMAP_MAX_ALLOC];

static struct map {
	char *p;
	unsigned int count, first;
} live[MOST];
static unsigned int nr_live;

static struct gone {
	vaddr_t addr;
	unsigned long seq; /* of the flush log when it was unmapped */
} gone[REMOTE];
static unsigned int nr_gone;

static void check_map(const struct map *m)
{
	for (unsigned int i = 0; i < m->count; i++)
		BUG_ON(vmalloc_to_page(m->p + i * PAGE_SIZE) != pages[(m->first + i) % VMAP_MAX_ALLOC]);
}

/* Was the page forgotten since it was unmapped? The log may have lost it by now: then it is too long ago to say. */
static void must_be_forgotten(vaddr_t addr)
{
	for (unsigned int i = 0; i < nr_gone; i++) {
		if (gone[i].addr != addr)
			continue;
		BUG_ON(tlb_log_seq() - gone[i].seq < TLB_LOG_SIZE / 2 &&
		       !tlb_log_covers(gone[i].seq, addr, addr + PAGE_SIZE));
		gone[i] = gone[--nr_gone];
		return;
	}
}

static void map(bool failing)
{
	struct page *run[VMAP_MAX_ALLOC];
	struct map m = { .count = 1 + next_byte() % VMAP_MAX_ALLOC, .first = next_byte() };

	if (nr_live == MOST)
		return;
	for (unsigned int i = 0; i < m.count; i++)
		run[i] = pages[(m.first + i) % VMAP_MAX_ALLOC];
	if (failing)
		inject_set((enum inject_site)(next_byte() % NR_INJECT_SITES), 1 + next_byte() % 4);
	m.p = vm_map_ram(run, m.count, -1);
	for (unsigned int s = 0; failing && s < NR_INJECT_SITES; s++)
		inject_clear((enum inject_site)s);
	BUG_ON(!m.p && !failing);
	if (!m.p)
		return;
	for (unsigned int i = 0; i < m.count; i++)
		must_be_forgotten((vaddr_t)m.p + i * PAGE_SIZE);
	check_map(&m);
	live[nr_live++] = m;
}

static void unmap(void)
{
	unsigned int i = nr_live ? next_byte() % nr_live : 0;
	struct map m = live[i];

	if (!nr_live)
		return;
	check_map(&m);
	vm_unmap_ram(m.p, m.count);
	live[i] = live[--nr_live];
	for (unsigned int k = 0; k < m.count; k++) {
		BUG_ON(vmalloc_to_page(m.p + k * PAGE_SIZE));
		if (nr_gone < REMOTE)
			gone[nr_gone++] = (struct gone){ (vaddr_t)m.p + k * PAGE_SIZE, tlb_log_seq() };
	}
}

/* Of a live map: a part of it, more than it, what lies behind it, something crooked. Nothing happens but a warning. */
static void unmap_wrongly(void)
{
	const struct map *m = &live[nr_live ? next_byte() % nr_live : 0];
	unsigned int how = next_byte(), count = m->count;
	unsigned long warnings = warn_count();
	char *p = m->p;

	if (!nr_live)
		return;
	if (how % 4 == 0)
		count = 1 + (count + how / 4) % VMAP_MAX_ALLOC;
	else if (how % 4 == 1)
		p += PAGE_SIZE / 2;
	else if (how % 4 == 2 && count > 1)
		p += PAGE_SIZE * (1 + how / 4 % (count - 1));
	else
		count = 0;
	if (p == m->p && count == m->count)
		return;
	warn_expected(true);
	vm_unmap_ram(p, count);
	warn_expected(false);
	BUG_ON(warn_count() != warnings + 1);
	check_map(m);
}

static void forget_all(void)
{
	unsigned long seq = tlb_log_seq();

	vm_unmap_aliases();
	for (unsigned int i = 0; i < nr_gone; i++)
		BUG_ON(seq - gone[i].seq < TLB_LOG_SIZE / 2 &&
		       !tlb_log_covers(gone[i].seq, gone[i].addr, gone[i].addr + PAGE_SIZE));
	nr_gone = 0;
}

static void step(void)
{
	unsigned int what = next_byte();

	switch (what % 16) {
	case 0: forget_all(); break;
	case 1: flush_tlb_all(); break;
	case 2: vmap_block_keeper.reclaim(); break;
	case 3: vm_purge_drain(); break;
	case 4: host_run_on(what & 16 ? 2 : what & 32 ? 1 : 0); break;
	case 5: unmap_wrongly(); break;
	case 6: map(true); break;
	case 7: rcu_barrier(); break;
	case 8: case 9: case 10: unmap(); break;
	default: map(false);
	}
	BUG_ON(vmap_block_check());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;

	if (!ready) {
		vm_machine(64 * MIB, 1 | 1 << 1 | 1 << 2);
		BUG_ON(alloc_page_array(GFP_KERNEL, VMAP_MAX_ALLOC, pages) != VMAP_MAX_ALLOC);
	}
	ready = true;
	bytes = data;
	nr_bytes = min(size, (size_t)1500);
	while (nr_bytes)
		step();
	while (nr_live)
		unmap();
	forget_all();
	vmalloc_shrink();
	rcu_barrier();
	BUG_ON(vmap_block_check() || vmalloc_check());
	return 0;
}
