/* SPDX-License-Identifier: MIT */
/*
 * What the allocator costs on this machine: the code of mm in user space, without sanitizers, in cycles of the
 * processor. Hot: again and again. Cold: once after 4 MiB of other data. Page tables and TLBs are those of
 * tests/host/port, so nothing here is mapped or flushed for real. `make bench-native` runs it.
 */
#include "tests/host/vm_machine.h"

#include <mm/ioremap.h>
#include <mm/slab.h>

#include <stdio.h>
#include <stdlib.h>

#define RAM	  (1024 * MIB)
#define BATCHES	  40u
#define BATCH	  2000ul
#define OTHER	  (4ul * MIB)
#define CHAIN	  100000ul
#define PAGES	  256u

static struct page *pages[PAGES];

static u64 tsc(void)
{
	u32 low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

/* Multiplications that wait for each other take three cycles each: so many ticks of the TSC are a cycle of the core. */
static double ticks_a_cycle(void)
{
	unsigned long product = 3;
	double least = 1e9;

	for (unsigned int round = 0; round < 20; round++) {
		u64 start = tsc();
		double ticks;

		for (unsigned long i = 0; i < CHAIN; i++)
			__asm__ volatile("imul %0, %0; imul %0, %0; imul %0, %0; imul %0, %0" : "+r"(product));
		ticks = (double)(tsc() - start) / (CHAIN * 4 * 3);
		least = ticks < least ? ticks : least;
	}
	return least;
}

static void alloc_page_pair(unsigned int arg) { (void)arg, __free_page(alloc_page(GFP_KERNEL)); }
static void kmalloc_pair(unsigned int arg) { kfree(kmalloc(arg, GFP_KERNEL)); }
static void vmalloc_pair(unsigned int arg) { vfree(vmalloc((unsigned long)arg << PAGE_SHIFT)); }
static void ram_pair(unsigned int arg) { vm_unmap_ram(vm_map_ram(pages, arg, -1), arg); }
static void vmap_pair(unsigned int arg) { vunmap(vmap(pages, arg, VM_MAP, PAGE_KERNEL)); }
static void io_pair(unsigned int arg) { iounmap(ioremap(64ull << 30, arg)); }

static void aliases(unsigned int arg)
{
	ram_pair(arg);
	vm_unmap_aliases();
}

static const struct {
	const char *name;
	void (*once)(unsigned int arg);
	unsigned int arg;
} rows[] = {
	{ "alloc_page", alloc_page_pair, 0 },
	{ "kmalloc_64", kmalloc_pair, 64 },
	{ "vmalloc_1p", vmalloc_pair, 1 },
	{ "vmalloc_16p", vmalloc_pair, 16 },
	{ "vmalloc_100p", vmalloc_pair, 100 },
	{ "vmalloc_1024p", vmalloc_pair, 1024 },
	{ "vm_map_ram_1p", ram_pair, 1 },
	{ "vm_map_ram_32p", ram_pair, 32 },
	{ "vmap_256p", vmap_pair, 256 },
	{ "ioremap_4K", io_pair, 4096 },
	{ "unmap_aliases_1dirty", aliases, 1 },
};

static u64 batch(void (*once)(unsigned int arg), unsigned int arg, unsigned long n)
{
	u64 start = tsc();

	for (unsigned long i = 0; i < n; i++)
		once(arg);
	return tsc() - start;
}

/* The least of BATCHES batches, an operation. */
static double hot(void (*once)(unsigned int arg), unsigned int arg)
{
	unsigned long n = arg > 64 ? BATCH / 10 : BATCH;
	u64 least = ~0ull;

	for (unsigned int i = 0; i < BATCHES; i++) {
		u64 ticks = batch(once, arg, n);

		least = ticks < least ? ticks : least;
	}
	return (double)least / (double)n;
}

static int compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 : *(const u64 *)a > *(const u64 *)b;
}

/* The median of BATCHES single operations, each after a walk over other data. */
static double cold(void (*once)(unsigned int arg), unsigned int arg)
{
	static volatile char other[OTHER];
	u64 ticks[BATCHES];

	for (unsigned int i = 0; i < BATCHES; i++) {
		for (unsigned long at = 0; at < OTHER; at += 64)
			other[at]++;
		ticks[i] = batch(once, arg, 1);
	}
	qsort(ticks, BATCHES, sizeof(ticks[0]), compare);
	return (double)ticks[BATCHES / 2];
}

int main(void)
{
	double cycle;

	vm_machine(RAM, 1);
	for (unsigned int i = 0; i < PAGES; i++)
		pages[i] = alloc_page(GFP_KERNEL);
	cycle = ticks_a_cycle();
	printf("native: %.2f ticks of the TSC are a cycle\n", cycle);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double first = hot(rows[i].once, rows[i].arg) / cycle;

		printf("native %s hot=%.0f cold=%.0f\n", rows[i].name, first, cold(rows[i].once, rows[i].arg) / cycle);
	}
	return vmalloc_check() != 0;
}
