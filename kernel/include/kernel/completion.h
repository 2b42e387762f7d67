/* SPDX-License-Identifier: MIT */
/* Completions: complete() lets a waiter go. They are counted, so a complete() before the wait is not lost. */
#pragma once

#include <kernel/wait.h>

struct completion {
	unsigned int done;
	struct wait_queue_head waiters;
};
void init_completion(struct completion *c);
void complete(struct completion *c);				   /* lets one waiter go; any context but NMI */
void complete_all(struct completion *c);			   /* lets all go, now and later */
void wait_for_completion(struct completion *c);			   /* thread context, may sleep */
/* The same for at most `timeout` jiffies. Returns how many are left, at least 1; 0: the time is over. */
unsigned long wait_for_completion_timeout(struct completion *c, unsigned long timeout);
