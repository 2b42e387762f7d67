// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The rows of Kvasir's `make bench`, in Linux: as a part of its kernel (a tinyconfig has no modules), or as a module.
 * Prints a line a row: kvbench: NAME TICKS/OPERATION, in hundredths. Written for Kvasir; README.md says how to run it.
 */
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>
#include <linux/math64.h>
#include <asm/msr.h>

#define PAGES  256
#define LIVE   15000
#define RING   1000
#define BLOCKS 2000

static DEFINE_XARRAY(array);
static struct page **pages; /* 65,536 of them, which repeat PAGES */
static void **live;
static void *maps[BLOCKS];
static u32 random_state;
static unsigned long failed;

static u32 random_below(u32 below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (u64)random_state * below >> 32;
}

static void touch(void *p)
{
	if (p)
		*(volatile char *)p = 1;
	else
		failed++;
}

/* --- operations --------------------------------------------------------------------------------------------------- */

#define OP(name) \
	static __always_inline void name##_once(unsigned long arg, unsigned long i); \
	static noinline void name(unsigned long arg, unsigned long n) \
	{ \
		unsigned long i; \
\
		for (i = 0; i < n; i++) \
			name##_once(arg, i); \
	} \
	static __always_inline void name##_once(unsigned long arg, unsigned long i)

OP(page_pair) { __free_page(alloc_page(GFP_KERNEL)); }
OP(kmalloc_pair) { kfree(kmalloc(64, GFP_KERNEL)); }
OP(store) { xa_store(&array, i, xa_mk_value(i), GFP_KERNEL); }
OP(load) { failed += !xa_load(&array, i); }
OP(erase) { xa_erase(&array, i); }

static __always_inline void vmalloc_pair_of(unsigned long nr)
{
	void *p = vmalloc(nr << PAGE_SHIFT);

	touch(p);
	vfree(p);
}

OP(vmalloc_pair) { vmalloc_pair_of(arg); }
OP(vmalloc_random) { vmalloc_pair_of(1 + random_below(arg)); }

OP(huge_pair)
{
	void *p = vmalloc_huge(arg << PAGE_SHIFT, GFP_KERNEL);

	touch(p);
	vfree(p);
}

OP(ram_pair)
{
	void *p = vm_map_ram(pages, arg, -1);

	touch(p);
	vm_unmap_ram(p, arg);
}

OP(vmap_pair)
{
	void *p = vmap(pages, arg, VM_MAP, PAGE_KERNEL);

	touch(p);
	vunmap(p);
}

OP(aliases_clean) { vm_unmap_aliases(); }

OP(aliases_dirty)
{
	void *p = vm_map_ram(pages, 1, -1);

	touch(p);
	vm_unmap_ram(p, 1);
	vm_unmap_aliases();
}

/* Behind the machine's RAM of 1 GiB, where it has no device. arg: log2 of the size. */
OP(io_pair)
{
	void __iomem *p = ioremap(IS_ENABLED(CONFIG_64BIT) ? 64ull << 30 : 2ull << 30, 1ul << arg);

	if (p)
		iounmap(p);
	else
		failed++;
}

OP(two_among_live)
{
	void *a = vmalloc(100 << PAGE_SHIFT), *b = vmalloc(PAGE_SIZE);

	touch(a);
	touch(b);
	vfree(a);
	vfree(b);
}

OP(to_page) { failed += !vmalloc_to_page(live[random_below(LIVE)]); }

OP(replace)
{
	void **slot = &live[random_below(RING)];

	vfree(*slot);
	*slot = vmalloc((1 + random_below(16)) << PAGE_SHIFT);
	touch(*slot);
}

/* --- what they need ----------------------------------------------------------------------------------------------- */

static void fill_array(unsigned long arg, unsigned long n) { store(0, n); }
static void clear_array(unsigned long arg, unsigned long n) { xa_destroy(&array); }

static void fill(unsigned long nr, u32 most)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		live[i] = vmalloc((1 + random_below(most)) << PAGE_SHIFT);
		touch(live[i]);
	}
}

static void fill_live(unsigned long arg, unsigned long n) { fill(LIVE, 1); }
static void fill_ring(unsigned long arg, unsigned long n) { fill(RING, 16); }

static void free_live(unsigned long arg, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < LIVE; i++) {
		vfree(live[i]);
		live[i] = NULL;
	}
}

static void fill_maps(unsigned long arg, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < arg; i++)
		maps[i] = vm_map_ram(pages, 32, -1);
	vm_unmap_aliases();
}

static void free_maps(unsigned long arg, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < arg; i++)
		vm_unmap_ram(maps[i], 32);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	void (*run)(unsigned long arg, unsigned long n);
	unsigned long arg, n;
	void (*setup)(unsigned long arg, unsigned long n), (*teardown)(unsigned long arg, unsigned long n);
	bool cold, wide; /* no warm-up; 64 bits only */
} rows[] = {
	{ "alloc_page", page_pair },
	{ "kmalloc_64", kmalloc_pair },
	{ "xa_store_dense", store, .teardown = clear_array, .cold = true },
	{ "xa_load_dense", load, .setup = fill_array, .teardown = clear_array },
	{ "xa_erase_dense", erase, .setup = fill_array, .teardown = clear_array, .cold = true },
	{ "vmalloc_1p", vmalloc_pair, 1 },
	{ "vmalloc_2p", vmalloc_pair, 2 },
	{ "vmalloc_4p", vmalloc_pair, 4 },
	{ "vmalloc_16p", vmalloc_pair, 16 },
	{ "vmalloc_100p", vmalloc_pair, 100 },
	{ "vmalloc_256p", vmalloc_pair, 256, 500 },
	{ "vmalloc_1024p", vmalloc_pair, 1024, 100 },
	{ "vmalloc_16384p", vmalloc_pair, 16384, 10 },
	{ "vmalloc_huge_512p", huge_pair, 512, 500 },
	{ "vmalloc_huge_1024p", huge_pair, 1024, 300 },
	{ "vm_map_ram_1p", ram_pair, 1 },
	{ "vm_map_ram_2p", ram_pair, 2 },
	{ "vm_map_ram_4p", ram_pair, 4 },
	{ "vm_map_ram_8p", ram_pair, 8 },
	{ "vm_map_ram_16p", ram_pair, 16 },
	{ "vm_map_ram_32p", ram_pair, 32 },
	{ "vm_map_ram_64p", ram_pair, 64 },
	{ "vm_map_ram_256p", ram_pair, 256 },
	{ "vmap_1p", vmap_pair, 1 },
	{ "vmap_16p", vmap_pair, 16 },
	{ "vmap_256p", vmap_pair, 256 },
	{ "vmap_65536p", vmap_pair, 65536, 10 },
	{ "ioremap_4K", io_pair, 12 },
	{ "ioremap_2M", io_pair, 21, 500 },
	{ "ioremap_16M", io_pair, 24, 200 },
	{ "ioremap_1G", io_pair, 30, .wide = true },
	{ "ioremap_16G", io_pair, 34, .wide = true },
	{ "unmap_aliases_clean_0", aliases_clean },
	{ "unmap_aliases_1dirty_0", aliases_dirty },
	{ "unmap_aliases_clean_100", aliases_clean, 100, 0, fill_maps, free_maps },
	{ "unmap_aliases_1dirty_100", aliases_dirty, 100, 0, fill_maps, free_maps },
	{ "unmap_aliases_clean_2000", aliases_clean, 2000, 0, fill_maps, free_maps },
	{ "unmap_aliases_1dirty_2000", aliases_dirty, 2000, 0, fill_maps, free_maps },
	{ "vmalloc_random_1_100p", vmalloc_random, 100 },
	{ "busy_15000_100p+1p", two_among_live, 0, 0, fill_live, free_live },
	{ "vmalloc_to_page_15000", to_page, 0, 0, fill_live, free_live },
	{ "steady_state_ring_1000", replace, 0, 0, fill_ring, free_live },
};

static void measure(const struct row *row)
{
	unsigned long n = row->n ? row->n : IS_ENABLED(CONFIG_64BIT) ? 2000 : 1000;
	u64 ticks;

	random_state = 1;
	if (row->setup)
		row->setup(row->arg, n);
	if (!row->cold)
		row->run(row->arg, n);
	ticks = rdtsc();
	row->run(row->arg, n);
	ticks = rdtsc() - ticks;
	if (row->teardown)
		row->teardown(row->arg, n);
	pr_info("kvbench: %s %llu\n", row->name, div_u64(100 * ticks, n));
}

static bool get_memory(void)
{
	unsigned long i;

	pages = vmalloc(65536 * sizeof(*pages));
	live = vzalloc(LIVE * sizeof(*live));
	for (i = 0; pages && i < 65536; i++)
		pages[i] = i < PAGES ? alloc_page(GFP_KERNEL) : pages[i % PAGES];
	return pages && live;
}

static int __init kvbench(void)
{
	const struct row *row;

	if (!get_memory())
		return -ENOMEM;
	for (row = rows; row < rows + ARRAY_SIZE(rows); row++)
		if (IS_ENABLED(CONFIG_64BIT) || !row->wide)
			measure(row);
	pr_info("kvbench: end, %lu failed\n", failed);
	outl(0x10, 0xf4); /* QEMU's isa-debug-exit */
	return 0;
}
late_initcall(kvbench);

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("What vmalloc and its family cost");
