/* SPDX-License-Identifier: MIT */
/*
 * Copying ranges of a device's memory, and reading or writing one register many times. String instructions are not
 * used: some devices and hypervisors take only plain accesses. Aligned words are copied as words, the ends as bytes.
 */
#include <arch/io.h>
#include <lib/compiler.h>

void memcpy_fromio(void *to, const volatile void __iomem *from, size_t n)
{
	u8 *t = to;
	const volatile u8 *f = from;

	for (; n && ((vaddr_t)f & 3 || n < 4); n--)
		*t++ = readb(f++);
	for (; n >= 4; n -= 4, t += 4, f += 4) {
		u32 word = readl(f);

		__builtin_memcpy(t, &word, 4);
	}
	while (n--)
		*t++ = readb(f++);
}

void memcpy_toio(volatile void __iomem *to, const void *from, size_t n)
{
	volatile u8 *t = to;
	const u8 *f = from;

	for (; n && ((vaddr_t)t & 3 || n < 4); n--)
		writeb(*f++, t++);
	for (; n >= 4; n -= 4, t += 4, f += 4) {
		u32 word;

		__builtin_memcpy(&word, f, 4);
		writel(word, t);
	}
	while (n--)
		writeb(*f++, t++);
}

void memset_io(volatile void __iomem *to, int byte, size_t n)
{
	volatile u8 *t = to;
	u32 word = (u8)byte * 0x01010101u;

	for (; n && ((vaddr_t)t & 3 || n < 4); n--)
		writeb((u8)byte, t++);
	for (; n >= 4; n -= 4, t += 4)
		writel(word, t);
	while (n--)
		writeb((u8)byte, t++);
}

#define REPEAT(bits, read, write) \
	void ioread##bits##_rep(const volatile void __iomem *addr, void *to, unsigned long count) \
	{ \
		for (u##bits *t = to; count; count--) \
			*t++ = read(addr); \
	} \
	void iowrite##bits##_rep(volatile void __iomem *addr, const void *from, unsigned long count) \
	{ \
		for (const u##bits *f = from; count; count--) \
			write(*f++, addr); \
	}
REPEAT(8, readb, writeb)
REPEAT(16, readw, writew)
REPEAT(32, readl, writel)
