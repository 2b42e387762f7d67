/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, all at once: INIT to each, a start-up message to each, a second one to those that have not
 * answered (Intel SDM vol. 3, 9.4). Then the boot CPU waits for all together, for a limited time. The assembly half is
 * boot/ap_start.S; <asm/ap_start.h> has the protocol that keeps a late CPU out.
 */
#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>
#include <asm/acpi.h>
#include <asm/ap_start.h>
#include <asm/boot.h>
#include <asm/cpuid.h>
#include <asm/cr.h>
#include <asm/platform.h>
#include <asm/pti.h>
#include <asm/trap.h>
#include <kernel/boot_info.h>
#include <kernel/cmdline.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/string.h>

#define LOW_MEMORY_END 0xa0000 /* a start-up message names a page below 1 MiB; no RAM lies between this and 1 MiB */

#define INIT_US	    10000
#define STARTUP_US  200
#define ANSWER_LOOK_US 10000
#define ANSWER_US   1000000 /* how long to wait for one more CPU, since the last one came */
#define COMPLETE_US 5000000 /* then, until those that came are online: an emulated CPU may get little time */

extern const char ap_trampoline[], ap_trampoline_end[];

/* For boot/ap_start.S and ap_high_*.S. They write ap_next alone: each CPU takes a ticket. */
u32 ap_next, ap_limit;
u32 ap_boot_root;
vaddr_t ap_cr3, ap_cr4, ap_stack_top[AP_TICKETS];
static_assert(AP_TICKETS >= MAX_CPUS && AP_FIRST_STACK_SIZE == 1 << 6, "boot/ap_start.S counts on it");

static u32 ap_state[MAX_CPUS];
static atomic_t strangers; /* CPUs that came in and were not called, or are closed already */
static void (*ap_entry)(unsigned int cpu) __ro_after_init; /* for ap_start() */

CMDLINE_OPTION(cpuholes, "cpuholes", "number the CPUs with holes: 0, 2, 5, 6, 9, ...");

CMDLINE_OPTION(cpughosts, "cpughosts=N", "call N CPUs that are not there, as some firmware has it");

static bool holes;
static u32 trampoline_page;
static unsigned int nr_left_out; /* CPUs that get no number: no room, or an id that needs x2APIC */
static unsigned int nr_cpus = 1; /* CPUs that have a number and an APIC id */
static void *(*percpu_alloc)(size_t bytes) __ro_after_init;

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

/* The highest page of low memory outside all modules. kernel/main.c keeps it out of the allocator. 0: there is none. */
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

/* The number of the n-th CPU of the list (0: the boot CPU): n, or with cpuholes 0, 2, 5, 6, 9, 11, 14, 15, 18, ... */
static unsigned int nth_cpu(unsigned int n)
{
	static const u8 pattern[] = { 0, 2, 5, 6 };

	return holes ? n / 4 * 9 + pattern[n % 4] : n;
}

unsigned int arch_cpus_found(void)
{
	return nr_cpus + nr_left_out;
}

/* The CPU with this APIC id. 0: no CPU has it, or the boot CPU does. */
static unsigned int cpu_of(u32 apic_id)
{
	for (unsigned int n = 1; n < nr_cpus; n++)
		if (cpu_apic_id[nth_cpu(n)] == apic_id)
			return nth_cpu(n);
	return 0;
}

/* Give numbers to `wanted` CPUs that do not exist, or to as many as fit. They get unused APIC ids, from 0xfd down. */
static void add_ghosts(u64 wanted)
{
	for (u32 id = 0xfd; wanted && id && nth_cpu(nr_cpus) < MAX_CPUS; id--) {
		if (id == cpu_apic_id[0] || cpu_of(id))
			continue;
		cpu_apic_id[nth_cpu(nr_cpus++)] = id;
		wanted--;
	}
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
	nr_left_out = unreachable + beyond;
	add_ghosts(cmdline_number("cpughosts", 0));
	if (unreachable)
		pr_warn("SMP: %u CPUs need an x2APIC to be reached, left out\n", unreachable);
	if (beyond)
		pr_warn("SMP: %u CPUs more than this kernel takes (%u), left out\n", beyond, nr_cpus);
}

/* --- the starting CPU --------------------------------------------------------------------------------------------- */

void __noreturn ap_start(void);

/* The first C function of an AP: on the reference table and its own stack, no per-CPU data yet, interrupts off. */
void ap_start(void)
{
	void (*entry)(unsigned int cpu) = ap_entry;
	unsigned int cpu;

	apic_init_cpu();
	cpu = cpu_of(apic_read_id());
	if (!cpu || cmpxchg(&ap_state[cpu], AP_CALLED, AP_ENTERED) != AP_CALLED) {
		atomic_inc(&strangers);
		arch_cpu_stop();
	}
	if (!arch_init_ap(cpu)) {
		cmpxchg(&ap_state[cpu], AP_ENTERED, AP_REFUSED);
		arch_cpu_stop();
	}
	pgtable_load(&kernel_pgtable);
	timer_init_cpu();
	if (cmpxchg(&ap_state[cpu], AP_ENTERED, AP_COMMITTED) != AP_ENTERED)
		arch_cpu_stop();
	cpumask_set(&__cpu_online_mask, cpu);
	smp_mb();
	flush_tlb_local(); /* flushes until now did not wait for this CPU */
	entry(cpu);
	arch_cpu_stop();
}

/* --- the boot CPU: getting ready ---------------------------------------------------------------------------------- */

static vaddr_t new_stack_top(void *(*alloc_stack)(void))
{
	void *stack = alloc_stack();

	if (stack)
		memset(stack, 0, IMAGE_STACK_SIZE); /* user roots map some of them: nothing old may be in there */
	return stack ? (vaddr_t)stack + IMAGE_STACK_SIZE : 0;
}

/* Allocate a stack for the ticket, and data and stacks for the CPU. False: no memory; what was allocated is kept. */
static bool prepare_cpu(unsigned int ticket, unsigned int cpu, void *(*alloc_stack)(void))
{
	void *area = percpu_alloc(percpu_area_size());

	ap_stack_top[ticket] = new_stack_top(alloc_stack);
	if (!area || !ap_stack_top[ticket])
		return false;
	percpu_area_init(cpu, area);
	for (unsigned int i = 0; i < (pti_on ? NR_OWN_STACKS : NR_VECTOR_STACKS); i++) {
		per_cpu(own_stack_top, cpu)[i] = new_stack_top(alloc_stack);
		if (!per_cpu(own_stack_top, cpu)[i])
			return false;
	}
	if (pti_on && !entry_area_add(cpu))
		return false;
	cpumask_set(&__cpu_possible_mask, cpu);
	ap_state[cpu] = AP_CALLED;
	return true;
}

/* Prepare CPUs 1..last-1 of the list, in order. Returns the first that could not be prepared, or `last`. */
static unsigned int prepare_cpus(unsigned int last, void *(*alloc_stack)(void))
{
	for (unsigned int n = 1; n < last; n++) {
		if (prepare_cpu(n - 1, nth_cpu(n), alloc_stack))
			continue;
		pr_warn("SMP: no memory for CPU %u, it and the rest are left out\n", nth_cpu(n));
		return n;
	}
	return last;
}

/* What is the same for all APs. */
static void prepare_trampoline(void (*entry)(unsigned int cpu))
{
	memcpy(phys_to_virt(trampoline_page), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	ap_boot_root = (u32)image_to_phys(BITS_PER_LONG == 64 && boot_levels == 5 ? boot_root5 : boot_root);
	ap_cr3 = (vaddr_t)kernel_pgtable.root_phys;
	ap_cr4 = read_cr4() & (CR4_PAE | CR4_PSE | CR4_LA57);
	ap_entry = entry;
}

/* --- the boot CPU: calling, waiting, closing ---------------------------------------------------------------------- */

static unsigned int called; /* CPUs 1..called-1 of the list are called */

static unsigned int count_in(u32 state)
{
	unsigned int count = 0;

	for (unsigned int n = 1; n < called; n++)
		count += READ_ONCE(ap_state[nth_cpu(n)]) == state;
	return count;
}

static bool all_have_tickets(void)
{
	return READ_ONCE(ap_next) == called - 1;
}

/* Is every CPU that took a ticket online, refused or a stranger? */
static bool who_came_is_settled(void)
{
	unsigned int came = READ_ONCE(ap_next), refused = count_in(AP_REFUSED) + (unsigned int)atomic_read(&strangers);

	return num_online_cpus() - 1 + refused >= came;
}

static bool all_are_settled(void)
{
	return all_have_tickets() && who_came_is_settled();
}

static bool who_committed_is_online(void)
{
	return num_online_cpus() - 1 >= count_in(AP_COMMITTED);
}

static void start_up(u32 state)
{
	for (unsigned int n = 1; n < called; n++)
		if (READ_ONCE(ap_state[nth_cpu(n)]) == state)
			apic_send_startup(cpu_apic_id[nth_cpu(n)], trampoline_page);
}

/*
 * Ends when all are settled. Waits for more CPUs until ANSWER_US after the last one came, then up to COMPLETE_US for
 * those that came. So CPUs that never come cost ANSWER_US once, not once each.
 */
static void wait_for_cpus(void)
{
	u32 came = READ_ONCE(ap_next);
	u64 last = arch_uptime_us();

	while (!arch_wait_until(all_are_settled, ANSWER_LOOK_US) && arch_uptime_us() - last < ANSWER_US) {
		if (READ_ONCE(ap_next) == came)
			continue;
		came = READ_ONCE(ap_next);
		last = arch_uptime_us();
	}
	arch_wait_until(who_came_is_settled, COMPLETE_US);
}

/* A CPU that has not committed must not come in later. */
static void withdraw(unsigned int cpu)
{
	u32 state = READ_ONCE(ap_state[cpu]);

	if (cmpxchg(&ap_state[cpu], AP_CALLED, AP_CLOSED) == AP_COMMITTED ||
	    cmpxchg(&ap_state[cpu], AP_ENTERED, AP_CLOSED) == AP_COMMITTED)
		return;
	apic_send_init(cpu_apic_id[cpu]); /* stops the CPU, wherever it is */
	pr_warn("SMP: CPU %u (APIC id %u) %s, left out\n", cpu, cpu_apic_id[cpu],
		state == AP_CALLED ? "did not answer" :
		state == AP_REFUSED ? "lacks a feature of the boot CPU" : "got stuck on its way in");
}

static void call_cpus(unsigned int last, void *(*alloc_stack)(void))
{
	u64 from = arch_uptime_us(), passed;

	for (unsigned int n = 1; n < last; n++)
		apic_send_init(cpu_apic_id[nth_cpu(n)]);
	called = prepare_cpus(last, alloc_stack); /* the CPUs need INIT_US after INIT anyway */
	passed = boot_cpu.tsc ? arch_uptime_us() - from : 0; /* without TSC uptime jumps by 10 ms a tick */
	arch_udelay(passed < INIT_US ? INIT_US - (unsigned int)passed : 0);
	smp_store_release(&ap_limit, called - 1);
	start_up(AP_CALLED);
	if (!arch_wait_until(all_have_tickets, STARTUP_US))
		start_up(AP_CALLED);
	wait_for_cpus();
	xchg(&ap_next, AP_CLOSED);
	for (unsigned int n = 1; n < called; n++)
		withdraw(nth_cpu(n));
	arch_wait_until(who_committed_is_online, COMPLETE_US);
}

/*
 * True: every CPU that the firmware's tables call enabled is online, none was left out, and no stranger came in. A CPU
 * that they call disabled is not there or has never run: its APIC takes nothing but INIT and start-up messages.
 */
static bool everybody_is_here(void)
{
	return num_online_cpus() == arch_cpus_found() && !atomic_read(&strangers);
}

/* How many CPUs shall run. A CPU without a tick would never preempt a thread, nor end a sleep. */
static unsigned int how_many(unsigned int limit)
{
	unsigned int wanted = min(limit, nr_cpus);

	if (wanted > 1 && !trampoline_page)
		pr_warn("SMP: no page of memory below 640 KiB to start CPUs from\n");
	else if (wanted > 1 && !timer_for_all_cpus())
		pr_warn("SMP: only the boot CPU gets the PIT's tick, so it runs alone\n");
	else
		return wanted;
	return 1;
}

unsigned int arch_start_cpus(unsigned int limit, void *(*alloc_stack)(void), void (*entry)(unsigned int cpu))
{
	unsigned int last = how_many(limit);
	u64 from = arch_uptime_us();

	if (last > 1) {
		prepare_trampoline(entry);
		timer_hurry(true);
		call_cpus(last, alloc_stack);
		timer_hurry(false);
	}
	if (everybody_is_here())
		apic_allow_shorthand();
	printk("SMP: %u of %u CPUs online after %llu us\n", num_online_cpus(), nr_cpus, arch_uptime_us() - from);
	return num_online_cpus();
}
