/* SPDX-License-Identifier: MIT */
/*
 * The sync hook: carrying kernel entries to every process.
 *
 * 1. The picture. Every process has a top table of its own. Its kernel half holds copies of the reference's entries,
 *    and below those entries all trees are one:
 *
 *	reference  [ user: none  | k0 | k1 | .. | private | .. ]        level of synchronisation: the top table;
 *	process 1  [ its own ... | k0 | k1 | .. | its own | .. ]        with PAE the PMD table under PGD[3], because
 *	process 2  [ its own ... | k0 | k1 | .. | its own | .. ]        the CPU reads the PGD only when CR3 is loaded
 *				    |    └──> one shared subtree
 *				    └──> one shared subtree
 * So a change needs carrying only if it changes an entry of that level: at most 64 times ever for 32 TiB of vmalloc
 * space with 4 levels, every 2 or 4 MiB on i386.
 *
 * 2. Invariant. If a shared entry of the reference has no PTE_PENDING mark, every tree in pgd_list has the same entry.
 *    Debug builds compare these entries of all trees after every sync. Nothing is repaired at fault time: a not-present
 *    fault on a kernel address is a bug report.
 *
 * 3. No window. The danger (Linux 4819e15f740e): CPU 0 installs an entry in the reference and has not carried it yet;
 *    CPU 1 maps next to it, finds the entry present, has nothing to carry and returns; its caller then faults in a
 *    process that lacks the entry. Here a changed entry of the reference gets PTE_PENDING in the same write. A walker
 *    that meets the mark sets the level in its own mask, so its scope runs the hook before it returns. The hook takes
 *    the mark off, under pgd_lock, after every tree has the entry. So an entry without the mark is everywhere.
 *
 * 4. In pieces. Trees can be many, so a hook gives pgd_lock back after every sync_budget of them. There is one carry
 *    at a time, and it is no CPU's own: `carrying` says which entry, which value, and which tree is next. A hook that
 *    has an entry to carry and finds one in progress goes on with it until that is done. So nobody waits for a CPU that
 *    was preempted in between.
 *
 *	pgd_list   [tree 1] - [tree 2] - ... - [tree 500] - [tree 501] - ... - [a new tree]
 *		    these have the value		     ^ next		has it by its copy (5),
 *							and gets it when its turn comes
 *
 *    At the beginning of every holding the value is compared with the reference. If it has changed, the carry starts
 *    again with the first tree. Only a carry writes shared entries of trees on the list. So the trees before `next`
 *    have the value, and when `next` is the end of the list, all of them have it. Then the mark is taken off in the
 *    same holding, by compare-and-exchange: if the entry has just changed, the carry starts again. Until then the mark
 *    stands, and whoever needs the entry runs the hook (3). So there is no window here either. If the entry changes and
 *    changes back between two holdings, nobody has carried what was in between: no other carry was there to do it. A
 *    new tree may have copied it, but the turn of a new tree always comes. A tree that leaves the list moves `next` on.
 *
 * 5. New trees. Copying the kernel half and entering pgd_list are one critical section of pgd_lock. Either the copy has
 *    a changed entry, or the hook that carries the entry finds the tree on the list. So no tree misses a change.
 *
 * 6. Removal. With 4 and 5 levels top entries are only ever added. With PAE and 2 levels an entry of the shared level
 *    can go away or be replaced: a large leaf, or the link to a table that is taken away (pgtable_tables.c). That
 *    change is carried in the same way (an empty entry can have the mark too), before the TLB is flushed and the range
 *    given back (Linux 3f8fd02b1bf1).
 *
 * 7. Range. The hook begins carries only for shared slots of [start, end), so each process's private slots stay as
 *    they are (Linux 9a62d20027da). Entries are compared as numbers, never by the struct page of their frame: MMIO has
 *    none.
 *
 * Locks: pgd_lock is taken with interrupts on. With interrupts off a CPU could wait for a lock whose holder waits for
 * this CPU to answer a TLB flush (Linux a79e53d85683). Its rank is above the other locks of threads and below those
 * that handlers take. Nothing is allocated or flushed under it.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/config.h>
#include <kernel/cpumask.h>
#include <kernel/schedule_point.h>
#include <kernel/spinlock.h>
#include <kernel/trace.h>
#include <lib/errno.h>
#include <lib/string.h>

unsigned int sync_budget = 500; /* at most some 10,000 instructions */

LIST_HEAD(pgd_list);
static DEFINE_RANKED_SPINLOCK(pgd_lock, 64);

/* All under pgd_lock, except that a scope reads syncs_done without it when it opens. */
static struct sync_counters counters;
static struct sync_log_entry sync_log[SYNC_LOG_SIZE];
static unsigned long syncs_done;
static u64 last_serial = 1; /* the reference has 1 */

void pgd_lock_take(void)
{
	BUG_ON(irqs_disabled() && num_online_cpus() > 1);
	spin_lock(&pgd_lock);
}

void pgd_lock_drop(void)
{
	spin_unlock(&pgd_lock);
}

/* --- the hook --------------------------------------------------------------------------------------------------- */

/* The carry in progress; see 4. Under pgd_lock. */
static struct {
	vaddr_t addr; /* 0: there is none */
	pte_t pte;    /* what the reference has there, with the mark */
	struct list_head *next;
} carrying;

/*
 * The indices of an address: `slot` in the table of the shared level; `top` in the top table, which with PAE is above
 * that one, and whose links never change.
 */
struct shared_place {
	unsigned int top, slot;
};

static struct shared_place shared_place(vaddr_t addr)
{
	return (struct shared_place){ pt_index(pt_top(), addr), pt_index(pt_sync_level(), addr) };
}

static inline pte_t *shared_entry(const struct pgtable *pt, struct shared_place at)
{
	return (pt_sync_level() < pt_top() ? pte_table(pte_peek(pt->root + at.top)) : pt->root) + at.slot;
}

static void carry_begin(vaddr_t addr, pte_t pte)
{
	carrying.addr = addr;
	carrying.pte = pte;
	carrying.next = pgd_list.next;
}

/* Write the value to trees as long as the budget lasts. False: there are more. */
static bool carry_to_trees(unsigned int *budget)
{
	pte_t clean = __pte(carrying.pte.val & ~PTE_PENDING);
	struct shared_place at = shared_place(carrying.addr);
	struct list_head *next = carrying.next;
	unsigned int left = *budget;

	for (; next != &pgd_list && left; next = next->next, left--)
		pte_xchg(shared_entry(list_entry(next, struct pgtable, list), at), clean);
	carrying.next = next;
	*budget = left;
	return next == &pgd_list;
}

/* Go on with the carry in progress, in this holding of pgd_lock. True: it is done, and the mark is off. */
static bool carry_on(unsigned int *budget)
{
	pte_t *ref = shared_entry(&kernel_pgtable, shared_place(carrying.addr));
	pte_t now = pte_read(ref);

	if (now.val != carrying.pte.val)
		carry_begin(carrying.addr, now);
	if (!carry_to_trees(budget) || !pte_cmpxchg(ref, carrying.pte, __pte(carrying.pte.val & ~PTE_PENDING)))
		return false;
	carrying.addr = 0;
	WRITE_ONCE(syncs_done, syncs_done + 1);
	return true;
}

/* Let others have the lock for a moment. Meanwhile another hook may finish the carry in progress and begin another. */
static void sync_pause(unsigned int *budget)
{
	pgd_lock_drop();
	schedule_point("sync:pause");
	pgd_lock_take();
	*budget = sync_budget;
}

/* Carry the entry if it is marked. Returns the number of entries, others' too, that this hook has finished. */
static unsigned int carry(vaddr_t addr, unsigned int *budget)
{
	pte_t *ref = pt_entry(&kernel_pgtable, addr, pt_sync_level());
	unsigned int carried = 0;

	while (ref && pte_pending(pte_read(ref))) {
		if (!*budget)
			sync_pause(budget);
		else if (carrying.addr)
			carried += carry_on(budget);
		else
			carry_begin(addr, pte_read(ref));
	}
	return carried;
}

static void log_sync(vaddr_t start, vaddr_t end, unsigned int carried)
{
	counters.calls++;
	counters.carried += carried;
	trace(TRACE_PGD_SYNC, start, end, carried);
	sync_log[counters.calls % SYNC_LOG_SIZE] = (struct sync_log_entry){ counters.calls, start, end, carried };
}

static void check_parity(vaddr_t start, vaddr_t end)
{
	struct pgd_parity parity = pgd_parity_check();

	if (!WARN_ONCE(parity.differs + parity.missing, "sync %lx-%lx: %u entries differ, %u are missing", start, end,
		       parity.differs, parity.missing))
		return;
	pgd_lock_take();
	counters.mismatches += parity.differs + parity.missing;
	pgd_lock_drop();
}

unsigned int arch_sync_kernel_mappings(vaddr_t start, vaddr_t end)
{
	vaddr_t size = pt_size(pt_sync_level());
	unsigned int carried = 0, budget = sync_budget;

	schedule_point("sync:before");
	pgd_lock_take();
	for (vaddr_t addr = pt_next_shared_slot(ALIGN_DOWN(start, size)); addr && addr < end;
	     addr = pt_next_shared_slot(addr + size)) {
		carried += carry(addr, &budget);
		if (!budget || !--budget)
			sync_pause(&budget);
	}
	log_sync(start, end, carried);
	pgd_lock_drop();
	if (CONFIG_DEBUG_MM)
		check_parity(start, end);
	return carried;
}

void arch_update_kernel_mappings_begin(struct mmu_update *u, vaddr_t start, vaddr_t end)
{
	u->start = start;
	u->end = end;
	u->mask = 0;
	u->gfp = GFP_KERNEL;
	u->sync_seq = READ_ONCE(syncs_done);
	u->protects = false;
	tlb_batch_init(&u->tlb);
	scope_open(u);
}

/*
 * The hook has finished no carry. It was called for a reason only if other hooks have finished one since this scope
 * opened.
 */
static void count_idle_sync(const struct mmu_update *u)
{
	pgd_lock_take();
	counters.spurious += syncs_done == u->sync_seq;
	pgd_lock_drop();
}

void arch_update_kernel_mappings_end(struct mmu_update *u)
{
	if ((u->mask & ARCH_PAGE_TABLE_SYNC_MASK) && !arch_sync_kernel_mappings(u->start, u->end))
		count_idle_sync(u);
	scope_close(u);
	tlb_batch_flush(&u->tlb);
	if (u->protects)
		pgtable_protect_end();
}

/* --- process trees ---------------------------------------------------------------------------------------------- */

/* The kernel's slots run to the end of the address space. There the address wraps to 0, which means "no more". */
vaddr_t pt_next_shared_slot(vaddr_t addr)
{
	vaddr_t size = pt_size(pt_sync_level());

	if (addr && addr < layout.kernel_start)
		addr = ALIGN_DOWN(layout.kernel_start, size);
	while (addr && is_private_addr(addr))
		addr += size;
	return addr;
}

/* PAE: the four PMD tables, which have the entries of the shared level, are the process's own. Make them all. */
static int alloc_upper_tables(struct pgtable *pt)
{
	unsigned int top = pt_top();

	for (unsigned int i = 0; pt_sync_level() < top && i < pt_entries(top); i++) {
		phys_addr_t table = table_alloc(false, GFP_KERNEL);

		if (!table)
			return -ENOMEM;
		tlb_oracle(table_new(pt, table, i * pt_size(top), top - 1));
		pte_store(pt->root + i, pt_make_link(table, top, false));
	}
	return 0;
}

static void free_upper_tables(struct pgtable *pt)
{
	unsigned int top = pt_top();

	for (unsigned int i = 0; pt_sync_level() < top && i < pt_entries(top); i++)
		if (pte_present(pte_read(pt->root + i)))
			table_free(pte_phys(pte_read(pt->root + i)), false);
}

unsigned int pt_shared_run(vaddr_t addr)
{
	unsigned int level = pt_sync_level(), n = pt_entries(level) - pt_index(level, addr);

	if (addr < layout.private_start)
		n = min_t(vaddr_t, n, (layout.private_start - addr) >> pt_level[level].shift);
	return n;
}

/*
 * An entry of the reference, read in two halves if need be. Whoever changes it marks it, and a mark comes off only
 * under pgd_lock, which this CPU holds. So an entry that has no mark afterwards did not change meanwhile.
 */
static inline pte_t read_unmarked(const pte_t *ref)
{
	pte_t pte = pte_glance(ref);

	smp_rmb();
	if (unlikely(pte_read_low(ref) & PTE_PENDING))
		pte.val = pte_read(ref).val & ~PTE_PENDING;
	return pte;
}

/* pte_empty() of an entry of the reference, which others may change: its low word is enough. */
static inline bool ref_empty(const pte_t *ref)
{
	return !(pte_read_low(ref) & ~(vaddr_t)PTE_PENDING);
}

/* Most entries are empty. A new tree has zeroed tables, so these need not be looked at; an adopted one has anything. */
static __always_inline void copy_run(pte_t *to, const pte_t *from, unsigned int n, bool zeroed)
{
	for (; n; n--, to++, from++)
		if (!ref_empty(from) || (!zeroed && !pte_empty(to)))
			pte_store(to, read_unmarked(from));
}

static __always_inline void copy_kernel_half(struct pgtable *pt, bool zeroed)
{
	vaddr_t size = pt_size(pt_sync_level());
	unsigned int n;

	for (vaddr_t addr = pt_next_shared_slot(size); addr; addr = pt_next_shared_slot(addr + n * size)) {
		n = pt_shared_run(addr);
		copy_run(shared_entry(pt, shared_place(addr)), shared_entry(&kernel_pgtable, shared_place(addr)), n,
			 zeroed);
	}
}

/* Copy the kernel half and enter the list; see 5. zeroed: there is nothing in the tree. */
static __always_inline void join(struct pgtable *pt, bool zeroed)
{
	pgd_lock_take();
	copy_kernel_half(pt, zeroed);
	schedule_point("pgd:copied");
	pt->serial = ++last_serial;
	pt->id = (unsigned int)(pt->serial - 1);
	list_add_tail(&pt->list, &pgd_list);
	if (carrying.addr && carrying.next == &pgd_list)
		carrying.next = &pt->list; /* its copy may be of a value that does not stay */
	pgd_lock_drop();
}

static void leave(struct pgtable *pt)
{
	BUG_ON(pgtable_is_loaded(pt));
	pgd_lock_take();
	if (carrying.addr && carrying.next == &pt->list)
		carrying.next = pt->list.next;
	list_del(&pt->list);
	pgd_lock_drop();
}

int pgtable_init_process(struct pgtable *pt)
{
	memset(pt, 0, sizeof(*pt));
	pt->root_phys = table_alloc(false, GFP_KERNEL);
	if (!pt->root_phys)
		return -ENOMEM;
	pt->root = phys_to_virt(pt->root_phys);
	tlb_oracle(tree_new(pt));
	if (alloc_upper_tables(pt) || user_root_alloc(pt)) {
		free_upper_tables(pt);
		table_free(pt->root_phys, false);
		return -ENOMEM;
	}
	join(pt, true);
	return 0;
}

/* Free the tables below the private slots. */
static void free_private(struct pgtable *pt)
{
	unsigned int level = pt_sync_level();

	for (vaddr_t addr = layout.private_start; addr != layout.private_end; addr += pt_size(level)) {
		pte_t link = pte_read(pt_entry(pt, addr, level));

		if (pte_table_link(link, level))
			table_free_below(link, level, false);
	}
}

void pgtable_exit_process(struct pgtable *pt)
{
	leave(pt);
	user_root_free(pt);
	free_private(pt);
	free_upper_tables(pt);
	table_free(pt->root_phys, false);
	tlb_oracle(tree_gone(pt));
	pt->root = NULL;
}

/* PAE: tell the oracle of the kernel's PMD tables. False: one is missing. */
static bool adopt_upper_tables(struct pgtable *pt)
{
	unsigned int top = pt_top();

	for (vaddr_t addr = pt_next_shared_slot(layout.kernel_start); addr && pt_sync_level() < top;
	     addr = pt_next_shared_slot(addr + pt_size(top))) {
		pte_t link = pte_read(pt->root + pt_index(top, addr));

		if (!pte_table_link(link, top))
			return false;
		tlb_oracle(table_new(pt, pte_phys(link), ALIGN_DOWN(addr, pt_size(top)), top - 1));
	}
	return true;
}

int pgtable_adopt_process(struct pgtable *pt, phys_addr_t root)
{
	memset(pt, 0, sizeof(*pt));
	pt->root_phys = root;
	pt->root = phys_to_virt(root);
	tlb_oracle(tree_new(pt));
	if (!adopt_upper_tables(pt)) {
		tlb_oracle(tree_gone(pt));
		return -EINVAL;
	}
	join(pt, false);
	return 0;
}

void pgtable_leave_process(struct pgtable *pt)
{
	leave(pt);
	tlb_oracle(tree_gone(pt));
	pt->root = NULL;
}

int pgtable_map_private(struct pgtable *pt, vaddr_t addr, phys_addr_t phys, pgprot_t prot)
{
	BUG_ON(!is_private_addr(addr));
	prot.val &= ~PTE_GLOBAL; /* loading another tree must drop it */
	return pgtable_map(pt, NULL, addr, addr + PAGE_SIZE, phys, prot, PAGE_SHIFT);
}

void pgtable_unmap_private(struct pgtable *pt, vaddr_t addr)
{
	BUG_ON(!is_private_addr(addr));
	pgtable_unmap(pt, NULL, addr, addr + PAGE_SIZE);
	flush_tlb_user_range(pt, addr, addr + PAGE_SIZE);
}

/* --- what was done ---------------------------------------------------------------------------------------------- */

struct sync_counters sync_counters(void)
{
	struct sync_counters copy;

	pgd_lock_take();
	copy = counters;
	pgd_lock_drop();
	return copy;
}

unsigned long sync_log_seq(void)
{
	return sync_counters().calls;
}

bool sync_log_read(unsigned long seq, struct sync_log_entry *out)
{
	pgd_lock_take();
	*out = sync_log[seq % SYNC_LOG_SIZE];
	pgd_lock_drop();
	return seq && out->seq == seq;
}
