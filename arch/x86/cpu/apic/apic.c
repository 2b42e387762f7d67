/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, by memory-mapped registers (xAPIC) or, where the CPU has it, by MSRs (x2APIC). (Intel SDM vol. 3,
 * chapter 11.) A CPU gets interrupts from its local timer, from other CPUs, and NMIs. If the boot CPU's local timer
 * does not work, the PIT's interrupt comes instead, through the 8259 and LINT0 (apic_open_wire). No other device's
 * interrupt is used, so there is no I/O APIC here.
 */
#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <asm/acpi.h>
#include <asm/cpuid.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/ipi_trace.h>
#include <asm/platform.h>
#include <asm/trap.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>

/* Registers: offsets in the page. With x2APIC the MSR is MSR_X2APIC + offset / 16. */
#define APIC_ID		0x020
#define APIC_VERSION	0x030
#define APIC_TPR	0x080
#define APIC_EOI	0x0b0
#define APIC_SPURIOUS	0x0f0
#define APIC_ERROR	0x280
#define APIC_ICR	0x300
#define APIC_ICR_HIGH	0x310
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_PERF	0x340
#define APIC_LVT_LINT0	0x350
#define APIC_LVT_LINT1	0x360
#define APIC_LVT_ERROR	0x370
#define APIC_TIMER_INIT 0x380
#define APIC_TIMER_NOW	0x390
#define APIC_TIMER_DIV	0x3e0

#define SPURIOUS_ENABLE	 0x100
#define LVT_MASKED	 0x10000
#define LVT_PERIODIC	 0x20000
#define DELIVER_NMI	 0x400
#define DELIVER_INIT	 0x500
#define DELIVER_STARTUP	 0x600
#define DELIVER_EXTINT	 0x700 /* ask the 8259 which interrupt it is */
#define ICR_PENDING	 0x1000
#define ICR_ASSERT	 0x4000
#define ICR_LEVEL	 0x8000
#define ICR_ALL_OTHERS	 0xc0000 /* a shorthand: every APIC but the sender's, whatever the destination */
#define TIMER_DIVIDE_16	 0x3

#define BASE_ENABLE   (1ULL << 11) /* MSR_APIC_BASE */
#define BASE_X2APIC   (1ULL << 10)
#define BASE_LOW_BITS 0xfffULL
#define APIC_DEFAULT  0xfee00000

#define ICR_POLLS 100000

static bool present __ro_after_init, x2apic __ro_after_init;
static bool shorthand_allowed __ro_after_init;
static DEFINE_PER_CPU(unsigned long, commands);
static volatile u8 *registers __ro_after_init;
u32 cpu_apic_id[MAX_CPUS];

static u32 apic_read(u32 reg)
{
	return x2apic ? (u32)rdmsr(MSR_X2APIC + (reg >> 4)) : readl(registers + reg);
}

static void apic_write(u32 reg, u32 value)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + (reg >> 4), value);
	else
		writel(value, registers + reg);
}

bool apic_present(void)
{
	return present;
}

bool apic_is_x2apic(void)
{
	return x2apic;
}

u32 apic_read_id(void)
{
	u32 id = apic_read(APIC_ID);

	return x2apic ? id : id >> 24;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

/* --- commands to other CPUs --------------------------------------------------------------------------------------- */

/* An xAPIC holds one command at a time. A pending one is sent within microseconds, unless its target is dead. */
static void wait_icr(void)
{
	for (unsigned int i = 0; i < ICR_POLLS && (apic_read(APIC_ICR) & ICR_PENDING); i++)
		cpu_relax();
}

/* Interrupts are off, so that no handler sends a command between the two halves of this one. */
static void send_command(u32 apic_id, u32 command)
{
	bool flags = arch_local_irq_save();

	this_cpu_add(commands, 1);
	if (x2apic) {
		/* WRMSR to an APIC register waits for no store (SDM 11.12.3): the target must see what came before. */
		__asm__ volatile("mfence\n\tlfence" : : : "memory");
		wrmsr(MSR_X2APIC + (APIC_ICR >> 4), (u64)apic_id << 32 | command);
	} else {
		wait_icr();
		apic_write(APIC_ICR_HIGH, apic_id << 24);
		apic_write(APIC_ICR, command);
	}
	local_irq_restore(flags);
}

void arch_send_ipi(unsigned int cpu, enum ipi_vector ipi)
{
	ipi_trace_send(cpu, ipi);
	send_command(cpu_apic_id[cpu], ICR_ASSERT | (VECTOR_IPI + ipi));
}

/*
 * "All others" reaches every APIC that takes interrupts, and asks nobody whether this kernel knows it. A CPU that still
 * runs the firmware would take our vector through the firmware's table. So the shorthand is used only if
 * apic_allow_shorthand() has been called, and only where exactly the other online CPUs are meant.
 */
static bool all_others(const cpumask_t *cpus)
{
	cpumask_t all = *cpus;

	__set_bit(smp_processor_id(), all.bits);
	return shorthand_allowed && cpumask_equal(&all, cpu_online_mask);
}

void apic_allow_shorthand(void)
{
	shorthand_allowed = true;
}

void arch_send_ipi_many(const cpumask_t *cpus, enum ipi_vector ipi)
{
	unsigned int cpu;

	if (!all_others(cpus)) {
		for_each_cpu(cpu, cpus)
			arch_send_ipi(cpu, ipi);
		return;
	}
	if (trace_is_on(TRACE_IPI_SEND))
		for_each_cpu(cpu, cpus)
			ipi_trace_send_slow(cpu, ipi);
	send_command(0, ICR_ALL_OTHERS | ICR_ASSERT | (VECTOR_IPI + ipi));
}

unsigned long arch_ipi_commands(void)
{
	return this_cpu_read(commands);
}

void arch_send_nmi(unsigned int cpu)
{
	if (present)
		send_command(cpu_apic_id[cpu], ICR_ASSERT | DELIVER_NMI);
	else
		__asm__ volatile("int %0" : : "i"(VECTOR_NMI) : "memory"); /* there is one CPU, the caller's */
}

/*
 * A Pentium's APIC needs a second message, which deasserts INIT. Later xAPICs ignore that message. x2APIC has none.
 */
void apic_send_init(u32 apic_id)
{
	send_command(apic_id, DELIVER_INIT | ICR_ASSERT | (x2apic ? 0 : ICR_LEVEL));
	if (x2apic)
		return;
	wait_icr();
	send_command(apic_id, DELIVER_INIT | ICR_LEVEL);
	wait_icr();
}

void apic_send_startup(u32 apic_id, u32 page)
{
	send_command(apic_id, DELIVER_STARTUP | ICR_ASSERT | page >> 12);
	if (!x2apic)
		wait_icr();
}

/* --- the local timer ---------------------------------------------------------------------------------------------- */

void apic_timer_start(void)
{
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_TIMER_DIV, TIMER_DIVIDE_16);
	apic_write(APIC_TIMER_INIT, ~0U);
}

u32 apic_timer_read(void)
{
	return apic_read(APIC_TIMER_NOW);
}

void apic_timer_periodic(u32 count)
{
	apic_write(APIC_TIMER_DIV, TIMER_DIVIDE_16);
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
	apic_write(APIC_TIMER_INIT, count);
}

/* --- start -------------------------------------------------------------------------------------------------------- */

static phys_addr_t named_phys; /* the registers' address in the firmware's tables; 0: there is none */

/* The P6 was the first with this MSR. For a Pentium the firmware's tables give the registers' address. */
static bool has_base_msr(void)
{
	return boot_cpu.msr && (cpuid_raw(1, 0).eax >> 8 & 15) >= 6;
}

static void enable_by_msr(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	/* An APIC that is off goes to xAPIC mode first, then to x2APIC mode (SDM 11.12.5). */
	if (!(base & BASE_ENABLE))
		wrmsr(MSR_APIC_BASE, base |= BASE_ENABLE);
	if (x2apic && !(base & BASE_X2APIC))
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
}

void apic_init_cpu(void)
{
	u32 last_lvt;

	if (has_base_msr())
		enable_by_msr();
	last_lvt = apic_read(APIC_VERSION) >> 16 & 0xff;
	apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, DELIVER_NMI);
	if (last_lvt >= 4)
		apic_write(APIC_LVT_PERF, LVT_MASKED);
	if (last_lvt >= 3)
		apic_write(APIC_LVT_ERROR, LVT_MASKED);
	apic_write(APIC_ERROR, 0);
	apic_write(APIC_TPR, 0);
	apic_eoi(); /* the firmware may have left an interrupt in service */
}

static u64 registers_phys(const struct acpi_cpus *cpus)
{
	u64 phys = has_base_msr() ? rdmsr(MSR_APIC_BASE) & ~BASE_LOW_BITS : 0;

	if (boot_cpu.phys_bits < 52)
		phys &= (1ULL << boot_cpu.phys_bits) - 1;
	if (!phys)
		phys = cpus->apic_phys ? cpus->apic_phys : APIC_DEFAULT;
	return phys;
}

static bool map_registers(u64 phys)
{
	if (phys < arch_phys_limit())
		registers = arch_device_mapper->map((phys_addr_t)phys, PAGE_SIZE, MEMTYPE_UC_MINUS);
	if (!registers)
		pr_warn("APIC: registers at %#llx cannot be mapped\n", phys);
	return registers;
}

/* Reads of nothing give all ones. The version of an APIC is 0x0? (82489DX, a separate chip) or 0x1? (inside a CPU). */
static bool is_apic(u32 version)
{
	return (version & 0xff) < 0x20 && (version >> 16 & 0xff) < 0x20;
}

bool apic_open_wire(void)
{
	if (!present &&
	    (!named_phys || (!registers && !map_registers(named_phys)) || !is_apic(apic_read(APIC_VERSION))))
		return false;
	apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_LVT_LINT0, DELIVER_EXTINT);
	return true;
}

bool apic_init(const struct acpi_cpus *cpus)
{
	named_phys = cpus->apic_phys;
	if (!boot_cpu.apic)
		return false;
	x2apic = cpu_has(FEATURE_X2APIC);
	if (!x2apic && !map_registers(registers_phys(cpus)))
		return false;
	apic_init_cpu();
	cpu_apic_id[0] = apic_read_id();
	present = true;
	printk("APIC: %s, id %u, version %#x\n", x2apic ? "x2APIC" : "xAPIC", cpu_apic_id[0],
	       apic_read(APIC_VERSION) & 0xff);
	return true;
}
