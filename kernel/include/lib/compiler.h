/* SPDX-License-Identifier: MIT */
/* Compiler features in one place: attributes, single accesses, small arithmetic. */
#pragma once

#include <lib/types.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __section(s)   __attribute__((section(s)))
#define __used	       __attribute__((used))
/* A variable that is written while the kernel comes up, and never after that: pgtable_protect_image() sees to it. */
#define __ro_after_init __section(".data..ro_after_init")
/* An element of an array that the linker collects. The alignment keeps the compiler from padding between elements. */
#define __table_entry(s) __used __section(s) __aligned(sizeof(void *))
#define __weak	       __attribute__((weak))
#define __noreturn     __attribute__((noreturn))
#define __noinline     __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __must_check   __attribute__((warn_unused_result))
#define __maybe_unused __attribute__((unused))
#define fallthrough    __attribute__((fallthrough))

/* One access, neither torn nor repeated; for words that another CPU may change. */
#define READ_ONCE(x)	 (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define barrier() __asm__ volatile("" ::: "memory")
/* Hide the value of a variable from the compiler, so that it derives nothing from it. */
#define OPTIMIZER_HIDE_VAR(var) __asm__("" : "+r"(var))
/* Make the compiler keep a variable in memory, not in a register, from here on. */
#define OPTIMIZER_KEEP_IN_MEMORY(var) __asm__("" : "+m"(var))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* For arrays only: a pointer does not compile. */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]) + __must_be_array(a))
#define __must_be_array(a) \
	(0 * sizeof(struct { int pointer : 1 - 2 * __builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0])); }))
#define BIT(n)	      (1UL << (n))

#define ALIGN(x, a)	 (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define is_power_of_2(n) ((n) != 0 && ((n) & ((n) - 1)) == 0)

#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define swap(a, b) do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)

#define __stringify_1(...) #__VA_ARGS__
#define __stringify(...)   __stringify_1(__VA_ARGS__)
#define static_assert	 _Static_assert

#define _RET_IP_ ((vaddr_t)__builtin_return_address(0))
