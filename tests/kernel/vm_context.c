/* SPDX-License-Identifier: MIT */
/*
 * Where each public function of kernel virtual memory may be called: all of them, in every context, do exactly what the
 * table in <mm/vmalloc.h> says of their class. An assertion that stops a call in the wrong place is caught here.
 */
#include "attempt.h"

#include <kernel/bug.h>
#include <kernel/ktest.h>
#include <lib/errno.h>
#include <mm/ioremap.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>

#define P      PAGE_SIZE
#define DEVICE 0xe0000000ul /* physical; only mapped, never touched */

/* --- what is called ----------------------------------------------------------------------------------------------- */

static struct page *page;
static unsigned long pfn = DEVICE >> PAGE_SHIFT;
static void *given; /* to the call, made in a thread before it; NULL when the call has ended it */
static void *made;  /* by the call */
static bool right;  /* the call has come to its end and is content */

#define GIVES(name, expr) static void name(void) { given = (expr); EXPECT(given); }
#define MAKES(name, expr) static void name(void) { made = (expr); right = made != NULL; }
#define ENDS(name, call)  static void name(void) { call; given = NULL; right = true; }
#define ASKS(name, expr)  static void name(void) { right = (expr); }

static void no_end(void) { }
static void end_ram(void *p) { vm_unmap_ram(p, 1); }
static void end_area(void *area) { free_vm_area(area); }
static void end_io(void *p) { iounmap(p); }
static void end_percpu(void *p) { free_percpu(p); }
static void end_vfree(void *p) { vfree(p); }
static void end_kvfree(void *p) { kvfree(p); }
static void end_vunmap(void *p) { vunmap(p); }

MAKES(do_vmalloc, vmalloc(P))
MAKES(do_vzalloc, vzalloc(P))
MAKES(do_vmalloc_user, vmalloc_user(P))
MAKES(do_vmalloc_node, vmalloc_node(P, 0))
MAKES(do_vzalloc_node, vzalloc_node(P, -1))
MAKES(do_vmalloc_32, vmalloc_32(P))
MAKES(do_vmalloc_32_user, vmalloc_32_user(P))
MAKES(do_vmalloc_array, vmalloc_array(3, P))
MAKES(do_vcalloc, vcalloc(3, P))
MAKES(do_vmalloc_huge, vmalloc_huge(P, GFP_KERNEL))
MAKES(do_vmalloc_huge_node, vmalloc_huge_node(P, GFP_KERNEL, 0))
MAKES(do_vmalloc_sleeping, __vmalloc(P, GFP_KERNEL))
MAKES(do_kvmalloc_large, kvmalloc(8ul << 20, GFP_KERNEL))
MAKES(do_vmalloc_atomic, __vmalloc(5 * P, GFP_ATOMIC | __GFP_ZERO))
MAKES(do_vmalloc_nowait, __vmalloc(300 * P, GFP_NOWAIT))
MAKES(do_vmalloc_node_atomic, __vmalloc_node(P, P, GFP_ATOMIC, 0, NULL))
MAKES(do_vmalloc_node_range,
      __vmalloc_node_range(P, 4 * P, VMALLOC_START, VMALLOC_END, GFP_ATOMIC, PAGE_KERNEL, 0, -1, NULL))
MAKES(do_vmalloc_array_atomic, __vmalloc_array(2, P, GFP_ATOMIC))
MAKES(do_vcalloc_atomic, __vcalloc(2, P, GFP_ATOMIC))
MAKES(do_vmalloc_huge_atomic, vmalloc_huge(P, GFP_ATOMIC))
MAKES(do_vmap, vmap(&page, 1, VM_MAP, PAGE_KERNEL))
MAKES(do_vmap_pfn, vmap_pfn(&pfn, 1, PAGE_KERNEL_NOCACHE))
MAKES(do_vm_map_ram, vm_map_ram(&page, 1, -1))
MAKES(do_get_vm_area, get_vm_area(P, VM_MAP))
MAKES(do_get_vm_area_caller, get_vm_area_caller(P, VM_MAP, NULL))
MAKES(do_get_vm_area_caller2, __get_vm_area_caller(P, VM_MAP, VMALLOC_START, VMALLOC_END, NULL))
MAKES(do_ioremap, ioremap(DEVICE, P))
MAKES(do_ioremap_uc, ioremap_uc(DEVICE, P))
MAKES(do_ioremap_wc, ioremap_wc(DEVICE, P))
MAKES(do_ioremap_wt, ioremap_wt(DEVICE, P))
MAKES(do_ioremap_cache, ioremap_cache(DEVICE, P))
MAKES(do_ioremap_prot, ioremap_prot(DEVICE, P, PAGE_KERNEL_NOCACHE))
MAKES(do_memremap, memremap(DEVICE, P, MEMREMAP_WB))
MAKES(do_alloc_percpu, alloc_percpu(u64))

GIVES(give_vmalloc, vmalloc(P))
GIVES(give_vmap, vmap(&page, 1, VM_MAP, PAGE_KERNEL))
GIVES(give_ram, vm_map_ram(&page, 1, -1))
GIVES(give_area, get_vm_area(P, VM_MAP))
GIVES(give_sparse, get_vm_area(P, VM_SPARSE))
GIVES(give_io_area, get_vm_area(P, VM_IOREMAP))
GIVES(give_io, ioremap(DEVICE, P))
GIVES(give_percpu, alloc_percpu(u64))

ENDS(do_vunmap, vunmap(given))
ENDS(do_vm_unmap_ram, vm_unmap_ram(given, 1))
ENDS(do_free_vm_area, free_vm_area(given))
ENDS(do_remove_vm_area, kfree(remove_vm_area(((struct vm_struct *)given)->addr)))
ENDS(do_iounmap, iounmap(given))
ENDS(do_memunmap, memunmap(given))
ENDS(do_free_percpu, free_percpu(given))

static vaddr_t start_of(void *area) { return (vaddr_t)((struct vm_struct *)area)->addr; }
static int leave_entry(pte_t *pte __maybe_unused, unsigned long addr __maybe_unused, void *data __maybe_unused)
{
	return 0;
}
static int give_nothing(struct notifier_block *nb __maybe_unused, unsigned long action __maybe_unused,
			void *freed __maybe_unused)
{
	return 0;
}
static struct notifier_block notifier = { .notifier_call = give_nothing };
static void emit(void *ctx, const char *line) { *(bool *)ctx |= *line != '\0'; }

static bool lists_something(void (*list)(void (*emit)(void *ctx, const char *line), void *ctx))
{
	bool any = false;

	list(emit, &any);
	return any;
}

static bool counts_areas(void)
{
	struct vmalloc_stats stats;

	vmalloc_stats(&stats);
	return stats.areas > 0;
}

static bool reads(void)
{
	u8 byte;

	return vread((char *)&byte, given, 1) == 1;
}

static bool gets_congruent_areas(void)
{
	const unsigned long offset = 0;
	const size_t size = P;
	struct vm_struct **vms = pcpu_get_vm_areas(&offset, &size, 1, P);

	if (vms)
		pcpu_free_vm_areas(vms, 1);
	return vms != NULL;
}

static bool resizes(unsigned long align, int node)
{
	void *p = vrealloc_node_align(given, 2 * P, align, GFP_KERNEL, node);

	given = p ? p : given;
	return p != NULL;
}

ASKS(do_vrealloc, resizes(P, 0))
ASKS(do_pcpu_areas, gets_congruent_areas())
ASKS(do_vm_unmap_aliases, (vm_unmap_aliases(), true))
ASKS(do_vmalloc_shrink, (vmalloc_shrink(), true))
ASKS(do_vfree_atomic_drain, (vfree_atomic_drain(), true))
ASKS(do_set_memory_ro, !set_memory_ro((vaddr_t)given, 1))
ASKS(do_set_memory_rw, !set_memory_rw((vaddr_t)given, 1))
ASKS(do_set_memory_x, !set_memory_x((vaddr_t)given, 1))
ASKS(do_set_memory_nx, !set_memory_nx((vaddr_t)given, 1))
ASKS(do_set_memory_rox, !set_memory_rox((vaddr_t)given, 1))
ASKS(do_map_sparse, !vm_area_map_pages(given, start_of(given), start_of(given) + P, &page))
ASKS(do_unmap_sparse, (vm_area_unmap_pages(given, start_of(given), start_of(given) + P), true))
ASKS(do_ioremap_page_range, !ioremap_page_range(start_of(given), start_of(given) + P, DEVICE, PAGE_KERNEL_NOCACHE))
ASKS(do_apply, !apply_to_page_range(&init_mm, start_of(given), P, leave_entry, NULL))
ASKS(do_apply_existing, !apply_to_existing_page_range(&init_mm, start_of(given), P, leave_entry, NULL))
ASKS(do_notifier, !register_vmap_purge_notifier(&notifier) && !unregister_vmap_purge_notifier(&notifier))
ASKS(do_unregister, unregister_vmap_purge_notifier(&notifier) == -ENOENT)
ASKS(do_find_vm_area, find_vm_area(given) != NULL)
ASKS(do_is_huge, !is_vm_area_hugepages(given))
ASKS(do_reset_perms, (set_vm_flush_reset_perms(given), true))
ASKS(do_vread, reads())
ASKS(do_vmallocinfo, lists_something(vmallocinfo))
ASKS(do_summary, lists_something(vmallocinfo_summary))
ASKS(do_stats, counts_areas())
ASKS(do_is_vmalloc_addr, is_vmalloc_addr(given) && is_vmalloc_or_module_addr(given))
ASKS(do_vmalloc_to_page, vmalloc_to_page(given) != NULL)
ASKS(do_vmalloc_to_pfn, vmalloc_to_pfn(given) != 0)
ASKS(do_vmalloc_nr_pages, vmalloc_nr_pages() > 0)
ASKS(do_dump_obj, vmalloc_dump_obj(given))

static const struct trial {
	const char *name;
	void (*call)(void);
	void (*give)(void);	 /* what the call works on */
	void (*end)(void *made); /* of what was given, or made */
} sleeping[] = {
	{ "vmalloc", do_vmalloc, no_end, end_vfree },
	{ "vzalloc", do_vzalloc, no_end, end_vfree },
	{ "vmalloc_user", do_vmalloc_user, no_end, end_vfree },
	{ "vmalloc_node", do_vmalloc_node, no_end, end_vfree },
	{ "vzalloc_node", do_vzalloc_node, no_end, end_vfree },
	{ "vmalloc_32", do_vmalloc_32, no_end, end_vfree },
	{ "vmalloc_32_user", do_vmalloc_32_user, no_end, end_vfree },
	{ "vmalloc_array", do_vmalloc_array, no_end, end_vfree },
	{ "vcalloc", do_vcalloc, no_end, end_vfree },
	{ "vmalloc_huge", do_vmalloc_huge, no_end, end_vfree },
	{ "vmalloc_huge_node", do_vmalloc_huge_node, no_end, end_vfree },
	{ "__vmalloc(GFP_KERNEL)", do_vmalloc_sleeping, no_end, end_vfree },
	{ "kvmalloc(large)", do_kvmalloc_large, no_end, end_kvfree },
	{ "vrealloc", do_vrealloc, give_vmalloc, end_vfree },
	{ "vmap", do_vmap, no_end, end_vunmap },
	{ "vmap_pfn", do_vmap_pfn, no_end, end_vunmap },
	{ "vunmap", do_vunmap, give_vmap, end_vunmap },
	{ "vm_map_ram", do_vm_map_ram, no_end, end_ram },
	{ "vm_unmap_ram", do_vm_unmap_ram, give_ram, end_ram },
	{ "vm_unmap_aliases", do_vm_unmap_aliases, no_end, NULL },
	{ "vmalloc_shrink", do_vmalloc_shrink, no_end, NULL },
	{ "vfree_atomic_drain", do_vfree_atomic_drain, no_end, NULL },
	{ "get_vm_area", do_get_vm_area, no_end, end_area },
	{ "get_vm_area_caller", do_get_vm_area_caller, no_end, end_area },
	{ "__get_vm_area_caller", do_get_vm_area_caller2, no_end, end_area },
	{ "free_vm_area", do_free_vm_area, give_area, end_area },
	{ "remove_vm_area", do_remove_vm_area, give_area, end_area },
	{ "pcpu_get_vm_areas", do_pcpu_areas, no_end, NULL },
	{ "vm_area_map_pages", do_map_sparse, give_sparse, end_area },
	{ "vm_area_unmap_pages", do_unmap_sparse, give_sparse, end_area },
	{ "set_memory_ro", do_set_memory_ro, give_vmalloc, end_vfree },
	{ "set_memory_rw", do_set_memory_rw, give_vmalloc, end_vfree },
	{ "set_memory_x", do_set_memory_x, give_vmalloc, end_vfree },
	{ "set_memory_nx", do_set_memory_nx, give_vmalloc, end_vfree },
	{ "set_memory_rox", do_set_memory_rox, give_vmalloc, end_vfree },
	{ "vmallocinfo_summary", do_summary, no_end, NULL },
	{ "register_vmap_purge_notifier", do_notifier, no_end, NULL },
	{ "unregister_vmap_purge_notifier", do_unregister, no_end, NULL },
	{ "apply_to_page_range", do_apply, give_area, end_area },
	{ "apply_to_existing_page_range", do_apply_existing, give_area, end_area },
	{ "ioremap_page_range", do_ioremap_page_range, give_io_area, end_area },
	{ "ioremap", do_ioremap, no_end, end_io },
	{ "ioremap_uc", do_ioremap_uc, no_end, end_io },
	{ "ioremap_wc", do_ioremap_wc, no_end, end_io },
	{ "ioremap_wt", do_ioremap_wt, no_end, end_io },
	{ "ioremap_cache", do_ioremap_cache, no_end, end_io },
	{ "ioremap_prot", do_ioremap_prot, no_end, end_io },
	{ "iounmap", do_iounmap, give_io, end_io },
	{ "memremap", do_memremap, no_end, memunmap },
	{ "memunmap", do_memunmap, give_io, memunmap },
	{ "alloc_percpu", do_alloc_percpu, no_end, end_percpu },
}, atomic[] = {
	{ "__vmalloc(GFP_ATOMIC)", do_vmalloc_atomic, no_end, end_vfree },
	{ "__vmalloc(GFP_NOWAIT)", do_vmalloc_nowait, no_end, end_vfree },
	{ "__vmalloc_node", do_vmalloc_node_atomic, no_end, end_vfree },
	{ "__vmalloc_node_range", do_vmalloc_node_range, no_end, end_vfree },
	{ "__vmalloc_array", do_vmalloc_array_atomic, no_end, end_vfree },
	{ "__vcalloc", do_vcalloc_atomic, no_end, end_vfree },
	{ "vmalloc_huge(GFP_ATOMIC)", do_vmalloc_huge_atomic, no_end, end_vfree },
}, looking[] = {
	{ "find_vm_area", do_find_vm_area, give_vmalloc, end_vfree },
	{ "is_vm_area_hugepages", do_is_huge, give_vmalloc, end_vfree },
	{ "set_vm_flush_reset_perms", do_reset_perms, give_vmalloc, end_vfree },
	{ "vread", do_vread, give_vmalloc, end_vfree },
	{ "vmalloc_stats", do_stats, give_vmalloc, end_vfree },
	{ "vmallocinfo", do_vmallocinfo, give_vmalloc, end_vfree },
}, anywhere[] = {
	{ "is_vmalloc_addr", do_is_vmalloc_addr, give_vmalloc, end_vfree },
	{ "vmalloc_to_page", do_vmalloc_to_page, give_vmalloc, end_vfree },
	{ "vmalloc_to_pfn", do_vmalloc_to_pfn, give_vmalloc, end_vfree },
	{ "vmalloc_nr_pages", do_vmalloc_nr_pages, give_vmalloc, end_vfree },
}, not_in_nmi[] = {
	{ "free_percpu", do_free_percpu, give_percpu, end_percpu },
	{ "vmalloc_dump_obj", do_dump_obj, give_vmalloc, end_vfree },
};

/* --- the table ---------------------------------------------------------------------------------------------------- */

struct outcome {
	bool came_back, right;
	unsigned int warnings;
};

static void check(const struct trial *t, enum context where, struct outcome wanted)
{
	bool good =
		attempt.came_back == wanted.came_back && right == wanted.right && attempt.warnings == wanted.warnings;

	if (!EXPECT(good))
		ktest_note("%s, %s: %s, %s, %lu warnings", t->name, context_name[where],
			   attempt.came_back ? "came back" : "stopped by an assertion", right ? "right" : "not done",
			   attempt.warnings);
}

static void try_in(const struct trial *t, enum context where, struct outcome wanted)
{
	if (!CONFIG_DEBUG_LOCKS && !wanted.came_back)
		return;
	given = made = NULL;
	right = false;
	t->give();
	attempt_in(where, t->call);
	check(t, where, wanted);
	if (made)
		t->end(made);
	if (given)
		t->end(given);
}

static const struct outcome works = { true, true, 0 }, stopped = { false, false, 0 }, refused = { true, false, 1 };

#define FOR_EACH_CELL(t, table, where) \
	for (const struct trial *t = (table); t < (table) + ARRAY_SIZE(table); t++) \
		for (enum context where = THREAD; where < NR_CONTEXTS; where++)

static void with_a_page(void (*body)(void))
{
	page = alloc_page(GFP_KERNEL);
	ASSERT(page);
	body();
	vm_unmap_aliases();
	__free_page(page);
	EXPECT_EQ(vmalloc_check(), 0);
}

static void try_sleeping(void)
{
	FOR_EACH_CELL(t, sleeping, where)
		try_in(t, where, where == THREAD ? works : stopped);
}

KTEST(vm_context, what_may_sleep)
{
	with_a_page(try_sleeping);
}

static void try_atomic(void)
{
	FOR_EACH_CELL(t, atomic, where) {
		vmalloc_shrink(); /* tables and descriptors, too, have to come without waiting */
		try_in(t, where, where < IRQS_OFF ? works : refused);
	}
}

KTEST(vm_context, what_may_not_wait)
{
	with_a_page(try_atomic);
}

KTEST(vm_context, what_only_looks)
{
	FOR_EACH_CELL(t, looking, where)
		try_in(t, where, where < HANDLER ? works : stopped);
	FOR_EACH_CELL(t, anywhere, where)
		try_in(t, where, works);
	FOR_EACH_CELL(t, not_in_nmi, where)
		if (where != IN_NMI)
			try_in(t, where, works);
	percpu_alloc_drain();
}

/* --- frees -------------------------------------------------------------------------------------------------------- */

/* right: it is still there when the call comes back. */
ASKS(do_vfree, (vfree(given), vmalloc_to_page(given)))
ASKS(do_kvfree, (kvfree(given), vmalloc_to_page(given)))
ASKS(do_vfree_atomic, (vfree_atomic(given), vmalloc_to_page(given)))

static void free_in(enum context where, void (*call)(void))
{
	given = vmalloc(P);
	ASSERT(given);
	attempt_in(where, call);
	EXPECT(attempt.came_back);
	EXPECT_EQ(attempt.warnings, 0);
	if (where != THREAD || call != do_vfree_atomic) /* there the worker may be quicker */
		EXPECT_EQ(right, where != THREAD);
	vfree_atomic_drain();
	EXPECT_EQ(!vmalloc_to_page(given), where != IN_NMI);
}

KTEST(vm_context, frees)
{
	static void (*const frees[])(void) = { do_vfree, do_kvfree, do_vfree_atomic };
	unsigned long warnings;

	for (unsigned int i = 0; i < ARRAY_SIZE(frees); i++)
		for (enum context where = THREAD; where < IN_NMI; where++)
			free_in(where, frees[i]);
	free_in(IN_NMI, do_vfree);
	warnings = warn_count();
	warn_expected(true);
	vfree(given); /* tells of the one before */
	warn_expected(false);
	EXPECT_EQ(warn_count(), warnings + 1);
	EXPECT(!find_vm_area(given));
}

/*
 * Unmapping may be long, so it looks whether somebody else wants the CPU: whoever may not be preempted is told at once.
 */
KTEST(museum, m26_unmap_where_one_may_not_sleep)
{
	KTEST_NEEDS(DEBUG_LOCKS);
	page = alloc_page(GFP_KERNEL);
	ASSERT(page);
	given = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	attempt_in(NO_PREEMPT, do_vunmap);
	EXPECT(!attempt.came_back);
	EXPECT(find_vm_area(given));
	vfree_atomic(given); /* the way for them */
	vfree_atomic_drain();
	EXPECT(!find_vm_area(given));
	given = vm_map_ram(&page, 1, -1);
	attempt_in(UNDER_LOCK, do_vm_unmap_ram);
	EXPECT(!attempt.came_back);
	EXPECT(vmalloc_to_page(given) == page);
	vm_unmap_ram(given, 1);
	vm_unmap_aliases();
	__free_page(page);
}
