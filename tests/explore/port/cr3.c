/* SPDX-License-Identifier: MIT */
/*
 * CR3, PCIDs and one entry of a process's tree. While CR3 leads to the tree, the CPU may take up each value of the
 * entry that becomes visible, under the PCID in CR3. It keeps all of them until something drops them, also while other
 * PCIDs are in CR3. (pgtable.c has the same for entries of the kernel, without trees.)
 */
#include "tests/explore/port/port.h"

#include <arch/fault.h>
#include <arch/x86/mm/internal.h>
#include <asm/cr.h>
#include <asm/invlpg.h>
#include <asm/pti.h>
#include <kernel/cpumask.h>
#include <lib/string.h>

#define PCIDS	   (1 + 2 * ASID_SLOTS)
#define MAX_VALUES 4
#define KEEP	   (1ul << (BITS_PER_LONG - 1))
#define PCID_MASK  0xffful

static struct {
	unsigned long cr3;
	bool in_ring3;
	u8 nr[PCIDS];
	pteval_t value[PCIDS][MAX_VALUES];
} mmu[XP_CPUS];
static const pte_t *watched; /* in set-up, with the two below */
static vaddr_t watched_addr;
static const struct pgtable *tree;
static struct entry_page pages[XP_CPUS];
static bool must_agree; /* in set-up */

bool port_cr3_is(unsigned int cpu, const struct pgtable *pt)
{
	unsigned long root = mmu[cpu].cr3 & ~PCID_MASK;

	xp_note(&mmu[cpu], false);
	return root && (root == pt->root_phys || root == pt->user_root_phys);
}

static bool has_tree(unsigned int cpu)
{
	unsigned long root = mmu[cpu].cr3 & ~PCID_MASK;

	return watched && root && (root == tree->root_phys || root == tree->user_root_phys);
}

/* May one write a page while the other reads another page at this address? */
static bool differ(pteval_t a, pteval_t b)
{
	return a & b & PTE_PRESENT && (a | b) & PTE_RW && pte_pfn(__pte(a)) != pte_pfn(__pte(b));
}

static void compare(pteval_t value)
{
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++) {
		unsigned long pcid = mmu[cpu].cr3 & PCID_MASK;

		for (unsigned int i = 0; has_tree(cpu) && i < mmu[cpu].nr[pcid]; i++)
			if (differ(value, mmu[cpu].value[pcid][i]))
				xp_fail("CPU %u may still translate by %llx, another CPU by %llx", cpu,
					(unsigned long long)mmu[cpu].value[pcid][i], (unsigned long long)value);
	}
}

/* The CPU takes up what is visible now. */
static void fill(unsigned int cpu)
{
	unsigned long pcid = mmu[cpu].cr3 & PCID_MASK;

	for (unsigned int i = 0; i < mmu[cpu].nr[pcid]; i++)
		if (mmu[cpu].value[pcid][i] == watched->val)
			return;
	if (mmu[cpu].nr[pcid] == MAX_VALUES)
		xp_fail("an entry had too many values");
	else
		mmu[cpu].value[pcid][mmu[cpu].nr[pcid]++] = watched->val;
	if (must_agree)
		compare(watched->val);
}

static void entry_written(unsigned long addr, unsigned int size, unsigned long old, unsigned long now)
{
	(void)size, (void)old, (void)now;
	for (unsigned int cpu = 0; (addr & ~7ul) == (unsigned long)watched && cpu < XP_CPUS; cpu++)
		if (has_tree(cpu))
			fill(cpu);
}

void port_cr3_watch(const pte_t *entry, vaddr_t addr, const struct pgtable *pt)
{
	xp_state(mmu, sizeof(mmu));
	xp_watch_writes(entry_written);
	watched = entry;
	watched_addr = addr;
	tree = pt;
}

/* Drop what the PCID in CR3 holds, and take up what is visible, in one step. */
static void fill_again(unsigned int cpu, bool drop)
{
	if (has_tree(cpu))
		xp_note(watched, false);
	if (drop)
		mmu[cpu].nr[mmu[cpu].cr3 & PCID_MASK] = 0;
	if (has_tree(cpu))
		fill(cpu);
}

unsigned long read_cr3(void) { return mmu[xp_cpu()].cr3; }

void write_cr3(unsigned long value)
{
	unsigned int me = xp_cpu();

	xp_note(&mmu[me], true);
	mmu[me].cr3 = value & ~KEEP;
	fill_again(me, !(value & KEEP));
}

void invlpg(vaddr_t addr)
{
	unsigned int me = xp_cpu();

	port_tlb_drop(addr, addr + PAGE_SIZE);
	if (!watched || addr != watched_addr)
		return;
	xp_note(&mmu[me], true);
	fill_again(me, true);
}

void invpcid_all(void)
{
	unsigned int me = xp_cpu();

	port_tlb_drop(0, 0);
	if (!watched)
		return;
	xp_note(&mmu[me], true);
	memset(mmu[me].nr, 0, sizeof(mmu[me].nr));
	fill_again(me, true);
}

void write_cr4(unsigned long value)
{
	if (!(value & CR4_PGE))
		invpcid_all();
}

/* --- ring 3 ------------------------------------------------------------------------------------------------- */

void port_isolation(void)
{
	pti_on = true;
	for (unsigned int cpu = 0; cpu < num_online_cpus(); cpu++) {
		struct cpu_roots *roots = per_cpu_ptr(&cpu_roots, cpu);

		roots->page = &pages[cpu];
		roots->keep = cr3_keep();
	}
}

/* As the exit does it (trap_entry_pti_64.S): if this exit drops what the PCID holds, the next one need not. */
static void to_ring3(void)
{
	struct cpu_roots *roots = this_cpu_ptr(&cpu_roots);
	unsigned long cr3 = roots->user_cr3, kept = cr3 | roots->keep;

	xp_memcpy(&roots->user_cr3, &kept, sizeof(kept));
	write_cr3(cr3);
	mmu[xp_cpu()].in_ring3 = true;
}

static void to_kernel(void)
{
	mmu[xp_cpu()].in_ring3 = false;
	write_cr3(this_cpu_ptr(&cpu_roots)->page->kernel_cr3);
}

void port_interrupted(void (*handler)(struct trap_frame *))
{
	bool in_ring3 = mmu[xp_cpu()].in_ring3;

	if (in_ring3)
		to_kernel();
	handler(NULL);
	if (in_ring3)
		to_ring3();
}

static void judge(pteval_t value, const char *when)
{
	unsigned int me = xp_cpu();
	unsigned long pcid;

	if (has_tree(me))
		xp_note(watched, false);
	xp_note(&mmu[me], false);
	pcid = mmu[me].cr3 & PCID_MASK;
	for (unsigned int i = 0; i < mmu[me].nr[pcid]; i++)
		if (mmu[me].value[pcid][i] & PTE_PRESENT && mmu[me].value[pcid][i] != value)
			xp_fail("%s: the program on CPU %u may read by %llx", when, me,
				(unsigned long long)mmu[me].value[pcid][i]);
}

static void change_ring(void (*change)(void))
{
	xp_irq_off();
	change();
	xp_irq_on();
}

void port_program(pteval_t value, const char *when)
{
	if (pti_on)
		change_ring(to_ring3);
	judge(value, when);
	if (pti_on)
		change_ring(to_kernel);
}

/* --- a process on all CPUs, and its page faults --------------------------------------------------------------- */

void port_cr3_everywhere(struct pgtable *pt)
{
	must_agree = true;
	pgtable_load(pt);
	for (unsigned int cpu = 1; cpu < num_online_cpus(); cpu++) {
		mmu[cpu] = mmu[0];
		*per_cpu_ptr(&cpu_mmu, cpu) = *per_cpu_ptr(&cpu_mmu, 0);
		set_bit(cpu, pt->cpus);
	}
}

static bool refuses(pteval_t value, bool write)
{
	return !(value & PTE_PRESENT) || (write && !(value & PTE_RW));
}

/* A CPU keeps no translation that is not present; so only the entry itself can tell it that the page is missing. */
int port_access(bool write)
{
	unsigned int me = xp_cpu(), allow = 0;
	unsigned long pcid = mmu[me].cr3 & PCID_MASK;
	int refused = -1;

	xp_note(&mmu[me], false);
	xp_note(watched, false);
	if (refuses(watched->val, write))
		refused = watched->val & PTE_PRESENT ? FAULT_PRESENT : 0;
	for (unsigned int i = 0; i < mmu[me].nr[pcid]; i++)
		if (!refuses(mmu[me].value[pcid][i], write))
			allow++;
		else if (mmu[me].value[pcid][i] & PTE_PRESENT)
			refused = FAULT_PRESENT;
	if (refused < 0 || (allow && xp_choose(2)))
		return -1;
	return refused | (write ? FAULT_WRITE : 0);
}

void port_cr3_without(phys_addr_t frame, bool write, const char *when)
{
	for (unsigned int cpu = 0; watched && cpu < XP_CPUS; cpu++) {
		unsigned long pcid = mmu[cpu].cr3 & PCID_MASK;

		xp_note(&mmu[cpu], false);
		for (unsigned int i = 0; has_tree(cpu) && i < mmu[cpu].nr[pcid]; i++)
			if (!refuses(mmu[cpu].value[pcid][i], write) &&
			    pte_phys(__pte(mmu[cpu].value[pcid][i])) == frame)
				xp_fail("%s: CPU %u may still translate by %llx", when, cpu,
					(unsigned long long)mmu[cpu].value[pcid][i]);
	}
}
