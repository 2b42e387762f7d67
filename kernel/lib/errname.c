/* SPDX-License-Identifier: MIT */
/* Names of error numbers. */
#include <lib/errno.h>
#include <lib/compiler.h>

#define NAME(error) [error] = "-" #error

const char *errname(int err)
{
	static const char *const names[] = {
		NAME(EPERM),   NAME(ENOENT),  NAME(ESRCH),  NAME(EINTR),     NAME(EIO),    NAME(E2BIG),
		NAME(ENOEXEC), NAME(EBADF),   NAME(ECHILD), NAME(EAGAIN),    NAME(ENOMEM), NAME(EACCES),
		NAME(EFAULT),  NAME(EBUSY),   NAME(EEXIST), NAME(ENODEV),    NAME(EINVAL), NAME(ENOSPC),
		NAME(ERANGE),  NAME(EDEADLK), NAME(ENOSYS), NAME(ETIMEDOUT), NAME(ENXIO),
	};
	unsigned int number = err < 0 ? -(unsigned int)err : (unsigned int)err;
	const char *name = number < ARRAY_SIZE(names) ? names[number] : NULL;

	return name && err > 0 ? name + 1 : name;
}
