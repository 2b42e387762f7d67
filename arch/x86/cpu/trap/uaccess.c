/* SPDX-License-Identifier: MIT */
/*
 * Copying to and from user memory, by one REP MOVSB. After a fault that was served it goes on. After a fault that
 * cannot be served its count register has the number of bytes not copied.
 */
#include <arch/uaccess.h>

#include <arch/context.h>
#include <arch/layout.h>
#include <asm/extable.h>
#include <asm/smap.h>
#include <lib/errno.h>
#include <lib/string.h>

extern const char user_copy[]; /* the instruction in copy_user() */

bool is_user_copy(vaddr_t insn)
{
	return insn == (vaddr_t)user_copy;
}

bool access_ok(const void *addr, size_t n)
{
	vaddr_t start = (vaddr_t)addr;

	return start <= layout.user_end && n <= layout.user_end - start;
}

/*
 * Returns the number of bytes not copied. The caller has checked with access_ok() that one side is user memory. Never
 * inlined: the label user_copy may exist only once.
 */
static __noinline size_t copy_user(void *to, const void *from, size_t n)
{
	u32 result = PROBE_OK;

	user_access_begin();
	__asm__ volatile("user_copy:\n"
			 "1:\trep movsb\n"
			 "2:\n\t" EXCEPTION_ENTRY(1b, 2b)
			 : "+a"(result), "+D"(to), "+S"(from), "+c"(n)
			 : [word] "i"(sizeof(vaddr_t)) : "memory");
	user_access_end();
	return n;
}

size_t copy_to_user(void *to, const void *from, size_t n)
{
	return access_ok(to, n) ? copy_user(to, from, n) : n;
}

/* The part that could not be read becomes 0, so that old contents of the kernel's buffer do not leak. */
size_t copy_from_user(void *to, const void *from, size_t n)
{
	size_t left = access_ok(from, n) ? copy_user(to, from, n) : n;

	if (left)
		memset((char *)to + n - left, 0, left);
	return left;
}

/* Copies up to the end of a page at a time: the page behind the one where the string ends may not be mapped. */
ssize_t strscpy_from_user(char *to, const char *from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t n = min(size - done, (size_t)(PAGE_SIZE - offset_in_page(from + done)));
		char *end;

		if (copy_from_user(to + done, from + done, n))
			return -EFAULT;
		end = memchr(to + done, '\0', n);
		if (end)
			return end - to;
		done += n;
	}
	return -E2BIG;
}
