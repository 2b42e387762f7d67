/* SPDX-License-Identifier: MIT */
/*
 * Threads take turns on all processors: each processor takes the next one that is ready. The stack says which thread
 * runs, and the thread says where.
 */
#include "kernel.h"

#define MAX_THREADS 16
#ifdef __x86_64__
#define SAVED_WORDS 6 /* by switch_stacks() */
#else
#define SAVED_WORDS 4
#endif

void switch_stacks(void **old, void *new);

static struct spinlock lock; /* held over switch_stacks(): the next thread releases it */
static struct thread *threads[MAX_THREADS];

bool spin_lock(struct spinlock *lock)
{
	bool on = interrupts_disable();

	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	return on;
}

void spin_unlock(struct spinlock *lock, bool interrupts)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
	interrupts_restore(interrupts);
}

void mutex_lock(struct mutex *mutex)
{
	while (__atomic_exchange_n(&mutex->taken, 1, __ATOMIC_ACQUIRE))
		yield();
}

void mutex_unlock(struct mutex *mutex)
{
	__atomic_store_n(&mutex->taken, 0, __ATOMIC_RELEASE);
}

static void switch_to(struct thread *next)
{
	struct thread *me = this_thread();

	if (me->state == RUNNING)
		me->state = READY;
	next->state = RUNNING;
	next->cpu = me->cpu;
	if (next->root != me->root)
		write_cr3(next->root);
	switch_stacks(&me->sp, next->sp);
}

/* The first ready thread behind this one on the list. */
static struct thread *next_ready(void)
{
	static unsigned int last;

	for (unsigned int i = 1; i <= MAX_THREADS; i++) {
		struct thread *thread = threads[(last + i) % MAX_THREADS];

		if (thread && thread->state == READY && (!thread->only || thread->only == this_thread()->cpu + 1)) {
			last = (last + i) % MAX_THREADS;
			return thread;
		}
	}
	return NULL;
}

void yield(void)
{
	bool on = spin_lock(&lock);
	struct thread *next = next_ready();

	if (next)
		switch_to(next);
	spin_unlock(&lock, on);
}

/* The first function of a thread. It never returns. */
static void first(void)
{
	struct thread *me = this_thread();

	spin_unlock(&lock, true);
	me->main(me->arg);
	spin_lock(&lock);
	me->state = DONE;
	switch_to(next_ready());
}

static void add(struct thread *thread)
{
	bool on = spin_lock(&lock);

	for (unsigned int i = 0; i < MAX_THREADS; i++) {
		if (!threads[i]) {
			threads[i] = thread;
			break;
		}
	}
	spin_unlock(&lock, on);
}

/* The caller becomes a thread, on the stack that it has. */
void thread_adopt(unsigned int cpu)
{
	struct thread *me = this_thread();

	*me = (struct thread){ .state = RUNNING, .cpu = cpu, .root = read_cr3() };
	add(me);
}

static struct thread *start(unsigned int only, void (*main)(unsigned long arg), unsigned long arg)
{
	struct thread *thread = pages_alloc(2);
	void **sp = (void **)((char *)thread + STACK) - SAVED_WORDS - 2;

	*thread = (struct thread){ .sp = sp, .only = only, .main = main, .arg = arg, .root = read_cr3() };
	sp[SAVED_WORDS] = first;
	add(thread);
	return thread;
}

struct thread *thread_start(void (*main)(unsigned long arg), unsigned long arg)
{
	return start(0, main, arg);
}

struct thread *thread_start_on(unsigned int cpu, void (*main)(unsigned long arg), unsigned long arg)
{
	return start(cpu + 1, main, arg);
}

void thread_join(struct thread *thread)
{
	bool done = false;

	while (!done) {
		bool on = spin_lock(&lock);

		done = thread->state == DONE;
		for (unsigned int i = 0; i < MAX_THREADS && done; i++)
			threads[i] = threads[i] == thread ? NULL : threads[i];
		spin_unlock(&lock, on);
		if (!done)
			yield();
	}
	pages_free(thread, 2);
}

void use_root(unsigned long root)
{
	bool on = interrupts_disable();

	this_thread()->root = root;
	write_cr3(root);
	interrupts_restore(on);
}
