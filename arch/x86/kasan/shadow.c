/* SPDX-License-Identifier: MIT */
/*
 * The shadow is read and written here, and by what the compiler puts into functions with variables on the stack. The
 * compiler calls __asan_load*() and __asan_store*() before each access of checked code; these files are not checked.
 */
#include "arch/x86/kasan/internal.h"

#include <arch/cpu.h>
#include <arch/layout.h>
#include <asm/extable.h>
#include <asm/layout.h>
#include <kernel/percpu.h>

struct region {
	vaddr_t start, size;
};

/* What is checked; empty until arch_kasan_start(). */
static struct region direct, vmalloc, image;

void arch_kasan_start(u64 end)
{
	direct = (struct region){ layout.direct_start, (vaddr_t)end };
	vmalloc = (struct region){ layout.vmalloc_start, layout.vmalloc_end - layout.vmalloc_start };
	image = (struct region){ layout.image_start, layout.image_end - layout.image_start };
}

static inline bool within(const struct region *r, vaddr_t addr)
{
	return addr - r->start < r->size;
}

static inline bool has_shadow(vaddr_t addr)
{
	return within(&direct, addr) || within(&vmalloc, addr) || within(&image, addr);
}

/* Read memory of that type where there is some; elsewhere the value is 0. */
#define READ_OR_0(type, addr) ({ \
	type _value = 0; \
	u32 _fault = 0; \
	__asm__ volatile("1:\tmov (%[from]), %[value]\n" \
			 "2:\n\t" EXCEPTION_ENTRY(1b, 2b) \
			 : "+a"(_fault), [value] "+r"(_value) : [from] "r"(addr), [word] "i"(sizeof(vaddr_t))); \
	_value; })

/*
 * The shadow of vmalloc space has pages only where there are ranges, or were. Elsewhere the shadow counts as 0: the
 * access itself faults then, and that is the better report.
 */
static inline u8 shadow_at(vaddr_t addr)
{
	return READ_OR_0(u8, kasan_shadow_of(addr));
}

/* May the bytes up to and with `last`, all in one group of 8, be accessed? */
static inline bool allowed(vaddr_t last, u8 shadow)
{
	return !shadow || (shadow < KASAN_GRANULE && last % KASAN_GRANULE < shadow);
}

/* The first group of 8 is the shadow's first byte that does not allow the access. */
static __noinline void check_slow(vaddr_t addr, size_t size, bool write, vaddr_t ip)
{
	vaddr_t end = addr + size - 1;

	for (vaddr_t at = addr; at <= end; at = (at | (KASAN_GRANULE - 1)) + 1) {
		vaddr_t last = min(end, at | (KASAN_GRANULE - 1));
		u8 shadow = shadow_at(at);

		if (allowed(last, shadow))
			continue;
		if (shadow < KASAN_GRANULE) /* why not more: what follows says it */
			shadow = shadow_at(at + KASAN_GRANULE);
		kasan_report(addr, size, write, ip, shadow);
		return;
	}
}

static __always_inline void check(vaddr_t addr, size_t size, bool write, vaddr_t ip)
{
	vaddr_t last = addr + size - 1;

	if (!size || !has_shadow(addr))
		return;
	if (likely(size <= KASAN_GRANULE && allowed(last, shadow_at(last)) && !shadow_at(addr)))
		return;
	check_slow(addr, size, write, ip);
}

/* --- what the compiler calls -------------------------------------------------------------------------------------- */

#define CALLER ((vaddr_t)__builtin_return_address(0))
#define CHECKS(n) \
	void __asan_load##n##_noabort(vaddr_t addr); \
	void __asan_load##n##_noabort(vaddr_t addr) { check(addr, n, false, CALLER); } \
	void __asan_store##n##_noabort(vaddr_t addr); \
	void __asan_store##n##_noabort(vaddr_t addr) { check(addr, n, true, CALLER); }

CHECKS(1)
CHECKS(2)
CHECKS(4)
CHECKS(8)
CHECKS(16)

void __asan_loadN_noabort(vaddr_t addr, size_t size);
void __asan_loadN_noabort(vaddr_t addr, size_t size)
{
	check(addr, size, false, CALLER);
}

void __asan_storeN_noabort(vaddr_t addr, size_t size);
void __asan_storeN_noabort(vaddr_t addr, size_t size)
{
	check(addr, size, true, CALLER);
}

/* A variable of the image, with a redzone behind it. The rest of the description is for reports of others. */
struct global {
	vaddr_t start;
	size_t size, size_with_redzone;
	vaddr_t rest[5];
};

static void fill(vaddr_t shadow, size_t n, u8 value)
{
	__asm__ volatile("rep stosb" : "+D"(shadow), "+c"(n) : "a"(value) : "memory");
}

static void set(vaddr_t addr, size_t size, u8 why)
{
	size_t whole = why ? (size + KASAN_GRANULE - 1) / KASAN_GRANULE : size / KASAN_GRANULE;

	fill(kasan_shadow_of(addr), whole, why);
	if (!why && size % KASAN_GRANULE)
		fill(kasan_shadow_of(addr) + whole, 1, size % KASAN_GRANULE);
}

void __asan_register_globals(const struct global *g, size_t n);
void __asan_register_globals(const struct global *g, size_t n)
{
	for (; n; n--, g++) {
		set(g->start, g->size_with_redzone, KASAN_GLOBAL);
		set(g->start, g->size, 0);
	}
}

void __asan_unregister_globals(const struct global *g, size_t n);
void __asan_unregister_globals(const struct global *g __maybe_unused, size_t n __maybe_unused)
{
}

/* Frames too large to be marked in line. */
#define SETS(value) \
	void __asan_set_shadow_##value(vaddr_t shadow, size_t n); \
	void __asan_set_shadow_##value(vaddr_t shadow, size_t n) { fill(shadow, n, 0x##value); }

SETS(00)
SETS(f1)
SETS(f2)
SETS(f3)
SETS(f5)
SETS(f8)

void __asan_poison_stack_memory(vaddr_t addr, size_t size);
void __asan_poison_stack_memory(vaddr_t addr, size_t size)
{
	set(addr, size, KASAN_STACK_SCOPE);
}

void __asan_unpoison_stack_memory(vaddr_t addr, size_t size);
void __asan_unpoison_stack_memory(vaddr_t addr, size_t size)
{
	set(addr, size, 0);
}

/* Stacks are at most that large. Behind the top is something that is no mark of the compiler's. */
#define STACK_MOST 0x8000

static bool stack_mark(u8 shadow)
{
	return (shadow >= KASAN_STACK_LEFT && shadow <= KASAN_STACK_RIGHT) || shadow == KASAN_STACK_SCOPE ||
	       shadow < KASAN_GRANULE;
}

/* The functions on this stack will not return: clear its marks from here up to its top. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
	vaddr_t at = (vaddr_t)__builtin_frame_address(0) & ~(vaddr_t)(KASAN_GRANULE - 1), end = at + STACK_MOST;

	for (; at < end && has_shadow(at); at += KASAN_GRANULE) {
		u8 shadow = shadow_at(at);

		if (!stack_mark(shadow))
			break;
		if (shadow)
			fill(kasan_shadow_of(at), 1, 0);
	}
}

/* --- what the kernel calls ---------------------------------------------------------------------------------------- */

void kasan_set_shadow(vaddr_t addr, size_t size, u8 why)
{
	if (size && has_shadow(addr))
		set(addr, size, why);
}

u8 kasan_why_not(const void *addr)
{
	u8 shadow = has_shadow((vaddr_t)addr) ? shadow_at((vaddr_t)addr) : 0;

	return allowed((vaddr_t)addr, shadow) ? 0 : shadow;
}

/* --- backtraces --------------------------------------------------------------------------------------------------- */

/* Along the frame pointers, up to the first that does not lead on in the same stack. */
void arch_kasan_callers(vaddr_t *pc, unsigned int max)
{
	vaddr_t frame = READ_OR_0(vaddr_t, (vaddr_t)__builtin_frame_address(0)), next; /* not who asks: its callers */
	unsigned int n = 0;

	for (; n < max; n++, frame = next) {
		pc[n] = READ_OR_0(vaddr_t, frame + sizeof(vaddr_t));
		next = READ_OR_0(vaddr_t, frame);
		if (!within(&image, pc[n]) || next <= frame || next - frame > STACK_MOST || next % sizeof(vaddr_t))
			break;
	}
	for (; n < max; n++)
		pc[n] = 0;
}
