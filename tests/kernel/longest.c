/* SPDX-License-Identifier: MIT */
/* A long stretch under spinlocks is kept by name; a short one is not. */
#include <arch/barrier.h>
#include <arch/cpu.h>
#include <kernel/ktest.h>
#include <kernel/longest.h>
#include <kernel/spinlock.h>
#include <lib/string.h>

static DEFINE_SPINLOCK(long_outer);
static DEFINE_SPINLOCK(long_inner);

static void spend(u64 cycles)
{
	u64 start = arch_cycles();

	while (arch_cycles() - start < cycles)
		;
}

static bool found(const char *lock, struct longest *out)
{
	for (unsigned int n = 0; longest_get(n, out); n++)
		if (strcmp(out->lock, lock) == 0)
			return true;
	return false;
}

/* One place, however the loop around it is compiled. */
static void __noinline hold_both(void)
{
	spin_lock(&long_outer);
	spin_lock(&long_inner);
	spend(LONGEST_BOUND);
	spin_unlock(&long_inner);
	spend(1000);
	spin_unlock(&long_outer);
	barrier();
}

KTEST(longest, outer_lock_is_named)
{
	struct longest l;

	KTEST_NEEDS(DEBUG_LOCKS);
	longest_forget();
	for (unsigned int i = 0; i < 10 && !found("long_outer", &l); i++)
		hold_both(); /* another CPU may note one at the same moment */
	ASSERT(found("long_outer", &l));
	EXPECT(l.cycles >= LONGEST_BOUND + 1000);
	EXPECT(!found("long_inner", &l));
	longest_forget();
	EXPECT(!found("long_outer", &l));
}

/* Without an interrupt or a stop of the emulator in between, of which a few tries may have one. */
KTEST(longest, short_ones_are_not_kept)
{
	struct longest l;
	bool kept = true;

	KTEST_NEEDS(DEBUG_LOCKS);
	for (unsigned int i = 0; kept && i < 10; i++) {
		longest_forget();
		spin_lock(&long_outer);
		spin_unlock(&long_outer);
		spend(LONGEST_BOUND); /* under no lock */
		spin_lock(&long_outer);
		spin_unlock(&long_outer);
		kept = found("long_outer", &l);
	}
	EXPECT(!kept);
}
