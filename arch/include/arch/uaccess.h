/* SPDX-License-Identifier: MIT */
/*
 * Touching user memory from the kernel, in a thread that runs on a process's page tables:
 *
 *	user_access_begin();
 *	value = *(volatile u8 *)user_address;	// may fault; the user fault handler brings the page in
 *	user_access_end();
 *
 * Outside such a pair the CPU refuses (SMAP), and the refusal is a panic. Nothing between the two may sleep or switch
 * threads. Handlers start with user memory closed. probe_*() open it for themselves.
 */
#pragma once

#include <asm/smap.h>
