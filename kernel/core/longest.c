/* SPDX-License-Identifier: MIT */
/* Which stretches under spinlocks were longer than the bound: a small table by the place where they ended. */
#include <kernel/longest.h>
#include <arch/cpu.h>
#include <kernel/percpu.h>
#include <kernel/spinlock.h>
#include <lib/atomic.h>
#include <lib/compiler.h>
#include <lib/math.h>

static struct longest longest_kept[LONGEST_KEPT];
static atomic_t keeping;

/* The entry of this place, else the one with the shortest stretch, if that is shorter. */
static struct longest *find_place(vaddr_t until, u64 cycles)
{
	struct longest *least = longest_kept;

	for (struct longest *l = longest_kept; l < longest_kept + LONGEST_KEPT; l++) {
		if (l->until == until)
			return l;
		least = l->cycles < least->cycles ? l : least;
	}
	if (least->cycles >= cycles)
		return NULL;
	*least = (struct longest){ .until = until };
	return least;
}

static void keep(const char *lock, vaddr_t until, u64 cycles)
{
	struct longest *l = find_place(until, cycles);

	if (!l)
		return;
	l->times++;
	if (cycles <= l->cycles)
		return;
	l->cycles = cycles;
	l->lock = lock;
}

struct lock_stretch {
	const char *lock;
	u64 since; /* 0: it began before anybody watched */
};
static DEFINE_PER_CPU(struct lock_stretch, lock_stretch);

/* No lock: one is being released, in handlers too. A stretch that ends while another CPU notes one may be lost. */
static void watch_stretch(const spinlock_t *lock, vaddr_t until)
{
	struct lock_stretch *s = raw_cpu_ptr(&lock_stretch);
	u64 now = arch_cycles();

	if (!until) {
		*s = (struct lock_stretch){ lock->name, now };
		return;
	}
	if (likely(!s->since || now - s->since <= LONGEST_BOUND) || atomic_cmpxchg(&keeping, 0, 1))
		return;
	keep(s->lock, until, now - s->since);
	atomic_set(&keeping, 0);
}

void longest_start(void)
{
	spin_set_watcher(watch_stretch);
}

bool longest_get(unsigned int n, struct longest *out)
{
	for (struct longest *l = longest_kept; l < longest_kept + LONGEST_KEPT; l++)
		if (l->times && !n--) {
			*out = *l;
			return true;
		}
	return false;
}

void longest_forget(void)
{
	for (struct longest *l = longest_kept; l < longest_kept + LONGEST_KEPT; l++)
		*l = (struct longest){ 0 };
}
