/* SPDX-License-Identifier: MIT */
/* The explorer's TLB (port/cr3.c). */
#pragma once

#include <lib/types.h>

void invlpg(vaddr_t addr);
void invpcid_all(void);
