/* SPDX-License-Identifier: MIT */
/* Probing addresses without a crash: the host does it. */
#pragma once

#include <lib/compiler.h>

enum probe_result { PROBE_OK, PROBE_NOT_PRESENT, PROBE_PROTECTION, PROBE_OTHER };
enum probe_result probe_read(const void *addr, u8 *value);
enum probe_result probe_write(void *addr);
enum probe_result probe_exec(void *addr);
