/* SPDX-License-Identifier: MIT */
/* Broken invariants. A panic stops the other CPUs and prints registers, a backtrace and, after a fault, a page walk. */
#pragma once

#include <lib/compiler.h>

struct trap_frame;

void __noreturn panic(const char *fmt, ...) __printf(1, 2);

/* The same for a fault: the frame's registers and backtrace instead of the caller's. fault_addr 0 = no page walk. */
void __noreturn panic_at(struct trap_frame *frame, vaddr_t fault_addr, const char *fmt, ...) __printf(3, 4);

bool panic_in_progress(void);

/* What a panic calls in the layers above core; set at boot: stop the others; print registers; print page walks; end. */
struct panic_ops {
	void (*stop_other_cpus)(void);
	void (*print_registers)(struct trap_frame *frame);
	void (*print_walk)(vaddr_t addr);
	void (*exit)(void);
};
void panic_set_ops(const struct panic_ops *ops);

#define BUG() panic("BUG at %s:%d", __FILE__, __LINE__)
#define BUG_ON(cond) \
	do { if (unlikely(cond)) panic("BUG at %s:%d: %s", __FILE__, __LINE__, #cond); } while (0)

/*
 * Report and go on. Value: the condition. WARN reports each time, WARN_ONCE once a call site. Both count (warn_count)
 * each time.
 */
#define WARN_ON(cond) WARN(cond, "%s", #cond)
#define WARN(cond, fmt, ...) ({ \
	bool _cond = !!(cond); \
	bool _warned = false; \
	if (unlikely(_cond)) warn_report(&_warned, __FILE__, __LINE__, fmt, ##__VA_ARGS__); \
	unlikely(_cond); })
#define WARN_ON_ONCE(cond) WARN_ONCE(cond, "%s", #cond)
#define WARN_ONCE(cond, fmt, ...) ({ \
	bool _cond = !!(cond); \
	static bool _warned; \
	if (unlikely(_cond)) warn_report(&_warned, __FILE__, __LINE__, fmt, ##__VA_ARGS__); \
	unlikely(_cond); })
void warn_report(bool *warned, const char *file, int line, const char *fmt, ...) __printf(4, 5);

/* WARNs so far. A test that provokes one calls warn_expected() and compares warn_count(). Others make it fail. */
unsigned long warn_count(void);
unsigned long warn_unexpected_count(void);
/* true: reports count as expected and are printed as one short line, until warn_expected(false). */
void warn_expected(bool expected);
