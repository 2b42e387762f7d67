/* SPDX-License-Identifier: MIT */
/*
 * Access to user memory, for a thread that runs on a process's page tables.
 *
 * Only these functions (and probe_*()) may access it. Each access is one instruction with an entry in the exception
 * table. If the page is not there yet, or must be copied before it is written, the fault handler sees to that; the
 * thread may sleep meanwhile. An address at which the process has nothing ends the copy. A fault on a user address at
 * any other instruction of the kernel is a panic, with or without SMAP.
 *
 * Where faults cannot be served (preemption or interrupts off, in a handler), a missing page counts as a bad address.
 */
#pragma once

#include <lib/compiler.h>
#include <lib/errno.h>

/* Is [addr, addr + n) wholly in the user half? Says nothing about what is mapped there. */
bool access_ok(const void *addr, size_t n);

/*
 * Return the number of bytes that could not be copied, counted from the end: 0 is success. copy_from_user() clears
 * these bytes of `to`.
 */
size_t copy_to_user(void *to, const void *from, size_t n) __must_check;
size_t copy_from_user(void *to, const void *from, size_t n) __must_check;

/*
 * Copy a string with its NUL into at most `size` bytes. Returns the length without the NUL; -EFAULT; -E2BIG if there is
 * no NUL in the first `size` bytes. `to` holds nothing useful on failure.
 */
ssize_t strscpy_from_user(char *to, const char *from, size_t size) __must_check;

/* Write one object of addr's type. 0 or -EFAULT. */
#define put_user(value, addr) ({ \
	__typeof__(*(addr)) _value = (value); \
	copy_to_user((addr), &_value, sizeof(_value)) ? -EFAULT : 0; })
