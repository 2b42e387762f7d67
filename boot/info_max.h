/* SPDX-License-Identifier: MIT */
/* A constant only: assembly includes it too. */
#pragma once

/* Bytes of the loader's tags that are kept: enough for memory maps of 1,800 regions in both formats. */
#define BOOT_INFO_MAX 0x20000
