/* SPDX-License-Identifier: MIT */
/*
 * Tests that put a handler of their own where the kernel has one. Once the kernel is up, handlers are read-only
 * (__ro_after_init), so a test says
 *
 *	REPLACE_HANDLER(arch_set_nmi_handler(strike));
 *
 * The statement runs with interrupts off and may write what is read-only, on this CPU alone; all mappings stay as they
 * are. After each test a guard compares: whoever replaces a handler puts the old one back.
 */
#pragma once

#include <lib/compiler.h>
#include <lib/types.h>

#define REPLACE_HANDLER(statement) \
	do { \
		unsigned long _flags = protection_off(); \
		statement; \
		protection_on(_flags); \
	} while (0)

/* The interrupt table of this CPU. */
struct idt_register {
	u16 limit;
	vaddr_t base;
} __packed;

static inline struct idt_register idt_in_use(void)
{
	struct idt_register idtr;

	__asm__ volatile("sidt %0" : "=m"(idtr));
	return idtr;
}

/* Interrupts off, and CR0.WP: what is read-only can be written. Returns what protection_on() needs. Any context. */
unsigned long protection_off(void);
void protection_on(unsigned long flags);
