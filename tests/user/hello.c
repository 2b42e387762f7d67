/* SPDX-License-Identifier: MIT */
/* The smallest program: says hello, and that what it was given to begin with is as it should be. */
#include "program.h"

static int zero[1500]; /* more than a page: bss that the file does not have */
static int number = 42;
static const char text[] = "hello from ring 3\n";

static int run(unsigned long registers)
{
	int on_stack = 0;

	for (unsigned int i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		CHECK(zero[i] == 0);
	CHECK(registers == 0); /* nothing of the kernel's, nothing of another program's */
	CHECK(number == 42);
	number = 43;
	CHECK(number == 43);
	CHECK(getpid() > 0);
	CHECK((unsigned long)&on_stack > (unsigned long)&zero);
	CHECK(write(1, text, length(text)) == (long)length(text));
	CHECK(syscall5(9999, 0, 0, 0, 0, 0) == -ENOSYS);
	CHECK(syscall5(0, 0, 0, 0, 0, 0) == -ENOSYS);
	CHECK(syscall5(-1, 0, 0, 0, 0, 0) == -ENOSYS);
	CHECK(write(7, text, 1) == -EBADF);
	CHECK(wait(NULL) == -ECHILD);
	return 0;
}

void program(unsigned long registers)
{
	exit(run(registers));
}
