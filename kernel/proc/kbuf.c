/* SPDX-License-Identifier: MIT */
/*
 * A buffer of the kernel in vmalloc space that programs read, write and map. With it a system call touches an area that
 * is newer than the process, on the process's own page tables.
 *
 * The mutex keeps the buffer where it is while a program copies; the copy may fault, and sleep, with it held.
 */
#include "internal.h"

#include <arch/uaccess.h>
#include <kernel/bug.h>
#include <kernel/mutex.h>
#include <kernel/task.h>
#include <lib/errno.h>
#include <mm/vmalloc.h>

#define KBUF_SIZE (4 * PAGE_SIZE)

static DEFINE_MUTEX(kbuf_lock);
static char *kbuf;
static unsigned long kbuf_size;

static bool range_inside(unsigned long offset, size_t len)
{
	return offset <= kbuf_size && len <= kbuf_size - offset;
}

long kbuf_read(unsigned long offset, void *to, size_t len)
{
	long result = -EINVAL;

	mutex_lock(&kbuf_lock);
	if (range_inside(offset, len))
		result = copy_to_user(to, kbuf + offset, len) ? -EFAULT : (long)len;
	mutex_unlock(&kbuf_lock);
	return result;
}

long kbuf_write(unsigned long offset, const void *from, size_t len)
{
	long result = -EINVAL;

	mutex_lock(&kbuf_lock);
	if (range_inside(offset, len))
		result = copy_from_user(kbuf + offset, from, len) ? -EFAULT : (long)len;
	mutex_unlock(&kbuf_lock);
	return result;
}

static long map_locked(struct mm_struct *mm)
{
	long addr = mm_map_anywhere(mm, PAGE_ALIGN(kbuf_size), VM_READ | VM_WRITE | VM_SHARED);
	int err;

	if (IS_ERR((void *)addr))
		return addr;
	err = mm_lend_vmalloc(mm, addr, kbuf, 0, PAGE_ALIGN(kbuf_size));
	if (err)
		mm_unmap(mm, addr, PAGE_ALIGN(kbuf_size));
	return err ? err : addr;
}

long kbuf_map(void)
{
	long result;

	mutex_lock(&kbuf_lock);
	result = map_locked(current->mm);
	mutex_unlock(&kbuf_lock);
	return result;
}

void *kbuf_replace(void *buf, unsigned long size)
{
	void *old;

	mutex_lock(&kbuf_lock);
	old = kbuf;
	kbuf = buf;
	kbuf_size = size;
	mutex_unlock(&kbuf_lock);
	return old;
}

void kbuf_init(void)
{
	char *buf = vmalloc_user(KBUF_SIZE);

	if (!buf)
		panic("no memory for the buffer of kbuf_read and kbuf_write");
	kbuf_replace(buf, KBUF_SIZE);
}
