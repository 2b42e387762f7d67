/* SPDX-License-Identifier: MIT */
/* Waiting: queues, completions, mutexes, timers. */
#include "worker.h"

#include <arch/irq.h>
#include <kernel/completion.h>
#include <kernel/mutex.h>
#include <kernel/smp.h>
#include <kernel/timer.h>
#include <lib/atomic.h>

#define PATIENCE_MS 5000

static DECLARE_WAIT_QUEUE_HEAD(queue);
static struct mutex mutex = MUTEX_INIT(mutex);
static bool condition;

/* --- no wake-up is lost ------------------------------------------------------------------------------------------- */

/* The wake-up comes between the entry into the queue and schedule(): the thread must not fall asleep at all. */
KTEST(sched, wake_up_before_the_sleep)
{
	struct wait_queue_entry entry;

	prepare_to_wait(&queue, &entry, TASK_UNINTERRUPTIBLE);
	wake_up(&queue);
	schedule();
	finish_wait(&queue, &entry);
	EXPECT(!waitqueue_active(&queue));
}

static void run_a_little(void *arg)
{
	(void)arg;
	arch_udelay(30000);
}

/*
 * Preempted after it said that it sleeps, and before it does: nobody will wake it, so it must get the CPU back by
 * itself.
 */
KTEST(sched, preempted_while_about_to_sleep)
{
	struct task *other;
	u64 start = arch_uptime_ms();

	other = thread_run_on(smp_processor_id(), run_a_little, NULL, "rival");
	ASSERT(other);
	set_current_state(TASK_UNINTERRUPTIBLE);
	while (arch_uptime_ms() - start < 80)
		cpu_relax();
	EXPECT_EQ(current->state, TASK_UNINTERRUPTIBLE);
	set_current_state(TASK_RUNNING);
	thread_join(other);
}

/* Two threads hand a ball to and fro; a lost wake-up would make one of them wait until its time is over. */
#define BALLS 200

static struct {
	struct wait_queue_head here;
	unsigned int ball;
	unsigned int too_late;
} table;

static bool hit_back(unsigned int mine)
{
	if (!wait_event_timeout(table.here, READ_ONCE(table.ball) % 2 == mine, PATIENCE_MS))
		return false;
	WRITE_ONCE(table.ball, table.ball + 1);
	wake_up(&table.here);
	return true;
}

static void ball_player(void *arg)
{
	unsigned int mine = (unsigned int)(unsigned long)arg;

	for (unsigned int i = 0; i < BALLS; i++)
		if (!hit_back(mine)) {
			table.too_late++;
			return;
		}
}

static void ping_pong(unsigned int cpu_a, unsigned int cpu_b)
{
	struct task *a, *b;

	init_waitqueue_head(&table.here);
	table.ball = table.too_late = 0;
	a = thread_run_on(cpu_a, ball_player, (void *)0ul, "ping");
	b = thread_run_on(cpu_b, ball_player, (void *)1ul, "pong");
	ASSERT(a && b);
	thread_join(a);
	thread_join(b);
	EXPECT_EQ(table.too_late, 0);
	EXPECT_EQ(table.ball, 2 * BALLS);
}

KTEST(sched, ping_pong_on_one_cpu)
{
	ping_pong(another_cpu(), another_cpu());
}

KTEST(sched, ping_pong_on_two_cpus)
{
	ping_pong(smp_processor_id(), another_cpu());
}

static void wait_for_condition(void *arg)
{
	wait_event(queue, READ_ONCE(condition));
	atomic_inc(arg);
}

KTEST(sched, wake_up_wakes_all)
{
	struct task *task[5];
	atomic_t woken = ATOMIC_INIT(0);

	WRITE_ONCE(condition, false);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		ASSERT((task[i] = thread_run(wait_for_condition, &woken, "waiter")) != NULL);
	msleep(20);
	EXPECT_EQ(atomic_read(&woken), 0);
	wake_up(&queue); /* for nothing: the condition is false */
	msleep(20);
	EXPECT_EQ(atomic_read(&woken), 0);
	WRITE_ONCE(condition, true);
	wake_up(&queue);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		thread_join(task[i]);
	EXPECT_EQ(atomic_read(&woken), ARRAY_SIZE(task));
}

KTEST(sched, waiting_has_an_end)
{
	u64 before = arch_uptime_ms();

	WRITE_ONCE(condition, false);
	EXPECT_EQ(wait_event_timeout(queue, READ_ONCE(condition), 30), 0);
	EXPECT(arch_uptime_ms() - before >= 30);
	WRITE_ONCE(condition, true);
	EXPECT(wait_event_timeout(queue, READ_ONCE(condition), 0) >= 1);
	EXPECT(!waitqueue_active(&queue));
}

/* --- completions -------------------------------------------------------------------------------------------------- */

KTEST(sched, completions_are_counted)
{
	struct completion c;

	init_completion(&c);
	EXPECT_EQ(wait_for_completion_timeout(&c, 15), 0);
	complete(&c);
	complete(&c);
	wait_for_completion(&c);
	EXPECT(wait_for_completion_timeout(&c, 15) > 0);
	EXPECT_EQ(wait_for_completion_timeout(&c, 15), 0);
	complete_all(&c);
	for (unsigned int i = 0; i < 3; i++)
		wait_for_completion(&c);
}

static void complete_it(void *c)
{
	complete(c);
}

/* The completion lies on this stack, and is gone as soon as the wait ends. */
KTEST(sched, completion_from_an_interrupt)
{
	for (unsigned int i = 0; i < 50; i++) {
		struct completion c;

		init_completion(&c);
		smp_call_function_single(another_cpu(), complete_it, &c, false);
		wait_for_completion(&c);
	}
}

/* --- mutexes ------------------------------------------------------------------------------------------------------ */

#define TURNS 20

static struct {
	unsigned int inside, most, sum;
} guarded;

static void wait_for_turn(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < TURNS; i++) {
		unsigned int sum;

		mutex_lock(&mutex);
		guarded.most = max(guarded.most, ++guarded.inside);
		sum = guarded.sum;
		if (i % 5 == 0)
			msleep(1); /* the holder may sleep */
		else
			schedule();
		guarded.sum = sum + 1;
		guarded.inside--;
		mutex_unlock(&mutex);
	}
}

KTEST(sched, mutexes_exclude)
{
	struct task *task[4];

	guarded.inside = guarded.most = guarded.sum = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		ASSERT((task[i] = thread_run(wait_for_turn, NULL, "turn")) != NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(task); i++)
		thread_join(task[i]);
	EXPECT_EQ(guarded.most, 1);
	EXPECT_EQ(guarded.sum, ARRAY_SIZE(task) * TURNS);
}

static void try_mutex(void *got)
{
	*(bool *)got = mutex_trylock(&mutex);
	if (*(bool *)got)
		mutex_unlock(&mutex);
}

static bool somebody_gets_it(void)
{
	bool got = false;
	struct task *task = thread_run(try_mutex, &got, "try");

	if (EXPECT(task != NULL))
		thread_join(task);
	return got;
}

KTEST(sched, mutex_trylock)
{
	EXPECT(mutex_trylock(&mutex));
	EXPECT(mutex_is_mine(&mutex));
	EXPECT(!somebody_gets_it());
	mutex_unlock(&mutex);
	EXPECT(!mutex_is_mine(&mutex));
	EXPECT(somebody_gets_it());
}

/* --- timers ------------------------------------------------------------------------------------------------------- */

struct alarm {
	struct timer_list timer;
	struct completion rang;
	u64 when;
	unsigned int cpu, times, again;
	bool in_interrupt;
};

static void ring(struct timer_list *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	alarm->when = arch_uptime_ms();
	alarm->cpu = smp_processor_id();
	alarm->in_interrupt = in_interrupt();
	alarm->times++;
	if (alarm->times < alarm->again)
		mod_timer(timer, jiffies + 1);
	else
		complete(&alarm->rang);
}

static void alarm_init(struct alarm *alarm, unsigned int again)
{
	*alarm = (struct alarm){ .again = again };
	timer_setup(&alarm->timer, ring, 0);
	init_completion(&alarm->rang);
}

static bool rings(struct alarm *alarm)
{
	return EXPECT(wait_for_completion_timeout(&alarm->rang, PATIENCE_MS));
}

/* Not early, on this CPU, in interrupt context; the last one waits for more than one turn of the wheel. */
KTEST(timer, fires_when_it_is_time)
{
	static const unsigned int delays[] = { 0, 1, 8, 25, 600 };
	struct alarm alarm;

	for (unsigned int i = 0; i < ARRAY_SIZE(delays); i++) {
		u64 start = arch_uptime_ms();

		alarm_init(&alarm, 1);
		EXPECT(!mod_timer(&alarm.timer, jiffies + delays[i]));
		rings(&alarm);
		EXPECT(alarm.when - start >= delays[i]);
		EXPECT(alarm.when - start < delays[i] + 2000);
		EXPECT(alarm.in_interrupt);
		EXPECT_EQ(alarm.cpu, smp_processor_id());
		EXPECT(!del_timer_sync(&alarm.timer));
	}
}

KTEST(timer, is_moved_and_stopped)
{
	struct alarm alarm;
	u64 start = arch_uptime_ms();

	alarm_init(&alarm, 1);
	EXPECT(!mod_timer(&alarm.timer, jiffies + 3000));
	EXPECT(mod_timer(&alarm.timer, jiffies + 5));
	rings(&alarm);
	EXPECT(alarm.when - start < 2500);
	EXPECT(!mod_timer(&alarm.timer, jiffies + 20));
	EXPECT(del_timer_sync(&alarm.timer));
	EXPECT(!del_timer_sync(&alarm.timer));
	msleep(40);
	EXPECT_EQ(alarm.times, 1);
}

KTEST(timer, sets_itself_again)
{
	struct alarm alarm;

	alarm_init(&alarm, 4);
	mod_timer(&alarm.timer, jiffies + 1);
	rings(&alarm);
	EXPECT_EQ(alarm.times, 4);
}

static struct {
	struct timer_list timer;
	unsigned int entered, left;
} slow;

static void slow_timer(struct timer_list *timer)
{
	(void)timer;
	WRITE_ONCE(slow.entered, slow.entered + 1);
	arch_udelay(20000);
	WRITE_ONCE(slow.left, slow.left + 1);
	mod_timer(&slow.timer, jiffies + 1);
}

static void start_slow_timer(void *arg)
{
	(void)arg;
	mod_timer(&slow.timer, jiffies + 1);
}

/* On return the function is not running, although it runs on another CPU and sets its timer again and again. */
KTEST(timer, stopping_waits_for_the_function)
{
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	slow.entered = slow.left = 0;
	timer_setup(&slow.timer, slow_timer, 0);
	smp_call_function_single(another_cpu(), start_slow_timer, NULL, true);
	for (unsigned int ms = 0; ms < PATIENCE_MS && !READ_ONCE(slow.entered); ms++)
		arch_udelay(1000);
	EXPECT(READ_ONCE(slow.entered) > 0);
	del_timer_sync(&slow.timer);
	EXPECT_EQ(READ_ONCE(slow.entered), READ_ONCE(slow.left));
	msleep(30);
	EXPECT_EQ(READ_ONCE(slow.entered), READ_ONCE(slow.left));
	EXPECT(!slow.timer.pending);
}
