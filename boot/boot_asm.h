/* SPDX-License-Identifier: MIT */
/* Shared by the assembly of boot/. Code that runs before paging uses the image's physical addresses. */
#pragma once

#include <asm/cr_bits.h>
#include <asm/layout.h>
#include <asm/stack_size.h>
#include <asm/vectors.h>

#define PHYS(symbol) ((symbol) - IMAGE_BASE)

/* The first descriptor table: SEL_KERNEL_CODE is 64-bit code, SEL_KERNEL_DATA flat data, and this one 32-bit code. */
#define SEL_BOOT_CODE32 0x18

/* All of CR0: paging on, read-only pages are so for the kernel too, caches on, FPU errors are exceptions. */
#define CR0_KERNEL (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE)

/* Boot-time entries. A (leaves: and D) is set, so the CPU never writes to them. */
#define BOOT_TABLE 0x023 /* present, writable, accessed: points to a table */
#define BOOT_PAGE  0x063 /* the same, dirty: a 4K leaf */
#define BOOT_LARGE 0x0e3 /* a 2M leaf */

