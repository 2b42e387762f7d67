/* SPDX-License-Identifier: MIT */
/* What arch/x86 itself needs of the TLB code beyond <arch/tlb.h>. */
#pragma once

#include <arch/tlb.h>

/* Install the handler of flush requests (IPI_TLB). Boot, before the second CPU starts. */
void tlb_init(void);

/* Use INVPCID for flushes of everything. Boot, before the second CPU starts. */
void tlb_use_invpcid(void);

/* Add an executed batch to the log. tree: id of the process's tables; 0: kernel ranges. */
void tlb_log_batch(const struct tlb_batch *batch, unsigned int tree);

/* A flush of everything on every CPU begins. Returns its number. */
unsigned long tlb_gen_begin(void);
/* It has ended: every CPU has answered. */
void tlb_gen_complete(unsigned long gen);
