/* SPDX-License-Identifier: MIT */
/*
 * The steps of the machine's start. kernel/main.c has their order. Boot CPU; interrupts off, up to
 * arch_init_platform().
 */
#pragma once

#include <arch/memtype.h>

struct boot_info;

/*
 * Set up the boot CPU: descriptor tables, per-CPU base, all of CR0, CR4 and EFER; read its features. No other function
 * of arch is called before.
 */
void arch_init_cpu(void);

/*
 * Move the boot CPU's per-CPU variables to `area`, and fill the old place with PERCPU_LEFT. Once, before any code keeps
 * a pointer into them.
 */
void arch_move_percpu(void *area);
#define PERCPU_LEFT 0x5a

/* Apply the command line's options about CPU features. After cmdline_init(), before pgtable_init_image(). */
void arch_apply_options(void);

/*
 * Decide the layout: each page below ram_end needs page_struct_size bytes to describe it; vmalloc_size 0 = the mode's
 * own default. Sets `layout` and arch_lowmem_limit(). Before any phys_to_virt() of RAM.
 */
void arch_init_layout(u64 ram_end, size_t page_struct_size, u64 vmalloc_size);

/*
 * Move what can be moved to other addresses, which depend on `seed` alone: on x86_64 direct map, vmalloc space and page
 * array; on 32-bit page array and the start of vmalloc space, which keeps half of what it could lose. Returns how many
 * bits of choice each region had. Right after arch_init_layout().
 */
unsigned int arch_move_layout(u64 seed);

/* Reference tables: the kernel image, W^X, guard pages under the boot stacks left out. Needs a table allocator. */
void pgtable_init_image(bool huge_leaves);
/*
 * Direct map of one stretch of RAM, read-only where the image has what is read-only (all of its life, or after
 * initialisation). May be called again later.
 */
void pgtable_map_direct(u64 start, u64 end);
/*
 * The end of initialisation: from now on what is __ro_after_init is read-only, on every CPU. A later write to it is a
 * fault, and so a panic. Once; thread context.
 */
void pgtable_protect_image(void);
/* Load the reference tables instead of the boot tables. */
void pgtable_init_done(void);
/*
 * The CR3 with which 32-bit kernels handle double faults and machine checks: the reference tree. Called by
 * pgtable_init_done().
 */
void arch_set_reference_cr3(phys_addr_t root);
/* Clear the identity map of the boot tables. After all CPUs are up. */
void pgtable_drop_boot_identity(void);

/* With page-table isolation: map the entry area, and use the boot CPU's part. After arch_move_percpu(). */
void arch_init_entry_area(void);

/* How to map firmware and device memory; set by main.c: memremap for MEMTYPE_WB, otherwise ioremap. */
struct device_mapper {
	void *(*map)(phys_addr_t phys, unsigned long size, enum memtype type);
	void (*unmap)(void *virt);
};
void arch_set_device_mapper(const struct device_mapper *mapper);
extern const struct device_mapper *arch_device_mapper;

/*
 * ACPI tables (CPUs, interrupt controllers), local APIC, IPIs, the tick. Boot CPU; APs do their part in
 * arch_start_cpus.
 */
void arch_init_platform(const struct boot_info *boot);

/*
 * Wait for a tick. If none comes, try the PIT through the local APIC; panic if that gives none either, or there is no
 * local APIC. Boot CPU, interrupts on.
 */
void arch_await_tick(void);

/* Borders of the image's parts, from the linker script. */
extern char __image_start[], __image_end[], __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern char __init_data_start[], __init_data_end[];
extern char __entry_text_start[], __entry_text_end[];
extern char __data_start[], __data_end[], __stacks_start[], __stacks_end[];
extern char __symbols_start[], __symbols_end[];
extern char __percpu_start[], __percpu_end[];

/* "x64", "x64-la57", "pae" or "i386": the running mode, for people and the test runner. */
const char *arch_mode_name(void);

/* The loader's tags, copied by the entry code before paging. 0 bytes: no multiboot2 loader started the kernel. */
extern const u8 boot_mbi[];
extern u32 boot_mbi_size;
