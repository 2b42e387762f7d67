/* SPDX-License-Identifier: MIT */
/* Descriptor tables: the encoding that both word sizes share (Intel SDM vol. 3, 3.4.5), and what builds them. */
#pragma once

#include <lib/compiler.h>
#include <asm/pti.h>
#include <asm/trap.h>

/*
 * Access byte. The "accessed" bit is set from the start, so loading a segment register writes nothing to the table. LTR
 * and task gates do write there: they mark a TSS busy.
 */
#define DESC_PRESENT_CODE 0x9b
#define DESC_PRESENT_DATA 0x93
#define DESC_PRESENT_TSS  0x89
#define DESC_RING3	  0x60
/* Flags nibble. */
#define DESC_PAGES 0x8 /* the limit counts pages */
#define DESC_32BIT 0x4
#define DESC_64BIT 0x2

#define DESC_NO_LIMIT 0xfffff

static inline u64 descriptor(u32 base, u32 limit, u32 access, u32 flags)
{
	u32 low = (base & 0xffff) << 16 | (limit & 0xffff);
	u32 high = (base & 0xff000000) | flags << 20 | (limit & 0xf0000) | access << 8 | (base >> 16 & 0xff);

	return (u64)high << 32 | low;
}

/* Operand of LGDT and LIDT. */
struct table_register {
	u16 limit;
	vaddr_t base;
} __packed;

/* A gate is made of 32-bit words: two on i386, four on x86_64 (the third has the upper half of the address). */
#define GATE_WORDS (sizeof(unsigned long) / 2)
typedef u32 gate_t[GATE_WORDS];

#define GATE_INTERRUPT 0x8e00 /* present, ring 0, interrupts off on entry */
#define GATE_TASK      0x8500
#define GATE_RING3     0x6000 /* INT from ring 3 may use it */

/* Load this CPU's descriptor table, segment registers (per-CPU base included) and task register. gdt_{32,64}.c */
void gdt_load(unsigned int cpu);

/*
 * With page-table isolation: where a CPU's page and stacks are. The page lies at `page` for the kernel, and at page_at
 * in the entry area; the stacks there end at top[].
 */
struct entry_stacks {
	struct entry_page *page;
	vaddr_t page_at, top[NR_OWN_STACKS];
};
#define ENTRY_TABLES 128 /* the offset in that page, behind struct entry_page, of another set of the CPU's tables */
/* Load descriptor table and task register of the entry area on this CPU. gdt_{32,64}.c */
void gdt_use_entry(unsigned int cpu, const struct entry_stacks *stacks);

/* Give the gates of double fault and machine check, and on x86_64 that of NMI, stacks of their own. gdt_{32,64}.c */
void gdt_finish_idt(gate_t *idt);

/* The interrupt table, which all CPUs share (idt.c). Fill it in, for stubs at this address. */
void idt_init(vaddr_t stubs);
/* The page of the image in which it lies, alone. */
const void *idt_page(void);
/* From now on the table is loaded by this address. */
void idt_move(vaddr_t at);
/* Load it on this CPU. */
void idt_load(void);
