/* SPDX-License-Identifier: MIT */
/*
 * Formatted text where the width of a long decides where the next argument is. All else of it:
 * tests/host/unit_format.c.
 */
#include <kernel/ktest.h>
#include <kernel/printk.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

static bool prints(const char *expected, const char *fmt, ...)
{
	char text[96];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (strcmp(text, expected) == 0)
		return true;
	ktest_note("\"%s\" gives \"%s\"", fmt, text);
	return false;
}

/* Each takes as many words of the arguments as it needs, or the string behind it is read from nowhere. */
KTEST(text, arguments_stay_in_place)
{
	phys_addr_t phys = 0x1234;
	char digits[2 * sizeof(phys_addr_t) + 3];

	EXPECT(prints("5 abc", "%Lx %s", 5ULL, "abc"));
	EXPECT(prints("5 6 7 abc", "%qd %jd %lld %s", 5LL, 6LL, 7LL, "abc"));
	EXPECT(prints("5 6 7 abc", "%ld %zd %td %s", 5L, (ssize_t)6, (ptrdiff_t)7, "abc"));
	EXPECT(prints("5 6 abc", "%hhd %hd %s", 0x105, 0x10006, "abc"));
	EXPECT(prints("-ENOMEM (efault) 5 abc", "%pe %s %Ld %s", ERR_PTR(-ENOMEM), (char *)8, 5LL, "abc"));
	EXPECT(prints("5 %y %s", "%Lx %y %s", 5ULL, 7, "abc"));
	snprintf(digits, sizeof(digits), "0x%0*x", (int)(2 * sizeof(phys)), 0x1234);
	EXPECT(prints(digits, "%pap", &phys));
	EXPECT(prints("012 3", "%#o %d", 10, 3));
}

/* A NUL in the middle cuts nothing off: what follows it comes out, too. */
KTEST(text, a_nul_is_a_byte)
{
	char text[8];

	EXPECT_EQ(snprintf(text, sizeof(text), "a%cb", 0), 3);
	EXPECT_EQ(text[2], 'b');
}
