/* SPDX-License-Identifier: MIT */
/*
 * What is said of an access that is not allowed, and what is remembered for it. A report is a WARN, so the test that
 * provoked it fails; the code goes on.
 *
 * The table remembers the last allocation and the last free of as many objects as it has places. An object's place is
 * found by its address; two objects with one place forget each other. So a report may lack a backtrace. It may have a
 * wrong one only if two CPUs write one place at once, or if an older object lay there and is remembered still. It costs
 * no memory of the objects, and is the same for pages, slabs, vmalloc and per-CPU memory.
 */
#include <arch/cpu.h>
#include <arch/kasan.h>
#include <arch/layout.h>
#include <kernel/bug.h>
#include <kernel/kasan.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <lib/math.h>

#define CALLERS 6
#define PLACES	8192u

struct memory {
	vaddr_t addr;
	u32 size;
	u32 alloc[CALLERS], freed[CALLERS]; /* code addresses without their upper half, 0 behind the last */
};

static struct memory memories[PLACES];
static u8 busy[MAX_CPUS]; /* this CPU writes a report: what it does for that is not checked */
struct kasan_report kasan_last;

static struct memory *place_of(vaddr_t addr)
{
	return &memories[(addr >> 3) * 0x9e3779b97f4a7c15ull >> 32 & (PLACES - 1)];
}

void kasan_remember(vaddr_t addr, size_t size, bool alloc)
{
	struct memory *m = place_of(addr);
	vaddr_t pc[CALLERS];

	arch_kasan_callers(pc, CALLERS);
	if (m->addr != addr || alloc) {
		m->addr = addr;
		m->size = (u32)size;
		for (unsigned int i = 0; i < CALLERS; i++)
			m->alloc[i] = m->freed[i] = 0;
	}
	for (unsigned int i = 0; i < CALLERS; i++)
		(alloc ? m->alloc : m->freed)[i] = (u32)pc[i];
}

/* The object that starts nearest below `at`, if addr lies in it or close behind it. */
static const struct memory *find_below(vaddr_t at, vaddr_t addr)
{
	vaddr_t step = KASAN_GRANULE;

	for (unsigned int n = 0; n < 2048; n++, at -= step) {
		const struct memory *m = place_of(at);

		if (m->addr == at && addr < at + m->size + 256)
			return m;
		if (n == 1024) { /* larger objects begin with a page */
			at &= ~(vaddr_t)(PAGE_SIZE - 1);
			step = PAGE_SIZE;
		}
	}
	return NULL;
}

static bool in_redzone(vaddr_t addr)
{
	u8 why = kasan_why_not((void *)addr);

	return why == KASAN_SLAB_REDZONE || why == KASAN_VMALLOC || why == KASAN_PERCPU;
}

/* The object that contains addr, or ends close to it. Between two objects: the nearer one. */
static const struct memory *find(vaddr_t addr)
{
	vaddr_t at = addr & ~(vaddr_t)(KASAN_GRANULE - 1);
	const struct memory *below = find_below(at, addr);

	for (unsigned int n = 0; n < 2 && in_redzone(addr); n++) {
		const struct memory *m = place_of(at += KASAN_GRANULE);

		/* What contains a redzone is a block of pages, of which a slab was made. */
		if (m->addr == at && (!below || addr < below->addr + below->size ||
				      at - addr <= addr - below->addr - below->size))
			return m;
	}
	return below;
}

static bool show(const char *what, const u32 *pc)
{
	if (!pc[0])
		return false;
	cprintf("  %s by:\n", what);
	for (unsigned int i = 0; i < CALLERS && pc[i]; i++)
		cprintf("    %pS\n", (void *)(pc[i] | (vaddr_t)&memories >> 32 << 32));
	return true;
}

void kasan_describe(vaddr_t addr)
{
	const struct memory *m = find(addr);

	if (!m)
		return;
	cprintf("  %lx is %ld bytes behind the start of an object of %u bytes at %lx\n", addr, (long)(addr - m->addr),
		m->size, m->addr);
	kasan_last.has_alloc = show("allocated", m->alloc);
	kasan_last.has_free = show("freed", m->freed);
}

static const char *kind_of(u8 shadow)
{
	static const struct { u8 shadow; const char *kind; } kinds[] = {
		{ KASAN_STACK_LEFT, "stack-out-of-bounds" },	{ KASAN_STACK_MID, "stack-out-of-bounds" },
		{ KASAN_STACK_RIGHT, "stack-out-of-bounds" },	{ KASAN_STACK_SCOPE, "stack-use-after-scope" },
		{ KASAN_PERCPU, "percpu-out-of-bounds" },	{ KASAN_PERCPU_FREE, "percpu-use-after-free" },
		{ KASAN_VMALLOC, "vmalloc-out-of-bounds" },	{ KASAN_VMALLOC_FREE, "vmalloc-use-after-free" },
		{ KASAN_GLOBAL, "global-out-of-bounds" },	{ KASAN_SLAB_FREE, "slab-use-after-free" },
		{ KASAN_SLAB_REDZONE, "slab-out-of-bounds" },	{ KASAN_PAGE_FREE, "page-use-after-free" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].shadow == shadow)
			return kinds[i].kind;
	return "out-of-bounds";
}

void kasan_report(vaddr_t addr, size_t size, bool write, vaddr_t ip, u8 shadow)
{
	bool warned = false;
	u8 *mine;

	preempt_disable(); /* who runs here meanwhile is checked */
	mine = &busy[smp_processor_id()];
	if (*mine || panic_in_progress()) {
		preempt_enable();
		return;
	}
	*mine = 1;
	kasan_last = (struct kasan_report){ .kind = kind_of(shadow), .addr = addr, .size = size, .write = write };
	warn_report(&warned, "kasan", 0, "KASAN: %s: %s of %zu bytes at %lx by %pS", kasan_last.kind,
		    write ? "write" : "read", size, addr, (void *)ip);
	kasan_describe(addr);
	*mine = 0;
	preempt_enable();
}
