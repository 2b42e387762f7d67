/* SPDX-License-Identifier: MIT */
/*
 * What porters get wrong. The linker puts these functions before those of host.c (--wrap), and the command line chooses
 * one mistake. Wrong configurations are all tried, one after the other, before the right one.
 */
#include "kernel.h"
#include "kva_host.h"

#define FIELD(field) offsetof(struct kva_config, field), sizeof(((struct kva_config *)0)->field)
#define EFER         0xc0000080
#define PAT          0x277
#define NX           (1ull << 63)
#define GIB          (1ull << 30)

static const struct kva_ram unsorted[] = { { 1 << 20, 64 << 20 }, { 0, 640 << 10 } };
static const struct kva_ram impossible[] = { { 0, 640 << 10 }, { 1 << 20, 1ull << 60 } };
static const struct kva_ram too_much[] = { { 0, 640 << 10 }, { 1 << 20, 2 * GIB } };
static const struct kva_ram too_little[] = { { 0, 640 << 10 }, { 1 << 20, 2 << 20 } };
static uint64_t empty_table[512] __attribute__((aligned(4096))), copy_of_top[512] __attribute__((aligned(4096)));

static const struct {
	const char *name;
	size_t at, size;
	unsigned long long value;
} wrong[] = {
	{ "kernel_start left out", FIELD(kernel_start), 0 },
	{ "kernel_start above the image", FIELD(kernel_start), ~0ull << 30 },
	{ "kernel_start of the image", FIELD(kernel_start), IMAGE },
	{ "kernel_start above the direct map", FIELD(kernel_start), ARENA },
	{ "private_end left out", FIELD(private_start), ARENA_END },
	{ "private_start left out", FIELD(private_end), ARENA_END },
	{ "direct_start left out", FIELD(direct_start), 0 },
	{ "direct_size left out", FIELD(direct_size), 0 },
	{ "direct_size in pages", FIELD(direct_size), GIB >> 12 },
	{ "direct_size too large", FIELD(direct_size), 1ull << 47 },
	{ "direct_size over the arena", FIELD(direct_size), 1ull << 46 | GIB },
	{ "arena_start left out", FIELD(arena_start), 0 },
	{ "arena_start in the direct map", FIELD(arena_start), DIRECT },
	{ "arena_start below kernel_start", FIELD(arena_start), 1ull << 44 },
	{ "arena_start of no whole entry", FIELD(arena_start), ARENA + GIB },
	{ "arena_end left out", FIELD(arena_end), 0 },
	{ "ram left out", FIELD(ram), 0 },
	{ "nr_ram left out", FIELD(nr_ram), 0 },
	{ "ram not sorted", FIELD(ram), (unsigned long)unsorted },
	{ "ram beyond the CPU", FIELD(ram), (unsigned long)impossible },
	{ "ram beyond the direct map", FIELD(ram), (unsigned long)too_much },
	{ "cpus too many", FIELD(cpus), KVA_MAX_CPUS + 1 },
	{ "root of an empty table", FIELD(root), (unsigned long)empty_table - IMAGE },
	{ "root that is no table", FIELD(root), 0x5a5a5a5a5a5a },
	{ "root as an address", FIELD(root), (unsigned long)boot_top },
	{ "root that is not in CR3", FIELD(root), (unsigned long)copy_of_top - IMAGE },
};

/* NX is taken out of the tables, then switched off. */
static void switch_nx_off(void)
{
	uint64_t *level3 = direct(boot_top[256] & ~(PAGE - 1)), *level2 = direct(level3[0] & ~(PAGE - 1));

	for (unsigned int i = 0; i < 512; i++)
		level2[i] &= ~NX;
	level3 = direct(boot_top[511] & ~(PAGE - 1));
	level2 = direct(level3[511] & ~(PAGE - 1));
	level2[511] &= ~NX;
	write_cr3(read_cr3());
	write_msr(EFER, 0x500);
}

int __real_kva_init(const struct kva_config *config);
int __wrap_kva_init(const struct kva_config *config);
int __wrap_kva_init(const struct kva_config *config)
{
	struct kva_config c = *config;

	memcpy(copy_of_top, boot_top, sizeof(copy_of_top));
	for (unsigned int i = 0; option("configurations") && i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		c = *config;
		print("# mistake: %s\n", wrong[i].name);
		memcpy((char *)&c + wrong[i].at, &wrong[i].value, wrong[i].size);
		if (!__real_kva_init(&c))
			panic("a wrong configuration is accepted");
	}
	c = *config;
	if (option("direct_start"))
		c.direct_start = 0xffff888000000000;
	if (option("arena_in_use"))
		boot_top[385] = boot_top[256];
	if (option("ram_too_little"))
		c.ram = too_little;
	if (option("cpus_1"))
		c.cpus = 1;
	if (option("nx_off"))
		switch_nx_off();
	return __real_kva_init(&c);
}

int __real_kva_cpu_online(void);
int __wrap_kva_cpu_online(void);
int __wrap_kva_cpu_online(void)
{
	if (option("unannounced"))
		return 0;
	while (option("reader"))
		processors = 2;
	if (option("second_nx_off"))
		switch_nx_off();
	if (option("second_pat"))
		write_msr(0x277, 0x0007040600070406);
	return __real_kva_cpu_online();
}

bool __real_kva_may_preempt(void);
bool __wrap_kva_may_preempt(void);
bool __wrap_kva_may_preempt(void)
{
	return option("rude") || __real_kva_may_preempt();
}

void __real_timer_start(void);
void __wrap_timer_start(void);
void __wrap_timer_start(void)
{
	if (option("cooperative"))
		interrupts_restore(true);
	else
		__real_timer_start();
}

unsigned long long __real_host_pages_alloc(unsigned int order);
unsigned long long __wrap_host_pages_alloc(unsigned int order);
unsigned long long __wrap_host_pages_alloc(unsigned int order)
{
	static unsigned long long last;
	static unsigned int calls;

	if (option("pages_null") && calls++ == 500)
		return 0;
	if (option("pages_virtual"))
		return (unsigned long)direct(__real_host_pages_alloc(order));
	if (option("pages_order") && order)
		return __real_host_pages_alloc(0);
	if (option("pages_twice") && !order && last && calls++ > 500)
		return last;
	return last = __real_host_pages_alloc(order);
}

void __real_host_pages_free(unsigned long long phys, unsigned int order);
void __wrap_host_pages_free(unsigned long long phys, unsigned int order);
void __wrap_host_pages_free(unsigned long long phys, unsigned int order)
{
	if (!option("pages_kept"))
		__real_host_pages_free(phys, order);
}

void *__real_host_object_alloc(size_t size);
void *__wrap_host_object_alloc(size_t size);
void *__wrap_host_object_alloc(size_t size)
{
	if (option("objects_null") || (option("objects_small") && size > 2048))
		return NULL;
	if (option("objects_unaligned"))
		return (char *)__real_host_object_alloc(size + 8) + 8;
	return __real_host_object_alloc(size);
}

void __real_host_object_free(void *object, size_t size);
void __wrap_host_object_free(void *object, size_t size);
void __wrap_host_object_free(void *object, size_t size)
{
	if (!option("objects_kept"))
		__real_host_object_free(object, size);
}

struct kva_thread *__real_host_thread(void);
struct kva_thread *__wrap_host_thread(void);
struct kva_thread *__wrap_host_thread(void)
{
	static struct kva_thread words[KVA_MAX_CPUS], dirty = { .words = { (void *)0x5a5a5a5a } };

	if (option("thread_null"))
		return NULL;
	if (option("thread_dirty"))
		return &dirty;
	if (option("thread_one"))
		return words;
	if (option("thread_cpu"))
		return &words[this_thread()->cpu];
	return __real_host_thread();
}

bool __real_host_in_interrupt(void);
bool __wrap_host_in_interrupt(void);
bool __wrap_host_in_interrupt(void)
{
	return option("interrupt_always") || (!option("interrupt_never") && __real_host_in_interrupt());
}

void __wrap_host_yield(void);
void __wrap_host_yield(void)
{
	if (!option("yield_nothing"))
		yield();
}

void __wrap_host_reschedule(void);
void __wrap_host_reschedule(void)
{
	if (!option("reschedule_nothing"))
		yield();
}

unsigned int __wrap_host_cpu(void);
unsigned int __wrap_host_cpu(void)
{
	unsigned int cpu = this_thread()->cpu;

	return option("cpu_0") ? 0 : option("cpu_from_1") ? cpu + 1 : option("cpu_large") && cpu ? 77 : cpu;
}

unsigned int __wrap_host_nr_cpus(void);
unsigned int __wrap_host_nr_cpus(void)
{
	return option("nr_cpus_1") ? 1 : processors;
}

void __wrap_host_send_flush_ipi(unsigned int cpu);
void __wrap_host_send_flush_ipi(unsigned int cpu)
{
	if (!option("ipi_nothing"))
		send_flush(cpu);
}
