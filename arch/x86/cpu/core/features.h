/* SPDX-License-Identifier: MIT */
/* What init_cpu.c asks of features.c. */
#pragma once

#include <asm/cpuid.h>
#include <asm/mtrr.h>

/* Boot CPU: read boot_cpu, decide what is used, write CR0, CR4 and EFER. */
void features_init(void);

/* AP: the same registers as on the boot CPU. False: this CPU lacks something that is in use. */
bool features_init_ap(void);

/* memtype.c: write the memory types that the page tables use to IA32_PAT, if this CPU has it. On each CPU. */
void pat_write(const struct cpu_info *c);
/* Read this CPU's MTRRs. Without MTRRs `enabled` is false. */
void mtrr_read(const struct cpu_info *c, struct mtrr_state *m);
