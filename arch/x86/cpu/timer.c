/* SPDX-License-Identifier: MIT */
/*
 * Time: the tick, uptime and short delays.
 *
 * The time stamp counter and the local APIC's timer run at speeds that nobody tells, so both are measured once against
 * a clock whose speed is a standard: the PIT's second channel, or ACPI's PM timer where the PIT has been switched off.
 * A CPU without time stamp counter counts ticks instead, and waits by reading an I/O port as often as it could do it
 * in the measured time. The counters of several CPUs are taken to be in step, as those of today's machines are.
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/acpi.h>
#include <asm/cpuid.h>
#include <asm/io.h>
#include <asm/platform.h>
#include <asm/trap.h>
#include <kernel/printk.h>
#include <lib/errno.h>
#include <lib/math.h>

#define PIT_HZ		1193182
#define PIT_CHANNEL0	0x40
#define PIT_CHANNEL2	0x42
#define PIT_COMMAND	0x43
#define PIT_ONESHOT2	0xb0 /* channel 2, low then high byte, mode 0: output rises at the end */
#define PIT_RATE0	0x34 /* channel 0, low then high byte, mode 2: a pulse each time round */
#define PORT_B		0x61
#define PORT_B_GATE2	0x01
#define PORT_B_SPEAKER	0x02
#define PORT_B_OUT2	0x20

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffff

#define MEASURE_HZ	100 /* a measurement takes 1/100 s */
#define MEASURE_TRIES	5
#define POLLS_LEAST	100	   /* fewer: the clock does not run, or we did not */
#define POLLS_MOST	(8U << 20) /* more: it does not run */
#define CYCLES_MOST	100000000  /* of a counter at 10 GHz */

/* What one measurement, or the best of several, found. */
struct measured {
	u64 cycles;	 /* time stamp counter */
	u32 apic_counts; /* local APIC timer */
	u32 polls;	 /* reads of an I/O port */
};

struct reference_clock {
	const char *name;
	bool (*start)(void);
	bool (*expired)(void); /* 1/100 s after start */
};

/* Until they are measured: values with which a delay is rather too long. */
static struct measured per_period = { 40000000, 0, 40000 };

static u32 us_per_cycle; /* in units of 2^-32 */
static u64 first_cycles;
static unsigned long ticks; /* of the boot CPU */

/* --- reference clocks --------------------------------------------------------------------------------------------- */

static bool pit_start(void)
{
	u16 count = PIT_HZ / MEASURE_HZ;

	outb((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2, PORT_B);
	outb(PIT_ONESHOT2, PIT_COMMAND);
	outb((u8)count, PIT_CHANNEL2);
	outb((u8)(count >> 8), PIT_CHANNEL2);
	return true;
}

static bool pit_expired(void)
{
	return inb(PORT_B) & PORT_B_OUT2;
}

static u32 pm_timer_started;

static bool pm_timer_start(void)
{
	if (!acpi_pm_timer())
		return false;
	pm_timer_started = inl(acpi_pm_timer());
	return true;
}

static bool pm_timer_expired(void)
{
	return ((inl(acpi_pm_timer()) - pm_timer_started) & PM_TIMER_MASK) >= PM_TIMER_HZ / MEASURE_HZ;
}

static const struct reference_clock references[] = {
	{ "PIT", pit_start, pit_expired },
	{ "ACPI PM timer", pm_timer_start, pm_timer_expired },
};

/* --- measuring ---------------------------------------------------------------------------------------------------- */

/* 0; -ENODEV: the clock is not there or does not run; -EAGAIN: the CPU was taken away meanwhile. */
static int measure_once(const struct reference_clock *clock, struct measured *m)
{
	u64 from;

	if (!clock->start())
		return -ENODEV;
	if (apic_present())
		apic_timer_start();
	from = arch_cycles();
	for (m->polls = 0; !clock->expired(); m->polls++) {
		if (m->polls > POLLS_MOST || arch_cycles() - from > CYCLES_MOST)
			return -ENODEV;
		cpu_relax();
	}
	m->cycles = arch_cycles() - from;
	m->apic_counts = apic_present() ? ~0U - apic_timer_read() : 0;
	return m->polls < POLLS_LEAST ? -EAGAIN : 0;
}

/* What goes wrong makes a measurement longer (a hypervisor or the firmware took the CPU away): the shortest is best. */
static bool measure(const struct reference_clock *clock, struct measured *best)
{
	struct measured m;
	bool any = false;

	for (unsigned int i = 0; i < MEASURE_TRIES; i++) {
		int error = measure_once(clock, &m);

		if (error == -ENODEV)
			break;
		if (error)
			continue;
		best->cycles = any ? min(best->cycles, m.cycles) : m.cycles;
		best->apic_counts = any ? min(best->apic_counts, m.apic_counts) : m.apic_counts;
		best->polls = any ? max(best->polls, m.polls) : m.polls;
		any = true;
	}
	return any;
}

static u32 khz(u64 per_period_count)
{
	return (u32)div_u64(per_period_count, 1000 / MEASURE_HZ);
}

static void calibrate(void)
{
	struct measured m = { 0 };
	unsigned int i = 0;

	while (i < ARRAY_SIZE(references) && !measure(&references[i], &m))
		i++;
	if (i < ARRAY_SIZE(references)) {
		per_period = m;
		printk("timer: by the %s: TSC %u kHz, APIC timer %u kHz\n", references[i].name, khz(m.cycles),
		       khz(m.apic_counts));
	} else {
		printk("timer: no clock to measure by, all times are guesses\n");
	}
	if (per_period.apic_counts == 0)
		per_period.apic_counts = 1000000000 / 16 / MEASURE_HZ;
}

/* --- what time it is ---------------------------------------------------------------------------------------------- */

/* The high and the low half apart, so that the product does not overflow. */
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

/* --- start -------------------------------------------------------------------------------------------------------- */

/* No local APIC: the PIT's first channel, through the interrupt controller's first line. */
static void start_pit_tick(void)
{
	u16 count = PIT_HZ / TIMER_HZ;

	outb(PIT_RATE0, PIT_COMMAND);
	outb((u8)count, PIT_CHANNEL0);
	outb((u8)(count >> 8), PIT_CHANNEL0);
	pic_unmask(0);
}

void timer_init_cpu(void)
{
	if (apic_present())
		apic_timer_periodic(max(per_period.apic_counts * MEASURE_HZ / TIMER_HZ, 1U));
	else
		start_pit_tick();
}

void timer_init(void)
{
	calibrate();
	us_per_cycle = (u32)div64_u64((u64)(1000000 / MEASURE_HZ) << 32, max(per_period.cycles, 20000ULL));
	timer_init_cpu();
}
