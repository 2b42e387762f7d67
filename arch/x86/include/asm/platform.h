/* SPDX-License-Identifier: MIT */
/* The parts of the platform that know each other: interrupt controllers, timer, hypervisor, bring-up of CPUs. */
#pragma once

#include <arch/layout.h>
#include <lib/compiler.h>

struct acpi_cpus;
struct boot_info;

/* --- hypervisor.c: any context, no state --- */

/* "QEMU", "KVM", ..., or NULL on bare metal. */
const char *hypervisor_name(void);
/* QEMU's fw_cfg device answers, inside a hypervisor. */
bool qemu_present(void);
/* The debug port that Bochs has and machines do not. */
bool bochs_present(void);

/* --- pic.c: the two 8259 --- */

/* Vectors VECTOR_PIC.., everything masked. Harmless when there is none. */
void pic_init(void);
void pic_unmask(unsigned int irq);

/* --- apic.c --- */

/* Find, map and enable the boot CPU's local APIC. False: there is none, and the machine runs on one CPU. */
bool apic_init(const struct acpi_cpus *cpus);
/* Enable the local APIC of the CPU that runs this. Uses no per-CPU data. */
void apic_init_cpu(void);
bool apic_present(void);
bool apic_is_x2apic(void);
/*
 * Let the 8259's interrupts through to this CPU, instead of the local timer's. Also by a local APIC that CPUID does not
 * name but the firmware's tables do. False: there is none.
 */
bool apic_open_wire(void);
/* Of the CPU that runs this. */
u32 apic_read_id(void);
/* Which CPU has which APIC. Set before the CPU is online. */
extern u32 cpu_apic_id[MAX_CPUS];

/* The first step of starting a CPU, and the second: run at physical address page, below 1 MiB. 10 ms between them. */
void apic_send_init(u32 apic_id);
void apic_send_startup(u32 apic_id, u32 page);

/* The local timer counts down at bus clock / 16. start: from the largest value, silently; periodic: with interrupts. */
void apic_timer_start(void);
u32 apic_timer_read(void);
void apic_timer_periodic(u32 count);

/* --- timer.c --- */

/* ticks a second on every CPU: 64 emulated CPUs on a few real ones can bear no more */
#define TIMER_HZ (1000 / TICK_MS)

/* Calibrate, and start the boot CPU's tick. */
void timer_init(void);
/*
 * While CPUs are started the PIT counts short periods, of which nobody hears: its line is masked. QEMU with -icount
 * charges a CPU that is reset for every instruction until the next timer of any device; so that is soon. Where the PIT
 * is the tick, nothing.
 */
void timer_hurry(bool on);
/* Start the tick of the CPU that runs this. */
void timer_init_cpu(void);

/* --- smp.c --- */

/* Keep the list of CPUs for arch_start_cpus(), the boot CPU first, and find a low page for the others to start from. */
void smp_init(const struct boot_info *boot, const struct acpi_cpus *cpus);
