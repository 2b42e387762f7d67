/* SPDX-License-Identifier: MIT */
/*
 * Time: the tick, uptime and short delays.
 *
 * The time stamp counter and the local APIC's timer run at unknown speeds. Both are measured at boot (calibrate.c)
 * against a clock of known speed: the PIT's channel 2, or ACPI's PM timer if the PIT does not run. Without a time stamp
 * counter uptime is the number of ticks, and a delay is a number of reads of an I/O port, whose speed is measured too.
 * The time stamp counters of all CPUs are assumed to be in step.
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/acpi.h>
#include <asm/calibrate.h>
#include <asm/cpuid.h>
#include <asm/io.h>
#include <asm/platform.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/cmdline.h>
#include <kernel/printk.h>
#include <lib/math.h>

CMDLINE_OPTION(nolapic_timer, "nolapic_timer", "tick by the PIT, as if the local APIC's timer were dead: one CPU runs");

#define PIT_HZ		1193182
#define PIT_COUNT	(PIT_HZ / MEASURE_HZ + 1) /* rounded up */
#define PIT_CHANNEL0	0x40
#define PIT_CHANNEL2	0x42
#define PIT_COMMAND	0x43
#define PIT_ONESHOT2	0xb0 /* channel 2, low then high byte, mode 0: output rises at the end */
#define PIT_RATE0	0x34 /* channel 0, low then high byte, mode 2: one pulse a period */
#define PIT_ONESHOT0	0x30 /* channel 0, mode 0 */
#define PIT_HURRY_HZ	10000
#define PORT_B		0x61
#define PORT_B_GATE2	0x01
#define PORT_B_SPEAKER	0x02
#define PORT_B_OUT2	0x20

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffff

#define TICK_PATIENCE_MS 2000 /* an emulated timer may be late */

/* Until they are measured: 4 GHz, and 4 million port reads a second. A slower machine waits longer than asked for. */
static struct measured per_period = { 40000000, 0, 40000 };

static u32 us_per_cycle; /* in units of 2^-32 */
static u64 first_cycles;
static unsigned long ticks; /* of the boot CPU */
static bool pit_ticks;	    /* the tick is the PIT's, which reaches the boot CPU alone */

/* --- reference clocks --------------------------------------------------------------------------------------------- */

/* The PIT starts to count when it gets the high byte of the count (pit_start). */
static bool pit_prepare(void)
{
	outb((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2, PORT_B);
	outb(PIT_ONESHOT2, PIT_COMMAND);
	outb((u8)PIT_COUNT, PIT_CHANNEL2);
	return true;
}

static void pit_start(void)
{
	outb((u8)(PIT_COUNT >> 8), PIT_CHANNEL2);
}

static bool pit_expired(void)
{
	return inb(PORT_B) & PORT_B_OUT2;
}

static u32 pm_timer_started;

static bool pm_timer_prepare(void)
{
	return acpi_has_pm_timer();
}

static void pm_timer_start(void)
{
	pm_timer_started = acpi_read_pm_timer();
}

/* One more because the division rounds down, and one more because the first count may have been nearly over. */
static bool pm_timer_expired(void)
{
	return ((acpi_read_pm_timer() - pm_timer_started) & PM_TIMER_MASK) >= PM_TIMER_HZ / MEASURE_HZ + 2;
}

static const struct reference_clock references[] = {
	{ "PIT", pit_prepare, pit_start, pit_expired },
	{ "ACPI PM timer", pm_timer_prepare, pm_timer_start, pm_timer_expired },
};

/* --- measuring ---------------------------------------------------------------------------------------------------- */

static u32 apic_counts(void)
{
	return ~0U - apic_timer_read();
}

static u32 khz(u64 per_period_count)
{
	return (u32)div_u64(per_period_count, 1000 / MEASURE_HZ);
}

static void calibrate(void)
{
	struct counters counters = {
		boot_cpu.tsc ? arch_cycles : NULL, apic_present() ? apic_timer_start : NULL, apic_counts,
	};
	struct measured m = { 0 };
	unsigned int i = 0;

	while (i < ARRAY_SIZE(references) && !calibrate_by(&references[i], &counters, &m))
		i++;
	if (i < ARRAY_SIZE(references)) {
		per_period = m;
		printk("timer: by the %s: TSC %u kHz, APIC timer %u kHz\n", references[i].name, khz(m.cycles),
		       khz(m.apic_counts));
	} else {
		pr_warn("timer: no clock to measure by, all times are guesses\n");
	}
	if (boot_cpu.tsc && i < ARRAY_SIZE(references) && !m.cycles) {
		printk("timer: the time stamp counter does not run, ticks are counted\n");
		boot_cpu.tsc = false;
	}
	if (per_period.apic_counts == 0)
		per_period.apic_counts = 1000000000 / 16 / MEASURE_HZ;
}

/* --- what time it is ---------------------------------------------------------------------------------------------- */

/* Multiplies the two halves separately, so that the product does not overflow. */
static u64 cycles_to_us(u64 cycles)
{
	return (cycles >> 32) * us_per_cycle + ((cycles & 0xffffffff) * us_per_cycle >> 32);
}

u64 arch_uptime_us(void)
{
	if (!boot_cpu.tsc)
		return (u64)READ_ONCE(ticks) * (1000000 / TIMER_HZ);
	if (!first_cycles)
		first_cycles = arch_cycles();
	return cycles_to_us(arch_cycles() - first_cycles);
}

u64 arch_uptime_ms(void)
{
	return div_u64(arch_uptime_us(), 1000);
}

void timer_account(void)
{
	if (smp_processor_id() == 0)
		WRITE_ONCE(ticks, ticks + 1);
}

void arch_udelay(unsigned int us)
{
	u64 from = arch_cycles();
	u64 count = div_u64((boot_cpu.tsc ? per_period.cycles : per_period.polls) * (u64)us, 1000000 / MEASURE_HZ) + 1;

	if (boot_cpu.tsc) {
		while (arch_cycles() - from < count)
			cpu_relax();
		return;
	}
	while (count--) {
		inb(PORT_B);
		cpu_relax();
	}
}

#define LOOK_US 100

/* The clock decides, since a delay may be longer than asked for. If it does not run, the sum of the delays decides. */
bool arch_wait_until(bool (*done)(void), unsigned int us)
{
	u64 from = arch_uptime_us();

	for (unsigned int waited = 0; !done(); waited += LOOK_US) {
		if (waited >= us || arch_uptime_us() - from >= us)
			return done();
		arch_udelay(LOOK_US);
	}
	return true;
}

/* --- start -------------------------------------------------------------------------------------------------------- */

/* The tick without the local APIC's timer: the PIT's channel 0, which is line 0 of the 8259. */
static void start_pit_tick(void)
{
	u16 count = PIT_HZ / TIMER_HZ;

	pit_ticks = true;
	outb(PIT_RATE0, PIT_COMMAND);
	outb((u8)count, PIT_CHANNEL0);
	outb((u8)(count >> 8), PIT_CHANNEL0);
	pic_unmask(0);
}

void timer_hurry(bool on)
{
	u16 count = on ? PIT_HZ / PIT_HURRY_HZ : 0;

	if (pit_ticks)
		return;
	outb(on ? PIT_RATE0 : PIT_ONESHOT0, PIT_COMMAND);
	outb((u8)count, PIT_CHANNEL0);
	outb((u8)(count >> 8), PIT_CHANNEL0);
}

void timer_init_cpu(void)
{
	if (apic_present() && !cmdline_has("nolapic_timer"))
		apic_timer_periodic(max(per_period.apic_counts * MEASURE_HZ / TIMER_HZ, 1U));
	else
		start_pit_tick();
}

bool timer_for_all_cpus(void)
{
	return !pit_ticks;
}

void timer_init(void)
{
	calibrate();
	us_per_cycle = (u32)div64_u64((u64)(1000000 / MEASURE_HZ) << 32, max(per_period.cycles, 20000ULL));
	if (cmdline_has("nolapic_timer"))
		apic_open_wire();
	timer_init_cpu();
}

/* --- does the tick come? ------------------------------------------------------------------------------------------ */

static unsigned long ticks_before;

static bool tick_came(void)
{
	return READ_ONCE(ticks) != ticks_before;
}

static bool tick_comes(void)
{
	ticks_before = READ_ONCE(ticks);
	return arch_wait_until(tick_came, TICK_PATIENCE_MS * 1000);
}

/*
 * If no tick comes, there are two possible reasons: the local APIC's timer is dead, or the PIT's interrupts must go
 * through a local APIC that CPUID hides. Both are tried at once: the PIT, through the local APIC.
 */
void arch_await_tick(void)
{
	if (tick_comes())
		return;
	pr_warn("timer: no interrupt of the %s comes\n", apic_present() ? "local APIC's timer" : "PIT");
	if (apic_open_wire()) {
		start_pit_tick();
		if (tick_comes()) {
			printk("timer: those of the PIT come through the local APIC\n");
			return;
		}
	}
	panic("no timer interrupt comes, neither from a local APIC nor from a PIT: threads that sleep would never "
	      "wake");
}
