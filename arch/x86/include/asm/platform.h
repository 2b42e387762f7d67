/* SPDX-License-Identifier: MIT */
/* What arch/x86/cpu uses of its own parts: interrupt controllers, timer, hypervisor, start of CPUs. */
#pragma once

#include <arch/layout.h>
#include <lib/compiler.h>

struct acpi_cpus;
struct boot_info;

/* --- hypervisor.c: any context, no state --- */

/* "QEMU", "KVM", ..., or NULL on bare metal. */
const char *hypervisor_name(void);
/* Inside a hypervisor: does QEMU's fw_cfg device answer? */
bool qemu_present(void);
/* Does Bochs's debug port answer? */
bool bochs_present(void);

/* --- pic.c: the two 8259 --- */

/* Move their interrupts to VECTOR_PIC..VECTOR_PIC + 15, and mask all. Harmless if there is no 8259. */
void pic_init(void);
void pic_unmask(unsigned int irq);

/* --- apic.c --- */

/* Find, map and enable the boot CPU's local APIC. False: there is none to be used. Then only the boot CPU runs. */
bool apic_init(const struct acpi_cpus *cpus);
/* Enable the local APIC of the CPU that runs this. Uses no per-CPU data. */
void apic_init_cpu(void);
bool apic_present(void);
bool apic_is_x2apic(void);
/*
 * Let the 8259's interrupts reach this CPU through its local APIC, and mask the local timer. This also works if CPUID
 * hides the local APIC and the firmware's tables give its address. False: there is no local APIC.
 */
bool apic_open_wire(void);
/* The APIC id of the CPU that runs this. */
u32 apic_read_id(void);
/* Every CPU that may be in the machine is online, and no more will be: interrupts may be sent to "all others". */
void apic_allow_shorthand(void);
/* The APIC id of each CPU. Set before the CPU is called. */
extern u32 cpu_apic_id[MAX_CPUS];

/*
 * The two steps of starting a CPU, 10 ms apart: init resets it, startup makes it run at the physical address `page`,
 * below 1 MiB.
 */
void apic_send_init(u32 apic_id);
void apic_send_startup(u32 apic_id, u32 page);

/*
 * The local timer counts down at bus clock / 16. start: from the largest value, no interrupts. periodic: from `count`
 * again and again, with an interrupt each time.
 */
void apic_timer_start(void);
u32 apic_timer_read(void);
void apic_timer_periodic(u32 count);

/* --- timer.c --- */

/* Ticks a second on every CPU. 64 emulated CPUs on a few real ones have no time for more. */
#define TIMER_HZ (1000 / TICK_MS)

/* Calibrate, and start the boot CPU's tick. */
void timer_init(void);
/*
 * True: the PIT counts short periods, while CPUs are started. Its line is masked, so no interrupt comes of it. This is
 * for QEMU with -icount: there a CPU in reset is charged for all instructions until the next timer of any device
 * expires, and with this that is soon. Where the PIT is the tick, it does nothing.
 */
void timer_hurry(bool on);
/* Start the tick of the CPU that runs this. */
void timer_init_cpu(void);
/* False: the tick is the PIT's, and only the boot CPU gets it. After arch_await_tick(). */
bool timer_for_all_cpus(void);

/* --- smp.c --- */

/* Number the CPUs for arch_start_cpus(), the boot CPU first, and find the low page where the others start. */
void smp_init(const struct boot_info *boot, const struct acpi_cpus *cpus);
