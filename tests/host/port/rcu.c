/* SPDX-License-Identifier: MIT */
/* Read sections of the host port are counted and wait for nothing; callbacks run when a test asks for it. */
#include "tests/host/port/port.h"
#include "tests/host/port/host.h"

#include <kernel/rcupdate.h>

#include <pthread.h>

static __thread unsigned int nesting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *queue, **queue_end = &queue;

void rcu_read_lock(void) { nesting++; }
bool rcu_read_lock_held(void) { return nesting != 0; }

void rcu_read_unlock(void)
{
	BUG_ON(!nesting);
	nesting--;
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	*head = (struct rcu_head){ .fn = fn };
	pthread_mutex_lock(&lock);
	*queue_end = head;
	queue_end = &head->next;
	pthread_mutex_unlock(&lock);
}

/* The test answers for there being no reader. */
void rcu_barrier(void)
{
	struct rcu_head *head, *next;

	pthread_mutex_lock(&lock);
	head = queue;
	queue = NULL;
	queue_end = &queue;
	pthread_mutex_unlock(&lock);
	for (; head; head = next) {
		next = head->next;
		head->fn(head);
	}
}

void synchronize_rcu(void) { rcu_barrier(); }
