/* SPDX-License-Identifier: MIT */
/*
 * Registers of devices, through an address that ioremap() gave: Linux's names. Any context.
 *
 *   readb, readw, readl, readq		   an access of 8, 16, 32, 64 bits; ordered against each other, and before
 *					   what the caller does to memory afterwards
 *   writeb, writew, writel, writeq	   likewise; after what the caller has done to memory before
 *   read*_relaxed, write*_relaxed	   ordered against other accesses to the same device alone
 *   __raw_read*, __raw_write*		   the access and nothing else; no bytes are swapped (x86 never swaps any)
 *   ioread8 ... ioread64, iowrite8 ... iowrite64   the same accesses under their other names; *be: big-endian registers
 *   memcpy_fromio, memcpy_toio, memset_io	   ranges, in accesses of at most 32 bits; each byte once
 *
 * The 64-bit ones are one access with 4 and 5 levels. In the 32-bit modes they are two, the lower half first, as in
 * Linux's <linux/io-64-nonatomic-lo-hi.h>.
 */
#pragma once

#include <asm/io.h>

/* Linux's names for a device's address space. */
#ifndef __iomem
#define __iomem
#endif

#define __raw_readb readb
#define __raw_readw readw
#define __raw_readl readl
#define __raw_readq readq
#define __raw_writeb writeb
#define __raw_writew writew
#define __raw_writel writel
#define __raw_writeq writeq
#define readb_relaxed readb
#define readw_relaxed readw
#define readl_relaxed readl
#define readq_relaxed readq
#define writeb_relaxed writeb
#define writew_relaxed writew
#define writel_relaxed writel
#define writeq_relaxed writeq

static inline unsigned int ioread8(const volatile void __iomem *addr) { return readb(addr); }
static inline unsigned int ioread16(const volatile void __iomem *addr) { return readw(addr); }
static inline unsigned int ioread32(const volatile void __iomem *addr) { return readl(addr); }
static inline u64 ioread64(const volatile void __iomem *addr) { return readq(addr); }
static inline unsigned int ioread16be(const volatile void __iomem *addr) { return __builtin_bswap16(readw(addr)); }
static inline unsigned int ioread32be(const volatile void __iomem *addr) { return __builtin_bswap32(readl(addr)); }
static inline u64 ioread64be(const volatile void __iomem *addr) { return __builtin_bswap64(readq(addr)); }
static inline void iowrite8(u8 value, volatile void __iomem *addr) { writeb(value, addr); }
static inline void iowrite16(u16 value, volatile void __iomem *addr) { writew(value, addr); }
static inline void iowrite32(u32 value, volatile void __iomem *addr) { writel(value, addr); }
static inline void iowrite64(u64 value, volatile void __iomem *addr) { writeq(value, addr); }
static inline void iowrite16be(u16 value, volatile void __iomem *addr) { writew(__builtin_bswap16(value), addr); }
static inline void iowrite32be(u32 value, volatile void __iomem *addr) { writel(__builtin_bswap32(value), addr); }
static inline void iowrite64be(u64 value, volatile void __iomem *addr) { writeq(__builtin_bswap64(value), addr); }

/* Access the same register `count` times, for a FIFO. */
void ioread8_rep(const volatile void __iomem *addr, void *to, unsigned long count);
void ioread16_rep(const volatile void __iomem *addr, void *to, unsigned long count);
void ioread32_rep(const volatile void __iomem *addr, void *to, unsigned long count);
void iowrite8_rep(volatile void __iomem *addr, const void *from, unsigned long count);
void iowrite16_rep(volatile void __iomem *addr, const void *from, unsigned long count);
void iowrite32_rep(volatile void __iomem *addr, const void *from, unsigned long count);

void memcpy_fromio(void *to, const volatile void __iomem *from, size_t n);
void memcpy_toio(volatile void __iomem *to, const void *from, size_t n);
void memset_io(volatile void __iomem *to, int byte, size_t n);
