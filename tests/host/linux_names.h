/* SPDX-License-Identifier: MIT */
/*
 * How linux_names*.c say what a name is, as Linux's callers use it:
 *
 *	FUNCTION(name, result, arguments...)	a function or an inline function, whose address has that type
 *	VALUE(expression, type)			a macro: what it is when it is used as there
 *	STATEMENT(code)				a macro that is a statement
 *
 * Where Linux's int is a truth value it may be bool here; a pointer to what is only read may be const here.
 * `struct task` is Linux's task_struct.
 */
#pragma once

#include "tests/host/port/host.h"

#define JOIN(a, b)  a##b
#define JOIN2(a, b) JOIN(a, b)

#define FUNCTION(name, result, ...) \
	static __maybe_unused result (*const JOIN2(JOIN(p_, name), __LINE__))(__VA_ARGS__) = name
#define VALUE(expression, type) \
	static __maybe_unused void JOIN2(value_, __LINE__)(void) \
	{ \
		static_assert(__builtin_types_compatible_p(__typeof__(expression), type), #expression " is a " #type); \
	}
#define STATEMENT(code) \
	static __maybe_unused void JOIN2(statement_, __LINE__)(void) { code; }
