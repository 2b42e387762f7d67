/* SPDX-License-Identifier: MIT */
/* Fixed-width integers and the address types. <asm/word.h> (one a target) says how wide a physical address is. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

typedef unsigned long vaddr_t; /* a virtual address; prints with %lx */
typedef long ssize_t;

#define ULONG_MAX (~0ul)
#define LONG_MAX  ((long)(ULONG_MAX >> 1))

#include <asm/word.h> /* phys_addr_t, BITS_PER_LONG */
