/* SPDX-License-Identifier: MIT */
/* System calls: the table from numbers to functions, and the short ones. */
#include "internal.h"

#include <arch/uaccess.h>
#include <kernel/printk.h>
#include <kernel/task.h>
#include <lib/errno.h>

#define WRITE_CHUNK 128

static long sys_exit(struct trap_frame *frame)
{
	process_exit((int)syscall_arg(frame, 0) & (EXIT_KILLED - 1));
}

static long sys_fork(struct trap_frame *frame)
{
	return process_fork(frame);
}

/* Copies to a kernel buffer first, so that the console's lock is not held while user memory is touched. */
static long write_console(const char *buf, size_t len)
{
	char chunk[WRITE_CHUNK];
	size_t done = 0;

	while (done < len) {
		size_t n = min(len - done, sizeof(chunk));

		if (copy_from_user(chunk, buf + done, n))
			return done ? (long)done : -EFAULT;
		print_program(current_process()->pid, chunk, n);
		done += n;
	}
	return (long)done;
}

static long sys_write(struct trap_frame *frame)
{
	unsigned long fd = syscall_arg(frame, 0);
	size_t len = min(syscall_arg(frame, 2), PAGE_SIZE);

	return fd == 1 || fd == 2 ? write_console((const char *)syscall_arg(frame, 1), len) : -EBADF;
}

static long sys_wait(struct trap_frame *frame)
{
	int *user_status = (int *)syscall_arg(frame, 0);
	int status, pid = process_wait_child(&status);

	if (pid > 0 && user_status && put_user(status, user_status))
		return -EFAULT;
	return pid;
}

static long sys_exec(struct trap_frame *frame)
{
	char name[sizeof(((struct process *)NULL)->name)];
	ssize_t len = strscpy_from_user(name, (const char *)syscall_arg(frame, 0), sizeof(name));

	if (len < 0)
		return len == -E2BIG ? -ENOENT : len;
	return process_exec(name, frame);
}

static long sys_getpid(struct trap_frame *frame __maybe_unused)
{
	return current_process()->pid;
}

static long sys_brk(struct trap_frame *frame)
{
	return (long)mm_brk(current->mm, syscall_arg(frame, 0));
}

static long sys_mmap(struct trap_frame *frame)
{
	vaddr_t addr = syscall_arg(frame, 0);
	size_t len = PAGE_ALIGN(syscall_arg(frame, 1));
	int err;

	if (!addr)
		return mm_map_anywhere(current->mm, len, VM_READ | VM_WRITE);
	err = mm_map_anonymous(current->mm, addr, len);
	return err ? err : (long)addr;
}

static long sys_munmap(struct trap_frame *frame)
{
	return mm_unmap(current->mm, syscall_arg(frame, 0), PAGE_ALIGN(syscall_arg(frame, 1)));
}

static long sys_yield(struct trap_frame *frame __maybe_unused)
{
	schedule();
	return 0;
}

static long sys_kbuf_read(struct trap_frame *frame)
{
	return kbuf_read(syscall_arg(frame, 0), (void *)syscall_arg(frame, 1), syscall_arg(frame, 2));
}

static long sys_kbuf_write(struct trap_frame *frame)
{
	return kbuf_write(syscall_arg(frame, 0), (const void *)syscall_arg(frame, 1), syscall_arg(frame, 2));
}

static long sys_kbuf_map(struct trap_frame *frame __maybe_unused)
{
	return kbuf_map();
}

static long (*const table[NR_SYSCALLS])(struct trap_frame *frame) = {
	[SYS_EXIT] = sys_exit,	     [SYS_FORK] = sys_fork,	    [SYS_WRITE] = sys_write,
	[SYS_WAIT] = sys_wait,	     [SYS_EXEC] = sys_exec,	    [SYS_GETPID] = sys_getpid,
	[SYS_BRK] = sys_brk,	     [SYS_MMAP] = sys_mmap,	    [SYS_MUNMAP] = sys_munmap,
	[SYS_YIELD] = sys_yield,     [SYS_KBUF_READ] = sys_kbuf_read, [SYS_KBUF_WRITE] = sys_kbuf_write,
	[SYS_KBUF_MAP] = sys_kbuf_map,
};

static void handle_syscall(struct trap_frame *frame)
{
	unsigned long number = syscall_number(frame);
	long result = -ENOSYS;

	if (number < NR_SYSCALLS && table[number])
		result = table[number](frame);
	syscall_set_result(frame, result);
}

void syscall_init(void)
{
	arch_set_syscall_handler(handle_syscall);
}
