/* SPDX-License-Identifier: MIT */
/* Threads of equal priority take turns on their CPU, even if somebody better wakes up there at every tick. */
#include <kernel/ktest.h>
#include <kernel/preempt.h>
#include <kernel/task.h>
#include <kernel/timer.h>
#include <lib/string.h>

#define WAKE_UPS 40

static struct {
	unsigned long last; /* who ran last */
	unsigned int turns;
	bool stop;
} game;

static void take_turns(void *me)
{
	for (; !READ_ONCE(game.stop); cpu_relax())
		if (READ_ONCE(game.last) != (unsigned long)me) {
			WRITE_ONCE(game.last, (unsigned long)me);
			game.turns++;
		}
}

/* Here: this thread. A turn is two ticks. */
KTEST(sched, equals_share_what_a_better_one_leaves)
{
	struct task *task[2];

	memset(&game, 0, sizeof(game));
	set_priority(current, PRIORITY_HIGH);
	for (unsigned long i = 0; i < 2; i++)
		task[i] = thread_run_on(smp_processor_id(), take_turns, (void *)(i + 1), "equal");
	for (unsigned int i = 0; i < WAKE_UPS; i++)
		msleep(1);
	EXPECT(game.turns >= WAKE_UPS / 4);
	WRITE_ONCE(game.stop, true);
	set_priority(current, PRIORITY_NORMAL);
	for (unsigned int i = 0; i < 2; i++)
		if (EXPECT(task[i]))
			thread_join(task[i]);
}
