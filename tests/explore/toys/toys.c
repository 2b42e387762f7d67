/* SPDX-License-Identifier: MIT */
/*
 * The runtime's own tests: small programs whose answers are in every textbook. A program with a fault that must be
 * found says so (must_fail).
 */
#include "tests/explore/runtime/explore.h"

#define READ(x)	    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define MB()	    __atomic_thread_fence(__ATOMIC_SEQ_CST)

static unsigned int x, y, flag[2], word;
static unsigned int r0, r1;
static unsigned int data, counter;

/* --- store buffering: each CPU may read before its own store is visible ------------------------------------- */

static void sb0(void) { WRITE(x, 1); r0 = READ(y); }
static void sb1(void) { WRITE(y, 1); r1 = READ(x); }
static void sb0_fence(void) { WRITE(x, 1); MB(); r0 = READ(y); }
static void sb1_fence(void) { WRITE(y, 1); MB(); r1 = READ(x); }
static void sb1_locked(void) { __atomic_exchange_n(&y, 1, __ATOMIC_SEQ_CST); r1 = READ(x); }
static void not_both_old(void)
{
	if (!r0 && !r1)
		xp_fail("both CPUs read 0");
}

XP_SCENARIO(sb) = { .name = "toy.store_buffering", .cpu = { sb0, sb1 }, .check = not_both_old,
		    .must_fail = "both CPUs read 0" };
XP_SCENARIO(sb_one) = { .name = "toy.store_buffering_one_fence", .cpu = { sb0_fence, sb1 }, .check = not_both_old,
			.must_fail = "both CPUs read 0" };
XP_SCENARIO(sb_mb) = { .name = "toy.store_buffering_fences", .cpu = { sb0_fence, sb1_fence }, .check = not_both_old };
XP_SCENARIO(sb_locked) = { .name = "toy.store_buffering_locked", .cpu = { sb0_fence, sb1_locked },
			   .check = not_both_old };

/* --- message passing: stores become visible in order -------------------------------------------------------- */

static void mp_send(void) { WRITE(x, 1); WRITE(y, 1); }
static void mp_send_wrongly(void) { WRITE(y, 1); WRITE(x, 1); }
static void mp_receive(void)
{
	r0 = READ(y);
	r1 = READ(x);
	if (r0 && !r1)
		xp_fail("the message came before its content");
}
XP_SCENARIO(mp) = { .name = "toy.message", .cpu = { mp_send, mp_receive } };
XP_SCENARIO(mp_bad) = { .name = "toy.message_wrongly", .cpu = { mp_send_wrongly, mp_receive },
			.must_fail = "before its content" };

/* The same with plain data: right only if the reader looks at the word first. */
static void plain_send(void) { data = 1; WRITE(y, 1); }
static void plain_receive(void)
{
	if (READ(y) && data != 1)
		xp_fail("the message came before its content");
}
static void plain_receive_early(void) { r0 = data; r1 = READ(y); }
XP_SCENARIO(plain) = { .name = "toy.plain_message", .cpu = { plain_send, plain_receive } };
XP_SCENARIO(plain_bad) = { .name = "toy.plain_message_early", .cpu = { plain_send, plain_receive_early },
			   .must_fail = "data race" };

/* --- Dekker's entry: both may come in unless there are fences ----------------------------------------------- */

static unsigned int inside;
static void dekker(unsigned int me, _Bool fence)
{
	WRITE(flag[me], 1);
	if (fence)
		MB();
	if (READ(flag[!me]))
		return;
	if (__atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED))
		xp_fail("both are inside");
	__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED);
	WRITE(flag[me], 0);
}
static void dekker0(void) { dekker(0, 0); }
static void dekker1(void) { dekker(1, 0); }
static void dekker0_fence(void) { dekker(0, 1); }
static void dekker1_fence(void) { dekker(1, 1); }
XP_SCENARIO(dekker) = { .name = "toy.dekker", .cpu = { dekker0, dekker1 }, .must_fail = "both are inside" };
XP_SCENARIO(dekker_mb) = { .name = "toy.dekker_fences", .cpu = { dekker0_fence, dekker1_fence } };

/* --- counting ----------------------------------------------------------------------------------------------- */

static void count_badly(void) { WRITE(counter, READ(counter) + 1); }
static void count_atomically(void) { __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED); }
static void count_under_lock(void)
{
	xp_acquire(&word);
	counter++;
	__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
}
static void count_under_spinning_lock(void)
{
	while (__atomic_exchange_n(&word, 1, __ATOMIC_ACQUIRE))
		while (READ(word))
			xp_relax();
	counter++;
	__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
}
static void count_two(void)
{
	if (counter != 2)
		xp_fail("a count was lost: %u", counter);
}
static void count_three(void)
{
	if (counter != 3)
		xp_fail("a count was lost: %u", counter);
}
XP_SCENARIO(lost) = { .name = "toy.lost_update", .cpu = { count_badly, count_badly }, .check = count_two,
		      .must_fail = "a count was lost: 1" };
XP_SCENARIO(counted) = { .name = "toy.atomic_update", .cpu = { count_atomically, count_atomically, count_atomically },
			 .check = count_three };
XP_SCENARIO(locked) = { .name = "toy.lock", .cpu = { count_under_lock, count_under_lock, count_under_lock },
			.check = count_three };
XP_SCENARIO(spinning) = { .name = "toy.spinning_lock",
			  .cpu = { count_under_spinning_lock, count_under_spinning_lock, count_under_spinning_lock },
			  .check = count_three };

/* --- waiting ------------------------------------------------------------------------------------------------ */

static unsigned int other;
static void take_xy(void)
{
	xp_acquire(&word);
	xp_acquire(&other);
	__atomic_store_n(&other, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
}
static void take_yx(void)
{
	xp_acquire(&other);
	xp_acquire(&word);
	__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&other, 0, __ATOMIC_RELEASE);
}
XP_SCENARIO(deadlock) = { .name = "toy.deadlock", .cpu = { take_xy, take_yx }, .must_fail = "nobody can go on" };

static void wait_for_x(void)
{
	while (!READ(x))
		xp_relax();
	if (!READ(y) && data)
		xp_fail("waited for nothing");
}
static void wake(void) { data = 0; WRITE(y, 1); WRITE(x, 1); }
static void wake_nobody(void) { WRITE(y, 1); }
XP_SCENARIO(wait) = { .name = "toy.wait", .cpu = { wait_for_x, wake } };
XP_SCENARIO(wait_for_ever) = { .name = "toy.wait_for_ever", .cpu = { wait_for_x, wake_nobody },
			       .must_fail = "nobody can go on" };

/* Two words for which a loop waits: either may end the wait, whichever the search tries first. */
static void wait_for_either(void)
{
	unsigned int rounds = 0;

	for (; !(r0 = READ(x)) && !(r1 = READ(y)); rounds++)
		xp_relax();
	if (rounds && r1)
		xp_fail("woken by y");
}
static void wake_x(void) { WRITE(x, 1); }
static void wake_y(void) { WRITE(y, 1); }
static void wait_for_either_x(void)
{
	unsigned int rounds = 0;

	for (; !(r1 = READ(y)) && !(r0 = READ(x)); rounds++)
		xp_relax();
	if (rounds && r0)
		xp_fail("woken by x");
}
XP_SCENARIO(either_y) = { .name = "toy.wait_either_y", .cpu = { wait_for_either, wake_x, wake_y },
			  .must_fail = "woken by y" };
XP_SCENARIO(either_x) = { .name = "toy.wait_either_x", .cpu = { wait_for_either_x, wake_y, wake_x },
			  .must_fail = "woken by x" };

/* --- interrupts --------------------------------------------------------------------------------------------- */

static void ask(void) { WRITE(x, 1); xp_send_irq(1); }
static void answer(void)
{
	if (!READ(x))
		xp_fail("the interrupt came before the store");
	WRITE(y, READ(y) + 1);
}
static void two_writes(void)
{
	unsigned int was = READ(y);

	WRITE(y, was + 1);
}
static void two_writes_undisturbed(void)
{
	_Bool on = xp_irq_off();

	two_writes();
	if (on)
		xp_irq_on();
}
static void both_counted(void)
{
	if (y != 2)
		xp_fail("the handler's count was lost");
}
XP_SCENARIO(irq) = { .name = "toy.interrupt", .cpu = { ask, two_writes }, .irq = answer, .check = both_counted,
		     .must_fail = "count was lost" };
XP_SCENARIO(irq_off) = { .name = "toy.interrupts_off", .cpu = { ask, two_writes_undisturbed }, .irq = answer,
			 .check = both_counted };
XP_SCENARIO(irq_idle) = { .name = "toy.interrupt_idle", .cpu = { ask, xp_idle }, .irq = answer };

/* --- choices ------------------------------------------------------------------------------------------------ */

static void choose(void)
{
	r0 = xp_choose(3);
	WRITE(x, xp_choose(2));
}
static void look(void)
{
	if (READ(x) && r1 == 0)
		r1 = 1;
}
static void not_two_one(void)
{
	if (r0 == 2 && r1 == 1)
		xp_fail("2 was chosen, and 1 was seen");
}
XP_SCENARIO(choice) = { .name = "toy.choice", .cpu = { choose, look }, .check = not_two_one,
			.must_fail = "2 was chosen" };
