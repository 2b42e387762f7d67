/* SPDX-License-Identifier: MIT */
/* What init_cpu.c asks of features.c. */
#pragma once

#include <asm/cpuid.h>

/* Boot CPU: read boot_cpu, decide what is used, write CR0, CR4 and EFER. */
void features_init(void);

/* AP: the same registers as on the boot CPU. False: this CPU lacks something that is in use. */
bool features_init_ap(void);
