/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, one at a time: INIT, start-up message, and then a bounded wait (Intel SDM vol. 3, 9.4). The
 * assembly half is boot/ap_start.S; <asm/ap_start.h> has the protocol by which a late CPU is kept out.
 */
#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>
#include <asm/acpi.h>
#include <asm/ap_start.h>
#include <asm/boot.h>
#include <asm/cr.h>
#include <asm/platform.h>
#include <asm/trap.h>
#include <kernel/boot_info.h>
#include <kernel/cmdline.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/string.h>

#define LOW_MEMORY_END 0xa0000 /* a start-up message can name a page below 1 MiB; from here on it is not RAM */

#define INIT_US	    10000
#define STARTUP_US  200
#define POLL_US	    100
#define ANSWER_US   1000000 /* until the CPU runs its first instruction */
#define COMPLETE_US 5000000 /* until one that does is online: an emulated CPU may get little of the real one */

extern const char ap_trampoline[], ap_trampoline_end[];

/* Read by boot/ap_start.S and ap_high_*.S. */
u32 ap_state;
u32 ap_boot_root;
vaddr_t ap_cr3, ap_cr4, ap_stack_top;

/* For ap_start(). */
static unsigned int ap_cpu;
static void (*ap_entry)(unsigned int cpu);

CMDLINE_OPTION(cpuholes, "cpuholes", "number the CPUs with holes: 0, 2, 5, 6, 9, ...");

static bool holes;
static u32 trampoline_page;
static unsigned int nr_cpus = 1; /* CPUs that have a number and an APIC id */
static void *(*percpu_alloc)(size_t bytes);

void arch_set_percpu_allocator(void *(*alloc)(size_t bytes))
{
	percpu_alloc = alloc;
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static bool in_a_module(const struct boot_info *boot, u32 page)
{
	for (unsigned int i = 0; i < boot->nr_modules; i++)
		if (page < boot->module[i].end && page + PAGE_SIZE > boot->module[i].start)
			return true;
	return false;
}

/* The highest free page of low memory, all of which kernel/main.c keeps out of use. 0: there is none. */
static u32 find_trampoline_page(const struct boot_info *boot)
{
	u32 found = 0;

	for (unsigned int i = 0; i < boot->nr_regions; i++) {
		const struct boot_region *r = &boot->region[i];

		if (r->kind != BOOT_MEM_RAM)
			continue;
		for (u64 page = r->start; page + PAGE_SIZE <= min(r->end, (u64)LOW_MEMORY_END); page += PAGE_SIZE)
			if (page && !in_a_module(boot, (u32)page))
				found = (u32)page;
	}
	return found;
}

/* Ids in the order of the firmware's tables: 0, 1, 2, ... or with cpuholes 0, 2, 5, 6, 9, 11, 14, 15, 18, ... */
static unsigned int nth_cpu(unsigned int n)
{
	static const u8 pattern[] = { 0, 2, 5, 6 };

	return holes ? n / 4 * 9 + pattern[n % 4] : n;
}

void smp_init(const struct boot_info *boot, const struct acpi_cpus *cpus)
{
	unsigned int unreachable = 0, beyond = cpus->dropped;

	holes = cmdline_has("cpuholes");
	trampoline_page = find_trampoline_page(boot);
	for (unsigned int i = 0; i < cpus->nr; i++) {
		u32 id = cpus->apic_id[i];

		if (id == cpu_apic_id[0])
			continue;
		if (id >= 0xff && !apic_is_x2apic())
			unreachable++;
		else if (nth_cpu(nr_cpus) < MAX_CPUS)
			cpu_apic_id[nth_cpu(nr_cpus++)] = id;
		else
			beyond++;
	}
	if (unreachable)
		printk("SMP: %u CPUs need an x2APIC to be reached, left out\n", unreachable);
	if (beyond)
		printk("SMP: %u CPUs more than this kernel takes (%u), left out\n", beyond, nr_cpus);
}

/* --- the starting CPU --------------------------------------------------------------------------------------------- */

static void __noreturn refuse(void)
{
	cmpxchg(&ap_state, AP_ENTERED, AP_REFUSED);
	arch_cpu_stop();
}

void __noreturn ap_start(void);

/* First C of an AP: reference table, own stack, no per-CPU data yet, interrupts off. */
void ap_start(void)
{
	unsigned int cpu = ap_cpu;
	void (*entry)(unsigned int cpu) = ap_entry;

	apic_init_cpu();
	if (apic_read_id() != cpu_apic_id[cpu]) /* one that was given up wakes when another is called */
		refuse();
	if (!arch_init_ap(cpu))
		refuse();
	pgtable_load(&kernel_pgtable);
	timer_init_cpu();
	if (cmpxchg(&ap_state, AP_ENTERED, AP_COMMITTED) != AP_ENTERED)
		arch_cpu_stop();
	cpumask_set(&__cpu_online_mask, cpu);
	smp_mb();
	flush_tlb_local(); /* flushes until now did not wait for this CPU */
	entry(cpu);
	arch_cpu_stop();
}

/* --- the boot CPU ------------------------------------------------------------------------------------------------- */

static vaddr_t new_stack_top(void *(*alloc_stack)(void))
{
	void *stack = alloc_stack();

	return stack ? (vaddr_t)stack + IMAGE_STACK_SIZE : 0;
}

/* False: no memory. What was allocated stays: memory that a CPU may once have used is not given out again. */
static bool prepare_cpu(unsigned int cpu, void *(*alloc_stack)(void))
{
	void *area = percpu_alloc(percpu_area_size());

	ap_stack_top = new_stack_top(alloc_stack);
	if (!area || !ap_stack_top)
		return false;
	percpu_area_init(cpu, area);
	for (unsigned int i = 0; i < NR_OWN_STACKS; i++) {
		per_cpu(own_stack_top, cpu)[i] = new_stack_top(alloc_stack);
		if (!per_cpu(own_stack_top, cpu)[i])
			return false;
	}
	cpumask_set(&__cpu_possible_mask, cpu);
	ap_cpu = cpu;
	return true;
}

static void call_cpu(u32 apic_id)
{
	smp_store_release(&ap_state, AP_INVITED);
	apic_send_init(apic_id);
	arch_udelay(INIT_US);
	apic_send_startup(apic_id, trampoline_page);
	arch_udelay(STARTUP_US);
	if (READ_ONCE(ap_state) == AP_INVITED)
		apic_send_startup(apic_id, trampoline_page);
}

static bool wait_online(unsigned int cpu)
{
	for (unsigned int us = 0; us < COMPLETE_US; us += POLL_US) {
		u32 state = READ_ONCE(ap_state);

		if (cpumask_test(cpu_online_mask, cpu))
			return true;
		if (state == AP_REFUSED || (state == AP_INVITED && us >= ANSWER_US))
			return false;
		arch_udelay(POLL_US);
	}
	return false;
}

/* False: too late, the CPU is going online. */
static bool withdraw(void)
{
	cmpxchg(&ap_state, AP_INVITED, AP_CLOSED);
	cmpxchg(&ap_state, AP_ENTERED, AP_CLOSED);
	return READ_ONCE(ap_state) != AP_COMMITTED;
}

static bool start_cpu(unsigned int cpu)
{
	u32 state;

	call_cpu(cpu_apic_id[cpu]);
	if (wait_online(cpu))
		return true;
	state = READ_ONCE(ap_state);
	if (!withdraw())
		return wait_online(cpu);
	apic_send_init(cpu_apic_id[cpu]); /* wherever it is: it must not come by when the next one's stack and number stand here */
	printk("SMP: CPU %u (APIC id %u) %s, left out\n", cpu, cpu_apic_id[cpu],
	       state == AP_INVITED ? "did not answer" :
	       state == AP_REFUSED ? "is another one, or lacks a feature of the boot CPU" : "got stuck on its way in");
	return false;
}

/* What every AP finds the same. */
static void prepare_trampoline(void (*entry)(unsigned int cpu))
{
	memcpy(phys_to_virt(trampoline_page), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	ap_boot_root = (u32)image_to_phys(BITS_PER_LONG == 64 && boot_levels == 5 ? boot_root5 : boot_root);
	ap_cr3 = (vaddr_t)kernel_pgtable.root_phys;
	ap_cr4 = read_cr4() & (CR4_PAE | CR4_PSE | CR4_LA57);
	ap_entry = entry;
}

unsigned int arch_start_cpus(unsigned int limit, void *(*alloc_stack)(void), void (*entry)(unsigned int cpu))
{
	unsigned int last = min(limit, nr_cpus);

	if (last > 1 && !trampoline_page) {
		printk("SMP: no page of memory below 640 KiB to start CPUs from\n");
		last = 1;
	}
	if (last > 1)
		prepare_trampoline(entry);
	for (unsigned int n = 1; n < last; n++) {
		unsigned int cpu = nth_cpu(n);

		if (!prepare_cpu(cpu, alloc_stack)) {
			printk("SMP: no memory for CPU %u, it and the rest are left out\n", cpu);
			break;
		}
		start_cpu(cpu);
	}
	WRITE_ONCE(ap_state, AP_CLOSED);
	printk("SMP: %u of %u CPUs online\n", num_online_cpus(), nr_cpus);
	return num_online_cpus();
}
