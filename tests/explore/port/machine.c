/* SPDX-License-Identifier: MIT */
/*
 * RAM, per-CPU memory, objects and table pages; panics and warnings are faults. Not instrumented, so the runtime must
 * be told of the state here (xp_state).
 */
#include "tests/explore/port/port.h"

#include <arch/init.h>
#include <arch/layout.h>
#include <asm/boot.h>
#include <asm/cpuid.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <kernel/trace.h>
#include <kernel/xarray.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/slab.h>

#define PAGES_PER_CPU 24u
#define OBJECTS	      (24u << 10) /* bytes, for each CPU */

struct vm_layout layout;
u32 boot_levels = HOST_LEVELS;
struct cpu_info boot_cpu = { .phys_bits = 36 };
u8 boot_root[PAGE_SIZE], boot_root5[PAGE_SIZE];
char __image_start[1], __image_end[1];
vaddr_t per_cpu_offset[MAX_CPUS];
cpumask_t __cpu_online_mask, __cpu_possible_mask;
unsigned long trace_enabled, pages_retyped;
bool vm_quarantine_on;

static u8 ram[(1 + XP_CPUS * PAGES_PER_CPU) * PAGE_SIZE] __aligned(PAGE_SIZE);
static u8 percpu_areas[XP_CPUS][16384] __aligned(PAGE_SIZE);
static u8 objects[XP_CPUS][OBJECTS] __aligned(64);
static struct {
	unsigned long pages, bytes, live; /* of this CPU; nobody else looks */
} stock[XP_CPUS];
char *host_ram = (char *)ram, *host_page_array;
bool port_allocations_fail;

static void per_cpu_init(unsigned int cpus)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		size_t size = (size_t)(__percpu_end - __percpu_start);

		if (size > sizeof(percpu_areas[0]))
			xp_fail("per-CPU variables: %zu bytes", size);
		__builtin_memcpy(percpu_areas[cpu], __percpu_start, size);
		per_cpu_offset[cpu] = (vaddr_t)percpu_areas[cpu] - (vaddr_t)__percpu_start;
		cpumask_set(&__cpu_online_mask, cpu);
		cpumask_set(&__cpu_possible_mask, cpu);
	}
}

void port_machine(unsigned int cpus)
{
	xp_state(stock, sizeof(stock));
	port_rcu_init();
	boot_cpu.phys_bits = 36;
	arch_init_layout(sizeof(ram), 64, 0);
	for (vaddr_t *border = (vaddr_t *)&layout; HOST_LEVELS < 4 && border < (vaddr_t *)(&layout + 1); border++)
		if (border != &layout.user_end)
			*border = (vaddr_t)(long)(int)*border;
	per_cpu_init(cpus);
}

/* --- objects ------------------------------------------------------------------------------------------------ */

#define HEADER 16u

void *port_alloc(size_t size)
{
	unsigned int cpu = xp_cpu();
	unsigned long at = stock[cpu].bytes;

	if (port_allocations_fail && xp_choose(2))
		return NULL;
	size = ALIGN(size, 16) + HEADER;
	if (at + size > OBJECTS) {
		xp_fail("CPU %u has no objects left", cpu);
		return NULL;
	}
	stock[cpu].bytes += size;
	stock[cpu].live++;
	size -= HEADER;
	xp_memcpy(objects[cpu] + at, &size, sizeof(size));
	return objects[cpu] + at + HEADER;
}

void port_free(const void *object)
{
	const u8 *at = object;

	if (!at)
		return;
	stock[xp_cpu()].live--;
	xp_freed((void *)at, *(const size_t *)(at - HEADER));
}

unsigned int port_objects(void)
{
	unsigned long sum = 0;

	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		sum += stock[cpu].live;
	return (unsigned int)sum;
}

phys_addr_t port_table_alloc(gfp_t gfp)
{
	unsigned int cpu = xp_cpu();
	phys_addr_t page = (1 + cpu * PAGES_PER_CPU + stock[cpu].pages) * PAGE_SIZE;

	(void)gfp;
	if (port_allocations_fail && xp_choose(2))
		return 0;
	if (stock[cpu].pages == PAGES_PER_CPU)
		xp_fail("CPU %u has no pages left", cpu);
	stock[cpu].pages++;
	return page;
}

void port_table_free(phys_addr_t table)
{
	xp_freed(phys_to_virt(table), PAGE_SIZE);
}

static void *node_alloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return port_alloc(size);
}

static void node_free(void *node) { port_free(node); }

void port_xarrays(void) { xa_set_allocator(node_alloc, node_free); }

/* As mm/include/mm/slab.h asks for them. A cache is nothing but its size. */
#define CACHE(n) (struct kmem_cache *)(8ul << (n))
struct kmem_cache *const kmalloc_caches[] = { CACHE(0), CACHE(1), CACHE(2), CACHE(3), CACHE(4), CACHE(5), CACHE(6),
					      CACHE(7), CACHE(8), CACHE(9) };

void *__kmalloc(size_t size, gfp_t gfp)
{
	void *object = port_alloc(size);

	(void)gfp;
	return object ? xp_memset(object, 0, size) : NULL;
}
void *__kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp) { return __kmalloc((size_t)cache, gfp); }
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp) { return __kmalloc((size_t)cache, gfp); }
void kfree(const void *object) { port_free(object); }

/* --- what must not happen ----------------------------------------------------------------------------------- */

#define FAIL_WITH(fmt) do { \
	char _text[256]; \
	va_list _args; \
	va_start(_args, fmt); \
	vsnprintf(_text, sizeof(_text), fmt, _args); \
	va_end(_args); \
	xp_fail("%s", _text); \
} while (0)
#undef vsnprintf /* the C library's */
int vsnprintf(char *to, size_t size, const char *fmt, va_list args);
void abort(void) __noreturn;

void __noreturn panic(const char *fmt, ...)
{
	FAIL_WITH(fmt);
	abort();
}

void warn_report(bool *warned, const char *file, int line, const char *fmt, ...)
{
	(void)warned, (void)file, (void)line;
	FAIL_WITH(fmt);
}

void printk(const char *fmt, ...) { (void)fmt; }
bool panic_in_progress(void) { return false; }

/* --- threads: one on each CPU, and nobody ever takes its place ---------------------------------------------- */

DEFINE_PER_CPU(struct task *, current_task);
DEFINE_PER_CPU(unsigned int, preempt_count);
DEFINE_PER_CPU(bool, need_resched);
void preempt_schedule(void) { }

/* --- the rest of a machine ---------------------------------------------------------------------------------- */

bool port_pcid;

bool cpu_has(enum cpu_feature feature) { return feature == FEATURE_PCID ? port_pcid : feature != FEATURE_INVPCID; }
bool in_nmi(void) { return false; }
unsigned int arch_trap_depth(void) { return xp_in_irq(); }
phys_addr_t image_to_phys(const void *virt) { return (phys_addr_t)(vaddr_t)virt; }
struct image_part arch_image_part(phys_addr_t phys __maybe_unused)
{
	return (struct image_part){ .end = ~(phys_addr_t)0 };
}
void trace_slow(enum trace_event event, unsigned long a, unsigned long b, unsigned long c)
{
	(void)event, (void)a, (void)b, (void)c;
}
