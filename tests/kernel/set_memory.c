/* SPDX-License-Identifier: MIT */
/*
 * Memory that changes while all CPUs use it: leaves of the direct map split in place, mappings that follow, memory
 * types.
 */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/fault.h>
#include <arch/init.h>
#include <kernel/bug.h>
#include <kernel/schedule_point.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/highmem.h>
#include <mm/ioremap.h>
#include <mm/memblock.h>
#include <mm/memtype.h>
#include <mm/page_alloc.h>
#include <mm/set_memory.h>

#define P	    PAGE_SIZE
#define NO_DEVICE   0xd0000000u /* nothing answers there; nobody reads it */
#define BLOCK_PAGES (1u << MAX_PAGE_ORDER)

static struct pgtable_leaf leaf_of(const void *addr)
{
	return pgtable_query(&kernel_pgtable, (vaddr_t)addr);
}

static enum memtype type_of(const void *addr)
{
	struct pgtable_leaf leaf = leaf_of(addr);

	return pte_memtype(pte_show(leaf.pte), leaf.level);
}

/* A block of memory whose leaves have not been split by an earlier test; or one that has, if there is no other. */
static char *new_block(void)
{
	struct page *seen[16];
	unsigned int n = 0;
	char *block;

	do {
		seen[n] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, MAX_PAGE_ORDER);
		if (!seen[n])
			break;
		block = page_address(seen[n++]);
	} while (n < ARRAY_SIZE(seen) && level_at((vaddr_t)block) == 1);
	block = n ? page_address(seen[--n]) : NULL;
	while (n)
		__free_pages(seen[--n], MAX_PAGE_ORDER);
	return block;
}

static void free_block(char *block)
{
	free_pages((vaddr_t)block, MAX_PAGE_ORDER);
}

/* --- one page ----------------------------------------------------------------------------------------------------- */

/* What a worker's probes say of a page and of its neighbours, in its own process. */
struct view {
	char *page;
	enum probe_result read, write, before, behind;
};

static void look(void *arg)
{
	struct view *v = arg;

	v->read = probe_read(v->page, NULL);
	v->write = probe_write(v->page);
	v->before = probe_write(v->page - 1);
	v->behind = probe_write(v->page + P);
}

static void expect_view(struct worker *w, char *page, enum probe_result read, enum probe_result write)
{
	struct view v = { .page = page };

	worker_call(w, look, &v);
	EXPECT_EQ(v.read, read);
	EXPECT_EQ(v.write, write);
	EXPECT_EQ(v.before, PROBE_OK);
	EXPECT_EQ(v.behind, PROBE_OK);
}

static void one_page(struct worker *w, char *page)
{
	vaddr_t at = (vaddr_t)page;

	expect_view(w, page, PROBE_OK, PROBE_OK); /* now its TLB has the leaf */
	EXPECT_EQ(set_memory_ro(at, 1), 0);
	EXPECT_EQ(level_at(at), 1);
	expect_view(w, page, PROBE_OK, PROBE_PROTECTION);
	EXPECT_EQ(set_memory_np(at, 1), 0);
	expect_view(w, page, PROBE_NOT_PRESENT, PROBE_NOT_PRESENT);
	EXPECT_EQ(set_memory_p(at, 1), 0);
	expect_view(w, page, PROBE_OK, PROBE_PROTECTION);
	EXPECT_EQ(set_memory_rw(at, 1), 0);
	expect_view(w, page, PROBE_OK, PROBE_OK);
	EXPECT_EQ(set_direct_map_invalid_noflush(virt_to_page(page)), 0);
	flush_tlb_kernel_range(at, at + P);
	EXPECT(!kernel_page_present(virt_to_page(page)));
	expect_view(w, page, PROBE_NOT_PRESENT, PROBE_NOT_PRESENT);
	EXPECT_EQ(set_direct_map_default_noflush(virt_to_page(page)), 0);
	flush_tlb_kernel_range(at, at + P);
	expect_view(w, page, PROBE_OK, PROBE_OK);
}

KTEST(set_memory, one_page_of_the_direct_map)
{
	char *block = new_block();
	struct worker w;

	ASSERT(block && worker_start(&w, another_cpu(), true));
	one_page(&w, block + 77 * P);
	worker_stop(&w);
	free_block(block);
}

/* A whole leaf, which processes have copies of in some modes, and then a part of it. */
KTEST(set_memory, whole_leaf_and_a_part)
{
	char *block = new_block(), *last = block + (P << MAX_PAGE_ORDER) - P;
	struct worker w;

	ASSERT(block && worker_start(&w, another_cpu(), true));
	EXPECT_EQ(set_memory_np((vaddr_t)block, BLOCK_PAGES), 0);
	EXPECT_EQ(set_memory_p((vaddr_t)block + 5 * P, 1), 0);
	EXPECT_EQ(probe_write(block + 5 * P), PROBE_OK);
	EXPECT_EQ(probe_read(block + 4 * P, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_read(last, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(set_memory_p((vaddr_t)block, BLOCK_PAGES), 0);
	expect_view(&w, last - P, PROBE_OK, PROBE_OK);
	for (unsigned int i = 0; i < BLOCK_PAGES; i += 31)
		EXPECT_EQ(leaf_of(block + i * P).phys, virt_to_phys(block + i * P));
	worker_stop(&w);
	free_block(block);
}

/* --- what follows ------------------------------------------------------------------------------------------------- */

static char *alias_of(const void *addr) { return page_address(vmalloc_to_page(addr)); }

KTEST(set_memory, alias_of_an_area_follows)
{
	char *p = vmalloc_32(3 * P), *alias;
	struct worker w;

	ASSERT(p && worker_start(&w, another_cpu(), true));
	alias = alias_of(p + P);
	EXPECT_EQ(set_memory_x((vaddr_t)p, 3), 0);
	if (cpu_has(FEATURE_NX))
		EXPECT_EQ(probe_exec(alias), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(alias), PROBE_OK);
	EXPECT_EQ(set_memory_ro((vaddr_t)p, 3), 0);
	EXPECT_EQ(probe_write(alias), PROBE_PROTECTION);
	EXPECT_EQ(probe_read(alias, NULL), PROBE_OK);
	EXPECT_EQ(set_memory_np((vaddr_t)p, 3), 0);
	EXPECT_EQ(probe_read(alias, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	vfree(p); /* as it is: the pages come back as they came */
	EXPECT_EQ(probe_write(alias), PROBE_OK);
	worker_stop(&w);
}

static char in_image[2 * 4096] __aligned(4096);

/* The image's own pages; on 64-bit they are in the direct map too. Code that runs is split as well, and stays code. */
KTEST(set_memory, the_image)
{
	char *alias = phys_to_virt(image_to_phys(in_image)), *text = (char *)PAGE_ALIGN_DOWN((vaddr_t)__text_start + P);
	unsigned long pages = (unsigned long)(__text_end - __text_start) >> PAGE_SHIFT;

	EXPECT_EQ(set_memory_ro((vaddr_t)in_image, 1), 0);
	EXPECT_EQ(probe_write(in_image), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(alias), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(in_image + P), PROBE_OK);
	EXPECT_EQ(set_memory_rw((vaddr_t)alias, 1), 0);
	EXPECT_EQ(probe_write(in_image), PROBE_OK);
	EXPECT_EQ(probe_write(alias), PROBE_OK);
	EXPECT_EQ(set_memory_4k((vaddr_t)__text_start, (int)pages), 0);
	EXPECT_EQ(level_at((vaddr_t)text), 1);
	EXPECT_EQ(set_memory_rw((vaddr_t)text, 1), 0);
	EXPECT_EQ(set_memory_nx((vaddr_t)__text_start, (int)pages), 0); /* or nobody would come back to say so */
	EXPECT_EQ(probe_write(text), PROBE_PROTECTION);
	EXPECT_EQ(set_memory_rw((vaddr_t)__rodata_start, 1), 0);
	EXPECT_EQ(probe_write(__rodata_start), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(phys_to_virt(image_to_phys(__rodata_start))), PROBE_PROTECTION);
}

/* --- memory types ------------------------------------------------------------------------------------------------- */

KTEST(set_memory, types_and_what_was_in_the_caches)
{
	enum memtype wc = cpu_has(FEATURE_PAT) ? MEMTYPE_WC : MEMTYPE_UC_MINUS;
	char *p = vmalloc_32(2 * P), *alias;
	struct page *pages[2];

	ASSERT(p);
	alias = alias_of(p);
	pages[0] = vmalloc_to_page(p);
	pages[1] = vmalloc_to_page(p + P);
	memset(p, 0x5a, 2 * P);
	EXPECT_EQ(set_memory_uc((vaddr_t)p, 2), 0);
	EXPECT_EQ(type_of(p), MEMTYPE_UC_MINUS);
	EXPECT_EQ(type_of(alias), MEMTYPE_UC_MINUS);
	EXPECT_EQ(p[P + 1], 0x5a);
	EXPECT(!vm_map_ram(pages, 2, -1));
	EXPECT(!vmap(pages, 2, VM_MAP, PAGE_KERNEL));
	EXPECT_EQ(set_memory_wc((vaddr_t)p, 2), 0);
	EXPECT_EQ(type_of(alias), wc);
	p[1] = 0x33;
	EXPECT_EQ(set_memory_wb((vaddr_t)p, 2), 0);
	EXPECT_EQ(type_of(alias), MEMTYPE_WB);
	EXPECT_EQ(alias[1], 0x33);
	EXPECT_EQ(set_memory_wc((vaddr_t)p, 2), 0);
	vfree(p);
	EXPECT_EQ(type_of(alias), MEMTYPE_WB);
}

static void *map_frame(enum memtype type)
{
	unsigned long pfn = NO_DEVICE >> PAGE_SHIFT;

	return vmap_pfn(&pfn, 1, pgprot_set_memtype(PAGE_KERNEL, type));
}

/* One frame of a device by vmap_pfn and by ioremap, in both orders, of the same type and of two. */
KTEST(set_memory, one_type_a_frame)
{
	void *io = ioremap(NO_DEVICE, P), *alias = map_frame(MEMTYPE_WB);

	ASSERT(io);
	EXPECT(!alias);
	alias = map_frame(MEMTYPE_UC_MINUS);
	EXPECT(alias);
	iounmap(io);
	EXPECT(!ioremap_cache(NO_DEVICE, P));
	vunmap(alias);
	alias = map_frame(MEMTYPE_WB);
	EXPECT(alias);
	EXPECT(!ioremap(NO_DEVICE, P));
	vunmap(alias);
	io = ioremap(NO_DEVICE, P);
	EXPECT(io);
	iounmap(io);
	EXPECT_EQ(memtype_check(), 0);
}

/* Highmem has no alias, and whoever looks at it for a moment uses its type. */
KTEST(set_memory, highmem)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_HIGHMEM);
	char *p, *slot;

	ASSERT(page);
	if (page_address(page)) {
		__free_page(page);
		KTEST_SKIP("needs highmem");
	}
	p = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	EXPECT_EQ(set_memory_uc((vaddr_t)p, 1), 0);
	slot = kmap_local_page(page);
	EXPECT_EQ(type_of(slot), MEMTYPE_UC_MINUS);
	kunmap_local(slot);
	EXPECT_EQ(set_memory_wb((vaddr_t)p, 1), 0);
	vunmap(p);
	__free_page(page);
}

KTEST(set_memory, free_of_a_changed_page)
{
	char *page = (char *)__get_free_pages(GFP_KERNEL, 0);
	unsigned long nr;

	ASSERT(page);
	EXPECT_EQ(set_memory_ro((vaddr_t)page, 1), 0);
	nr = nr_free_pages();
	warn_expected(true);
	free_pages((vaddr_t)page, 0);
	warn_expected(false);
	EXPECT_EQ(nr_free_pages(), nr);
	EXPECT_EQ(set_memory_rw((vaddr_t)page, 1), 0);
	free_pages((vaddr_t)page, 0);
}

/* --- while everybody uses it -------------------------------------------------------------------------------------- */

static struct {
	char *block;
	bool stop;
	atomic_t wrong, rounds, started;
} storm;

/* A number in every page of the block, but the first 8, which are being changed: written, read back, and asked for. */
static void use_block(void *arg)
{
	unsigned int me = (unsigned int)(vaddr_t)arg;
	unsigned int i = me;

	atomic_inc(&storm.started);
	while (!smp_load_acquire(&storm.stop)) {
		volatile u32 *word;
		struct pgtable_leaf leaf;

		i = 8 + (i * 5 + 3) % (BLOCK_PAGES - 8);
		word = (volatile u32 *)(storm.block + i * P) + me;
		*word = i + me;
		leaf = pgtable_query(&kernel_pgtable, (vaddr_t)word);
		if (*word != i + me || !leaf.present || leaf.phys != virt_to_phys((const void *)word))
			atomic_inc(&storm.wrong);
		atomic_inc(&storm.rounds);
		cpu_relax(); /* where CPUs take turns, the next one's */
	}
}

/* The same leaf is split and its pages change, from two sides where there are two more CPUs. */
static void change_block(void *arg)
{
	vaddr_t at = (vaddr_t)storm.block + (vaddr_t)arg * P;
	static int (*const change[])(unsigned long, int) = { set_memory_ro, set_memory_rw, set_memory_np, set_memory_p,
							     set_memory_uc, set_memory_wb };

	for (unsigned int i = 0; i < 18; i++)
		if (change[i % ARRAY_SIZE(change)](at, 4))
			atomic_inc(&storm.wrong);
}

static struct crew crew;

static bool storm_start(unsigned int users)
{
	storm.block = new_block();
	storm.stop = false;
	atomic_set(&storm.wrong, 0);
	atomic_set(&storm.rounds, 0);
	atomic_set(&storm.started, 0);
	if (!storm.block)
		return false;
	for (unsigned int i = 0; i < users; i++)
		worker_post(&crew.worker[i], use_block, (void *)(vaddr_t)i);
	while ((unsigned int)atomic_read(&storm.started) != users)
		schedule();
	return true;
}

static void storm_end(unsigned int users)
{
	smp_store_release(&storm.stop, true);
	for (unsigned int i = 0; i < users; i++)
		worker_wait(&crew.worker[i]);
	EXPECT_EQ(atomic_read(&storm.wrong), 0);
	free_block(storm.block);
}

static void storms(void)
{
	unsigned int users = crew.nr > 2 ? crew.nr - 1 : 1, other = crew.nr - 1;

	for (unsigned int round = 0; round < 2; round++) {
		if (!EXPECT(storm_start(users)))
			return;
		if (other >= users)
			worker_post(&crew.worker[other], change_block, (void *)4);
		change_block((void *)0);
		if (other >= users)
			worker_wait(&crew.worker[other]);
		storm_end(users);
	}
}

/*
 * Every page of a leaf is written, read and looked up on all other CPUs, each in its own process, while it is split and
 * changed.
 */
KTEST(set_memory, nothing_is_ever_missing)
{
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	WITH_CREW(crew, 2, storms());
	ktest_note("%d looks", atomic_read(&storm.rounds));
}

/* --- Xen XSA-345: a leaf becomes a table while another walks there ------------------------------------------------ */

static int other_err;

static void forbid_writing(void *page)
{
	other_err = set_memory_ro((vaddr_t)page, 1);
}

/* The page and the one behind it, and no other. */
static void expect_two_forbidden(struct worker *w, char *page)
{
	struct view one = { .page = page }, two = { .page = page + P };

	worker_call(w, look, &one);
	worker_call(w, look, &two);
	EXPECT_EQ(one.before, PROBE_OK);
	EXPECT_EQ(one.write, PROBE_PROTECTION);
	EXPECT_EQ(two.write, PROBE_PROTECTION);
	EXPECT_EQ(two.behind, PROBE_OK);
}

/*
 * One CPU stands at `point` in the middle of a split, and another changes a page of the same leaf. Whoever is first:
 * both pages are read-only afterwards in every process, their neighbours are not, and there is one table more, or two
 * where the leaf had 1 GiB.
 */
static void split_meets_change(struct worker *first, struct worker *second, const char *point)
{
	char *block = new_block();
	unsigned long tables = pgtable_kernel_pages();
	unsigned int level;
	char *page;

	if (!EXPECT(block))
		return;
	page = block + 77 * P;
	level = level_at((vaddr_t)page);
	if (level > 1) {
		sched_hold(point);
		worker_post(first, forbid_writing, page);
		EXPECT(sched_wait_held(point, 60000));
		EXPECT_EQ(probe_write(page), PROBE_OK);
		worker_post(second, forbid_writing, page + P);
		msleep(20); /* as far as it gets */
		EXPECT_EQ(probe_write(page), PROBE_OK); /* the split is not over, so nothing may be different */
		EXPECT_EQ(probe_write(page + P), PROBE_OK);
		sched_release(point);
		worker_wait(first);
		worker_wait(second);
		EXPECT_EQ(other_err, 0);
		EXPECT_EQ(pgtable_kernel_pages() - tables, level - 1);
		expect_two_forbidden(first, page);
		expect_two_forbidden(second, page);
		EXPECT_EQ(set_memory_rw((vaddr_t)page, 2), 0);
	}
	free_block(block);
}

static struct pgtable_leaf looked_up;

static void look_up(void *page)
{
	looked_up = pgtable_query(&kernel_pgtable, (vaddr_t)page);
}

/* A walker has seen a leaf, and before it reads the rest of the entry, the leaf becomes a table: it goes on there. */
KTEST(set_memory, looked_up_in_the_middle_of_a_split)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker w;
	char *block;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	block = new_block();
	ASSERT(block && worker_start(&w, 1, false));
	if (level_at((vaddr_t)block) > 1) {
		sched_hold("pgtable:not_a_link");
		worker_post(&w, look_up, block + P);
		EXPECT(sched_wait_held("pgtable:not_a_link", 60000));
		EXPECT_EQ(set_memory_4k((vaddr_t)block, 1), 0);
		sched_release("pgtable:not_a_link");
		worker_wait(&w);
		EXPECT(looked_up.present);
		EXPECT_EQ(looked_up.phys, virt_to_phys(block + P));
	}
	worker_stop(&w);
	free_block(block);
}

KTEST(museum, m84_leaf_is_split_while_others_walk_there)
{
	KTEST_NEEDS(SCHED_POINTS);
	static const char *const points[] = { "pgtable:split", "pgtable:split_done", "tlb:flush" };
	struct worker first, second;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("needs a CPU with large leaves");
	if (num_online_cpus() < 3)
		KTEST_SKIP("needs three CPUs");
	ASSERT(worker_start(&first, 1, true) && worker_start(&second, 2, true));
	for (unsigned int i = 0; i < ARRAY_SIZE(points); i++)
		split_meets_change(&first, &second, points[i]);
	worker_stop(&first);
	worker_stop(&second);
}
