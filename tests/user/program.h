/* SPDX-License-Identifier: MIT */
/*
 * All that the programs of this folder have: system calls, and ways to say what went wrong. One file, no library.
 *
 *	#include "program.h"
 *	static int run(void) { CHECK(getpid() > 0); return 0; }
 *	PROGRAM(run)
 *
 * The status is 0 if all is well and 1 after a CHECK that failed; the kernel's tests know of nothing else.
 */
#pragma once

#include <kernel/syscall.h>

#define NULL ((void *)0)
#define PAGE 4096ul

#define EBADF  9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EEXIST 17
#define EINVAL 22
#define ENOENT 2
#define ENOSYS 38

static inline long syscall5(long number, long a, long b, long c, long d, long e)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return result;
}

#define SYSCALL(number, a, b, c) syscall5((number), (long)(a), (long)(b), (long)(c), 0, 0)

static inline void __attribute__((noreturn)) exit(int status)
{
	for (;;)
		SYSCALL(SYS_EXIT, status, 0, 0);
}
static inline long fork(void) { return SYSCALL(SYS_FORK, 0, 0, 0); }
static inline long write(int fd, const void *buf, unsigned long len) { return SYSCALL(SYS_WRITE, fd, buf, len); }
static inline long wait(int *status) { return SYSCALL(SYS_WAIT, status, 0, 0); }
static inline long exec(const char *name) { return SYSCALL(SYS_EXEC, name, 0, 0); }
static inline long getpid(void) { return SYSCALL(SYS_GETPID, 0, 0, 0); }
static inline char *brk(void *end) { return (char *)SYSCALL(SYS_BRK, end, 0, 0); }
static inline char *mmap(void *addr, unsigned long len) { return (char *)SYSCALL(SYS_MMAP, addr, len, 0); }
static inline long munmap(void *addr, unsigned long len) { return SYSCALL(SYS_MUNMAP, addr, len, 0); }
static inline void yield(void) { SYSCALL(SYS_YIELD, 0, 0, 0); }
static inline long kbuf_read(unsigned long offset, void *buf, unsigned long len)
{
	return SYSCALL(SYS_KBUF_READ, offset, buf, len);
}
static inline long kbuf_write(unsigned long offset, const void *buf, unsigned long len)
{
	return SYSCALL(SYS_KBUF_WRITE, offset, buf, len);
}
static inline char *kbuf_map(void) { return (char *)SYSCALL(SYS_KBUF_MAP, 0, 0, 0); }

/* A result that is an address may be "negative" without being an error. */
static inline int failed(const void *result) { return (unsigned long)result > -PAGE; }

static inline unsigned long length(const char *text)
{
	unsigned long n = 0;

	while (text[n])
		n++;
	return n;
}

static inline void print(const char *text) { write(1, text, length(text)); }

#define STRING_1(x) #x
#define STRING(x)   STRING_1(x)
#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			print(__FILE__ ":" STRING(__LINE__) ": not so: " #cond "\n"); \
			exit(1); \
		} \
	} while (0)

/* fork, and end the child with what fn returns; the parent goes on with the child's pid. */
static inline long in_child(int (*fn)(void))
{
	long pid = fork();

	if (pid == 0)
		exit(fn());
	return pid;
}

/* The status of the one child that there is. */
static inline int status_of(long pid)
{
	int status = -1;

	if (pid < 0 || wait(&status) != pid)
		return -1;
	return status;
}

/* Called by start_*.S with all registers as they were at the start, ORed. */
void program(unsigned long registers);
#define PROGRAM(fn) \
	void program(unsigned long registers) { (void)registers; exit(fn()); }

