/* SPDX-License-Identifier: MIT */
/* The everyday promises of vmalloc, vmap, vm_map_ram and ioremap. */
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/mmu_sync.h>
#include <kernel/bug.h>
#include <kernel/inject.h>
#include <kernel/ktest.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mm/ioremap.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define PAGES	   7
#define MANY_PAGES 40 /* so many are not allocated one by one */

static void fill(char *p, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		p[i] = (char)(i * 7 + (i >> PAGE_SHIFT));
}

static bool filled(const char *p, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		if (p[i] != (char)(i * 7 + (i >> PAGE_SHIFT)))
			return false;
	return true;
}

KTEST(vmalloc, alloc_free_roundtrip)
{
	char *p = vmalloc(PAGES * PAGE_SIZE);

	ASSERT(p);
	EXPECT(is_vmalloc_addr(p));
	EXPECT(is_vmalloc_addr(p + PAGES * PAGE_SIZE - 1));
	EXPECT(!is_vmalloc_addr(&p));
	fill(p, PAGES * PAGE_SIZE);
	EXPECT(filled(p, PAGES * PAGE_SIZE));
	vfree(p);
	vm_unmap_aliases();
	EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	vfree(NULL);
}

KTEST(vmalloc, guard_page)
{
	char *p = vmalloc(PAGES * PAGE_SIZE);

	ASSERT(p);
	EXPECT_EQ(probe_read(p + PAGES * PAGE_SIZE - 1, NULL), PROBE_OK);
	EXPECT_EQ(probe_read(p + PAGES * PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_write(p + PAGES * PAGE_SIZE), PROBE_NOT_PRESENT);
	vfree(p);
}

KTEST(vmalloc, no_execute)
{
	char *p = vmalloc(PAGE_SIZE);

	ASSERT(p);
	*p = (char)0xc3; /* ret */
	if (cpu_has(FEATURE_NX))
		EXPECT_EQ(probe_exec(p), PROBE_PROTECTION);
	vfree(p);
	if (!cpu_has(FEATURE_NX))
		KTEST_SKIP("this CPU has no NX bit");
}

KTEST(vmalloc, vzalloc_is_zero)
{
	for (unsigned int round = 0; round < 8; round++) {
		unsigned long size = (round & 1 ? MANY_PAGES : PAGES) * PAGE_SIZE;
		char *p = vzalloc(size);
		bool zero = true;

		ASSERT(p);
		for (unsigned long i = 0; i < size; i++)
			zero &= p[i] == 0;
		EXPECT(zero);
		memset(p, 0xa5, size);
		vfree(p);
		drain_page_lists(); /* many come out of the zones, not from this CPU's list */
	}
}

KTEST(vmalloc, refused_sizes)
{
	warn_expected(true);
	EXPECT(!vmalloc(0));
	warn_expected(false);
	EXPECT(!vmalloc((totalram_pages() + 1) << PAGE_SHIFT));
	EXPECT(!vmalloc(-1ul));
	EXPECT(!vmalloc(-PAGE_SIZE));
}

/* Wrong pointers are reported and change nothing. */
KTEST(vmalloc, wrong_pointers)
{
	char *p = vmalloc(2 * PAGE_SIZE);

	ASSERT(p);
	warn_expected(true);
	vfree(p + PAGE_SIZE);
	vfree(p + 8);
	vunmap(p + PAGE_SIZE);
	vunmap(p); /* the right address, and the wrong kind of area */
	iounmap(p);
	warn_expected(false);
	EXPECT_EQ(probe_read(p, NULL), PROBE_OK);
	EXPECT_EQ(probe_read(p + PAGE_SIZE, NULL), PROBE_OK);
	vfree(p);
	warn_expected(true);
	vfree(p);
	warn_expected(false);
	EXPECT_EQ(vmalloc_check(), 0);
}

KTEST(vmalloc, pages_behind_addresses)
{
	char *p = vmalloc(PAGES * PAGE_SIZE);
	struct vm_struct *area = find_vm_area(p + 3 * PAGE_SIZE + 5);

	ASSERT(p && area);
	EXPECT(area->addr == p);
	EXPECT_EQ(area->nr_pages, PAGES);
	EXPECT_EQ(area->size, (PAGES + 1) * PAGE_SIZE);
	EXPECT_EQ(get_vm_area_size(area), PAGES * PAGE_SIZE);
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT(vmalloc_to_page(p + i * PAGE_SIZE + 77) == area->pages[i]);
	EXPECT(!vmalloc_to_page(p + PAGES * PAGE_SIZE));
	vfree(p);
	EXPECT(!find_vm_area(p));
}

struct found {
	char line[200], wanted[24];
};

static void find_line(void *ctx, const char *line)
{
	struct found *f = ctx;

	if (!strncmp(line, f->wanted, strlen(f->wanted)))
		strscpy(f->line, line, sizeof(f->line));
}

/* "0x<start>-0x<end>   12288 function+0x.. pages=2 vmalloc\n" */
KTEST(vmalloc, vmallocinfo_line)
{
	char *p = vmalloc(2 * PAGE_SIZE);
	struct found f = { 0 };

	ASSERT(p);
	snprintf(f.wanted, sizeof(f.wanted), "0x%p-", (void *)p);
	vmallocinfo(find_line, &f);
	EXPECT(strstr(f.line, "12288 "));
	EXPECT(strstr(f.line, "vmallocinfo_line"));
	EXPECT(strstr(f.line, " pages=2 vmalloc"));
	vfree(p);
	f.line[0] = '\0';
	vmallocinfo(find_line, &f);
	EXPECT(strstr(f.line, " unpurged vm_area"));
	EXPECT(!strstr(f.line, " vmalloc"));
}

KTEST(vmalloc, vmap_shows_the_pages)
{
	struct page *pages[4];
	u32 *p;

	ASSERT_EQ(alloc_page_array(GFP_KERNEL, 4, pages), 4);
	p = vmap(pages, 4, VM_MAP, PAGE_KERNEL);
	if (EXPECT(p)) {
		for (unsigned int i = 0; i < 4; i++)
			p[i * 1024] = 0x100 + i;
		for (unsigned int i = 0; i < 4; i++)
			EXPECT_EQ(*(u32 *)page_address(pages[i]), 0x100 + i);
		vunmap(p);
		vm_unmap_aliases();
		EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	}
	free_page_array(pages, 4);
}

KTEST(vmalloc, vmap_read_only)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *p;

	ASSERT(page);
	p = vmap(&page, 1, VM_MAP, PAGE_KERNEL_RO);
	if (EXPECT(p)) {
		EXPECT_EQ(probe_read(p, NULL), PROBE_OK);
		EXPECT_EQ(probe_write(p), PROBE_PROTECTION);
		vunmap(p);
	}
	__free_page(page);
}

KTEST(vmalloc, vmap_refuses_bad_pages)
{
	struct page *pages[3];

	ASSERT_EQ(alloc_page_array(GFP_KERNEL, 3, pages), 3);
	struct page *bad[3] = { pages[0], pages[1], NULL };

	warn_expected(true);
	EXPECT(!vmap(bad, 3, VM_MAP, PAGE_KERNEL));
	bad[2] = pfn_to_page(0xfec00); /* a device: no struct page */
	EXPECT(!vmap(bad, 3, VM_MAP, PAGE_KERNEL));
	EXPECT(!vm_map_ram(bad, 3, -1));
	EXPECT(!vm_map_ram(bad, 0, -1));
	warn_expected(false);
	free_page_array(pages, 3);
	EXPECT_EQ(vmalloc_check(), 0);
}

KTEST(vmalloc, vm_map_ram_roundtrip)
{
	static struct page *pages[VMAP_MAX_ALLOC + 4]; /* the longest come out of no block */

	ASSERT_EQ(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	for (unsigned int count = 1; count <= ARRAY_SIZE(pages); count += 3) {
		char *p = vm_map_ram(pages, count, -1);

		if (!EXPECT(p))
			break;
		for (unsigned int i = 0; i < count; i++)
			EXPECT(vmalloc_to_page(p + i * PAGE_SIZE) == pages[i]);
		*p = (char)count;
		EXPECT_EQ(*(char *)page_address(pages[0]), (char)count);
		EXPECT_EQ(probe_read(p + count * PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
		vm_unmap_ram(p, count);
		vm_unmap_aliases();
		EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
		EXPECT_EQ(probe_read(p + (count - 1) * PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
	}
	free_page_array(pages, ARRAY_SIZE(pages));
}

/* Every allocation on the way fails once; nothing is lost and nothing stays mapped. */
static void sweep(enum inject_site site, const char *what)
{
	unsigned int nth = 1, left;
	void *p;

	do {
		inject_set(site, nth++);
		p = vmalloc(PAGES * PAGE_SIZE);
		left = inject_clear(site);
		EXPECT(!p || left || site == INJECT_SLAB || site == INJECT_PAGE);
		vfree(p);
		EXPECT_EQ(vmalloc_check(), 0);
	} while (!left && nth < 100);
	EXPECT(left);
	ktest_note("%s: %u failures survived", what, nth - 2);
}

KTEST(vmalloc, every_allocation_fails_once)
{
	sweep(INJECT_PAGE, "page");
	sweep(INJECT_TABLE, "table");
	sweep(INJECT_SLAB, "slab");
}

#define LIVE 64

KTEST(vmalloc, random_lives)
{
	static char *live[LIVE];
	static unsigned int pages[LIVE];

	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int k = (unsigned int)ktest_random() % LIVE;

		if (live[k]) {
			EXPECT_EQ(live[k][0], (char)k);
			EXPECT_EQ(live[k][pages[k] * PAGE_SIZE - 1], (char)~k);
			vfree(live[k]);
			live[k] = NULL;
			continue;
		}
		pages[k] = 1 + (unsigned int)ktest_random() % 16;
		live[k] = vmalloc(pages[k] * PAGE_SIZE);
		ASSERT(live[k]);
		live[k][0] = (char)k;
		live[k][pages[k] * PAGE_SIZE - 1] = (char)~k;
	}
	for (unsigned int k = 0; k < LIVE; k++) {
		vfree(live[k]);
		live[k] = NULL;
	}
	EXPECT_EQ(vmalloc_check(), 0);
}

static void vmalloc_and_vfree(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++) {
		void *p = vmalloc(PAGE_SIZE);

		ASSERT(p);
		vfree(p);
	}
}

/* A mapping below a known top entry never calls the hook: not once this CPU's cache has gone round. */
KTEST(vmalloc, no_sync_below_a_known_entry)
{
	struct sync_counters before;

	vmalloc_and_vfree(2500);
	before = sync_counters();
	vmalloc_and_vfree(5000);
	EXPECT_EQ(sync_counters().calls, before.calls);
}
