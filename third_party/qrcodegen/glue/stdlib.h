/* SPDX-License-Identifier: MIT */
#define abs(n)	__builtin_abs(n)
#define labs(n) __builtin_labs(n)
