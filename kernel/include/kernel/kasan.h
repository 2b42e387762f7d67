/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of memory may be accessed (CONFIG=kasan; theory: arch/x86/kasan/README.md). Other builds have no code for
 * it. Addresses are in the direct map, in the image or in vmalloc space. `addr` is aligned to 8 bytes. Any context.
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

/* Why bytes may not be accessed: what their shadow holds. 0: they may; 1 to 7: only so many, the first ones. */
enum kasan_why {
	KASAN_STACK_LEFT = 0xf1, /* the compiler's values begin here */
	KASAN_STACK_MID = 0xf2,
	KASAN_STACK_RIGHT = 0xf3,
	KASAN_VMALLOC = 0xf4,	 /* of a range in use: behind what its user asked for */
	KASAN_PERCPU = 0xf5,	 /* per-CPU memory that nobody had yet */
	KASAN_PERCPU_FREE = 0xf6,
	KASAN_VMALLOC_FREE = 0xf7,
	KASAN_STACK_SCOPE = 0xf8, /* the compiler's: a variable whose block has ended */
	KASAN_GLOBAL = 0xf9,	 /* behind a variable of the image */
	KASAN_SLAB_FREE = 0xfb,
	KASAN_SLAB_REDZONE = 0xfc,
	KASAN_PAGE_FREE = 0xff,
};

/* What the last report was about, for tests. */
struct kasan_report {
	const char *kind;
	vaddr_t addr;
	size_t size;
	bool write, has_alloc, has_free; /* the backtraces that were shown */
};
extern struct kasan_report kasan_last __weak;

/* --- arch/x86/kasan/shadow.c --- */

void kasan_set_shadow(vaddr_t addr, size_t size, u8 why);
/* Why the byte may not be accessed; 0: it may, or nothing is known. */
u8 kasan_why_not(const void *addr);

/* --- arch/x86/kasan/report.c --- */

/* An access that is not allowed. ip: the code. `shadow`: of the first bad byte. */
void kasan_report(vaddr_t addr, size_t size, bool write, vaddr_t ip, u8 shadow);
/* Who has allocated, and who has freed, the object at addr: remembered for the reports, as far as there is room. */
void kasan_remember(vaddr_t addr, size_t size, bool alloc);
/* Print what is known of the object that contains addr. */
void kasan_describe(vaddr_t addr);

/* Nobody may access these bytes. Partly covered groups of 8 bytes at the end are covered whole. */
static inline void kasan_poison(const void *addr, size_t size, enum kasan_why why)
{
	if (CONFIG_KASAN)
		kasan_set_shadow((vaddr_t)addr, size, (u8)why);
}

/* These bytes, exactly, may be accessed. */
static inline void kasan_unpoison(const void *addr, size_t size)
{
	if (CONFIG_KASAN)
		kasan_set_shadow((vaddr_t)addr, size, 0);
}

/* The first `size` bytes of an object with room for `room` are given to a user, who may access only these. */
static inline void kasan_give(const void *addr, size_t size, size_t room, enum kasan_why behind)
{
	if (!CONFIG_KASAN)
		return;
	kasan_poison((const char *)addr + (size + 7) / 8 * 8, room - (size + 7) / 8 * 8, behind);
	kasan_unpoison(addr, size);
	kasan_remember((vaddr_t)addr, size, true);
}

/* The object is freed. */
static inline void kasan_take(const void *addr, size_t size, enum kasan_why why)
{
	if (!CONFIG_KASAN)
		return;
	kasan_poison(addr, size, why);
	kasan_remember((vaddr_t)addr, size, false);
}
