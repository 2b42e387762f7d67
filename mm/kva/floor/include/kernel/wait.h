/* SPDX-License-Identifier: MIT */
/* Waiting: the thread lets others run. */
#pragma once

#include <kernel/preempt.h>
#include <kernel/spinlock.h>

signed long schedule_timeout_uninterruptible(signed long timeout);
