/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing user memory to the kernel (SMAP). For the few instructions that may touch it: uaccess.c, probe.c.
 */
#pragma once

#include <lib/types.h>

extern bool smap_enabled; /* CR4.SMAP is set: STAC and CLAC exist and are needed */

static inline void user_access_begin(void)
{
	if (smap_enabled)
		__asm__ volatile("stac" : : : "memory");
	else
		__asm__ volatile("" : : : "memory");
}

static inline void user_access_end(void)
{
	if (smap_enabled)
		__asm__ volatile("clac" : : : "memory");
	else
		__asm__ volatile("" : : : "memory");
}
