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

/*
 * The accesses themselves; <arch/io.h> has their contract. What follows a read, the compiler does not move before it;
 * what precedes a write, not behind it.
 */
#define __MMIO(name, type) \
	static inline type read##name(const volatile void *addr) \
	{ \
		type value = *(const volatile type *)addr; \
\
		__asm__ volatile("" : : : "memory"); \
		return value; \
	} \
	static inline void write##name(type value, volatile void *addr) \
	{ \
		__asm__ volatile("" : : : "memory"); \
		*(volatile type *)addr = value; \
	}
__MMIO(b, u8)
__MMIO(w, u16)
__MMIO(l, u32)
__MMIO(_native, unsigned long)

static inline u64 readq(const volatile void *addr)
{
	u32 low;

	if (BITS_PER_LONG == 64)
		return read_native(addr);
	low = readl(addr);
	return low | (u64)readl((const volatile u32 *)addr + 1) << 32;
}

static inline void writeq(u64 value, volatile void *addr)
{
	if (BITS_PER_LONG == 64) {
		write_native(value, addr);
		return;
	}
	writel((u32)value, addr);
	writel((u32)(value >> 32), (volatile u32 *)addr + 1);
}
