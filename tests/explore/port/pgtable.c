/* SPDX-License-Identifier: MIT */
/*
 * Page tables and TLBs. The kernel's half of the machine has four slots of the shared level, the last in the address
 * space: two of vmalloc space, the private one, and one that stays empty.
 *
 * The TLB is hostile. Of each entry that a scenario watches, each CPU has the set of all values that were visible since
 * it last flushed: any of them may be what it translates by.
 */
#include "tests/explore/port/port.h"

#include <arch/irq.h>
#include <arch/lazy_mmu.h>
#include <arch/mmu_sync.h>
#include <arch/x86/mm/internal.h>
#include <asm/tlb.h>
#include <kernel/cpumask.h>
#include <kernel/rcupdate.h>
#include <kernel/watchdog.h>

#define MAX_WATCHED 4
#define MAX_VALUES  8

struct pgtable kernel_pgtable = { .serial = 1 };
static struct lazy_mmu lazy[XP_CPUS];

/* As mm/page/table_page.c does it: the page itself has the head of the callback. */
static struct rcu_head heads[XP_CPUS][8];
static phys_addr_t deferred[XP_CPUS][8];
static unsigned int nr_deferred[XP_CPUS]; /* of this CPU only */

static struct {
	const pte_t *entry;
	vaddr_t addr; /* that it maps */
} watched[MAX_WATCHED]; /* in set-up */
static unsigned int nr_watched;
static struct {
	struct {
		pteval_t value[MAX_VALUES];
		unsigned int nr;
	} entry[MAX_WATCHED];
} tlb[XP_CPUS];

struct lazy_mmu *arch_lazy_mmu(void) { return &lazy[xp_cpu()]; }

/* --- the machine's tables ----------------------------------------------------------------------------------- */

static void small_kernel_half(void)
{
	vaddr_t slot = pt_size(pt_sync_level());

	layout.kernel_start = layout.vmalloc_start = -4 * slot;
	layout.private_start = layout.vmalloc_end = -2 * slot;
	layout.private_end = -slot;
	layout.entry_start = -3 * slot;
	layout.entry_end = layout.entry_start + PAGE_SIZE;
}

static void defer(phys_addr_t table);

void port_pgtable(void)
{
	xp_state(nr_deferred, sizeof(nr_deferred));
	xp_state(deferred, sizeof(deferred));
	pte_supported = ~(pteval_t)0;
	pgtable_set_allocator(port_table_alloc, port_table_free);
	pgtable_set_deferred_free(defer);
	small_kernel_half();
	kernel_pgtable.root_phys = port_table_alloc(GFP_KERNEL);
	kernel_pgtable.root = phys_to_virt(kernel_pgtable.root_phys);
	for (vaddr_t addr = layout.kernel_start; pt_sync_level() < pt_top() && addr;
	     addr = ALIGN_DOWN(addr, pt_size(pt_top())) + pt_size(pt_top()))
		kernel_pgtable.root[pt_index(pt_top(), addr)] =
			pt_make_link(port_table_alloc(GFP_KERNEL), pt_top(), false);
}

void port_map(unsigned int i)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, port_page(i), port_page(i + 1));
	MUST(!pgtable_map(&kernel_pgtable, &u, port_page(i), port_page(i + 1), port_frame(i), PAGE_KERNEL, PAGE_SHIFT));
	arch_update_kernel_mappings_end(&u);
}

void port_unmap(unsigned int i)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, port_page(i), port_page(i + 1));
	pgtable_unmap(&kernel_pgtable, &u, port_page(i), port_page(i + 1));
	arch_update_kernel_mappings_end(&u);
}

void port_leaf_instead(void)
{
	struct mmu_update u;
	vaddr_t start = PORT_SPACE, end = start + pt_size(2);

	pgtable_clear_tables(&kernel_pgtable, start, end, pt_level[2].shift);
	arch_update_kernel_mappings_begin(&u, start, end);
	MUST(!pgtable_map(&kernel_pgtable, &u, start, end, 0, PAGE_KERNEL, pt_level[2].shift));
	arch_update_kernel_mappings_end(&u);
}

void port_tree(struct pgtable *pt) { MUST(!pgtable_init_process(pt)); }

static void free_deferred(struct rcu_head *head)
{
	unsigned long i = (unsigned long)(head - &heads[0][0]);

	pgtable_free_deferred(deferred[i / 8][i % 8]);
}

static void defer(phys_addr_t table)
{
	unsigned int cpu = xp_cpu(), i = nr_deferred[cpu]++;

	deferred[cpu][i] = table;
	call_rcu(&heads[cpu][i], free_deferred);
}

/* --- what the MMU finds ------------------------------------------------------------------------------------- */

pte_t port_walk(const struct pgtable *pt, vaddr_t addr, unsigned int *level)
{
	const pte_t *table = pt->root;

	for (*level = pt_top();; --*level) {
		const pte_t *p = table + pt_index(*level, addr);

		xp_note(p, false);
		if (*level == 1 || !pte_table_link(*p, *level))
			return *p;
		table = phys_to_virt(pte_phys(*p));
	}
}

void port_touch(const struct pgtable *pt, vaddr_t addr, phys_addr_t frame)
{
	unsigned int level;
	pte_t pte = port_walk(pt, addr, &level);

	if (!pte_leaf(pte, level))
		xp_fail("a fault at %lx in tree %u: the entry of level %u is %llx", addr, pt->id, level,
			(unsigned long long)pte.val);
	else if ((leaf_phys(pte, level) | (addr & (pt_size(level) - 1) & PAGE_MASK)) != frame)
		xp_fail("address %lx leads to the wrong frame in tree %u", addr, pt->id);
}

static void tlb_add(unsigned int cpu, unsigned int i, pteval_t value)
{
	for (unsigned int v = 0; v < tlb[cpu].entry[i].nr; v++)
		if (tlb[cpu].entry[i].value[v] == value)
			return;
	if (tlb[cpu].entry[i].nr == MAX_VALUES)
		xp_fail("an entry had too many values");
	else
		tlb[cpu].entry[i].value[tlb[cpu].entry[i].nr++] = value;
}

static void entry_written(unsigned long addr, unsigned int size, unsigned long old, unsigned long now)
{
	(void)size, (void)old, (void)now;
	for (unsigned int i = 0; i < nr_watched; i++)
		for (unsigned int cpu = 0; (addr & ~7ul) == (unsigned long)watched[i].entry && cpu < XP_CPUS; cpu++)
			tlb_add(cpu, i, watched[i].entry->val);
}

void port_tlb_watch(const pte_t *entry, vaddr_t addr)
{
	if (!nr_watched)
		xp_state(tlb, sizeof(tlb));
	xp_watch_writes(entry_written);
	watched[nr_watched].entry = entry;
	watched[nr_watched++].addr = addr;
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		tlb_add(cpu, nr_watched - 1, entry->val);
}

void port_tlb_only(const pte_t *entry, pteval_t value, const char *when)
{
	for (unsigned int i = 0; i < nr_watched; i++)
		for (unsigned int cpu = 0; watched[i].entry == entry && cpu < XP_CPUS; cpu++) {
			xp_note(entry, false);
			xp_note(&tlb[cpu], false);
			for (unsigned int v = 0; cpumask_test(cpu_online_mask, cpu) && v < tlb[cpu].entry[i].nr; v++)
				if (tlb[cpu].entry[i].value[v] & PTE_PRESENT && tlb[cpu].entry[i].value[v] != value)
					xp_fail("%s: CPU %u may still translate by %llx", when, cpu,
						(unsigned long long)tlb[cpu].entry[i].value[v]);
		}
}

/* --- flushes by their contract: in one step a CPU, without interrupts; the real ones are explored by themselves -- */

bool port_flush_by_contract;
void __tsan_atomic_thread_fence(int order);
void __real_tlb_batch_flush(struct tlb_batch *batch);
void __wrap_tlb_batch_flush(struct tlb_batch *batch);

static bool in_batch(const struct tlb_batch *batch, vaddr_t addr)
{
	for (unsigned int i = 0; i < batch->nr; i++)
		if (batch->range[i].start <= addr && addr < batch->range[i].end)
			return true;
	return batch->all;
}

/* A CPU flushes: what the batch names is forgotten; what is visible now may be taken up again. */
static void tlb_flush_of(unsigned int cpu, const struct tlb_batch *batch)
{
	xp_note(&tlb[cpu], true);
	for (unsigned int i = 0; i < nr_watched; i++) {
		if (!in_batch(batch, watched[i].addr))
			continue;
		xp_note(watched[i].entry, false);
		tlb[cpu].entry[i].nr = 0;
		tlb_add(cpu, i, watched[i].entry->val);
	}
}

void __wrap_tlb_batch_flush(struct tlb_batch *batch)
{
	bool all = batch->all;
	unsigned long gen = 0;

	if (!port_flush_by_contract) {
		__real_tlb_batch_flush(batch);
		return;
	}
	if (tlb_batch_empty(batch))
		return;
	if (all)
		gen = tlb_gen_begin();
	__tsan_atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		if (cpumask_test(cpu_online_mask, cpu))
			tlb_flush_of(cpu, batch);
	if (all)
		tlb_gen_complete(gen);
	batch->nr = 0;
	batch->all = false;
}

void port_tlb_drop(vaddr_t start, vaddr_t end)
{
	struct tlb_batch batch = { .nr = 1, .all = start == end };

	batch.range[0].start = start;
	batch.range[0].end = end;
	tlb_flush_of(xp_cpu(), &batch);
}

/* --- interrupts that CPUs send each other ------------------------------------------------------------------- */

static void (*ipi_handler)(struct trap_frame *);

void arch_set_ipi_handler(enum ipi_vector ipi, void (*handler)(struct trap_frame *))
{
	if (ipi == IPI_TLB)
		ipi_handler = handler;
}

void arch_send_ipi_many(const cpumask_t *cpus, enum ipi_vector ipi)
{
	(void)ipi;
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		if (cpus->bits[0] >> cpu & 1)
			xp_send_irq(cpu);
}

void port_irq(void) { port_interrupted(ipi_handler); }
void watchdog_waiting(struct answer_wait *wait, unsigned int cpu, const char *what)
{
	(void)wait, (void)cpu, (void)what;
}
