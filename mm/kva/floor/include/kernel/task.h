/* SPDX-License-Identifier: MIT */
/* Threads are the host's. `current` is a pointer that no other thread has at the moment. */
#pragma once

#include <kernel/preempt.h>
