/* SPDX-License-Identifier: MIT */
/* I/O ports, and accesses to device registers in memory that the compiler neither merges nor splits. */
#pragma once

#include <lib/types.h>

static inline void outb(u8 value, u16 port) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory"); }
static inline void outw(u16 value, u16 port) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory"); }
static inline void outl(u32 value, u16 port) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory"); }

static inline u8 inb(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u16 inw(u16 port)
{
	u16 value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u32 inl(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* About a microsecond on old buses: a write to the POST port, which nobody reads. */
static inline void io_wait(void) { outb(0, 0x80); }

static inline u8 readb(const volatile void *addr) { return *(const volatile u8 *)addr; }
static inline u16 readw(const volatile void *addr) { return *(const volatile u16 *)addr; }
static inline u32 readl(const volatile void *addr) { return *(const volatile u32 *)addr; }
static inline void writeb(u8 value, volatile void *addr) { *(volatile u8 *)addr = value; }
static inline void writew(u16 value, volatile void *addr) { *(volatile u16 *)addr = value; }
static inline void writel(u32 value, volatile void *addr) { *(volatile u32 *)addr = value; }
