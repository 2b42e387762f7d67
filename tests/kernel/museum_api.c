/* SPDX-License-Identifier: MIT */
/*
 * Historic bugs of what stands around the areas: frees from odd places, reads from outside, blocks that change their
 * size.
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/inject.h>
#include <kernel/schedule_point.h>
#include <kernel/smp.h>
#include <lib/string.h>
#include <mm/slab.h>

static struct page *pages[VMAP_MAX_ALLOC + 1];

static bool get_pages(unsigned long n)
{
	return EXPECT_EQ(alloc_page_array(GFP_KERNEL, n, pages), n);
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

KTEST(museum, m13_map_of_no_pages)
{
	struct vmap_block_stats before, after;

	vmap_block_stats(&before);
	warn_expected(true);
	EXPECT(!vm_map_ram(pages, 0, -1));
	warn_expected(false);
	vmap_block_stats(&after);
	EXPECT_EQ(after.created, before.created);
}

static u32 word_at(const void *addr)
{
	u32 word = ~0u;

	EXPECT_EQ(vread((char *)&word, addr, sizeof(word)), sizeof(word));
	return word;
}

/* Each page by itself, as a reader of a memory image asks: its own contents, and zero for holes. */
KTEST(museum, m15_vread_of_the_wrong_page)
{
	static const unsigned int count[] = { 2, 3, 3, 2 }; /* the third one goes */
	char *map[4];

	if (!get_pages(10))
		return;
	for (unsigned int i = 0, page = 0; i < 4; page += count[i++]) {
		map[i] = vm_map_ram(pages + page, count[i], -1);
		ASSERT(map[i]);
		for (unsigned int k = 0; k < count[i]; k++)
			*(u32 *)(map[i] + k * PAGE_SIZE) = 10 * i + k;
	}
	vm_unmap_ram(map[2], count[2]);
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int k = 0; k < count[i]; k++)
			EXPECT_EQ(word_at(map[i] + k * PAGE_SIZE), i == 2 ? 0 : 10 * i + k);
	for (unsigned int i = 0; i < 4; i++)
		if (i != 2)
			vm_unmap_ram(map[i], count[i]);
	vm_unmap_aliases();
	free_page_array(pages, 10);
}

struct made {
	void *map;
};

static void make_map(void *arg)
{
	((struct made *)arg)->map = vm_map_ram(pages, 1, -1);
}

/* A block that is in one book and not yet in the other. All of vmalloc space near it can be read meanwhile. */
static void read_half_made(struct worker *w)
{
	static char buf[4 * PAGE_SIZE];
	struct made made = { 0 };

	vm_unmap_aliases();
	sched_hold("vb:inserted");
	worker_post(w, make_map, &made);
	if (sched_wait_held("vb:inserted", 300)) /* else an old block had room */
		for (vaddr_t at = VMALLOC_START; at < VMALLOC_START + 2048 * PAGE_SIZE; at += sizeof(buf)) {
			long got = vread(buf, (char *)at, sizeof(buf));

			EXPECT(got == 0 || got == (long)sizeof(buf));
		}
	sched_release("vb:inserted");
	worker_wait(w);
	if (EXPECT(made.map))
		vm_unmap_ram(made.map, 1);
	vm_unmap_aliases();
}

KTEST(museum, m16_vread_of_a_half_made_block)
{
	struct worker w;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&w, another_cpu(), false));
	if (get_pages(1)) {
		read_half_made(&w);
		free_page_array(pages, 1);
	}
	worker_stop(&w);
}

KTEST(museum, m17_long_map_freed_as_an_area)
{
	u8 *p;

	if (!get_pages(ARRAY_SIZE(pages)))
		return;
	p = vm_map_ram(pages, ARRAY_SIZE(pages), -1);
	ASSERT(p);
	warn_expected(true);
	vfree(p);
	EXPECT(!remove_vm_area(p));
	warn_expected(false);
	EXPECT_EQ(probe_read(p + VMAP_MAX_ALLOC * PAGE_SIZE, NULL), PROBE_OK);
	vm_unmap_ram(p, ARRAY_SIZE(pages));
	vm_unmap_aliases();
	EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	free_page_array(pages, ARRAY_SIZE(pages));
}

/* --- who may call what -------------------------------------------------------------------------------------------- */

static void free_here(void *p)
{
	vfree(p);
}


/* Under a lock, with interrupts off, and of memory that may only be read, when there is no other memory left. */
KTEST(museum, m25_vfree_where_one_may_not_sleep)
{
	KTEST_NEEDS(FAULT_INJECT);
	u8 *p = vmalloc(3 * PAGE_SIZE);
	bool flags;

	ASSERT(p);
	EXPECT_EQ(set_memory_ro((vaddr_t)p, 3), 0);
	EXPECT_EQ(probe_write(p), PROBE_PROTECTION);
	inject_set(INJECT_SLAB, 1);
	preempt_disable();
	vfree(p);
	EXPECT(vmalloc_to_page(p)); /* later */
	preempt_enable();
	inject_clear(INJECT_SLAB);
	vfree_atomic_drain();
	EXPECT(!vmalloc_to_page(p));
	p = vmalloc(PAGE_SIZE);
	ASSERT(p);
	flags = arch_local_irq_save();
	vfree(p);
	EXPECT(vmalloc_to_page(p));
	local_irq_restore(flags);
	vfree_atomic_drain();
	EXPECT(!vmalloc_to_page(p));
	p = vmalloc(PAGE_SIZE);
	ASSERT(p);
	vfree_atomic(p);
	vfree_atomic_drain();
	EXPECT(!vmalloc_to_page(p));
}

KTEST(museum, m25_vfree_in_an_interrupt)
{
	void *p[4];
	unsigned int cpu = another_cpu();

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	for (unsigned int i = 0; i < 4; i++) {
		p[i] = vmalloc(2 * PAGE_SIZE);
		ASSERT(p[i]);
		smp_call_function_single(cpu, free_here, p[i], true);
	}
	vfree_atomic_drain();
	for (unsigned int i = 0; i < 4; i++)
		EXPECT(!vmalloc_to_page(p[i]));
}

static void *to_free_in_nmi;
static bool struck;

static void free_in_nmi(struct trap_frame *frame)
{
	(void)frame;
	vfree(to_free_in_nmi);
	WRITE_ONCE(struck, true);
}

/* Refused, told later, and the area is whole. */
KTEST(museum, m25_vfree_in_an_nmi)
{
	unsigned long warnings = warn_count();
	void *p = vmalloc(PAGE_SIZE);

	ASSERT(p);
	to_free_in_nmi = p;
	struck = false;
	REPLACE_HANDLER(arch_set_nmi_handler(free_in_nmi));
	arch_send_nmi(smp_processor_id());
	for (unsigned int ms = 0; ms < 1000 && !READ_ONCE(struck); ms++)
		msleep(1);
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	ASSERT(struck);
	EXPECT_EQ(warn_count(), warnings);
	EXPECT_EQ(probe_read(p, NULL), PROBE_OK);
	warn_expected(true);
	vfree(p);
	warn_expected(false);
	EXPECT_EQ(warn_count(), warnings + 1);
	EXPECT(!find_vm_area(p));
}

/* --- lookups in handlers ------------------------------------------------------------------------------------------ */

static char *object;
static bool found;

static void dump_it(void *arg)
{
	(void)arg;
	found = vmalloc_dump_obj(object);
}

static void free_it(void *arg)
{
	(void)arg;
	vfree(object);
}

/* The lookup in a handler that has interrupted a claim of that very area gives up instead of waiting for it. */
KTEST(museum, m27_lookup_in_an_interrupt_of_a_claim)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker w;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	object = vmalloc(PAGE_SIZE);
	ASSERT(object && worker_start(&w, another_cpu(), false));
	smp_call_function_single(w.cpu, dump_it, NULL, true);
	EXPECT(found);
	sched_hold("vm:claim");
	worker_post(&w, free_it, NULL);
	if (EXPECT(sched_wait_held("vm:claim", 1000))) {
		found = true;
		smp_call_function_single(w.cpu, dump_it, NULL, true);
		EXPECT(!found);
	}
	sched_release("vm:claim");
	worker_wait(&w);
	worker_stop(&w);
}

KTEST(museum, m28_object_deep_in_an_area)
{
	char *p = vmalloc(64 * PAGE_SIZE);

	ASSERT(p);
	EXPECT(vmalloc_dump_obj(p));
	EXPECT(vmalloc_dump_obj(p + 17 * PAGE_SIZE + 5));
	EXPECT(vmalloc_dump_obj(p + 64 * PAGE_SIZE - 1));
	vfree(p);
	EXPECT(!vmalloc_dump_obj(p + 17 * PAGE_SIZE));
}

/* --- other sizes -------------------------------------------------------------------------------------------------- */

static bool all(const u8 *p, unsigned long from, unsigned long to, u8 value)
{
	while (from < to && p[from] == value)
		from++;
	return from == to;
}

/* Smaller, with another node asked for: what is copied never exceeds what is wanted. */
KTEST(museum, m29a_smaller_on_another_node)
{
	u8 *p = vmalloc(8 * PAGE_SIZE), *q;

	ASSERT(p);
	memset(p, 0x29, 8 * PAGE_SIZE);
	q = vrealloc_node(p, PAGE_SIZE, GFP_KERNEL, 1);
	ASSERT(q);
	EXPECT(all(q, 0, PAGE_SIZE, 0x29));
	EXPECT_EQ(probe_read(q + PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(find_vm_area(q)->nr_pages, 1);
	vfree(q);
}

KTEST(museum, m29b_larger_in_place_is_zero)
{
	u8 *p = vrealloc(NULL, 100, GFP_KERNEL | __GFP_ZERO);

	ASSERT(p);
	memset(p, 0x29, 100);
	EXPECT(vrealloc(p, 10, GFP_KERNEL | __GFP_ZERO) == p);
	EXPECT(vrealloc(p, 100, GFP_KERNEL | __GFP_ZERO) == p);
	EXPECT(all(p, 0, 10, 0x29) && all(p, 10, 100, 0));
	vfree(p);
}

KTEST(museum, m29c_odd_sizes)
{
	u8 *p = vrealloc(NULL, 64, GFP_KERNEL | __GFP_ZERO);

	ASSERT(p);
	memset(p, 0x29, 64);
	EXPECT(vrealloc(p, 13, GFP_KERNEL | __GFP_ZERO) == p);
	EXPECT(vrealloc(p, 21, GFP_KERNEL | __GFP_ZERO) == p);
	EXPECT(all(p, 0, 13, 0x29) && all(p, 13, 21, 0));
	EXPECT_EQ(find_vm_area(p)->requested_size, 21);
	vfree(p);
}

/* Pages went when it became smaller: growing back must not touch what is somebody else's now. */
KTEST(museum, m29d_larger_in_place_after_pages_went)
{
	unsigned long before = vmalloc_nr_pages();
	u8 *p = vmalloc(16 * PAGE_SIZE), *other;

	ASSERT(p);
	memset(p, 0x29, 16 * PAGE_SIZE);
	EXPECT(vrealloc(p, PAGE_SIZE, GFP_KERNEL) == p);
	EXPECT_EQ(vmalloc_nr_pages(), before + 1);
	EXPECT_EQ(probe_read(p + PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
	other = vmalloc(15 * PAGE_SIZE);
	ASSERT(other);
	memset(other, 0x77, 15 * PAGE_SIZE);
	EXPECT(vrealloc(p, 16 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO) == p);
	EXPECT(all(p, 0, PAGE_SIZE, 0x29) && all(p, PAGE_SIZE, 16 * PAGE_SIZE, 0));
	memset(p, 0x31, 16 * PAGE_SIZE);
	EXPECT(all(other, 0, 15 * PAGE_SIZE, 0x77));
	vfree(other);
	vfree(p);
}

/* --- books -------------------------------------------------------------------------------------------------------- */

static void do_vmalloc(void *arg)
{
	*(void **)arg = vmalloc(3 * PAGE_SIZE);
}

struct count {
	unsigned int lines;
	bool bad;
};

static void count_line(void *ctx, const char *line)
{
	struct count *count = ctx;

	count->lines++;
	count->bad |= !!strstr(line, " pages=0");
}

/* An area that is being built is not listed; it is, when it is whole. */
KTEST(museum, m30_half_built_area_in_the_list)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct count before = { 0 }, during = { 0 }, after = { 0 };
	struct worker w;
	void *p = NULL;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&w, another_cpu(), false));
	vmallocinfo(count_line, &before);
	sched_hold("vmalloc:mapped");
	worker_post(&w, do_vmalloc, &p);
	if (EXPECT(sched_wait_held("vmalloc:mapped", 1000)))
		vmallocinfo(count_line, &during);
	sched_release("vmalloc:mapped");
	worker_wait(&w);
	vmallocinfo(count_line, &after);
	EXPECT_EQ(during.lines, before.lines);
	EXPECT_EQ(after.lines, before.lines + 1);
	EXPECT(!during.bad && !after.bad);
	vfree(p);
	worker_stop(&w);
}

/* Sizes whose count of pages, or the size of whose page array, does not fit. */
KTEST(museum, m31_sizes_that_overflow)
{
	EXPECT(!vmalloc(~0ul));
	EXPECT(!vmalloc(~0ul / 2));
	EXPECT(!vmalloc(1ul << (BITS_PER_LONG - 1)));
	EXPECT(!vmalloc_array(~0ul / 8, 16));
	EXPECT(!vcalloc(1ul << (BITS_PER_LONG / 2), 1ul << (BITS_PER_LONG / 2)));
	EXPECT(!kvmalloc_array(~0ul, 2, GFP_KERNEL));
	EXPECT(!kvmalloc(0x80000000ul, GFP_KERNEL | __GFP_NOWARN));
	EXPECT_EQ(vmalloc_check(), 0);
}

/* The guard page is there whatever was asked for, and after a failure nothing is left of the pages before it. */
KTEST(museum, m33_vmap_flags_and_pages)
{
	struct page *bad[3];
	u8 *p;

	if (!get_pages(3))
		return;
	bad[0] = pages[0];
	bad[1] = NULL;
	bad[2] = pages[2];
	warn_expected(true);
	p = vmap(pages, 3, VM_MAP | 0x40 /* Linux's VM_NO_GUARD */, PAGE_KERNEL);
	EXPECT(!vmap(bad, 3, VM_MAP, PAGE_KERNEL));
	warn_expected(false);
	if (EXPECT(p)) {
		EXPECT_EQ(probe_read(p + 2 * PAGE_SIZE, NULL), PROBE_OK);
		EXPECT_EQ(probe_read(p + 3 * PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
		EXPECT_EQ(find_vm_area(p)->size, 4 * PAGE_SIZE);
		vunmap(p);
	}
	free_page_array(pages, 3);
	EXPECT_EQ(vmalloc_check(), 0);
}

KTEST(museum, m34_interior_pointer)
{
	u8 *p = vmalloc(3 * PAGE_SIZE);

	ASSERT(p);
	warn_expected(true);
	vfree(p + PAGE_SIZE);
	vfree_atomic(p + 2 * PAGE_SIZE);
	vfree_atomic_drain();
	EXPECT(!vrealloc(p + PAGE_SIZE, PAGE_SIZE, GFP_KERNEL));
	warn_expected(false);
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(probe_read(p + i * PAGE_SIZE, NULL), PROBE_OK);
	vfree(p);
}

KTEST(museum, m35_freed_here_and_there)
{
	unsigned long warnings = warn_count();
	void *p = vmalloc(PAGE_SIZE);

	ASSERT(p);
	vfree_atomic(p);
	warn_expected(true);
	vfree_atomic(p); /* of the two one comes too late */
	vfree_atomic_drain();
	warn_expected(false);
	EXPECT_EQ(warn_count(), warnings + 1);
	EXPECT_EQ(vmalloc_check(), 0);
}
