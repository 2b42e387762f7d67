/* SPDX-License-Identifier: MIT */
/* Numbers that cannot be foreseen, for guards and addresses. Not for keys. */
#include <arch/cpu.h>
#include <asm/cpuid.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <lib/random.h>

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND  0x43
#define PIT_LATCH0   0x00

#define RDRAND_TRIES 10 /* the generator may be short of entropy for a moment (SDM vol. 1, 7.3.17) */

static unsigned long rdrand(void)
{
	unsigned long value = 0;
	u8 good = 0;

	for (unsigned int i = 0; i < RDRAND_TRIES && !good; i++)
		__asm__ volatile("rdrand %0\n\tsetc %1" : "=r"(value), "=qm"(good) : : "cc");
	return good ? value : 0;
}

/* Counts down 1,193,182 times a second, on all PCs. */
static u32 pit_count(void)
{
	u32 low;

	outb(PIT_LATCH0, PIT_COMMAND);
	low = inb(PIT_CHANNEL0);
	return low | (u32)inb(PIT_CHANNEL0) << 8;
}

u64 arch_random(void)
{
	struct rnd_state state;

	random_seed(&state, (boot_cpu.tsc ? rdtsc() : 0) ^ (u64)pit_count() << 48);
	if (boot_cpu.rdrand)
		state.counter ^= (u64)rdrand() << 32 ^ rdrand();
	return random_u64(&state);
}
