/* SPDX-License-Identifier: MIT */
/* What it asserts are rules for its callers; the kernel does not end for a picture. */
#define assert(condition) ((void)sizeof(condition))
