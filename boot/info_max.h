/* SPDX-License-Identifier: MIT */
/* For assembly too. */
#pragma once

/* bytes of the loader's tags that are kept: memory maps of 1,800 regions in both formats */
#define BOOT_INFO_MAX 0x20000
