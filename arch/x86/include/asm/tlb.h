/* SPDX-License-Identifier: MIT */
/* What arch/x86 itself needs of the TLB code beyond <arch/tlb.h>. */
#pragma once

#include <arch/tlb.h>

static inline void invlpg(vaddr_t addr) { __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory"); }

/* Install the shootdown's handler. Boot, before the second CPU starts. */
void tlb_init(void);

/* Enter an executed batch into the log. */
void tlb_log_batch(const struct tlb_batch *batch);
