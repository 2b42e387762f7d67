/* SPDX-License-Identifier: MIT */
/*
 * System calls, as the kernel and the programs of tests/user know them: int 0x80 in every mode, number in eax (rax),
 * arguments in ebx, ecx, edx, esi, edi (rbx, rcx, rdx, rsi, rdi), result in eax (rax), -errno on failure.
 */
#pragma once

enum syscall {
	SYS_EXIT = 1,	      /* (status): 0 to 127; does not return */
	SYS_FORK = 2,	      /* () -> pid, 0 in the child; -EAGAIN: there are too many processes */
	SYS_WRITE = 4,	      /* (fd, buf, len) -> bytes written, a page at most; fd 1 and 2: the console */
	/* (int *status or 0) -> pid of a child that has ended; sleeps until one has; -ECHILD: has none */
	SYS_WAIT = 7,
	SYS_EXEC = 11,	      /* (name): go on as another program */
	SYS_GETPID = 20,      /* () */
	SYS_BRK = 45,	      /* (addr) -> the end of the heap; it is addr if that was possible */
	SYS_MMAP = 90,	      /* (addr or 0, len) -> address: anonymous, private, zeroed; nothing may be mapped there */
	SYS_MUNMAP = 91,      /* (addr, len) */
	SYS_YIELD = 158,      /* () */
	SYS_KBUF_READ = 200,  /* (offset, buf, len) -> len: from a kernel buffer in vmalloc space */
	SYS_KBUF_WRITE = 201, /* (offset, buf, len) -> len */
	SYS_KBUF_MAP = 202,   /* () -> address of the same buffer, mapped with mm_lend_vmalloc() */
	NR_SYSCALLS
};

/* Status of a process that the kernel has ended: EXIT_KILLED + one of these, which are Unix's signal numbers. */
#define EXIT_KILLED 128
enum kill_reason {
	KILL_INTERRUPT = 2,   /* SIGINT: Ctrl-C */
	KILL_INSTRUCTION = 4, /* SIGILL */
	KILL_DEBUG = 5,	      /* SIGTRAP */
	KILL_ARITHMETIC = 8,  /* SIGFPE */
	KILL_NO_MEMORY = 9,   /* SIGKILL */
	KILL_MEMORY = 11,     /* SIGSEGV */
	KILL_REQUEST = 15,    /* SIGTERM: process_kill() */
};
