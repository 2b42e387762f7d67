/* SPDX-License-Identifier: MIT */
/*
 * User memory, touched by the kernel in a thread that runs on a process's page tables.
 *
 * Only the functions here (and probe_*()) do it: each access is one instruction with an entry in the exception table. A
 * page that is to be brought in or copied is (the thread sleeps meanwhile); an address that is nobody's ends the copy and
 * not the kernel. A fault on a user address at any other instruction of the kernel is a panic, with SMAP and without.
 *
 * Where faults cannot be served (preemption or interrupts off, in a handler), a page that is not there counts as bad.
 */
#pragma once

#include <lib/compiler.h>
#include <lib/errno.h>

/* Does [addr, addr + n) lie wholly in the user half? Says nothing about what is mapped there. */
bool access_ok(const void *addr, size_t n);

/* Return the number of bytes, at the end, that could not be copied: 0 is success. */
size_t copy_to_user(void *to, const void *from, size_t n) __must_check;
size_t copy_from_user(void *to, const void *from, size_t n) __must_check;

/*
 * Copy a string with its NUL into at most `size` bytes. The length without the NUL; -EFAULT; -E2BIG if no NUL is among the
 * first `size` bytes. `to` holds nothing useful on failure.
 */
ssize_t strscpy_from_user(char *to, const char *from, size_t size) __must_check;

/* One word. 0 or -EFAULT. */
#define put_user(value, addr) ({ \
	__typeof__(*(addr)) _value = (value); \
	copy_to_user((addr), &_value, sizeof(_value)) ? -EFAULT : 0; })
