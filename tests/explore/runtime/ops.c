/* SPDX-License-Identifier: MIT */
/*
 * What gcc's -fsanitize=thread calls: atomic operations, which are steps (a store is one when it becomes visible), and
 * plain accesses, which are none. The memory order that the source asks for matters only for fences, and for stores: a
 * sequentially consistent one is an exchange. For all else x86 has one order (TSO).
 *
 * A CPU's accesses to its own stack are no steps. If another CPU looks there without having been told to, that is a
 * race.
 */
#include "tests/explore/runtime/internal.h"

#define CALLER ((uintptr_t)__builtin_return_address(0))

/* --- steps -------------------------------------------------------------------------------------------------- */

static bool no_step(uintptr_t addr) { return running == NO_AGENT || stack_of(running, addr); }

static void plain(uintptr_t addr, unsigned long size, bool write, uintptr_t pc)
{
	if (write)
		snapshot_dirty(addr, size);
	if (running == NO_AGENT)
		return;
	race_plain(addr, size, write, pc);
	if (write)
		buffer_plain_write(addr, size);
}

static void hear(uintptr_t addr, unsigned int size)
{
	for (uintptr_t at = addr & ~3ul; at < addr + size; at += 4)
		heard_join(&heards[cpu_of(running)], &place_at(at)->told);
}

static void tell(uintptr_t addr, unsigned int size)
{
	unsigned int cpu = cpu_of(running);

	for (uintptr_t at = addr & ~3ul; at < addr + size; at += 4)
		heard_join(&place_at(at)->told, &heards[cpu]);
	heards[cpu].at[cpu]++;
}

static unsigned long load(uintptr_t addr, unsigned int size, uintptr_t pc)
{
	unsigned long value;

	if (no_step(addr)) {
		plain(addr, size, false, pc);
		return memory_read(addr, size);
	}
	step_begin((struct op){ .kind = OP_LOAD, .addr = addr, .size = (unsigned char)size, .pc = pc });
	value = memory_read(addr, size);
	race_atomic(addr, size, false, pc);
	if (!buffer_has(cpu_of(running), addr, size))
		hear(addr, size);
	step_end(false, value);
	watch_read(running, addr, size);
	return value;
}

static void store(uintptr_t addr, unsigned int size, unsigned long value, uintptr_t pc)
{
	if (no_step(addr)) {
		plain(addr, size, true, pc);
		__builtin_memcpy((void *)addr, &value, size);
		return;
	}
	if (scenario_has_irqs() && is_main(running) && cpu_irqs_on(cpu_of(running))) {
		step_begin((struct op){ .kind = OP_STORE, .pc = pc }); /* an interrupt may come before it */
		step_end(false, value);
	}
	race_atomic(addr, size, true, pc);
	buffer_store(addr, size, value, pc);
}

/* The change that a locked operation makes; false: none. */
typedef bool (*change_t)(unsigned long *value, unsigned long operand, unsigned long expected);

static unsigned long locked_alone(uintptr_t addr, unsigned int size, change_t change, unsigned long operand,
				  unsigned long expected, uintptr_t pc)
{
	unsigned long old = memory_read(addr, size), now = old;

	plain(addr, size, true, pc);
	if (change(&now, operand, expected))
		__builtin_memcpy((void *)addr, &now, size);
	return old;
}

static unsigned long locked(uintptr_t addr, unsigned int size, change_t change, unsigned long operand,
			    unsigned long expected, uintptr_t pc)
{
	unsigned long old, now;
	bool wrote;

	if (no_step(addr))
		return locked_alone(addr, size, change, operand, expected, pc);
	step_begin((struct op){ .kind = OP_LOCKED, .addr = addr, .size = (unsigned char)size, .writes = true,
				.pc = pc });
	old = now = memory_read(addr, size);
	wrote = change(&now, operand, expected);
	race_atomic(addr, size, wrote, pc);
	hear(addr, size);
	if (wrote) {
		memory_write(addr, size, now);
		tell(addr, size);
	}
	step_end(wrote, now);
	watch_read(running, addr, size);
	return old;
}

void xp_acquire(unsigned int *word)
{
	uintptr_t addr = (uintptr_t)word, pc = CALLER;

	if (running == NO_AGENT) {
		snapshot_dirty(addr, 4);
		*word = 1;
		return;
	}
	step_begin((struct op){ .kind = OP_ACQUIRE, .addr = addr, .size = 4, .writes = true, .pc = pc });
	memory_write(addr, 4, 1);
	race_atomic(addr, 4, true, pc);
	hear(addr, 4);
	tell(addr, 4);
	step_end(true, 1);
}

void xp_note(const void *word, _Bool writes)
{
	uintptr_t addr = (uintptr_t)word;

	if (running == NO_AGENT)
		return;
	step_begin((struct op){ .kind = OP_NOTE, .addr = addr, .size = 4, .writes = writes, .pc = CALLER });
	hear(addr, 4);
	if (writes)
		tell(addr, 4);
	step_end(writes, 0);
}

/* Stores that are visible already need not be waited for, but have happened before. */
static void fence(uintptr_t pc)
{
	if (running == NO_AGENT)
		return;
	if (buffer_empty(cpu_of(running))) {
		past_join(&pasts[running], &pasts[BUFFER + cpu_of(running)]);
		return;
	}
	step_begin((struct op){ .kind = OP_FENCE, .pc = pc });
	step_end(false, 0);
}

/* --- atomic operations -------------------------------------------------------------------------------------- */

static bool do_set(unsigned long *v, unsigned long operand, unsigned long e) { (void)e; *v = operand; return true; }
static bool do_add(unsigned long *v, unsigned long operand, unsigned long e) { (void)e; *v += operand; return true; }
static bool do_sub(unsigned long *v, unsigned long operand, unsigned long e) { (void)e; *v -= operand; return true; }
static bool do_and(unsigned long *v, unsigned long operand, unsigned long e) { (void)e; *v &= operand; return true; }
static bool do_or(unsigned long *v, unsigned long operand, unsigned long e) { (void)e; *v |= operand; return true; }
static bool do_xor(unsigned long *v, unsigned long operand, unsigned long e) { (void)e; *v ^= operand; return true; }
static bool do_nand(unsigned long *v, unsigned long operand, unsigned long e)
{
	(void)e;
	*v = ~(*v & operand);
	return true;
}
static bool do_compare(unsigned long *v, unsigned long operand, unsigned long expected)
{
	if (*v != expected)
		return false;
	*v = operand;
	return true;
}

#define RMW(type, bits, name, change) \
	type __tsan_atomic##bits##_##name(volatile type *p, type v, int order) \
	{ \
		(void)order; \
		return (type)locked((uintptr_t)p, bits / 8, change, v, 0, CALLER); \
	}

#define ATOMICS(type, bits) \
	type __tsan_atomic##bits##_load(const volatile type *p, int order) \
	{ \
		(void)order; \
		return (type)load((uintptr_t)p, bits / 8, CALLER); \
	} \
	/* A store that must be ordered before all later loads is an exchange on x86. */ \
	void __tsan_atomic##bits##_store(volatile type *p, type v, int order) \
	{ \
		if (order == __ATOMIC_SEQ_CST) \
			locked((uintptr_t)p, bits / 8, do_set, v, 0, CALLER); \
		else \
			store((uintptr_t)p, bits / 8, v, CALLER); \
	} \
	RMW(type, bits, exchange, do_set) \
	RMW(type, bits, fetch_add, do_add) \
	RMW(type, bits, fetch_sub, do_sub) \
	RMW(type, bits, fetch_and, do_and) \
	RMW(type, bits, fetch_or, do_or) \
	RMW(type, bits, fetch_xor, do_xor) \
	RMW(type, bits, fetch_nand, do_nand) \
	bool __tsan_atomic##bits##_compare_exchange_strong(volatile type *p, type *old, type v, int o, int f) \
	{ \
		type was = (type)locked((uintptr_t)p, bits / 8, do_compare, v, *old, CALLER); \
		bool done = was == *old; \
		(void)o, (void)f; \
		*old = was; \
		return done; \
	} \
	bool __tsan_atomic##bits##_compare_exchange_weak(volatile type *p, type *old, type v, int o, int f) \
	{ \
		return __tsan_atomic##bits##_compare_exchange_strong(p, old, v, o, f); \
	} \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *p, type old, type v, int o, int f) \
	{ \
		(void)o, (void)f; \
		return (type)locked((uintptr_t)p, bits / 8, do_compare, v, old, CALLER); \
	}

ATOMICS(unsigned char, 8)
ATOMICS(unsigned short, 16)
ATOMICS(unsigned int, 32)
ATOMICS(unsigned long, 64)

void __tsan_atomic_thread_fence(int order)
{
	if (order == __ATOMIC_SEQ_CST)
		fence(CALLER);
}
void __tsan_atomic_signal_fence(int order) { (void)order; }

/* --- plain accesses ----------------------------------------------------------------------------------------- */

/* The call for a volatile access does not tell the value: a store could not be delayed. Use READ_ONCE, WRITE_ONCE. */
static void is_volatile(const volatile void *p)
{
	if (!no_step((uintptr_t)p))
		xp_fail("a volatile access that is not atomic, at %p", __builtin_return_address(0));
}

#define PLAIN(n) \
	void __tsan_read##n(void *p) { plain((uintptr_t)p, n, false, CALLER); } \
	void __tsan_write##n(void *p) { plain((uintptr_t)p, n, true, CALLER); } \
	void __tsan_unaligned_read##n(void *p) { plain((uintptr_t)p, n, false, CALLER); } \
	void __tsan_unaligned_write##n(void *p) { plain((uintptr_t)p, n, true, CALLER); } \
	void __tsan_volatile_read##n(void *p) { is_volatile(p); } \
	void __tsan_volatile_write##n(void *p) { is_volatile(p); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, unsigned long n) { plain((uintptr_t)p, n, false, CALLER); }
void __tsan_write_range(void *p, unsigned long n) { plain((uintptr_t)p, n, true, CALLER); }
void __tsan_init(void) { }
void __tsan_func_entry(void *pc) { (void)pc; }
void __tsan_func_exit(void) { }

void *xp_memcpy(void *to, const void *from, unsigned long n)
{
	plain((uintptr_t)from, n, false, CALLER);
	plain((uintptr_t)to, n, true, CALLER);
	return __builtin_memcpy(to, from, n);
}

void *xp_memmove(void *to, const void *from, unsigned long n)
{
	plain((uintptr_t)from, n, false, CALLER);
	plain((uintptr_t)to, n, true, CALLER);
	return __builtin_memmove(to, from, n);
}

void *xp_memset(void *to, int c, unsigned long n)
{
	plain((uintptr_t)to, n, true, CALLER);
	return __builtin_memset(to, c, n);
}

int xp_memcmp(const void *a, const void *b, unsigned long n)
{
	plain((uintptr_t)a, n, false, CALLER);
	plain((uintptr_t)b, n, false, CALLER);
	return __builtin_memcmp(a, b, n);
}
